//! The types without blocks.

use super::each;

pub(in crate::gguf) fn f32(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |stored, value: &mut [f32; 1]| value[0] = f32::from_le_bytes(*stored));
}

pub(in crate::gguf) fn f16(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |stored, value: &mut [f32; 1]| value[0] = half::f16::from_le_bytes(*stored).to_f32());
}

pub(in crate::gguf) fn bf16(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |stored, value: &mut [f32; 1]| value[0] = half::bf16::from_le_bytes(*stored).to_f32());
}

/// Rounds to the nearest 32-bit float.
pub(in crate::gguf) fn f64(bytes: &[u8], values: &mut [f32]) {
    each(bytes, values, |stored, value: &mut [f32; 1]| value[0] = f64::from_le_bytes(*stored) as f32);
}
