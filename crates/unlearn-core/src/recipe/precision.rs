//! How exactly to compute.

use serde::{Deserialize, Serialize};

/// What the factors of products of matrices are rounded to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Nothing.
    #[default]
    Float32,
    /// Eight bits of significance: about twice as fast where the processor has such products (AVX512-BF16).
    Bfloat16,
}
