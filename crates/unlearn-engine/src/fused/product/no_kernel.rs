//! Of a processor that has no products of bfloat16, or whose are not used here.

use super::pack::Line;

pub(super) const ROWS: usize = 8;
pub(super) const LINES: usize = 3;
pub(super) const COLUMNS: usize = 16 * LINES;

pub(in super::super) fn there() -> bool {
    false
}

pub(super) fn written(n: usize, write: impl FnOnce(&mut [f32])) -> Vec<f32> {
    let mut values = vec![0.0; n];
    write(&mut values);
    values
}

pub(super) fn tile(_: &[u32], _: &[Line], _: &mut [f32], _: (usize, usize), _: bool) {
    unreachable!("asked of a processor that has no products of bfloat16");
}
