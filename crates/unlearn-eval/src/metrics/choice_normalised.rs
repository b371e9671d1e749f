//! `choice-normalised`

use super::choice::accuracy;
use super::{Metric, Rows, Takes, items};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "choice-normalised",
    page: "# Idea\n\
        As `choice`, but long choices are not at a disadvantage.\n\n\
        # Formula\n\
        As `choice`, with the sum of the log-probabilities divided by the choice's length in bytes.\n\n\
        # Paper\n\
        Brown et al., *Language models are few-shot learners*, 2020, arXiv 2005.14165.\n\n\
        # Reference implementation\n\
        `EleutherAI/lm-evaluation-harness`, `acc_norm`.\n\n\
        # Deviations\n\
        As `choice`; the harness counts characters.\n",
    needs: Needs { choices: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| {
        items(accuracy(seen, |text, tokens| {
            tokens.log_probs.iter().map(|&x| f64::from(x)).sum::<f64>() / text.len().max(1) as f64
        }))
    })),
};
