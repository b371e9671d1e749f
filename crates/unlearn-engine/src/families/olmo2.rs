//! OLMo 2.

use super::common::{Defaults, gated};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::{NormPlace, QueryKeyNorm};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family =
    Family { name: "olmo2", summary: "OLMo 2: norms after each half, and on all queries and all keys", config };

const DEFAULTS: Defaults = Defaults { norm_eps: 1e-5, ..Defaults::LLAMA };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    let bias = f.switch("attention_bias")?;
    (c.qkv_bias, c.output_bias) = (bias, bias);
    (c.norm_place, c.query_key_norm) = (NormPlace::After, QueryKeyNorm::Whole);
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    Ok(c)
}
