//! What a family calls its parameters.

/// Names of a family's parameters, `.weight` and `.bias` left out; those of a block follow `layers.{i}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Names {
    pub embedding: &'static str,
    pub positions: &'static str,
    pub layers: &'static str,
    pub norm: &'static str,
    pub head: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    /// Queries, keys and values in one.
    pub qkv: &'static str,
    pub attention_output: &'static str,
    pub query_norm: &'static str,
    pub key_norm: &'static str,
    pub gate: &'static str,
    pub up: &'static str,
    /// Gate and up in one.
    pub gate_up: &'static str,
    pub down: &'static str,
    pub attention_norm: &'static str,
    pub after_attention_norm: &'static str,
    pub mlp_norm: &'static str,
    pub after_mlp_norm: &'static str,
}

impl Names {
    /// Llama's, which most families share.
    pub const LLAMA: Self = Self {
        embedding: "model.embed_tokens",
        positions: "",
        layers: "model.layers",
        norm: "model.norm",
        head: "lm_head",
        query: "self_attn.q_proj",
        key: "self_attn.k_proj",
        value: "self_attn.v_proj",
        qkv: "self_attn.qkv_proj",
        attention_output: "self_attn.o_proj",
        query_norm: "self_attn.q_norm",
        key_norm: "self_attn.k_norm",
        gate: "mlp.gate_proj",
        up: "mlp.up_proj",
        gate_up: "mlp.gate_up_proj",
        down: "mlp.down_proj",
        attention_norm: "input_layernorm",
        after_attention_norm: "post_attention_layernorm",
        mlp_norm: "post_attention_layernorm",
        after_mlp_norm: "post_feedforward_layernorm",
    };

    /// The first part of all names but the head's, dot included: published checkpoints of the bare model lack it.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        self.layers.find('.').map_or("", |at| &self.layers[..=at])
    }
}
