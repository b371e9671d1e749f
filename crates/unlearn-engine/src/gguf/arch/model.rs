//! What the architectures' configurations have in common.

use serde_json::{Value, json};

use super::keys::Keys;
use super::sizes::Sizes;
use super::{decimal, weights};
use crate::gguf::{Bias, Gguf, GgufError, Names};

const OUTPUT: &str = "output.weight";
const DEFAULT_THETA: f32 = 10_000.0;

/// A file whose weights are named and checked.
pub(super) struct Model<'a> {
    pub(super) gguf: &'a Gguf<'a>,
    pub(super) keys: Keys<'a>,
    pub(super) names: &'static Names,
    pub(super) sizes: Sizes,
}

impl Model<'_> {
    /// The fields that nearly all configurations have, and `more`, which prevails.
    pub(super) fn config(&self, class: &str, model_type: &str, more: Value) -> Result<Value, GgufError> {
        let sizes = &self.sizes;
        let common = json!({
            "architectures": [class],
            "model_type": model_type,
            "hidden_size": sizes.hidden,
            "intermediate_size": sizes.intermediate,
            "num_hidden_layers": sizes.layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": sizes.key_heads,
            "max_position_embeddings": sizes.context,
            "vocab_size": sizes.vocabulary,
        });
        Ok(merged(merged(common, self.ends()?), more))
    }

    /// Whether the head is tied, and the tokens that the model itself knows of.
    pub(super) fn ends(&self) -> Result<Value, GgufError> {
        Ok(json!({
            "tie_word_embeddings": self.gguf.tensor(OUTPUT).is_none(),
            "bos_token_id": self.keys.token("bos")?,
            "eos_token_id": self.keys.token("eos")?,
            "pad_token_id": self.keys.token("padding")?,
        }))
    }

    /// The width of a head, for configurations that need not state it.
    pub(super) fn unusual_head_dim(&self) -> Value {
        if self.sizes.usual_head_dim() { json!({}) } else { json!({"head_dim": self.sizes.head_dim}) }
    }

    /// Refuses a width of heads that the configuration cannot state.
    pub(super) fn refuse_unusual_head_dim(&self) -> Result<(), GgufError> {
        if self.sizes.usual_head_dim() {
            return Ok(());
        }
        let Sizes { head_dim, heads, hidden, .. } = self.sizes;
        let why = format!("{heads} heads of width {head_dim} are not the model's width {hidden}");
        self.keys.conflict("attention.key_length", why)
    }

    /// Refuses shared key heads, which the model does not know.
    pub(super) fn refuse_shared_keys(&self) -> Result<(), GgufError> {
        let Sizes { key_heads, heads, .. } = self.sizes;
        if key_heads == heads {
            return Ok(());
        }
        let why = format!("{key_heads} key heads for {heads} query heads, where the model has as many");
        self.keys.conflict("attention.head_count_kv", why)
    }

    pub(super) fn has_bias(&self, group: Bias) -> bool {
        weights::has_bias(self.gguf, self.names, group)
    }

    /// The base of the rotary frequencies.
    pub(super) fn theta(&self) -> Result<f32, GgufError> {
        Ok(self.keys.number_if_there("rope.freq_base")?.unwrap_or(DEFAULT_THETA))
    }

    /// A norm's epsilon.
    pub(super) fn epsilon(&self, name: &str) -> Result<f64, GgufError> {
        self.keys.number(name).map(decimal)
    }

    /// The rotated share of a head.
    pub(super) fn rotated_share(&self) -> f64 {
        decimal(self.sizes.rotated as f32 / self.sizes.head_dim as f32)
    }
}

/// The fields of both objects; those of the second prevail.
pub(super) fn merged(mut into: Value, from: Value) -> Value {
    if let (Value::Object(into), Value::Object(from)) = (&mut into, from) {
        into.extend(from);
    }
    into
}
