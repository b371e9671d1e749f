//! Number formats of weights on disk.

use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use crate::decoder::Packing;

/// The format of a weight on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit IEEE.
    F32,
    /// 16-bit IEEE.
    F16,
    /// The upper half of 32-bit IEEE.
    Bf16,
}

impl Precision {
    /// By its name on the command line: `f32`, `f16`, `bf16`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "f32" | "float32" => Some(Self::F32),
            "f16" | "float16" => Some(Self::F16),
            "bf16" | "bfloat16" => Some(Self::Bf16),
            _ => None,
        }
    }

    /// Its name in `config.json`.
    #[must_use]
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// Its name in a safetensors header.
    #[must_use]
    pub fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }

    /// From a safetensors header; `None` for what is no weight format that can be trained.
    #[must_use]
    pub fn of_dtype(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F32 => Some(Self::F32),
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::Bf16),
            _ => None,
        }
    }

    /// How such a tensor is kept in memory without a loss.
    #[must_use]
    pub fn packing(self) -> Packing {
        match self {
            Self::F32 => Packing::F32,
            Self::F16 => Packing::F16,
            Self::Bf16 => Packing::Bf16,
        }
    }

    /// Bytes of one value.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Little-endian bytes to float32, exactly.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => bytes.par_chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Self::F16 => bytes.par_chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            Self::Bf16 => bytes.par_chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        }
    }

    /// Float32 to little-endian bytes, rounded to nearest, ties to even.
    #[must_use]
    pub fn encode(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => values.par_iter().flat_map_iter(|x| x.to_le_bytes()).collect(),
            Self::F16 => values.par_iter().flat_map_iter(|&x| f16::from_f32(x).to_le_bytes()).collect(),
            Self::Bf16 => values.par_iter().flat_map_iter(|&x| bf16::from_f32(x).to_le_bytes()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decoded_encodes_to_the_same_bytes() {
        for p in [Precision::F32, Precision::F16, Precision::Bf16] {
            let bytes: Vec<u8> = (0..=0x3bffu16).flat_map(|b| b.to_le_bytes()).collect();
            let bytes = &bytes[..bytes.len() / 4 * 4];
            assert_eq!(p.encode(&p.decode(bytes)), bytes, "{p:?}");
        }
    }
}
