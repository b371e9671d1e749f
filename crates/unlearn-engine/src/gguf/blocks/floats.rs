//! The types without blocks, both ways. Encoding rounds to the nearest value, ties to the even one.

use super::{each, each_to};

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

pub(in crate::gguf) fn encode_f32(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |value: &[f32; 1], stored| *stored = value[0].to_le_bytes());
}

pub(in crate::gguf) fn encode_f16(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |value: &[f32; 1], stored| *stored = half::f16::from_f32(value[0]).to_le_bytes());
}

pub(in crate::gguf) fn encode_bf16(values: &[f32], bytes: &mut [u8]) {
    each_to(values, bytes, |value: &[f32; 1], stored| *stored = half::bf16::from_f32(value[0]).to_le_bytes());
}
