//! Root mean square norm (Zhang and Sennrich, 2019, arXiv 1910.07467).

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::lanes::dot;
use super::{Fused, Kernel, by_rows};

/// Rows whose part of the weight's gradient is summed up by itself: the same at any thread count.
const ROWS: usize = 16;

/// One over the root mean square of a row.
#[inline(always)]
fn scale(row: &[f32], eps: f32) -> f32 {
    1.0 / (dot(row, row) / row.len() as f32 + eps).sqrt()
}

struct Forward<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    eps: f32,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let width = self.weight.len();
        for (i, out) in part.chunks_exact_mut(width).enumerate() {
            let row = &self.x[(first + i) * width..][..width];
            let scale = scale(row, self.eps);
            for ((y, &x), &w) in out.iter_mut().zip(row).zip(self.weight) {
                *y = x * scale * w;
            }
        }
    }
}

pub(super) fn forward(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    by_rows(&mut out, weight.len(), &Forward { x, weight, eps });
    out
}

struct ByX<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    gradient: &'a [f32],
    eps: f32,
}

impl Kernel for ByX<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let width = self.weight.len();
        for (i, out) in part.chunks_exact_mut(width).enumerate() {
            let at = (first + i) * width;
            let (x, gradient) = (&self.x[at..][..width], &self.gradient[at..][..width]);
            let scale = scale(x, self.eps);
            for ((y, &g), &w) in out.iter_mut().zip(gradient).zip(self.weight) {
                *y = g * w;
            }
            let along = dot(out, x) * scale * scale / width as f32;
            for (y, &x) in out.iter_mut().zip(x) {
                *y = scale * (*y - x * along);
            }
        }
    }
}

/// One row for each block of rows: its part of the weight's gradient.
struct ByWeight<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    width: usize,
    eps: f32,
}

impl Kernel for ByWeight<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let (width, block) = (self.width, ROWS * self.width);
        for (i, sums) in part.chunks_exact_mut(width).enumerate() {
            let from = (first + i) * block;
            let to = (from + block).min(self.x.len());
            let rows = self.x[from..to].chunks_exact(width).zip(self.gradient[from..to].chunks_exact(width));
            for (x, gradient) in rows {
                let scale = scale(x, self.eps);
                for ((sum, &g), &x) in sums.iter_mut().zip(gradient).zip(x) {
                    *sum = (g * scale).mul_add(x, *sum);
                }
            }
        }
    }
}

pub(super) fn backward(x: &[f32], weight: &[f32], gradient: &[f32], eps: f32) -> (Vec<f32>, Vec<f32>) {
    let width = weight.len();
    let mut by_x = vec![0.0; x.len()];
    by_rows(&mut by_x, width, &ByX { x, weight, gradient, eps });
    let mut parts = vec![0.0; x.len().div_ceil(ROWS * width) * width];
    by_rows(&mut parts, width, &ByWeight { x, gradient, width, eps });
    let mut by_weight = vec![0.0f64; width];
    for part in parts.chunks_exact(width) {
        by_weight.iter_mut().zip(part).for_each(|(sum, &part)| *sum += f64::from(part));
    }
    (by_x, by_weight.into_iter().map(|sum| sum as f32).collect())
}

#[derive(Debug)]
struct Rms;

impl<B: Backend + Fused> Backward<B, 2> for Rms {
    type State = (FloatTensor<B>, FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [x, weight] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (by_x, by_weight) = B::rms_backward(ops.state.0, ops.state.1, gradient, ops.state.2);
        if let Some(node) = x {
            grads.register::<B>(node.id, by_x);
        }
        if let Some(node) = weight {
            grads.register::<B>(node.id, by_weight);
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    eps: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let ((x, x_node), (weight, weight_node)) = (x.into_parts(), weight.into_parts());
    match Rms.prepare::<C>([x_node, weight_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((x.clone(), weight.clone(), eps), B::rms(x, weight, eps)),
        OpsKind::UnTracked(prepared) => prepared.finish(B::rms(x, weight, eps)),
    }
}
