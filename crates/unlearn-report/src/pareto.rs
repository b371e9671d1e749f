//! The Pareto front: the runs that no other run beats on both counts, forgetting and keeping.

/// What a run comes to on the forget–utility plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// How well the forget set is still known: lower is better.
    pub forget: f64,
    /// How well the rest is known: higher is better.
    pub kept: f64,
}

impl Outcome {
    /// Whether it is at least as good as another on both counts, and better on one.
    pub fn dominates(&self, other: &Self) -> bool {
        let as_good = self.forget <= other.forget && self.kept >= other.kept;
        as_good && (self.forget < other.forget || self.kept > other.kept)
    }

    fn is_comparable(&self) -> bool {
        !self.forget.is_nan() && !self.kept.is_nan()
    }
}

/// For each outcome, whether it belongs to the front. One that is not a number does not.
pub fn front(outcomes: &[Outcome]) -> Vec<bool> {
    let is_member = |a: &Outcome| a.is_comparable() && !outcomes.iter().any(|b| b.dominates(a));
    outcomes.iter().map(is_member).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes(values: &[(f64, f64)]) -> Vec<Outcome> {
        values.iter().map(|&(forget, kept)| Outcome { forget, kept }).collect()
    }

    #[test]
    fn less_known_or_more_kept_is_on_the_front() {
        let all = outcomes(&[(0.9, 0.95), (0.1, 0.9), (0.2, 0.9), (0.05, 0.4), (0.3, f64::NAN), (0.1, 0.9)]);
        assert_eq!(front(&all), [true, true, false, true, false, true]);
        assert!(front(&[]).is_empty());
    }

    proptest! {
        // Few distinct values, so that ties come up.
        #[test]
        fn the_laws_of_a_front(values in prop::collection::vec((0u8..6, 0u8..6), 0..24)) {
            let values: Vec<(f64, f64)> = values.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).collect();
            let all = outcomes(&values);
            let members = front(&all);
            let on_front = || all.iter().zip(&members).filter(|(_, m)| **m).map(|(o, _)| o);
            for (outcome, member) in all.iter().zip(&members) {
                let is_dominated = all.iter().any(|other| other.dominates(outcome));
                prop_assert!(!(*member && is_dominated), "a member is dominated");
                prop_assert!(*member || on_front().any(|m| m.dominates(outcome)), "by no member");
            }
            prop_assert_eq!(all.is_empty(), on_front().next().is_none());
        }
    }
}
