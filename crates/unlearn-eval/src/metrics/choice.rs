//! `choice`

use super::{Metric, Rows, Takes, items};
use crate::observation::Tokens;
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "choice",
    page: "# Idea\n\
        How often the right choice of several is the one that the subject finds most likely as an answer.\n\n\
        # Formula\n\
        1 where the sum of the log-probabilities of the right choice's tokens is larger than every other choice's, \
        else 0; the set's value is the mean over its rows: accuracy. Rows are `{question, choices, answer}`; others \
        have none.\n\n\
        # Paper\n\
        Brown et al., *Language models are few-shot learners*, 2020, arXiv 2005.14165; MMLU: Hendrycks et al., 2021, \
        arXiv 2009.03300; WMDP: Li et al., 2024, arXiv 2403.03218.\n\n\
        # Reference implementation\n\
        `EleutherAI/lm-evaluation-harness`, `acc` of multiple-choice tasks.\n\n\
        # Deviations\n\
        The question goes through the chat template, and choices are scored as whole answers with their end token, \
        not as letters: figures differ from those of letter prompts.\n",
    needs: Needs { choices: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| {
        items(accuracy(seen, |_, tokens| tokens.log_probs.iter().map(|&x| f64::from(x)).sum()))
    })),
};

/// 1 for each row whose right choice has the largest score; a row with a choice that comes to no token has none.
pub(super) fn accuracy(seen: &Observations, score: impl Fn(&str, &Tokens) -> f64) -> Vec<Option<f64>> {
    let of = |(row, found): (&unlearn_data::Row, &crate::observation::Likelihoods)| {
        if row.choices.is_empty() || row.choices.len() != found.choices.len() {
            return None;
        }
        let right = row.choices.iter().position(|c| Some(c.as_str()) == row.answer_text())?;
        let scores = row.choices.iter().zip(&found.choices).map(|(text, tokens)| Some(score(text, tokens.as_ref()?)));
        let scores: Vec<f64> = scores.collect::<Option<_>>()?;
        let best = scores.iter().enumerate().all(|(i, &s)| i == right || s < scores[right]);
        Some(f64::from(u8::from(best)))
    };
    seen.rows.iter().zip(&seen.likelihoods).map(of).collect()
}
