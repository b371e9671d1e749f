//! From the layout of projections, token by token, to that of attention, head by head, and back: heads are turned by
//! rotary position embedding (Su et al., 2021, arXiv 2104.09864) and scaled on the way.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::{Fused, Kernel, by_rows};

/// Sizes of both layouts, and how heads are changed.
pub(super) struct Way<'a> {
    pub(super) tokens: usize,
    pub(super) heads: usize,
    /// Entries of a head.
    pub(super) size: usize,
    /// `[rows or 1, tokens, dim]`: cosines, then sines.
    pub(super) turns: &'a [f32],
    pub(super) dim: usize,
    pub(super) scale: f32,
}

impl Way<'_> {
    /// Fills a head of a row's token: entry `i` of the first half of what is turned with entry `i` of the second.
    /// `sign` is -1 for turning back.
    #[inline(always)]
    fn turn(&self, (row, token): (usize, usize), head: &[f32], sign: f32, out: &mut [f32]) {
        let (dim, half, scale) = (self.dim, self.dim / 2, self.scale);
        let shown = self.turns.len() / (self.tokens * dim).max(1);
        let turns = match shown {
            0 => &[],
            _ => &self.turns[((row % shown) * self.tokens + token) * dim..][..dim],
        };
        let (cos, sin) = turns.split_at(half);
        let ((turned, rest), (head, other)) = (out.split_at_mut(dim), head.split_at(dim));
        let ((y0, y1), (x0, x1)) = (turned.split_at_mut(half), head.split_at(half));
        for (((((y0, y1), &x0), &x1), &c), &s) in y0.iter_mut().zip(y1).zip(x0).zip(x1).zip(cos).zip(sin) {
            let s = s * sign;
            *y0 = (x0 * c - x1 * s) * scale;
            *y1 = (x1 * c + x0 * s) * scale;
        }
        for (y, &x) in rest.iter_mut().zip(other) {
            *y = x * scale;
        }
    }
}

struct ByHead<'a>(&'a [f32], &'a Way<'a>);

impl Kernel for ByHead<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let Way { tokens, heads, size, .. } = *self.1;
        for (i, out) in part.chunks_exact_mut(size).enumerate() {
            let line = first + i;
            let (token, head, row) = (line % tokens, line / tokens % heads, line / (tokens * heads));
            let from = ((row * tokens + token) * heads + head) * size;
            self.1.turn((row, token), &self.0[from..][..size], 1.0, out);
        }
    }
}

struct ByToken<'a>(&'a [f32], &'a Way<'a>);

impl Kernel for ByToken<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let Way { tokens, heads, size, .. } = *self.1;
        for (i, line) in part.chunks_exact_mut(heads * size).enumerate() {
            let (token, row) = ((first + i) % tokens, (first + i) / tokens);
            for (head, out) in line.chunks_exact_mut(size).enumerate() {
                let from = ((row * heads + head) * tokens + token) * size;
                self.1.turn((row, token), &self.0[from..][..size], -1.0, out);
            }
        }
    }
}

/// `[rows * tokens, heads * size]` to `[rows, heads, tokens, size]`.
pub(super) fn by_head(x: &[f32], way: &Way<'_>) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    by_rows(&mut out, way.size, &ByHead(x, way));
    out
}

/// `[rows, heads, tokens, size]` to `[rows * tokens, heads * size]`, turned back.
pub(super) fn by_token(x: &[f32], way: &Way<'_>) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    by_rows(&mut out, way.heads * way.size, &ByToken(x, way));
    out
}

/// A gradient goes the other way.
#[derive(Debug)]
enum Heads {
    Apart([usize; 2]),
    Together,
}

impl<B: Backend + Fused> Backward<B, 1> for Heads {
    /// What turns heads, and the scale.
    type State = (FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([node], (turns, scale)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        let Some(node) = node else { return };
        let gradient = match self {
            Self::Apart(sizes) => B::by_head(gradient, turns, sizes, scale),
            Self::Together => B::by_token(gradient, turns, scale),
        };
        grads.register::<B>(node.id, gradient);
    }
}

pub(super) fn tracked_by_head<B: Backend + Fused, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    turns: FloatTensor<Autodiff<B, C>>,
    sizes: [usize; 2],
    scale: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let ((x, node), turns) = (x.into_parts(), turns.into_primitive());
    match Heads::Together.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((turns.clone(), scale), B::by_head(x, turns, sizes, scale)),
        OpsKind::UnTracked(prepared) => prepared.finish(B::by_head(x, turns, sizes, scale)),
    }
}

pub(super) fn tracked_by_token<B: Backend + Fused, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    turns: FloatTensor<Autodiff<B, C>>,
    scale: f64,
) -> FloatTensor<Autodiff<B, C>> {
    use burn::backend::TensorMetadata;
    let ((x, node), turns) = (x.into_parts(), turns.into_primitive());
    let shape = x.shape();
    match Heads::Apart([shape[0], shape[1]]).prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((turns.clone(), scale), B::by_token(x, turns, scale)),
        OpsKind::UnTracked(prepared) => prepared.finish(B::by_token(x, turns, scale)),
    }
}
