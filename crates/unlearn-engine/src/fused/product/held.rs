//! Products with a matrix that is kept packed and frozen: a graph keeps it so, too.

use std::cell::Cell;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use burn::tensor::{Device, Tensor};
use half::bf16;
use half::slice::HalfBitsSliceExt;
use rayon::prelude::*;

use super::super::{Fused, few as few_rows};
use super::{Factors, View, bfloat16, kept, product as of_values};
use crate::decoder::Packed;
use crate::tensor::matrix;

thread_local! {
    /// What is unpacked for one product.
    static UNPACKED: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Values that are unpacked at once: a thread that once did so keeps the memory.
const PART: usize = if cfg!(test) { 64 } else { 8 << 20 };

/// A packed matrix on the right of a product.
#[derive(Debug, Clone)]
pub struct Held {
    packed: Arc<Packed>,
    /// As it lies.
    shape: [usize; 2],
    turned: bool,
}

impl Held {
    /// A matrix of `shape` as it lies in memory.
    #[must_use]
    pub fn new(packed: Arc<Packed>, shape: [usize; 2]) -> Self {
        Self { packed, shape, turned: false }
    }

    /// Its transpose.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { turned: !self.turned, ..self }
    }

    /// Its rows and columns.
    #[must_use]
    pub fn sizes(&self) -> [usize; 2] {
        let [rows, columns] = self.shape;
        if self.turned { [columns, rows] } else { [rows, columns] }
    }

    /// Unpacked.
    pub(in super::super) fn tensor(&self, device: &Device) -> Tensor<2> {
        let matrix = matrix(self.packed.values(), self.shape[0], self.shape[1], device);
        if self.turned { matrix.transpose() } else { matrix }
    }

    /// Some of its rows, as they lie.
    fn view<'a, E>(&self, values: &'a [E]) -> View<'a, E> {
        let steps = if self.turned { [1, self.shape[1]] } else { [self.shape[1], 1] };
        View { values, steps, weights: true }
    }

    /// Its entries, where these are bfloat16.
    fn entries(&self) -> Option<View<'_, bf16>> {
        match &*self.packed {
            Packed::Bf16(bits) => Some(self.view(bits.reinterpret_cast())),
            _ => None,
        }
    }

    /// `a` `[m, k]` times the matrix `[k, n]`, unpacked some rows at a time, so that the whole never exists.
    fn unpacked(
        &self,
        a: View<'_, f32>,
        m: usize,
        times: impl Fn(View<'_, f32>, View<'_, f32>, [usize; 3]) -> Vec<f32>,
    ) -> Vec<f32> {
        let ([rows, width], [k, n]) = (self.shape, self.sizes());
        // Parts of one size, so that none is too small for all threads.
        let step = rows.div_ceil((rows * width).div_ceil(PART).max(1)).max(1);
        let mut values = kept(&UNPACKED, step * width, 0.0);
        let mut out = Vec::new();
        for from in (0..rows).step_by(step) {
            let count = step.min(rows - from);
            let part = &mut values[..count * width];
            self.packed.unpack(from * width, part);
            let part = self.view(part);
            if count == rows {
                out = times(a, part, [m, k, n]);
            } else if self.turned {
                out.resize(m * n, 0.0);
                let new = times(a, part, [m, k, count]);
                let to = out.par_chunks_mut(n).zip(new.par_chunks(count));
                to.for_each(|(row, new)| row[from..from + count].copy_from_slice(new));
            } else {
                out.resize(m * n, 0.0);
                let a = View { values: &a.values[from * a.steps[1]..], ..a };
                let new = times(a, part, [m, count, n]);
                out.par_iter_mut().zip(&new).for_each(|(sum, x)| *sum += x);
            }
        }
        UNPACKED.set(values);
        out
    }
}

/// `a` `[m, k]` times the matrix `[k, n]`: `[m, n]`.
pub(in super::super) fn product(a: View<'_, f32>, m: usize, b: &Held, factors: Factors) -> Vec<f32> {
    let [k, n] = b.sizes();
    match (factors, b.entries()) {
        (Factors::Bfloat16 { .. }, Some(entries)) => bfloat16::product(a, entries, [m, k, n]),
        _ => b.unpacked(a, m, |a, b, sizes| of_values(a, b, sizes, factors)),
    }
}

/// The same for few rows `a`, one behind the other, in float32.
pub(in super::super) fn few(a: &[f32], m: usize, b: &Held) -> Vec<f32> {
    let [k, n] = b.sizes();
    if let Some(entries) = b.entries() {
        return few_rows::product(a, entries, [m, k, n]);
    }
    let a = View { values: a, steps: [k, 1], weights: false };
    b.unpacked(a, m, |a, b, sizes| of_values(a, b, sizes, Factors::Float32))
}

#[derive(Debug)]
struct Product;

impl<B: Backend + Fused> Backward<B, 1> for Product {
    type State = (Held, Factors);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([node], (held, factors)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::held(gradient, held.turned(), factors));
        }
    }
}

pub(in super::super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    a: FloatTensor<Autodiff<B, C>>,
    b: Held,
    factors: Factors,
) -> FloatTensor<Autodiff<B, C>> {
    let (a, node) = a.into_parts();
    match Product.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((b.clone(), factors), B::held(a, b, factors)),
        OpsKind::UnTracked(prepared) => prepared.finish(B::held(a, b, factors)),
    }
}
