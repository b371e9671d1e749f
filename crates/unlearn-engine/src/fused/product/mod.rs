//! Products with weight matrices: of float32 factors, of factors rounded to bfloat16, and of matrices that are kept packed.
//! A sum runs in one order at any thread count.

mod bfloat16;
mod float32;
mod held;
#[cfg(target_arch = "x86_64")]
mod kernel;
#[cfg(not(target_arch = "x86_64"))]
#[path = "no_kernel.rs"]
mod kernel;
mod op;
mod pack;

use std::cell::Cell;
use std::thread::LocalKey;

pub use held::Held;
pub(super) use held::{few as few_held, product as held_product, tracked as tracked_held};
pub(super) use kernel::there;
pub(super) use op::tracked;

/// What becomes of the factors of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    /// They stay float32.
    Float32,
    /// They are rounded to bfloat16: the right one as weights are, where it holds weights (see [`View::weights`]).
    Bfloat16 {
        /// Whether it does. In a graph, it does on the way there.
        weights: bool,
    },
}

impl Factors {
    /// The same where neither holds weights.
    fn of_none(self) -> Self {
        match self {
            Self::Float32 => self,
            Self::Bfloat16 { .. } => Self::Bfloat16 { weights: false },
        }
    }
}

/// A matrix in memory: entry `[i, k]` stands at `i * steps[0] + k * steps[1]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a, E> {
    pub(super) values: &'a [E],
    pub(super) steps: [usize; 2],
    /// Whether these are weights, which are rounded up as often as they are above what is below them.
    ///
    /// To the nearest, a weight would stay what it was until the optimiser has moved it by half of what two bfloat16 are
    /// apart, and most weights begin right on one: small steps would change nothing for a long time.
    pub(super) weights: bool,
}

impl<E> View<'_, E> {
    /// The same with rows for columns.
    pub(super) fn turned(self) -> Self {
        Self { steps: [self.steps[1], self.steps[0]], ..self }
    }
}

/// `a` `[m, k]` times `b` `[k, n]`: `[m, n]`.
pub(super) fn product(a: View<'_, f32>, b: View<'_, f32>, sizes: [usize; 3], factors: Factors) -> Vec<f32> {
    match factors {
        Factors::Float32 => float32::product(a, b, sizes),
        Factors::Bfloat16 { weights } => bfloat16::product(a, View { weights, ..b }, sizes),
    }
}

/// Memory of some length that holds anything, and that a thread keeps from product to product.
fn kept<T: Clone>(place: &'static LocalKey<Cell<Vec<T>>>, length: usize, any: T) -> Vec<T> {
    let mut kept = place.take();
    kept.resize(length, any);
    kept
}

#[cfg(test)]
mod tests;
