//! How far a subject is from retraining.

use crate::comparison::{Comparison, Role, SubjectColumn};
use crate::number;

/// A subject's score beside those of models that were retrained without the forget set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// The subject's value less the mean of the retrained models'.
    pub difference: f64,
    /// How far retrained models differ among themselves, from seed to seed: their standard deviation. It takes two.
    pub spread: Option<f64>,
    /// How many retrained models there are.
    pub models: usize,
}

impl Gap {
    /// The gap of a value to those of retrained models; none where there is none, or a value is not finite.
    pub fn of(value: f64, retrained: &[f64]) -> Option<Self> {
        let n = retrained.len() as f64;
        let mean = retrained.iter().sum::<f64>() / n;
        let difference = value - mean;
        let squares: f64 = retrained.iter().map(|x| (x - mean).powi(2)).sum();
        let spread = (retrained.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
        difference.is_finite().then_some(Self { difference, spread, models: retrained.len() })
    }

    /// The gap of a subject to the retrained models of a comparison, for one metric.
    pub fn of_subject(comparison: &Comparison, subject: &SubjectColumn, metric: &str) -> Option<Self> {
        let value = |s: &SubjectColumn| s.eval.as_ref()?.value(metric);
        let retrained: Vec<f64> = comparison.with_role(Role::Retrained).filter_map(value).collect();
        Self::of(value(subject)?, &retrained)
    }

    /// The gap in units of the retrained models' own spread: within two or so, retraining from another seed differs as
    /// much. None where the spread is not known, or there is none.
    pub fn in_spreads(&self) -> Option<f64> {
        self.spread.map(|s| self.difference / s).filter(|x| x.is_finite())
    }

    /// The difference as text, with its sign.
    pub fn difference_text(&self) -> String {
        number::signed(self.difference)
    }

    /// The gap in spreads as text, where it is known.
    pub fn spreads_text(&self) -> Option<String> {
        self.in_spreads().map(|x| format!("{} spreads", number::fixed(x.abs(), 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_one_retrained_model_there_is_no_spread() {
        let gap = Gap::of(0.25, &[0.125]).expect("a gap");
        assert_eq!(gap, Gap { difference: 0.125, spread: None, models: 1 });
        assert_eq!((gap.difference_text().as_str(), gap.spreads_text()), ("+0.125", None));
    }

    #[test]
    fn with_several_it_is_measured_in_their_spread() {
        let gap = Gap::of(0.75, &[0.125, 0.375]).expect("a gap");
        assert_eq!(gap.difference, 0.5);
        assert!((gap.in_spreads().expect("a spread") - 0.5 / 0.03125f64.sqrt()).abs() < 1e-12);
        assert_eq!(Gap::of(0.75, &[0.25, 0.25]).expect("a gap").in_spreads(), None);
    }

    #[test]
    fn without_a_retrained_model_there_is_no_gap() {
        assert_eq!(Gap::of(0.5, &[]), None);
        assert_eq!(Gap::of(f64::NAN, &[0.5]), None);
    }
}
