//! `perplexity`

use unlearn_core::score::Direction;

use super::{Metric, Rows, Takes, items};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "perplexity",
    page: "# Idea\n\
        How surprised the subject is by text, in tokens that it might as well have chosen from: language in general, \
        and the first thing that a collapsed model loses.\n\n\
        # Formula\n\
        `exp(sum of the negative log-probabilities of all supervised tokens of the set / their number)`; an item is the \
        same of one row. A row's first token, before which nothing stands, does not count.\n\n\
        # Paper\n\
        Jelinek et al., 1977; on WikiText: Merity et al., 2016, arXiv 1609.07843.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Rows(Rows {
        of: |seen| items(seen.of_answers(|_, tokens| tokens.mean().map(|m| (-m).exp().min(f64::MAX)))),
        counts: |_, x| x,
        total: Some(of_all),
        direction: |set| match super::direction(set) {
            Direction::Higher => Direction::Lower,
            _ => Direction::Neither,
        },
    }),
};

fn of_all(seen: &Observations) -> Option<f64> {
    let answers = seen.likelihoods.iter().filter_map(|l| l.answer.as_ref());
    let (mut sum, mut n) = (0.0, 0);
    for tokens in answers {
        sum += tokens.log_probs.iter().map(|&x| f64::from(x)).sum::<f64>();
        n += tokens.log_probs.len();
    }
    // JSON knows no infinity.
    (n > 0).then(|| (-sum / n as f64).exp().min(f64::MAX))
}
