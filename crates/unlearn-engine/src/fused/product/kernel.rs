//! A tile of the result from a panel of each side, by the processor's products of bfloat16 pairs with sums in float32
//! (AVX512-BF16).

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m512bh, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
};
use std::mem::MaybeUninit;

use super::pack::Line;

/// Rows of a tile.
pub(super) const ROWS: usize = 8;
/// Lines of a tile's columns.
pub(super) const LINES: usize = 3;
/// Columns of a tile: with a line of each, its sums, what they are made from and one pair fill the registers.
pub(super) const COLUMNS: usize = 16 * LINES;

/// A value that may not be there yet.
pub(super) type Unwritten = MaybeUninit<f32>;

/// `n` values of which `write` writes every one: zeros that are written first would cost a pass over memory.
///
/// Each must be covered by a [`tile`] that does not add.
pub(super) fn written(n: usize, write: impl FnOnce(&mut [Unwritten])) -> Vec<f32> {
    let mut values = Box::new_uninit_slice(n);
    write(&mut values);
    // SAFETY: all were written, as the caller sees to.
    unsafe { values.assume_init() }.into_vec()
}

/// Whether this machine has the instructions.
pub(in super::super) fn there() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// Puts the products of `a` `[pairs][ROWS]` and `b` `[pairs][LINES]` into rows of `width` values, from `column` on, as many
/// rows and columns as are there; or adds them to what an earlier call put there.
///
/// # Panics
/// Where [`there`] is false.
pub(super) fn tile(a: &[u32], b: &[Line], out: &mut [Unwritten], (column, width): (usize, usize), add: bool) {
    assert!(there(), "this machine has no products of bfloat16");
    // SAFETY: the instructions are there.
    unsafe { tile_there(a, b, out, (column, width), add) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn tile_there(a: &[u32], b: &[Line], out: &mut [Unwritten], (column, width): (usize, usize), add: bool) {
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
        let mut edge = [Unwritten::new(0.0); COLUMNS];
        let whole = there == COLUMNS;
        let part = if whole { &mut row[column..][..COLUMNS] } else { &mut edge[..] };
        for (part, &sum) in part.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
            // SAFETY: sixteen values have their place there, and where one is added to, it was written.
            unsafe {
                let at = part.as_mut_ptr().cast::<f32>();
                _mm512_storeu_ps(at, if whole && add { _mm512_add_ps(_mm512_loadu_ps(at), sum) } else { sum });
            }
        }
        if !whole {
            for (out, x) in row[column..].iter_mut().zip(edge) {
                // SAFETY: the edge is written, and where is added, so is what it is added to.
                unsafe { out.write(if add { out.assume_init() + x.assume_init() } else { x.assume_init() }) };
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
