//! Noticing that a run has diverged.

/// Gradient norms that the median is taken of.
const WINDOW: usize = 50;
/// Norms that have to be there before one is judged.
const ENOUGH: usize = 10;
/// A norm this many times the median is wild. Norms that grow with the learning rate's warm-up, or because forgetting
/// leaves a minimum, stay far below it.
const WILD: f64 = 1e4;
/// Wild steps one after the other that make a run diverged: one bad batch does not.
const PATIENCE: usize = 5;

/// Looks at every step's loss and gradient. A loss may fall without bound (gradient ascent), so only whether it is a
/// number counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Guard {
    /// The last norms that were not wild.
    norms: Vec<f64>,
    wild: usize,
}

impl Guard {
    /// What is wrong, if the run has diverged.
    pub(super) fn check(&mut self, loss: f64, norm: f64) -> Option<String> {
        if !loss.is_finite() {
            return Some("the loss is not finite".into());
        }
        if !norm.is_finite() {
            return Some("the gradient is not finite".into());
        }
        let median = self.median();
        if self.norms.len() >= ENOUGH && median > 0.0 && norm > WILD * median {
            self.wild += 1;
            let what = format!("the gradient's norm was over {WILD:.0} times its median for {PATIENCE} steps");
            return (self.wild >= PATIENCE).then_some(what);
        }
        self.wild = 0;
        if self.norms.len() == WINDOW {
            self.norms.remove(0);
        }
        self.norms.push(norm);
        None
    }

    /// Whether nothing is suspicious.
    pub(super) fn is_calm(&self) -> bool {
        self.wild == 0
    }

    fn median(&self) -> f64 {
        let mut sorted = self.norms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }

    pub(super) fn state(&self) -> Vec<f64> {
        let mut numbers = vec![self.wild as f64, self.norms.len() as f64];
        numbers.extend(&self.norms);
        numbers
    }

    /// Takes up what [`Self::state`] gave; what is left over is another's.
    pub(super) fn restore<'a>(&mut self, numbers: &'a [f64]) -> &'a [f64] {
        let [wild, n, rest @ ..] = numbers else { return numbers };
        let (norms, rest) = rest.split_at((*n as usize).min(rest.len()));
        *self = Self { norms: norms.to_vec(), wild: *wild as usize };
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_seen_at_once() {
        assert!(Guard::default().check(f64::NAN, 1.0).is_some());
        assert!(Guard::default().check(1.0, f64::INFINITY).is_some());
        assert!(Guard::default().check(-1e30, 1e30).is_none());
    }

    #[test]
    fn only_a_lasting_explosion_counts() {
        let mut guard = Guard::default();
        // From nearly nothing up, as forgetting leaves a minimum.
        for i in 0..60 {
            assert!(guard.check(1.0, 1e-3 * 1.3f64.powi(i)).is_none(), "{i}");
        }
        let mut calm = Guard::default();
        (0..20).for_each(|_| assert!(calm.check(1.0, 1.0).is_none()));
        for _ in 0..PATIENCE - 1 {
            assert!(calm.check(1.0, 2e4).is_none());
        }
        assert!(!calm.is_calm());
        let mut again = Guard::default();
        assert_eq!(again.restore(&[calm.state(), vec![7.0]].concat()), [7.0]);
        assert_eq!(again, calm);
        assert!(again.check(1.0, 2e4).is_some());
        assert!(calm.check(1.0, 1.0).is_none() && calm.is_calm(), "back to normal");
    }
}
