//! A tile of the result from a panel of each side, by the processor's products of
//! bfloat16 pairs with sums in float32 (AVX512-BF16).

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512bh, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::pack::Line;

/// Rows of a tile.
pub(super) const ROWS: usize = 8;
/// Lines of a tile's columns.
pub(super) const LINES: usize = 3;
/// Columns of a tile: with a line of each, its sums, what they are made from and one pair fill the registers.
pub(super) const COLUMNS: usize = 16 * LINES;

/// Whether this machine has the instructions.
pub(in super::super) fn there() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// Puts the products of `a` `[pairs][ROWS]` and `b` `[pairs][LINES]` into rows of `width` values, from `column` on, as many
/// rows and columns as are there; or adds them to what stands there. What was never written is not read first: the
/// system would map each page twice.
///
/// # Panics
/// Where [`there`] is false.
pub(super) fn tile(a: &[u32], b: &[Line], out: &mut [f32], (column, width): (usize, usize), add: bool) {
    assert!(there(), "this machine has no products of bfloat16");
    // SAFETY: the instructions are there.
    unsafe { tile_there(a, b, out, (column, width), add) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn tile_there(a: &[u32], b: &[Line], out: &mut [f32], (column, width): (usize, usize), add: bool) {
    let mut sums = [[_mm512_setzero_ps(); LINES]; ROWS];
    let (a, b) = (a.as_chunks::<ROWS>().0, b.as_chunks::<LINES>().0);
    for (a, b) in a.iter().zip(b) {
        let columns: [__m512bh; LINES] = b.map(|line| as_pairs(line));
        for (sums, &pair) in sums.iter_mut().zip(a) {
            let row = as_pairs_of(pair);
            for (sum, &columns) in sums.iter_mut().zip(&columns) {
                *sum = _mm512_dpbf16_ps(*sum, row, columns);
            }
        }
    }
    let there = COLUMNS.min(width - column);
    for (row, sums) in out.chunks_mut(width).zip(&sums) {
        let mut edge = [0.0; COLUMNS];
        let whole = there == COLUMNS;
        let part = if whole { &mut row[column..][..COLUMNS] } else { &mut edge[..] };
        for (part, &sum) in part.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
            // SAFETY: sixteen values stand there.
            unsafe {
                let sum = if whole && add { _mm512_add_ps(_mm512_loadu_ps(part.as_ptr()), sum) } else { sum };
                _mm512_storeu_ps(part.as_mut_ptr(), sum);
            }
        }
        if !whole {
            for (out, x) in row[column..].iter_mut().zip(edge) {
                *out = if add { *out + x } else { x };
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn as_pairs(line: Line) -> __m512bh {
    // SAFETY: both are 64 bytes, of which any value is one.
    unsafe { std::mem::transmute(line) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn as_pairs_of(pair: u32) -> __m512bh {
    // SAFETY: as above.
    unsafe { std::mem::transmute(_mm512_set1_epi32(pair.cast_signed())) }
}
