//! Log-probabilities of all classes in each row of scores.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::exp::exp;
use super::lanes::{greatest, sum, sum_of_exp};
use super::{Fused, Kernel, by_rows};

struct Forward<'a>(&'a [f32], usize);

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let width = self.1;
        for (i, out) in part.chunks_exact_mut(width).enumerate() {
            let row = &self.0[(first + i) * width..][..width];
            let most = greatest(row);
            let all = sum_of_exp(row, most).ln() as f32;
            for (y, &x) in out.iter_mut().zip(row) {
                *y = (x - most) - all;
            }
        }
    }
}

/// Of `scores` `[n, width]`.
pub(super) fn forward(scores: &[f32], width: usize) -> Vec<f32> {
    let mut out = vec![0.0; scores.len()];
    by_rows(&mut out, width, &Forward(scores, width));
    out
}

struct ByScores<'a> {
    log_probs: &'a [f32],
    gradient: &'a [f32],
    width: usize,
}

impl Kernel for ByScores<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        for (i, out) in part.chunks_exact_mut(self.width).enumerate() {
            let at = (first + i) * self.width;
            let (log_probs, gradient) = (&self.log_probs[at..][..self.width], &self.gradient[at..][..self.width]);
            let all = sum(gradient);
            for ((y, &l), &g) in out.iter_mut().zip(log_probs).zip(gradient) {
                *y = g - exp(l) * all;
            }
        }
    }
}

pub(super) fn backward(log_probs: &[f32], gradient: &[f32], width: usize) -> Vec<f32> {
    let mut out = vec![0.0; log_probs.len()];
    by_rows(&mut out, width, &ByScores { log_probs, gradient, width });
    out
}

#[derive(Debug)]
struct LogSoftmax;

impl<B: Backend + Fused> Backward<B, 1> for LogSoftmax {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [scores] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        if let Some(node) = scores {
            grads.register::<B>(node.id, B::log_softmax_backward(ops.state, gradient));
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    scores: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let (scores, node) = scores.into_parts();
    let log_probs = B::log_softmax_rows(scores);
    match LogSoftmax.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(log_probs.clone(), log_probs),
        OpsKind::UnTracked(prepared) => prepared.finish(log_probs),
    }
}
