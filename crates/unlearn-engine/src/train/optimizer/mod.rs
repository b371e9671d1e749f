//! Update rules over gradients on the host.

mod adamw;
mod lion;
mod moments;
mod sgd;
mod sophia;

use rayon::prelude::*;
use unlearn_core::recipe::{Curvature, Optimizer as Kind, TrainSection};

use crate::Parameters;
use moments::Range;

pub use adamw::AdamW;
pub use lion::Lion;
pub use moments::Moments;
pub use sgd::Sgd;
pub use sophia::Sophia;

/// Values that one task updates.
pub(super) const CHUNK: usize = 1 << 14;

/// An update rule with its state. The result is the same at any thread count.
pub trait Optimizer: Send {
    /// Takes one step along `gradients`, each times `scale`.
    fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64);

    /// Steps taken.
    fn steps(&self) -> usize;

    /// The state by name, as it is saved.
    fn state(&self) -> Vec<(&'static str, &Moments)>;

    /// Where a saved state, of so many steps, is put; the names are those of [`Self::state`].
    fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut Moments)>;

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

/// What an optimiser keeps for each value that is trained, in float32 numbers.
#[must_use]
pub fn state_values(train: &TrainSection) -> f64 {
    let values = match train.optimizer {
        Kind::Adamw | Kind::Sophia => 2.0,
        Kind::Lion => 1.0,
        Kind::Sgd => f64::from(u8::from(train.momentum > 0.0)),
    };
    values * moments::share_of_float32(train)
}

/// Updates every trained value by its gradient and its value of state.
fn each(
    parameters: &mut Parameters,
    gradients: &[Vec<f32>],
    state: &mut Moments,
    update: impl Fn(&mut f32, f32, &mut f32) + Sync,
) {
    for (i, gradient) in gradients.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
        let state = state.parts(i);
        parameters.update(i, |values| {
            let parts = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(state);
            parts.for_each(|((p, g), m)| {
                m.with(|m| {
                    for ((p, &g), m) in p.iter_mut().zip(g).zip(m) {
                        update(p, g, m);
                    }
                });
            });
        });
    }
}

/// Updates every trained value by its gradient and its two values of state.
fn each_of_two(
    parameters: &mut Parameters,
    gradients: &[Vec<f32>],
    [first, second]: [&mut Moments; 2],
    update: impl Fn(&mut f32, f32, &mut f32, &mut f32) + Sync,
) {
    for (i, gradient) in gradients.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
        let (first, second) = (first.parts(i), second.parts(i));
        parameters.update(i, |values| {
            let parts = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(first).zip(second);
            parts.for_each(|(((p, g), m), v)| {
                m.with(|m| {
                    v.with(|v| {
                        for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                            update(p, g, m, v);
                        }
                    });
                });
            });
        });
    }
}
