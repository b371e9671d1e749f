//! What the looks at a run say: go on or stop, and which weights to end with. All of it follows from the looks alone,
//! so that a resumed run decides the same.

use unlearn_core::event::{KeptBy, StopReason, Watch};
use unlearn_core::recipe::{Keep, WatchSection};

/// Numbers that a look is saved as.
const NUMBERS: usize = 4;

/// The looks so far, that at step 0 first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Points(pub(super) Vec<Watch>);

impl Points {
    pub(super) fn last_step(&self) -> Option<usize> {
        self.0.last().map(|p| p.step)
    }

    /// Those within the disruption budget; where not even the first is, that one.
    fn within(&self, section: &WatchSection) -> &[Watch] {
        let exceeds = |p: &Watch| p.disruption.is_some_and(|x| section.disruption.is_exceeded(x));
        let n = self.0.iter().position(exceeds).unwrap_or(self.0.len()).max(1);
        &self.0[..n.min(self.0.len())]
    }

    /// The place of the best point.
    fn best(&self, section: &WatchSection) -> Option<usize> {
        let (first, rest) = self.within(section).split_first()?;
        section.best(first.seen(), rest.iter().map(Watch::seen)).map(|place| place + 1)
    }

    /// Why the run should stop, if it should.
    pub(super) fn stop(&self, section: &WatchSection) -> Option<StopReason> {
        let last = self.0.last()?;
        let since = self.0.len() - 1 - self.best(section).unwrap_or(0);
        if last.disruption.is_some_and(|x| section.disruption.is_exceeded(x)) {
            Some(StopReason::Disruption)
        } else if last.forget < section.forget_below {
            Some(StopReason::ForgetBelow)
        } else {
            (section.patience > 0 && since >= section.patience).then_some(StopReason::Patience)
        }
    }

    /// The step to end with, and why.
    pub(super) fn chosen(&self, section: &WatchSection) -> Option<(usize, KeptBy)> {
        let last = self.within(section).last()?.step;
        Some(match (section.keep, self.best(section)) {
            (Keep::Last, _) => (last, KeptBy::Last),
            (Keep::Best, Some(place)) => (self.0[place].step, KeptBy::Best),
            (Keep::Best, None) => (last, KeptBy::NoneQualified),
        })
    }

    /// What the retain probability has fallen to, if that counts as a collapse.
    pub(super) fn collapsed(&self, section: &WatchSection, now: &Watch) -> Option<String> {
        let (before, after) = (self.0.first()?.retain?, now.retain?);
        (after < section.collapse * before).then(|| {
            let share = 100.0 * section.collapse;
            format!(
                "the retain probability fell to {after:.2e}, below {share} % of the {before:.3} at step 0 \
                 (`watch.collapse`)"
            )
        })
    }

    pub(super) fn state(&self) -> Vec<f64> {
        let number = |x: Option<f64>| x.unwrap_or(f64::NAN);
        self.0.iter().flat_map(|p| [p.step as f64, p.forget, number(p.retain), number(p.disruption)]).collect()
    }

    pub(super) fn restore(&mut self, numbers: &[f64]) {
        let given = |x: f64| (!x.is_nan()).then_some(x);
        let point = |&[step, forget, retain, disruption]: &[f64; NUMBERS]| Watch {
            step: step as usize,
            forget,
            retain: given(retain),
            disruption: given(disruption),
        };
        self.0 = numbers.as_chunks().0.iter().map(point).collect();
    }
}

#[cfg(test)]
mod tests {
    use unlearn_core::recipe::Bound;

    use super::*;

    fn points(all: &[(f64, f64, f64)]) -> Points {
        let point = |(i, &(forget, retain, x)): (usize, &(f64, f64, f64))| Watch {
            step: 2 * i,
            forget,
            retain: Some(retain),
            disruption: Some(x),
        };
        Points(all.iter().enumerate().map(point).collect())
    }

    #[test]
    fn patience_counts_looks_without_a_better_one() {
        let section = WatchSection { keep: Keep::Best, patience: 2, ..WatchSection::default() };
        let mut all = vec![(0.9, 0.9, 0.0), (0.5, 0.9, 0.0), (0.6, 0.9, 0.0)];
        assert_eq!(points(&all).stop(&section), None);
        all.push((0.4, 0.1, 0.0));
        assert_eq!(points(&all).stop(&section), Some(StopReason::Patience), "a lower one that lost the rest is none");
        assert_eq!(points(&all).chosen(&section), Some((2, KeptBy::Best)));
        all[3] = (0.4, 0.9, 0.0);
        assert_eq!(points(&all).stop(&section), None);
        let hopeless = [(0.9, 0.9, 0.0), (0.95, 0.9, 0.0), (0.95, 0.9, 0.0)];
        assert_eq!(points(&hopeless).stop(&section), Some(StopReason::Patience));
        assert_eq!(points(&hopeless).chosen(&section), Some((4, KeptBy::NoneQualified)));
    }

    #[test]
    fn over_the_budget_the_last_within_it_counts() {
        let budget = WatchSection { disruption: Bound::AtMost(0.1), ..WatchSection::default() };
        let all = points(&[(0.9, 0.9, 0.0), (0.5, 0.9, 0.1), (0.1, 0.9, 0.2)]);
        assert_eq!(all.stop(&budget), Some(StopReason::Disruption));
        assert_eq!(all.chosen(&budget), Some((2, KeptBy::Last)));
        let best = WatchSection { keep: Keep::Best, ..budget.clone() };
        assert_eq!(all.chosen(&best), Some((2, KeptBy::Best)), "not the lower one, which is over");
        assert_eq!(points(&[(0.9, 0.9, 0.3)]).chosen(&budget), Some((0, KeptBy::Last)));
    }

    #[test]
    fn what_is_saved_comes_back_bit_by_bit() {
        let mut before = points(&[(0.1 + 0.2, 0.9, 1e-300), (0.5, 0.7, 0.1)]);
        before.0[1].retain = None;
        let mut after = Points::default();
        after.restore(&before.state());
        assert_eq!(after, before);
        let collapsed = points(&[(0.9, 0.9, 0.0)]);
        let now = Watch { step: 4, forget: 0.0, retain: Some(0.008), disruption: None };
        assert!(collapsed.collapsed(&WatchSection::default(), &now).is_some());
        assert!(collapsed.collapsed(&WatchSection { collapse: 0.0, ..WatchSection::default() }, &now).is_none());
    }
}
