//! Reductions over a row, in lanes side by side, so that they fit vector instructions whatever these are.

use std::ops::AddAssign;

use super::exp::exp;

const LANES: usize = 16;

/// Values whose sum float32 holds well enough.
const BLOCK: usize = 1024;

#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (lanes, rest) = products(a, b);
    total(lanes) + rest
}

#[inline(always)]
fn products(a: &[f32], b: &[f32]) -> ([f32; LANES], f32) {
    let mut lanes = [0.0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut rest = 0.0f32;
    for (&a, &b) in a.remainder().iter().zip(b.remainder()) {
        rest = a.mul_add(b, rest);
    }
    for (a, b) in a.zip(b) {
        for ((sum, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *sum = a.mul_add(b, *sum);
        }
    }
    (lanes, rest)
}

#[inline(always)]
pub(super) fn greatest(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (most, &x) in lanes.iter_mut().zip(chunk) {
            *most = if x > *most { x } else { *most };
        }
    }
    lanes.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, f32::max)
}

#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (sum, &x) in lanes.iter_mut().zip(chunk) {
            *sum += x;
        }
    }
    // The rest goes where it would in a longer row: zeros at a row's end, as padding leaves them, change nothing.
    for (sum, &x) in lanes.iter_mut().zip(rest) {
        *sum += x;
    }
    total(lanes)
}

/// Adds `by` times `b` to `a`.
#[inline(always)]
pub(super) fn add(a: &mut [f32], by: f32, b: &[f32]) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a = by.mul_add(b, *a);
    }
}

/// The sum of all, by halves.
#[inline(always)]
fn total<T: Copy + AddAssign>(mut lanes: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            let other = lanes[i + half];
            lanes[i] += other;
        }
        half /= 2;
    }
    lanes[0]
}

/// The sums of `w`, `w y` and `w y²` with `y = x - shift` and `w = e^y`, of a whole vocabulary; where `w` is 0, it adds
/// nothing, however far below `y` is.
#[inline(always)]
pub(super) fn moments_of_exp(values: &[f32], shift: f32) -> [f64; 3] {
    let mut all = [0.0; 3];
    for block in values.chunks(BLOCK) {
        let [mut none, mut first, mut second] = [[0.0f32; BLOCK]; 3];
        for (((w, wy), wyy), &x) in none.iter_mut().zip(&mut first).zip(&mut second).zip(block) {
            let y = x - shift;
            *w = exp(y);
            let product = *w * y;
            *wy = if *w == 0.0 { 0.0 } else { product };
            *wyy = if *w == 0.0 { 0.0 } else { product * y };
        }
        all[0] += f64::from(sum(&none));
        all[1] += f64::from(sum(&first));
        all[2] += f64::from(sum(&second));
    }
    all
}

/// The sum of `e^(x - shift)`, of a whole vocabulary.
#[inline(always)]
pub(super) fn sum_of_exp(values: &[f32], shift: f32) -> f64 {
    let mut all = 0.0;
    // No closure: it would be compiled for itself, without the widest instructions.
    for block in values.chunks(BLOCK) {
        let mut exps = [0.0f32; BLOCK];
        for (y, &x) in exps.iter_mut().zip(block) {
            *y = exp(x - shift);
        }
        all += f64::from(sum(&exps));
    }
    all
}
