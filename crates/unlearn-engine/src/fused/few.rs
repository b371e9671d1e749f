//! Products of a few rows with a matrix, as generation makes them: what they take is the time to read the matrix once.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::ahead::ahead;
use super::entry::Entry;
use super::product::View;

/// Columns of the result that a task works on, at most.
const COLUMNS: usize = 512;
/// Rows of the matrix that are added up at once, where its rows lie in one piece.
const DEPTH: usize = 8;
/// Values of a column that are asked for before they are read.
const AHEAD: usize = 1024;
/// Vectors of columns whose sums stay in registers with those of eight rows.
const WIDE: usize = 2;

/// `a` `[m, k]`, row by row, times `b` `[k, n]`, whose rows or columns lie in one piece: `[m, n]`. A sum runs in one
/// order at any thread count.
pub(super) fn product<E: Entry>(a: &[f32], b: View<'_, E>, [m, k, n]: [usize; 3]) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    if out.is_empty() || k == 0 {
        return out;
    }
    let each = n.div_ceil(4 * rayon::current_num_threads()).next_multiple_of(32).min(COLUMNS);
    let mut rows = out.chunks_exact_mut(n).map(|row| row.chunks_mut(each)).collect::<Vec<_>>();
    let tasks = (0..n).step_by(each).map(|first| {
        let out: Vec<&mut [f32]> = rows.iter_mut().filter_map(Iterator::next).collect();
        Task { a, b, k, first, out }
    });
    let arch = Arch::new();
    tasks.collect::<Vec<_>>().into_par_iter().for_each(|task| arch.dispatch(task));
    out
}

/// Some columns of the result, row by row.
struct Task<'a, E> {
    a: &'a [f32],
    b: View<'a, E>,
    k: usize,
    first: usize,
    out: Vec<&'a mut [f32]>,
}

impl<E: Entry> WithSimd for Task<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { a, b, k, first, mut out } = self;
        let (mut a, mut out) = (a, out.as_mut_slice());
        while !out.is_empty() {
            let group = match out.len() {
                8.. => 8,
                4.. => 4,
                2.. => 2,
                _ => 1,
            };
            let (a_here, a_rest) = a.split_at(group * k);
            let (out_here, out_rest) = out.split_at_mut(group);
            match group {
                8 => Group::<E, 8> { a: a_here, b, k, first, out: out_here }.add(simd),
                4 => Group::<E, 4> { a: a_here, b, k, first, out: out_here }.add(simd),
                2 => Group::<E, 2> { a: a_here, b, k, first, out: out_here }.add(simd),
                _ => Group::<E, 1> { a: a_here, b, k, first, out: out_here }.add(simd),
            }
            (a, out) = (a_rest, out_rest);
        }
    }
}

/// `M` rows of it.
struct Group<'a, 'b, E, const M: usize> {
    a: &'a [f32],
    b: View<'a, E>,
    k: usize,
    first: usize,
    out: &'a mut [&'b mut [f32]],
}

impl<E: Entry, const M: usize> Group<'_, '_, E, M> {
    #[inline(always)]
    fn add<S: Simd>(mut self, simd: S) {
        if self.b.steps[1] == 1 {
            self.multiples(simd);
            return;
        }
        // A vector of each row's entries side by side.
        let lanes = S::F32_LANES;
        let mut a = Vec::with_capacity(self.a.len() / lanes);
        for p in (0..self.k / lanes * lanes).step_by(lanes) {
            for row in self.a.chunks_exact(self.k) {
                a.extend_from_slice(S::as_simd_f32s(&row[p..p + lanes]).0);
            }
        }
        let columns = self.out[0].len();
        for column in 0..columns {
            self.inner(simd, &a, column);
        }
    }

    /// Where the rows of `b` lie in one piece: the sum of multiples of them.
    #[inline(always)]
    fn multiples<S: Simd>(&mut self, simd: S) {
        let columns = self.out[0].len();
        let width = WIDE * S::F32_LANES;
        let whole = columns / width * width;
        let mut a = vec![[0.0; M]; self.k];
        for (i, row) in self.a.chunks_exact(self.k).enumerate() {
            for (entry, &x) in a.iter_mut().zip(row) {
                entry[i] = x;
            }
        }
        // The step of a single row says nothing.
        let step = if self.k == 1 { self.b.values.len() } else { self.b.steps[0] };
        let rows = self.b.values[self.first..].chunks(step);
        let rows: Vec<&[E]> = rows.take(self.k).map(|row| &row[..columns]).collect();
        for (a, rows) in a.chunks(DEPTH).zip(rows.chunks(DEPTH)) {
            for column in (0..whole).step_by(width) {
                let mut sums = [[simd.splat_f32s(0.0); WIDE]; M];
                for (entry, row) in a.iter().zip(rows) {
                    let row = &row[column..column + width];
                    ahead(row, DEPTH * step);
                    ahead(row, DEPTH * step + S::F32_LANES);
                    let (w0, w1) = (E::load(simd, row), E::load(simd, &row[S::F32_LANES..]));
                    // As one value, sums stay in registers.
                    let mut next = sums;
                    for i in 0..M {
                        let x = simd.splat_f32s(entry[i]);
                        next[i] = [simd.mul_add_f32s(x, w0, sums[i][0]), simd.mul_add_f32s(x, w1, sums[i][1])];
                    }
                    sums = next;
                }
                for (out, sums) in self.out.iter_mut().zip(&sums) {
                    let (out, _) = S::as_mut_simd_f32s(&mut out[column..column + width]);
                    for (out, &sum) in out.iter_mut().zip(sums) {
                        *out = simd.add_f32s(*out, sum);
                    }
                }
            }
            for (i, out) in self.out.iter_mut().enumerate() {
                for (column, out) in out.iter_mut().enumerate().skip(whole) {
                    for (entry, row) in a.iter().zip(rows) {
                        *out += entry[i] * row[column].float();
                    }
                }
            }
        }
    }

    /// Where the columns of `b` lie in one piece: inner products with one of them; `a` `[k / lanes][M]`.
    #[inline(always)]
    fn inner<S: Simd>(&mut self, simd: S, a: &[S::f32s], at: usize) {
        let column = &self.b.values[(self.first + at) * self.b.steps[1]..][..self.k];
        let w = column.chunks_exact(S::F32_LANES);
        let rest = w.remainder();
        let mut sums = [simd.splat_f32s(0.0); M];
        for (p, (entry, w)) in a.as_chunks::<M>().0.iter().zip(w).enumerate() {
            ahead(column, p * S::F32_LANES + AHEAD);
            let w = E::load(simd, w);
            // As one value, sums stay in registers.
            let mut next = sums;
            for i in 0..M {
                next[i] = simd.mul_add_f32s(entry[i], w, sums[i]);
            }
            sums = next;
        }
        for ((out, row), &sum) in self.out.iter_mut().zip(self.a.chunks_exact(self.k)).zip(&sums) {
            let last = row[self.k - rest.len()..].iter().zip(rest);
            out[at] = last.fold(simd.reduce_sum_f32s(sum), |sum, (x, w)| sum + x * w.float());
        }
    }
}
