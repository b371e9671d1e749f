//! Products in float32, by `faer`, which packs and blocks; right sides that are wide are cut for it.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::View;

/// Columns of the result from which on each thread takes some for itself: packed, those of all do not fit a cache.
const WIDE: usize = 4096;
/// Columns that it takes.
const COLUMNS: usize = 3072;
/// Products of numbers from which on more than one thread pays.
const MANY: usize = 1 << 21;

/// `a` `[m, k]` times `b` `[k, n]`: `[m, n]`.
pub(super) fn product(a: View<'_, f32>, b: View<'_, f32>, [m, k, n]: [usize; 3]) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    if m * k * n == 0 {
        return out;
    }
    let (mut own_a, mut own_b) = (Vec::new(), Vec::new());
    let (a, b) = (matrix(a, [m, k], &mut own_a), matrix(b, [k, n], &mut own_b));
    let to = MatMut::from_row_major_slice_mut(&mut out, m, n);
    if n < WIDE {
        let threads = if m * k * n < MANY { Par::Seq } else { Par::rayon(rayon::current_num_threads()) };
        matmul(to, Accum::Replace, a, b, 1.0, threads);
        return out;
    }
    to.par_col_chunks_mut(COLUMNS).enumerate().for_each(|(i, to)| {
        let b = b.subcols(i * COLUMNS, to.ncols());
        matmul(to, Accum::Replace, a, b, 1.0, Par::Seq);
    });
    out
}

/// A view as `faer` takes it; copied where neither rows nor columns lie in one piece.
fn matrix<'a>(
    View { values, steps, .. }: View<'a, f32>,
    [rows, columns]: [usize; 2],
    own: &'a mut Vec<f32>,
) -> MatRef<'a, f32> {
    if let Some(step) = step_of_pieces([rows, columns], steps) {
        return MatRef::from_row_major_slice_with_stride(piece(values, [rows, columns], step), rows, columns, step);
    }
    if let Some(step) = step_of_pieces([columns, rows], [steps[1], steps[0]]) {
        return MatRef::from_column_major_slice_with_stride(piece(values, [columns, rows], step), rows, columns, step);
    }
    own.extend((0..rows).flat_map(|i| (0..columns).map(move |k| values[i * steps[0] + k * steps[1]])));
    MatRef::from_row_major_slice(own, rows, columns)
}

/// From one to the next of `pieces`, whose `length` entries lie side by side, if so they do.
fn step_of_pieces([pieces, length]: [usize; 2], [step, inside]: [usize; 2]) -> Option<usize> {
    // The step along what has one entry says nothing.
    let step = if pieces == 1 { length } else { step };
    ((inside == 1 || length == 1) && step >= length).then_some(step)
}

fn piece(values: &[f32], [pieces, length]: [usize; 2], step: usize) -> &[f32] {
    &values[..(pieces - 1) * step + length]
}
