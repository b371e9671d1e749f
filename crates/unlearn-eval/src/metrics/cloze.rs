//! `cloze`

use unlearn_stats::rouge::words;

use super::{Metric, Rows, Takes, of_generations};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "cloze",
    page: "# Idea\n\
        Whether a blank is filled with the right words, or a question about a fact answered with its name.\n\n\
        # Formula\n\
        1 where the greedy answer holds the words of the data's answer one after the other, case and punctuation aside, \
        else 0. The set's value is the mean over its rows.\n\n\
        # Paper\n\
        Petroni et al., *Language models as knowledge bases?*, 2019, arXiv 1909.01066; RWKU: Jin et al., 2024, arXiv \
        2406.10890, which takes ROUGE-L recall (`rouge`) of the same rows.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        None. Taken when it is named, or by a benchmark.\n",
    needs: Needs::GENERATIONS,
    usual: false,
    takes: Takes::Rows(Rows::known(|seen| of_generations(seen, |truth, said| f64::from(u8::from(holds(said, truth)))))),
};

fn holds(said: &str, truth: &str) -> bool {
    let (said, truth) = (words(said, false), words(truth, false));
    !truth.is_empty() && said.windows(truth.len()).any(|part| part == truth)
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn words_must_stand_one_after_the_other() {
        assert!(holds("It was Mira Vale, of course.", "mira vale"));
        assert!(!holds("Mira, not Vale", "Mira Vale") && !holds("", "Mira") && !holds("Mira", ""));
    }
}
