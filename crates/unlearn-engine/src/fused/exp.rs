//! The exponential function in a form that compilers turn into vector instructions.

/// Below it, 0 stands for the result.
const LEAST: f32 = -87.0;
/// Above it, the result is that of it.
const MOST: f32 = 88.0;

/// `e^x` to 1 unit in the last place between the bounds.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let bounded = x.clamp(LEAST, MOST);
    // Adding 1.5 * 2^23 rounds to a whole number.
    let shifted = bounded.mul_add(std::f32::consts::LOG2_E, 12_582_912.0);
    let whole = shifted - 12_582_912.0;
    // ln 2 in two parts, the first of which has few digits: x - whole * ln 2 is exact enough.
    let rest = whole.mul_add(-0.693_359_4, bounded);
    let rest = whole.mul_add(2.121_944_4e-4, rest);
    // Taylor's series to the eighth power: |rest| <= ln 2 / 2 leaves 2e-10 of it.
    let p = rest.mul_add(1.0 / 40320.0, 1.0 / 5040.0);
    let p = p.mul_add(rest, 1.0 / 720.0);
    let p = p.mul_add(rest, 1.0 / 120.0);
    let p = p.mul_add(rest, 1.0 / 24.0);
    let p = p.mul_add(rest, 1.0 / 6.0);
    let p = p.mul_add(rest, 0.5);
    // The two largest terms come last, so that little more than the last sum is rounded.
    let p = (p * rest).mul_add(rest, rest) + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    let result = p * power;
    // What is no number stays none.
    if x < LEAST { 0.0 } else { result }
}
