//! Sums that a few neighbouring queries share: a key or value is read once for all of them.

use pulp::Simd;
use std::ops::Range;

use super::super::{Kernel, by_rows};

/// Queries that are looked at together.
pub(super) const QUERIES: usize = 4;
/// Tokens that stand side by side.
const LANES: usize = 16;

/// A number for each query.
pub(super) type Each = [f32; QUERIES];

/// Rows `[tokens, heads * dim]` so that neighbouring tokens stand side by side: `[heads, blocks, dim, LANES]`.
pub(super) struct Turned {
    values: Vec<f32>,
    blocks: usize,
    dim: usize,
}

struct Turning<'a> {
    rows: &'a [f32],
    width: usize,
    dim: usize,
    blocks: usize,
}

impl Kernel for Turning<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, first: usize, part: &mut [f32]) {
        let Self { rows, width, dim, blocks } = *self;
        for (i, out) in part.chunks_exact_mut(dim * LANES).enumerate() {
            let (head, block) = ((first + i) / blocks, (first + i) % blocks);
            let tokens = rows.chunks_exact(width).skip(block * LANES).take(LANES);
            for (lane, row) in tokens.enumerate() {
                for (out, &x) in out.chunks_exact_mut(LANES).zip(&row[head * dim..][..dim]) {
                    out[lane] = x;
                }
            }
        }
    }
}

impl Turned {
    pub(super) fn new(rows: &[f32], heads: usize, dim: usize) -> Self {
        let width = heads * dim;
        let blocks = (rows.len() / width.max(1)).div_ceil(LANES);
        let mut values = vec![0.0; heads * blocks * dim * LANES];
        by_rows(&mut values, dim * LANES, &Turning { rows, width, dim, blocks });
        Self { values, blocks, dim }
    }

    /// Appends to `all[i]` the inner products of query `i` with a head's rows of the tokens `of`. Each is a sum of two in
    /// float32 that are added in float64.
    #[inline(always)]
    pub(super) fn products<S: Simd>(
        &self,
        simd: S,
        queries: &[Each],
        head: usize,
        of: Range<usize>,
        all: &mut [Vec<f64>; QUERIES],
    ) {
        let length = self.dim * LANES;
        let blocks = &self.values[head * self.blocks * length..][..self.blocks * length];
        for (block, values) in blocks.chunks_exact(length).enumerate().skip(of.start / LANES) {
            let start = block * LANES;
            if start >= of.end {
                break;
            }
            let mut found = [[[0.0; LANES]; 2]; QUERIES];
            for lane in (0..LANES).step_by(S::F32_LANES) {
                products(simd, queries, values, lane, &mut found);
            }
            let lanes = of.start.saturating_sub(start)..(of.end - start).min(LANES);
            for (all, [a, b]) in all.iter_mut().zip(&found) {
                let halves = a[lanes.clone()].iter().zip(&b[lanes.clone()]);
                all.extend(halves.map(|(&a, &b)| f64::from(a) + f64::from(b)));
            }
        }
    }
}

/// Inner products of queries `[dim]` with some lanes of `[dim][LANES]`, from `lane` on: of even entries, and of odd ones.
#[inline(always)]
fn products<S: Simd>(simd: S, queries: &[Each], block: &[f32], lane: usize, found: &mut [[[f32; LANES]; 2]; QUERIES]) {
    let mut sums = [[simd.splat_f32s(0.0); 2]; QUERIES];
    let ((pairs, last), (rows, _)) = (queries.as_chunks::<2>(), block.as_chunks::<LANES>());
    let load = |row: &[f32; LANES]| S::as_simd_f32s(&row[lane..lane + S::F32_LANES]).0[0];
    for (two, rows) in pairs.iter().zip(rows.as_chunks::<2>().0) {
        let (even, odd) = (load(&rows[0]), load(&rows[1]));
        // As one value, sums stay in registers.
        let mut next = sums;
        for i in 0..QUERIES {
            next[i] = [
                simd.mul_add_f32s(simd.splat_f32s(two[0][i]), even, sums[i][0]),
                simd.mul_add_f32s(simd.splat_f32s(two[1][i]), odd, sums[i][1]),
            ];
        }
        sums = next;
    }
    if let ([query], Some(row)) = (last, rows.last()) {
        let row = load(row);
        for (sums, &x) in sums.iter_mut().zip(query) {
            sums[0] = simd.mul_add_f32s(simd.splat_f32s(x), row, sums[0]);
        }
    }
    for (found, sums) in found.iter_mut().zip(&sums) {
        for (found, &sum) in found.iter_mut().zip(sums) {
            S::as_mut_simd_f32s(&mut found[lane..lane + S::F32_LANES]).0[0] = sum;
        }
    }
}

/// Rows of `width` values that belong to tokens; of each, `dim` values from `at` on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
    pub(super) at: usize,
    pub(super) dim: usize,
}

/// Vectors of a row that are worked on at once: with four queries, their sums fill half of the registers.
const WIDE: usize = 2;

/// Puts the sum of the rows of tokens, each times its number for the query, into the rows of `out` `[queries][dim]`.
#[inline(always)]
pub(super) fn sums<S: Simd>(simd: S, out: &mut [f32], rows: Rows<'_>, seen: &[Range<usize>], by: &[Each]) {
    let (dim, mut at) = (rows.dim, 0);
    while at + WIDE * S::F32_LANES <= dim {
        sums_of::<S, WIDE>(simd, out, rows, at, seen, by);
        at += WIDE * S::F32_LANES;
    }
    while at + S::F32_LANES <= dim {
        sums_of::<S, 1>(simd, out, rows, at, seen, by);
        at += S::F32_LANES;
    }
    for at in at..dim {
        let mut by = by.iter();
        let mut sums = [0.0f32; QUERIES];
        for range in seen {
            for (token, by) in range.clone().zip(&mut by) {
                let x = rows.values[token * rows.width + rows.at + at];
                for i in 0..QUERIES {
                    sums[i] = by[i].mul_add(x, sums[i]);
                }
            }
        }
        for (out, sum) in out.chunks_exact_mut(dim).zip(sums) {
            out[at] = sum;
        }
    }
}

#[inline(always)]
fn sums_of<S: Simd, const N: usize>(
    simd: S,
    out: &mut [f32],
    rows: Rows<'_>,
    at: usize,
    seen: &[Range<usize>],
    by: &[Each],
) {
    let mut sums = [[simd.splat_f32s(0.0); N]; QUERIES];
    let mut by = by.iter();
    for range in seen {
        for (token, by) in range.clone().zip(&mut by) {
            let row = &rows.values[token * rows.width + rows.at + at..][..N * S::F32_LANES];
            let Some(row) = S::as_simd_f32s(row).0.first_chunk::<N>() else { return };
            let mut next = sums;
            for i in 0..QUERIES {
                let by = simd.splat_f32s(by[i]);
                for n in 0..N {
                    next[i][n] = simd.mul_add_f32s(by, row[n], sums[i][n]);
                }
            }
            sums = next;
        }
    }
    for (out, sums) in out.chunks_exact_mut(rows.dim).zip(&sums) {
        S::as_mut_simd_f32s(&mut out[at..at + N * S::F32_LANES]).0.copy_from_slice(sums);
    }
}

/// Adds to each token's row of `out` `[tokens, dim]` the queries `[queries][dim]`, each times the token's number for it.
#[inline(always)]
pub(super) fn spread<S: Simd>(
    simd: S,
    out: &mut [f32],
    queries: &[f32],
    dim: usize,
    seen: &[Range<usize>],
    by: &[Each],
) {
    let mut at = 0;
    while at + WIDE * S::F32_LANES <= dim {
        spread_of::<S, WIDE>(simd, out, queries, (dim, at), seen, by);
        at += WIDE * S::F32_LANES;
    }
    while at + S::F32_LANES <= dim {
        spread_of::<S, 1>(simd, out, queries, (dim, at), seen, by);
        at += S::F32_LANES;
    }
    for at in at..dim {
        let mut by = by.iter();
        for range in seen {
            for (token, by) in range.clone().zip(&mut by) {
                let x = &mut out[token * dim + at];
                for i in 0..QUERIES {
                    *x = by[i].mul_add(queries[i * dim + at], *x);
                }
            }
        }
    }
}

#[inline(always)]
fn spread_of<S: Simd, const N: usize>(
    simd: S,
    out: &mut [f32],
    queries: &[f32],
    (dim, at): (usize, usize),
    seen: &[Range<usize>],
    by: &[Each],
) {
    let mut parts = [[simd.splat_f32s(0.0); N]; QUERIES];
    for (part, query) in parts.iter_mut().zip(queries.chunks_exact(dim)) {
        part.copy_from_slice(S::as_simd_f32s(&query[at..at + N * S::F32_LANES]).0);
    }
    let mut by = by.iter();
    for range in seen {
        for (token, by) in range.clone().zip(&mut by) {
            let row = S::as_mut_simd_f32s(&mut out[token * dim + at..][..N * S::F32_LANES]).0;
            for i in 0..QUERIES {
                let by = simd.splat_f32s(by[i]);
                for n in 0..N {
                    row[n] = simd.mul_add_f32s(by, parts[i][n], row[n]);
                }
            }
        }
    }
}
