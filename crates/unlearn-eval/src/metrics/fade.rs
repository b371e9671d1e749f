//! `fade`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};
use unlearn_stats::divergence::{SampledAnswer, alignment};

use super::{Metric, Takes};
use crate::Needs;
use crate::observe::Beside;

pub(super) const METRIC: Metric = Metric {
    name: "fade",
    page: "# Idea\n\
        Whether the subject answers the forget questions as the retrained model does, whatever it says: its own answers \
        should be as likely to that one, and that one's to it.\n\n\
        # Formula\n\
        `(KL(p || q) + KL(q || p)) / 2` per token, estimated from answers that are sampled from both (`eval.samples`, \
        `eval.temperature` of 1): the mean of `(log p - log q) / tokens` over the answers from the subject, and of the \
        opposite over those from the retrained model. `parts` has both directions. 0 where both are the same.\n\n\
        # Paper\n\
        Cho et al., *FADE*, 2025, arXiv 2510.12981.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        The paper's own normalisation could not be read; this is the symmetric divergence that it is built on. Answers \
        are tokenised again, with their end token. Needs `--retrained`; the subject is read a second time. Taken when it \
        is named.\n",
    needs: Needs { samples: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Beside(take),
};

fn take(beside: &Beside<'_>) -> Option<Score> {
    let (own, other) = (beside.subject.on("forget")?, beside.retrained?.on("forget")?);
    // Each answer as the one that gave it sees it, and as the other does.
    let pairs = |from: &[Vec<Option<(f64, usize)>>], to: &[Vec<Option<(f64, usize)>>]| -> Vec<SampledAnswer> {
        let both = from.iter().flatten().zip(to.iter().flatten());
        both.filter_map(|(a, b)| Some((a.as_ref()?, b.as_ref()?)))
            .map(|(&(own, tokens), &(other, _))| SampledAnswer { own, other, tokens })
            .collect()
    };
    let from_subject = pairs(&own.sampled, &other.sampled_by_other);
    let from_retrained = pairs(&other.sampled, &own.sampled_by_other);
    let found = alignment(&from_subject, &from_retrained)?;
    Some(Score {
        value: Some(found.symmetric()),
        interval: None,
        n: from_subject.len() + from_retrained.len(),
        direction: Direction::Lower,
        per_item: Vec::new(),
        gap: None,
        parts: BTreeMap::from([
            ("subject-to-retrained".to_owned(), found.p_to_q),
            ("retrained-to-subject".to_owned(), found.q_to_p),
        ]),
    })
}
