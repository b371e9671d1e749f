//! The order in which a run visits its rows. It depends on the seed and the step alone, so that a resumed run
//! needs no saved generator.

use rand::seq::SliceRandom;
use unlearn_core::seed;

/// Visits the rows of a set again and again, each pass in its own order.
#[derive(Debug, Clone)]
pub struct Order {
    rows: usize,
    seed: Option<u64>,
    name: &'static str,
    pass: usize,
    order: Vec<usize>,
}

impl Order {
    /// An order over `rows` rows; the file's own order in every pass when `shuffle` is off.
    pub fn new(rows: usize, shuffle: bool, seed: u64, name: &'static str) -> Self {
        let mut order = Self { rows, seed: shuffle.then_some(seed), name, pass: 0, order: Vec::new() };
        order.begin(0);
        order
    }

    fn begin(&mut self, pass: usize) {
        self.pass = pass;
        self.order = (0..self.rows).collect();
        if let Some(seed) = self.seed {
            self.order.shuffle(&mut seed::stream(seed, &format!("order/{}/{pass}", self.name)));
        }
    }

    /// The row at a position of the endless sequence of passes.
    fn at(&mut self, position: usize) -> usize {
        let pass = position / self.rows;
        if pass != self.pass {
            self.begin(pass);
        }
        self.order[position % self.rows]
    }

    /// `n` rows without replacement, from `position` on; a used-up pass is followed by the next.
    pub fn draw(&mut self, position: usize, n: usize) -> Vec<Visit> {
        if self.rows == 0 {
            return Vec::new();
        }
        (position..position + n).map(|p| Visit { row: self.at(p), pass: p / self.rows }).collect()
    }
}

/// A row, and how often it was drawn before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The row.
    pub row: usize,
    /// Passes over the set before this one.
    pub pass: usize,
}

/// Which rows go into each optimiser step: an epoch walks the forget set once, its last step may be smaller;
/// as many retain rows go with them, drawn without replacement until used up.
#[derive(Debug, Clone)]
pub struct Steps {
    forget: Order,
    retain: Order,
    rows: usize,
    batch: usize,
}

impl Steps {
    /// Steps of `batch` rows over `forget` rows, with `retain` rows beside them (0: none).
    pub fn new(forget: usize, retain: usize, batch: usize, shuffle: bool, seed: u64) -> Self {
        Self {
            forget: Order::new(forget, shuffle, seed, "forget"),
            retain: Order::new(retain, shuffle, seed, "retain"),
            rows: forget,
            batch: batch.min(forget).max(1),
        }
    }

    /// Steps in one epoch.
    pub fn per_epoch(&self) -> usize {
        self.rows.div_ceil(self.batch)
    }

    /// The forget and retain rows of a step, counted from 0.
    pub fn rows(&mut self, step: usize) -> (Vec<Visit>, Vec<Visit>) {
        let (epoch, within) = (step / self.per_epoch(), step % self.per_epoch());
        let n = self.batch.min(self.rows - within * self.batch);
        let position = epoch * self.rows + within * self.batch;
        (self.forget.draw(position, n), self.retain.draw(position, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_epoch_walks_the_forget_set_once_and_retain_rows_do_not_repeat_within_a_pass(
            forget in 1usize..40, retain in 1usize..60, batch in 1usize..12, seed: u64,
        ) {
            let mut steps = Steps::new(forget, retain, batch, true, seed);
            for epoch in 0..3 {
                let mut seen = Vec::new();
                for s in 0..steps.per_epoch() {
                    let visits = steps.rows(epoch * steps.per_epoch() + s).0;
                    prop_assert!(visits.iter().all(|v| v.pass == epoch));
                    seen.extend(visits.iter().map(|v| v.row));
                }
                seen.sort_unstable();
                prop_assert_eq!(seen, (0..forget).collect::<Vec<_>>());
            }
            let drawn: Vec<usize> = (0..3 * steps.per_epoch()).flat_map(|s| steps.rows(s).1).map(|v| v.row).collect();
            for pass in drawn.chunks_exact(retain) {
                let mut pass = pass.to_vec();
                pass.sort_unstable();
                prop_assert_eq!(pass, (0..retain).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_step_can_be_asked_for_out_of_order() {
        let mut a = Steps::new(7, 5, 3, true, 1);
        let mut b = a.clone();
        let late = b.rows(8);
        for s in 0..8 {
            a.rows(s);
        }
        assert_eq!(a.rows(8), late);
        let visit = |row, pass| Visit { row, pass };
        let unshuffled = Steps::new(4, 3, 2, false, 1).rows(1);
        assert_eq!(unshuffled, (vec![visit(2, 0), visit(3, 0)], vec![visit(2, 0), visit(0, 1)]));
    }
}
