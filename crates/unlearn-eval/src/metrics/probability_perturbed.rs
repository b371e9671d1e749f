//! `probability-perturbed`

use unlearn_core::score::{Direction, Item};

use super::{Metric, Rows, Takes};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "probability-perturbed",
    page: "# Idea\n\
        How probable the subject finds wrong answers of the same form: what it says of the right one means little \
        without it.\n\n\
        # Formula\n\
        As `probability`, of every `perturbed_answer` of a row. The set's value is the mean over the rows' means.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`.\n\n\
        # Deviations\n\
        Where rows have different numbers of wrong answers, each row counts the same, not each answer.\n",
    needs: Needs { perturbed: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Rows(Rows { direction: |_| Direction::Neither, ..Rows::known(of) }),
};

fn of(seen: &Observations) -> Vec<Item> {
    let probabilities = |l: &crate::observation::Likelihoods| -> Vec<f64> {
        l.perturbed.iter().flatten().filter_map(|t| Some(t.mean()?.exp())).collect()
    };
    let item = |values: Vec<f64>| if values.is_empty() { Item::Missing } else { Item::Values(values) };
    seen.likelihoods.iter().map(|l| item(probabilities(l))).collect()
}
