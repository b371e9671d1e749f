//! The settings of one architecture in the metadata, under its prefix.

use super::refused;
use crate::gguf::{Fault, GgufError, MetaValue, Metadata};

/// Settings that change the numbers. Each architecture says which of them it understands; the others are refused,
/// unless they have the value that changes nothing.
const CHANGES_THE_NUMBERS: [&str; 33] = [
    "attention.clamp_kqv",
    "attention.key_length_swa",
    "attention.kv_lora_rank",
    "attention.max_alibi_bias",
    "attention.output_scale",
    "attention.q_lora_rank",
    "attention.recurrent_layers",
    "attention.scale",
    "attention.shared_kv_layers",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.temperature_scale",
    "attention.value_length_swa",
    "attention.value_scale",
    "attn_logit_softcapping",
    "deepstack_layers",
    "embedding_scale",
    "expert_count",
    "final_logit_softcapping",
    "leading_dense_block_count",
    "logit_scale",
    "nextn_predict_layers",
    "pooling_type",
    "rescale_every_n_layers",
    "residual_scale",
    "rope.dimension_count_swa",
    "rope.dimension_sections",
    "rope.freq_base_swa",
    "rope.scaling.alpha",
    "rope.scaling.attn_factor",
    "rope.scaling.yarn_log_multiplier",
    "router_logit_softcapping",
    "use_parallel_residual",
];

/// The settings of one architecture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a> {
    metadata: &'a Metadata<'a>,
    prefix: &'a str,
}

impl<'a> Keys<'a> {
    pub(super) fn new(metadata: &'a Metadata<'a>, prefix: &'a str) -> Self {
        Self { metadata, prefix }
    }

    /// The name in full.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn get(&self, name: &str) -> Option<MetaValue<'a>> {
        self.metadata.get(&self.named(name))
    }

    pub(super) fn size(&self, name: &str) -> Result<usize, GgufError> {
        self.metadata.size(&self.named(name))
    }

    pub(super) fn string(&self, name: &str) -> Result<&'a str, GgufError> {
        self.metadata.string(&self.named(name))
    }

    pub(super) fn bool(&self, name: &str) -> Result<bool, GgufError> {
        self.metadata.bool(&self.named(name))
    }

    pub(super) fn float(&self, name: &str) -> Result<f32, GgufError> {
        self.metadata.f32(&self.named(name))
    }

    /// A size above zero.
    pub(super) fn positive(&self, name: &str) -> Result<usize, GgufError> {
        match self.size(name)? {
            0 => self.conflict(name, "zero".to_owned()),
            size => Ok(size),
        }
    }

    /// A size above zero; `None` where it is missing or zero.
    pub(super) fn size_unless_zero(&self, name: &str) -> Result<Option<usize>, GgufError> {
        Ok(Metadata::optional(self.size(name))?.filter(|size| *size > 0))
    }

    /// A positive number.
    pub(super) fn number(&self, name: &str) -> Result<f32, GgufError> {
        match self.float(name)? {
            number if number.is_finite() && number > 0.0 => Ok(number),
            number => self.conflict(name, format!("{number} is not a positive number")),
        }
    }

    /// A positive number; `None` where it is missing.
    pub(super) fn number_if_there(&self, name: &str) -> Result<Option<f32>, GgufError> {
        Metadata::optional(self.number(name))
    }

    /// A token's id, if the file has one under this name.
    pub(super) fn token(&self, name: &str) -> Result<Option<u32>, GgufError> {
        Metadata::optional(self.metadata.u32(&format!("tokenizer.ggml.{name}_token_id")))
    }

    /// An error about one setting.
    pub(super) fn conflict<T>(&self, name: &str, why: String) -> Result<T, GgufError> {
        Err(refused(&self.named(name), Fault::Conflict(why)))
    }

    /// Refuses what would change the numbers and is not among the settings that are understood.
    pub(super) fn refuse_all_but(&self, understood: &[&str]) -> Result<(), GgufError> {
        let is_set = |name: &str| match self.get(name) {
            None | Some(MetaValue::Unsigned(0) | MetaValue::Signed(0) | MetaValue::Bool(false)) => false,
            Some(MetaValue::F32(number)) => number != 0.0 && !(number == 1.0 && name.ends_with("_factor")),
            Some(_) => true,
        };
        if let Some(MetaValue::Bool(false)) = self.get("attention.causal") {
            return self.conflict("attention.causal", "the converted model only looks back".to_owned());
        }
        match CHANGES_THE_NUMBERS.into_iter().find(|name| is_set(name) && !understood.contains(name)) {
            Some(name) => self.conflict(name, "the converted model has no such setting".to_owned()),
            None => Ok(()),
        }
    }
}
