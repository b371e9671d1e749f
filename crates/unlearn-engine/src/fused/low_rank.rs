//! What a low-rank adapter adds to a linear layer (Hu et al., 2021, equation 3): `y + scale (x A) B`, whose products are too
//! thin for a general one.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::product::View;
use super::{Fused, Kernel, by_rows_of, few};

/// An adapter beside a layer, and what the layer read.
#[derive(Clone, Copy)]
pub(super) struct Adapter<'a> {
    /// `[n, from]`
    pub(super) x: &'a [f32],
    /// `A`, `[from, rank]`.
    pub(super) down: &'a [f32],
    /// `B`, `[rank, to]`.
    pub(super) up: &'a [f32],
    /// `[from, rank, to]`
    pub(super) sizes: [usize; 3],
    pub(super) scale: f32,
}

impl Adapter<'_> {
    fn rows(&self) -> usize {
        self.x.len() / self.sizes[0]
    }

    /// `(x A)` turned, `[rank, n]`, given `A` turned.
    fn inside(&self, down: &[f32]) -> Vec<f32> {
        let [from, rank, _] = self.sizes;
        few::product(down, columns(self.x, from), [rank, from, self.rows()])
    }
}

/// Adds it to `y` `[n, to]`.
pub(super) fn forward(y: &mut [f32], adapter: &Adapter<'_>) {
    let [from, rank, to] = adapter.sizes;
    let inside = adapter.inside(&turned(adapter.down, [from, rank]));
    let adding = Adding { by: &inside, rows: adapter.rows(), of: adapter.up, width: to, scale: adapter.scale };
    by_rows_of(y, to, rank * to, &adding);
}

/// Gradients by `x`, `A` and `B`, from that of the result.
pub(super) fn backward(adapter: &Adapter<'_>, gradient: &[f32]) -> [Vec<f32>; 3] {
    let (n, [from, rank, to], scale) = (adapter.rows(), adapter.sizes, adapter.scale);
    let down = turned(adapter.down, [from, rank]);
    let mut inside = adapter.inside(&down);
    inside.iter_mut().for_each(|x| *x *= scale);
    let by_up = few::product(&inside, rows(gradient, to), [rank, n, to]);
    let mut by_inside = few::product(adapter.up, columns(gradient, to), [rank, to, n]);
    by_inside.iter_mut().for_each(|x| *x *= scale);
    let by_down = few::product(&by_inside, rows(adapter.x, from), [rank, n, from]);
    let mut by_x = vec![0.0; n * from];
    by_rows_of(&mut by_x, from, rank * from, &Adding { by: &by_inside, rows: n, of: &down, width: from, scale: 1.0 });
    [by_x, turned(&by_down, [rank, from]), by_up]
}

/// Adds to each row multiples of all rows `[rank, width]`, by `[rank, rows]`.
struct Adding<'a> {
    by: &'a [f32],
    rows: usize,
    of: &'a [f32],
    width: usize,
    scale: f32,
}

/// Multiples that are added in one pass over a row.
const TOGETHER: usize = 4;

impl Kernel for Adding<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let Self { by, rows, of, width, scale } = *self;
        for (i, out) in part.chunks_exact_mut(width).enumerate() {
            let at = first + i;
            let four = of.chunks_exact(TOGETHER * width);
            let rest = four.remainder();
            for (of, by) in four.zip(by.chunks_exact(TOGETHER * rows)) {
                let (a, b) = of.split_at(2 * width);
                let ((a, b), (c, d)) = (a.split_at(width), b.split_at(width));
                let by = [by[at] * scale, by[rows + at] * scale, by[2 * rows + at] * scale, by[3 * rows + at] * scale];
                for ((((out, &a), &b), &c), &d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *out = by[3].mul_add(d, by[2].mul_add(c, by[1].mul_add(b, by[0].mul_add(a, *out))));
                }
            }
            let done = (of.len() - rest.len()) / width;
            for (of, by) in rest.chunks_exact(width).zip(by[done * rows..].chunks_exact(rows)) {
                let by = by[at] * scale;
                for (out, &of) in out.iter_mut().zip(of) {
                    *out = by.mul_add(of, *out);
                }
            }
        }
    }
}

/// Rows of `width` as the columns of a matrix.
fn columns(values: &[f32], width: usize) -> View<'_, f32> {
    View { values, steps: [1, width], weights: false }
}

/// Rows of `width` as the rows of one.
fn rows(values: &[f32], width: usize) -> View<'_, f32> {
    View { values, steps: [width, 1], weights: false }
}

/// `[rows, columns]` with rows for columns.
fn turned(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for (i, row) in values.chunks_exact(columns).enumerate() {
        for (out, &x) in out.iter_mut().skip(i).step_by(rows).zip(row) {
            *out = x;
        }
    }
    out
}

#[derive(Debug)]
struct LowRank;

impl<B: Backend + Fused> Backward<B, 4> for LowRank {
    type State = ([FloatTensor<B>; 3], f64);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([y, x, down, up], ([x_was, down_was, up_was], scale)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        let (by_x, by_down, by_up) = B::low_rank_backward(x_was, down_was, up_was, gradient.clone(), scale);
        for (node, gradient) in [(y, gradient), (x, by_x), (down, by_down), (up, by_up)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    tensors: [FloatTensor<Autodiff<B, C>>; 4],
    scale: f64,
) -> FloatTensor<Autodiff<B, C>> {
    let [(y, y_node), (x, x_node), (down, down_node), (up, up_node)] = tensors.map(|tensor| tensor.into_parts());
    match LowRank.prepare::<C>([y_node, x_node, down_node, up_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = ([x.clone(), down.clone(), up.clone()], scale);
            prepared.finish(state, B::low_rank(y, x, down, up, scale))
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::low_rank(y, x, down, up, scale)),
    }
}
