//! The order of a run in stages: the forget set is forgotten fold by fold, and what is still to come is retained
//! (layered unlearning, Qian et al., 2025, arXiv 2505.09500).

use rand::seq::SliceRandom;
use unlearn_core::seed;

use crate::order::{Steps, Visit};

/// Which rows go into each optimiser step when the steps are cut into as many stages as there are folds. In stage `i`
/// the forget rows are those of folds `1..=i`; the retain rows are the retain set and folds `i+1..=k`.
#[derive(Debug, Clone)]
pub struct Folds {
    stages: Vec<Stage>,
    per_epoch: usize,
}

/// Rows of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Of the forget set.
    pub forget: usize,
    /// Of the retain set.
    pub retain: usize,
    /// Whether the forget rows follow the retain rows in the retain set, `forget` more of them, to be retained before
    /// their turn comes.
    pub held_out: bool,
}

/// Some steps with the same rows.
#[derive(Debug, Clone)]
struct Stage {
    first: usize,
    steps: Steps,
    forget: Vec<usize>,
    retain: Vec<usize>,
    /// Passes in the stages before, so that rows go on with their other answers.
    passed: [usize; 2],
}

impl Folds {
    /// An order of `steps` optimiser steps in `folds` stages; with one fold, [`Steps`] over all rows.
    #[must_use]
    pub fn new(counts: Counts, batch: usize, shuffle: bool, seed: u64, (folds, steps): (usize, usize)) -> Self {
        let per_epoch = Steps::new(counts.forget, counts.retain, batch, shuffle, seed).per_epoch();
        let (mut stages, mut passed): (Vec<Stage>, _) = (Vec::new(), [0, 0]);
        for stage in 0..folds {
            let (forget, retain) = rows(counts, seed, (stage, folds));
            let seed = if folds == 1 { seed } else { seed::number(seed, &format!("folds/{stage}")) };
            let mut order = Steps::new(forget.len(), retain.len(), batch, shuffle, seed);
            let (first, end) = (begin(stage, folds, steps), begin(stage + 1, folds, steps));
            let before = passed;
            if stage + 1 < folds && end > first {
                let (forget, retain) = order.rows(end - first - 1);
                let passes = |visits: &[Visit]| visits.iter().map(|v| v.pass + 1).max().unwrap_or(0);
                passed = [passed[0] + passes(&forget), passed[1] + passes(&retain)];
            }
            stages.push(Stage { first, steps: order, forget, retain, passed: before });
        }
        Self { stages, per_epoch }
    }

    /// Steps in one pass over the whole forget set.
    #[must_use]
    pub fn per_epoch(&self) -> usize {
        self.per_epoch
    }

    /// The forget and retain rows of a step, counted from 0.
    pub fn rows(&mut self, step: usize) -> (Vec<Visit>, Vec<Visit>) {
        let Some(stage) = self.stages.iter_mut().rev().find(|s| s.first <= step) else { return Default::default() };
        let (forget, retain) = stage.steps.rows(step - stage.first);
        let of = |visits: Vec<Visit>, rows: &[usize], passed: usize| {
            visits.into_iter().map(|v| Visit { row: rows[v.row], pass: v.pass + passed }).collect()
        };
        (of(forget, &stage.forget, stage.passed[0]), of(retain, &stage.retain, stage.passed[1]))
    }
}

/// The first step of a stage.
fn begin(stage: usize, folds: usize, steps: usize) -> usize {
    (stage * steps).div_ceil(folds)
}

/// The forget and retain rows of a stage, in ascending order.
fn rows(counts: Counts, seed: u64, (stage, folds): (usize, usize)) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..counts.forget).collect();
    if folds > 1 {
        order.shuffle(&mut seed::stream(seed, "folds"));
    }
    let begun = begin(stage + 1, folds, counts.forget);
    let mut retain: Vec<usize> = (0..counts.retain).collect();
    let mut forget = order;
    let held_out = forget.split_off(begun);
    if counts.held_out {
        retain.extend(held_out.iter().map(|row| counts.retain + row));
    }
    forget.sort_unstable();
    retain.sort_unstable();
    (forget, retain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn drawn(order: &mut Folds, steps: std::ops::Range<usize>) -> [BTreeSet<usize>; 2] {
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        for step in steps {
            let (forget, retain) = order.rows(step);
            seen[0].extend(forget.iter().map(|v| v.row));
            seen[1].extend(retain.iter().map(|v| v.row));
        }
        seen
    }

    proptest! {
        #[test]
        fn a_stage_forgets_the_folds_so_far_and_retains_those_to_come(
            folds in 2usize..5, forget in 5usize..20, retain in 1usize..8, batch in 1usize..6, seed: u64,
        ) {
            let counts = Counts { forget, retain, held_out: true };
            // Enough steps for every permitted row to be drawn in every stage.
            let steps = folds * (forget + retain) * 2;
            let mut order = Folds::new(counts, batch, true, seed, (folds, steps));
            let mut before = BTreeSet::new();
            for stage in 0..folds {
                let [now, kept] = drawn(&mut order, begin(stage, folds, steps)..begin(stage + 1, folds, steps));
                prop_assert!(now.is_superset(&before));
                prop_assert_eq!(now.len(), begin(stage + 1, folds, forget));
                let expected: BTreeSet<usize> =
                    (0..retain).chain((0..forget).filter(|row| !now.contains(row)).map(|row| retain + row)).collect();
                // A stage may be too short for its retain rows, never reach outside of them.
                prop_assert!(kept.is_subset(&expected));
                before = now;
            }
            prop_assert_eq!(before, (0..forget).collect::<BTreeSet<_>>());
        }

        #[test]
        fn one_fold_is_the_plain_order(forget in 1usize..20, retain in 0usize..8, batch in 1usize..6, seed: u64) {
            let counts = Counts { forget, retain, held_out: false };
            let mut folds = Folds::new(counts, batch, true, seed, (1, 30));
            let mut plain = Steps::new(forget, retain, batch, true, seed);
            prop_assert_eq!(folds.per_epoch(), plain.per_epoch());
            for step in 0..30 {
                prop_assert_eq!(folds.rows(step), plain.rows(step));
            }
        }
    }

    #[test]
    fn later_stages_go_on_with_the_passes() {
        let counts = Counts { forget: 4, retain: 0, held_out: false };
        let mut order = Folds::new(counts, 2, true, 3, (2, 8));
        let passes: Vec<usize> = (0..8).map(|step| order.rows(step).0[0].pass).collect();
        assert_eq!(passes, [0, 1, 2, 3, 4, 4, 5, 5]);
        assert!((0..8).all(|step| order.rows(step).1.is_empty()), "nothing to retain, nothing held out");
    }
}
