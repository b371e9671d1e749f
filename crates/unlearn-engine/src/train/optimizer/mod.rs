//! Update rules over gradients on the host.

mod adamw;
mod lion;
mod sgd;
mod sophia;

use rayon::prelude::*;
use unlearn_core::recipe::{Curvature, Optimizer as Kind, TrainSection};

use crate::Parameters;

pub use adamw::AdamW;
pub use lion::Lion;
pub use sgd::Sgd;
pub use sophia::Sophia;

/// Values that one task updates.
pub(super) const CHUNK: usize = 1 << 14;

/// An update rule with its state: float32, each trained parameter by its place, empty for the others. The result is the
/// same at any thread count.
pub trait Optimizer: Send {
    /// Takes one step along `gradients`, each times `scale`.
    fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64);

    /// Steps taken.
    fn steps(&self) -> usize;

    /// The state by name, as it is saved.
    fn state(&self) -> Vec<(&'static str, &Vec<Vec<f32>>)>;

    /// Where a saved state, of so many steps, is put; the names are those of [`Self::state`].
    fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut Vec<Vec<f32>>)>;

    /// The estimate of the curvature that it wants before the next step.
    fn wanted(&self) -> Option<Curvature> {
        None
    }

    /// Takes up an estimate of the diagonal of the curvature, right before the step.
    fn observe(&mut self, _curvature: &[Vec<f32>]) {}
}

/// The optimiser that `train` names, at rest.
#[must_use]
pub fn optimizer(train: &TrainSection, parameters: &Parameters) -> Box<dyn Optimizer> {
    match train.optimizer {
        Kind::Adamw => Box::new(AdamW::new(train, parameters)),
        Kind::Sgd => Box::new(Sgd::new(train, parameters)),
        Kind::Lion => Box::new(Lion::new(train, parameters)),
        Kind::Sophia => Box::new(Sophia::new(train, parameters)),
    }
}

/// Values of state that an optimiser keeps for each value that is trained.
#[must_use]
pub fn state_values(train: &TrainSection) -> usize {
    match train.optimizer {
        Kind::Adamw | Kind::Sophia => 2,
        Kind::Lion => 1,
        Kind::Sgd => usize::from(train.momentum > 0.0),
    }
}

/// Updates every trained value by its gradient and its value of state.
fn each(
    parameters: &mut Parameters,
    gradients: &[Vec<f32>],
    state: &mut [Vec<f32>],
    update: impl Fn(&mut f32, f32, &mut f32) + Sync,
) {
    for (i, gradient) in gradients.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
        let state = &mut state[i];
        parameters.update(i, |values| {
            let parts = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(state.par_chunks_mut(CHUNK));
            parts.for_each(|((p, g), m)| {
                for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
                    update(p, g, m);
                }
            });
        });
    }
}

/// Updates every trained value by its gradient and its two values of state.
fn each_of_two(
    parameters: &mut Parameters,
    gradients: &[Vec<f32>],
    [first, second]: [&mut Vec<Vec<f32>>; 2],
    update: impl Fn(&mut f32, f32, &mut f32, &mut f32) + Sync,
) {
    for (i, gradient) in gradients.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
        let (first, second) = (&mut first[i], &mut second[i]);
        parameters.update(i, |values| {
            let parts = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
            let parts = parts.zip(first.par_chunks_mut(CHUNK)).zip(second.par_chunks_mut(CHUNK));
            parts.for_each(|(((p, g), m), v)| {
                for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                    update(p, g, m, v);
                }
            });
        });
    }
}
