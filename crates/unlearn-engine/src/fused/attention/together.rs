//! Sums that a few neighbouring queries share: a key or value is read once for all of them.

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
    fn fill(&self, first: usize, part: &mut [f32]) {
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
    pub(super) fn products(&self, queries: &[Each], head: usize, of: Range<usize>, all: &mut [Vec<f64>; QUERIES]) {
        let length = self.dim * LANES;
        let blocks = &self.values[head * self.blocks * length..][..self.blocks * length];
        for (block, values) in blocks.chunks_exact(length).enumerate().skip(of.start / LANES) {
            let start = block * LANES;
            if start >= of.end {
                break;
            }
            let found = products(queries, values);
            let lanes = of.start.saturating_sub(start)..(of.end - start).min(LANES);
            for (all, found) in all.iter_mut().zip(&found) {
                all.extend_from_slice(&found[lanes.clone()]);
            }
        }
    }
}

/// Inner products of queries `[dim]` with the lanes of `[dim][LANES]`.
#[inline(always)]
fn products(queries: &[Each], block: &[f32]) -> [[f64; LANES]; QUERIES] {
    let mut sums = [[[0.0f32; LANES]; 2]; QUERIES];
    let ((pairs, last), (rows, _)) = (queries.as_chunks::<2>(), block.as_chunks::<LANES>());
    for (two, rows) in pairs.iter().zip(rows.as_chunks::<2>().0) {
        // As one value, sums stay in registers.
        let mut next = sums;
        for i in 0..QUERIES {
            for half in 0..2 {
                for lane in 0..LANES {
                    next[i][half][lane] = two[half][i].mul_add(rows[half][lane], sums[i][half][lane]);
                }
            }
        }
        sums = next;
    }
    if let ([query], Some(row)) = (last, rows.last()) {
        for i in 0..QUERIES {
            for lane in 0..LANES {
                sums[i][0][lane] = query[i].mul_add(row[lane], sums[i][0][lane]);
            }
        }
    }
    let mut found = [[0.0; LANES]; QUERIES];
    for (found, [a, b]) in found.iter_mut().zip(&sums) {
        for lane in 0..LANES {
            found[lane] = f64::from(a[lane]) + f64::from(b[lane]);
        }
    }
    found
}

/// Rows of `width` values that belong to tokens; of each, `dim` values from `at` on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) width: usize,
    pub(super) at: usize,
    pub(super) dim: usize,
}

/// Puts the sum of the rows of tokens, each times its number for the query, into the rows of `out` `[queries][dim]`.
#[inline(always)]
pub(super) fn sums(out: &mut [f32], rows: Rows<'_>, seen: &[Range<usize>], by: &[Each]) {
    let (dim, mut at) = (rows.dim, 0);
    while at + 32 <= dim {
        sums_of::<32>(out, rows, at, seen, by);
        at += 32;
    }
    while at + 8 <= dim {
        sums_of::<8>(out, rows, at, seen, by);
        at += 8;
    }
    while at < dim {
        sums_of::<1>(out, rows, at, seen, by);
        at += 1;
    }
}

#[inline(always)]
fn sums_of<const WIDTH: usize>(out: &mut [f32], rows: Rows<'_>, at: usize, seen: &[Range<usize>], by: &[Each]) {
    let mut sums = [[0.0f32; WIDTH]; QUERIES];
    let mut by = by.iter();
    for range in seen {
        for (token, by) in range.clone().zip(&mut by) {
            let from = token * rows.width + rows.at + at;
            let Some(row) = rows.values[from..].first_chunk::<WIDTH>() else { return };
            let mut next = sums;
            for i in 0..QUERIES {
                for l in 0..WIDTH {
                    next[i][l] = by[i].mul_add(row[l], sums[i][l]);
                }
            }
            sums = next;
        }
    }
    for (out, sums) in out.chunks_exact_mut(rows.dim).zip(&sums) {
        out[at..at + WIDTH].copy_from_slice(sums);
    }
}

/// Adds to each token's row of `out` `[tokens, dim]` the queries `[queries][dim]`, each times the token's number for it.
#[inline(always)]
pub(super) fn spread(out: &mut [f32], queries: &[f32], dim: usize, seen: &[Range<usize>], by: &[Each]) {
    let mut at = 0;
    while at + 32 <= dim {
        spread_of::<32>(out, queries, (dim, at), seen, by);
        at += 32;
    }
    while at + 8 <= dim {
        spread_of::<8>(out, queries, (dim, at), seen, by);
        at += 8;
    }
    while at < dim {
        spread_of::<1>(out, queries, (dim, at), seen, by);
        at += 1;
    }
}

#[inline(always)]
fn spread_of<const WIDTH: usize>(
    out: &mut [f32],
    queries: &[f32],
    (dim, at): (usize, usize),
    seen: &[Range<usize>],
    by: &[Each],
) {
    let mut parts = [[0.0f32; WIDTH]; QUERIES];
    for (part, query) in parts.iter_mut().zip(queries.chunks_exact(dim)) {
        part.copy_from_slice(&query[at..at + WIDTH]);
    }
    let mut by = by.iter();
    for range in seen {
        for (token, by) in range.clone().zip(&mut by) {
            let Some(row) = out[token * dim + at..].first_chunk_mut::<WIDTH>() else { return };
            for l in 0..WIDTH {
                let sum = by[1].mul_add(parts[1][l], by[0].mul_add(parts[0][l], row[l]));
                row[l] = by[3].mul_add(parts[3][l], by[2].mul_add(parts[2][l], sum));
            }
        }
    }
}
