//! The negative log-likelihood of labels that are sampled from the policy.

use rayon::prelude::*;
use unlearn_core::seed;

use super::{Micro, Needs, Objective, Passing, Reads, Set, Side, StepView, Term, View};
use crate::likelihood::label_log_probs;
use crate::tensor::{indices, values};

/// A mean over the supervised tokens of all rows that another objective reads. The labels of a row depend on the seed,
/// the step and the row alone.
pub(super) struct Sampled {
    needs: Needs,
    seed: u64,
}

impl Sampled {
    /// Over the rows of an objective with these needs: the forget answers themselves where they go through the policy,
    /// else the other ones.
    pub(super) fn new(of: &Needs, seed: u64) -> Self {
        let scores = |side: Side| if of.reads(side).is_nothing() { Reads::nothing() } else { Reads::scores() };
        let alternates = of.passing == Passing::Alternates;
        let needs = Needs {
            forget: scores(Side::Forget),
            retain: scores(Side::Retain),
            passing: if alternates { Passing::Alternates } else { Passing::Own },
            forget_alternates: of.forget_alternates.clone().filter(|_| alternates),
            ..Needs::default()
        };
        Self { needs, seed }
    }

    /// Supervised tokens in a step.
    pub(super) fn tokens(&self, view: &StepView) -> f64 {
        let sides = [Side::Forget, Side::Retain].into_iter().filter(|side| !self.needs.reads(*side).is_nothing());
        sides.flat_map(Side::sets).map(|set| view.totals(set).tokens()).sum::<f64>().max(1.0)
    }

    fn terms(&self, side: Side, micro: &Micro<'_>) -> Vec<Term> {
        let [own, alternates] = side.sets();
        let views: [(Set, &View<'_>); 2] = [(own, micro), (alternates, micro.alternates())];
        let read = views.into_iter().filter(|(_, view)| view.answers().iter().sum::<usize>() > 0);
        let tokens = self.tokens(micro.step);
        let nll = |(set, view): (Set, &View<'_>)| {
            let labels = indices(self.labels(set, view, micro.step.step), &view.device());
            let value = label_log_probs(view.logits(), labels).sum().neg().div_scalar(tokens);
            Term::new("sampled", value, 1.0)
        };
        read.map(nll).collect()
    }

    /// A label for each prediction, by the inverse of the cumulative distribution.
    fn labels(&self, set: Set, view: &View<'_>, step: usize) -> Vec<i64> {
        let rows = view.places().iter().zip(view.answers());
        let even: Vec<f64> =
            rows.flat_map(|(row, &n)| seed::uniform(self.seed, &format!("gnb/{step}/{set:?}/{row}"), n)).collect();
        let logits = view.logits().detach();
        let [_, vocabulary] = logits.dims();
        let logits = values(logits);
        let draw = |(scores, u): (&[f32], &f64)| draw(scores, *u);
        logits.par_chunks(vocabulary).zip(&even).map(draw).collect()
    }
}

/// The class at which the cumulative softmax of `scores` passes `u`.
fn draw(scores: &[f32], u: f64) -> i64 {
    let largest = scores.iter().copied().fold(f32::MIN, f32::max);
    let weight = |&s: &f32| f64::from(s - largest).exp();
    let mut left = u * scores.iter().map(weight).sum::<f64>();
    let passes = |s: &f32| {
        left -= weight(s);
        left < 0.0
    };
    scores.iter().position(passes).unwrap_or(scores.len() - 1) as i64
}

impl Objective for Sampled {
    fn needs(&self) -> Needs {
        self.needs.clone()
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.terms(Side::Forget, micro)
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.terms(Side::Retain, micro)
    }
}
