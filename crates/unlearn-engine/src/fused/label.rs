//! Log-probability of one class in each row of scores.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::exp::exp;
use super::lanes::{greatest, sum_of_exp};
use super::{Fused, Kernel, by_rows, by_rows_of};

/// Of each row: its greatest score, the sum of the exponentials of all scores less that, and the label's log-probability.
pub(super) const FOUND: usize = 3;

struct Forward<'a> {
    scores: &'a [f32],
    width: usize,
    labels: &'a [usize],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        for (i, out) in part.chunks_exact_mut(FOUND).enumerate() {
            let row = &self.scores[(first + i) * self.width..][..self.width];
            let most = greatest(row);
            let all = sum_of_exp(row, most);
            let label = row[self.labels[first + i]];
            out[0] = most;
            out[1] = all as f32;
            out[2] = (f64::from(label - most) - all.ln()) as f32;
        }
    }
}

/// Of `scores` `[n, width]` and a label for each row: `[n, FOUND]`.
pub(super) fn forward(scores: &[f32], width: usize, labels: &[usize]) -> Vec<f32> {
    let mut out = vec![0.0; labels.len() * FOUND];
    by_rows_of(&mut out, FOUND, width, &Forward { scores, width, labels });
    out
}

struct ByScores<'a> {
    width: usize,
    labels: &'a [usize],
    found: &'a [f32],
    gradient: &'a [f32],
}

impl Kernel for ByScores<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        for (i, row) in part.chunks_exact_mut(self.width).enumerate() {
            let at = first + i;
            let (most, all) = (self.found[at * FOUND], self.found[at * FOUND + 1]);
            let gradient = self.gradient[at * FOUND + 2];
            let each = -gradient / all;
            for x in row.iter_mut() {
                *x = each * exp(*x - most);
            }
            row[self.labels[at]] += gradient;
        }
    }
}

/// Puts the gradient in the place of the scores: beside each other, they would be the largest of what a step holds.
pub(super) fn backward((scores, width): (&mut [f32], usize), labels: &[usize], (found, gradient): (&[f32], &[f32])) {
    by_rows(scores, width, &ByScores { width, labels, found, gradient });
}

#[derive(Debug)]
struct Label;

impl<B: Backend + Fused> Backward<B, 1> for Label {
    type State = (FloatTensor<B>, IntTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([node], (scores, labels, found)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        if let Some(node) = node {
            grads.register::<B>(node.id, B::label_backward(scores, labels, found, gradient));
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    scores: FloatTensor<Autodiff<B, C>>,
    labels: IntTensor<B>,
) -> FloatTensor<Autodiff<B, C>> {
    let (scores, node) = scores.into_parts();
    let found = B::label(scores.clone(), labels.clone());
    match Label.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((scores, labels, found.clone()), found),
        OpsKind::UnTracked(prepared) => prepared.finish(found),
    }
}
