//! How far a subject is from retraining, in words.

use unlearn_core::score::Gap;

use crate::comparison::{Comparison, Role, SubjectColumn};
use crate::number;

/// The gap of a subject to the retrained models of a comparison, for one metric: the one that was taken with its score,
/// from models of several seeds where there were any, or else to the retrained columns beside it.
pub fn of_subject(comparison: &Comparison, subject: &SubjectColumn, metric: &str) -> Option<Gap> {
    let score = subject.eval.as_ref()?.metrics.get(metric)?;
    let value = |s: &SubjectColumn| s.eval.as_ref()?.value(metric);
    let beside = || {
        let retrained: Vec<f64> = comparison.with_role(Role::Retrained).filter_map(value).collect();
        Gap::of(score.value?, &retrained)
    };
    score.gap.or_else(beside).filter(|gap| gap.gap.is_finite())
}

/// The difference as text, with its sign.
pub fn difference_text(gap: &Gap) -> String {
    number::signed(gap.gap)
}

/// What says how much the difference means, where it is known: how many spreads of retrained models it is, or whether
/// the choice of rows makes as much.
pub fn note_text(gap: &Gap) -> Option<String> {
    let spreads = gap.in_spreads.filter(|x| x.is_finite()).map(|x| format!("{} spreads", number::fixed(x.abs(), 1)));
    let chance = || match gap.interval?.map(f64::signum) {
        [low, high] if low == high => None,
        _ => Some("within chance".to_owned()),
    };
    spreads.or_else(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gap_means_is_said_where_it_is_known() {
        let one = Gap::of(0.25, &[0.125]).expect("a gap");
        assert_eq!((difference_text(&one).as_str(), note_text(&one)), ("+0.125", None));
        let within = Gap { interval: Some([-0.01, 0.3]), ..one };
        assert_eq!(note_text(&within).as_deref(), Some("within chance"));
        assert_eq!(note_text(&Gap { interval: Some([0.01, 0.3]), ..one }), None);
        let several = Gap::of(0.75, &[0.125, 0.375]).expect("a gap");
        assert_eq!(note_text(&several).as_deref(), Some("2.8 spreads"));
        assert_eq!(note_text(&Gap::of(0.75, &[0.25, 0.25]).expect("a gap")), None);
    }
}
