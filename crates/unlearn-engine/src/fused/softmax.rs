//! Shares of attention: softmax over keys of scores with a mask.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::exp::exp;
use super::lanes::{greatest, sum};
use super::{Fused, Kernel, by_rows};

struct Forward<'a> {
    scores: &'a [f32],
    mask: &'a [f32],
    /// Heads, tokens, keys.
    shape: [usize; 3],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let [heads, tokens, keys] = self.shape;
        let shown = (self.mask.len() / (tokens * keys)).max(1);
        for (i, out) in part.chunks_exact_mut(keys).enumerate() {
            let line = first + i;
            let (token, row) = (line % tokens, line / (heads * tokens));
            let mask = &self.mask[((row % shown) * tokens + token) * keys..][..keys];
            let scores = &self.scores[line * keys..][..keys];
            for ((y, &s), &m) in out.iter_mut().zip(scores).zip(mask) {
                *y = s + m;
            }
            let most = greatest(out);
            for y in out.iter_mut() {
                *y = exp(*y - most);
            }
            let all = sum(out);
            for y in out.iter_mut() {
                *y /= all;
            }
        }
    }
}

/// Of `scores` `[rows, heads, tokens, keys]` and a mask `[rows or 1, 1, tokens, keys]`.
pub(super) fn forward(scores: &[f32], mask: &[f32], shape: [usize; 3]) -> Vec<f32> {
    let mut out = vec![0.0; scores.len()];
    by_rows(&mut out, shape[2], &Forward { scores, mask, shape });
    out
}

struct ByScores<'a> {
    shares: &'a [f32],
    gradient: &'a [f32],
    keys: usize,
}

impl Kernel for ByScores<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        for (i, out) in part.chunks_exact_mut(self.keys).enumerate() {
            let at = (first + i) * self.keys;
            let (shares, gradient) = (&self.shares[at..][..self.keys], &self.gradient[at..][..self.keys]);
            for ((y, &p), &g) in out.iter_mut().zip(shares).zip(gradient) {
                *y = p * g;
            }
            let mean = sum(out);
            for (y, &p) in out.iter_mut().zip(shares) {
                *y -= p * mean;
            }
        }
    }
}

pub(super) fn backward(shares: &[f32], gradient: &[f32], keys: usize) -> Vec<f32> {
    let mut out = vec![0.0; shares.len()];
    by_rows(&mut out, keys, &ByScores { shares, gradient, keys });
    out
}

#[derive(Debug)]
struct Shares;

impl<B: Backend + Fused> Backward<B, 1> for Shares {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [scores] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        if let Some(node) = scores {
            grads.register::<B>(node.id, B::shares_backward(ops.state, gradient));
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    scores: FloatTensor<Autodiff<B, C>>,
    mask: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let ((scores, node), mask) = (scores.into_parts(), mask.into_primitive());
    let shares = B::shares(scores, mask);
    match Shares.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(shares.clone(), shares),
        OpsKind::UnTracked(prepared) => prepared.finish(shares),
    }
}
