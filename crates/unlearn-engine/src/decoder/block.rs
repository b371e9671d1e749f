//! One block: attention and the gated feed-forward network, each behind a norm and added to the stream.

use burn::tensor::activation::{silu, softmax};
use burn::tensor::{Tensor, s};

use super::parameters::{Layout, Weights};
use super::{Cache, DecoderConfig, Pass};

/// A linear layer: its weight and, where it has one, its bias.
#[derive(Debug, Clone)]
struct Linear {
    weight: usize,
    bias: Option<usize>,
}

impl Linear {
    /// `[n, in]` to `[n, out]`.
    fn forward(&self, weights: &Weights, x: Tensor<2>) -> Tensor<2> {
        let y = x.matmul(weights.get(self.weight));
        match self.bias {
            Some(bias) => y + weights.get(bias),
            None => y,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Block {
    attention_norm: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    mlp_norm: usize,
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Block {
    pub(super) fn new(i: usize, c: &DecoderConfig, add: &mut impl FnMut(String, [usize; 2], Layout) -> usize) -> Self {
        let (width, queries, keys) = (c.hidden_size, c.heads * c.head_dim, c.kv_heads * c.head_dim);
        let mut linear = |name: &str, from: usize, to: usize, bias: bool| Linear {
            weight: add(format!("model.layers.{i}.{name}.weight"), [from, to], Layout::Linear),
            bias: bias.then(|| add(format!("model.layers.{i}.{name}.bias"), [1, to], Layout::Vector)),
        };
        let query = linear("self_attn.q_proj", width, queries, c.qkv_bias);
        let key = linear("self_attn.k_proj", width, keys, c.qkv_bias);
        let value = linear("self_attn.v_proj", width, keys, c.qkv_bias);
        let output = linear("self_attn.o_proj", queries, width, c.output_bias);
        let gate = linear("mlp.gate_proj", width, c.intermediate_size, c.mlp_bias);
        let up = linear("mlp.up_proj", width, c.intermediate_size, c.mlp_bias);
        let down = linear("mlp.down_proj", c.intermediate_size, width, c.mlp_bias);
        let mut norm = |name: &str| add(format!("model.layers.{i}.{name}.weight"), [1, width], Layout::Vector);
        let (attention_norm, mlp_norm) = (norm("input_layernorm"), norm("post_attention_layernorm"));
        Self { attention_norm, query, key, value, output, mlp_norm, gate, up, down }
    }

    /// `[rows, tokens, width]` to the same.
    pub(super) fn forward(
        &self,
        c: &DecoderConfig,
        weights: &Weights,
        x: Tensor<3>,
        pass: &Pass,
        cache: Option<(usize, &mut Cache)>,
    ) -> Tensor<3> {
        let [rows, tokens, width] = x.dims();
        let x: Tensor<2> = x.reshape([rows * tokens, width]);
        let normed = rms_norm(x.clone(), weights.get(self.attention_norm), c.norm_eps);
        let x = x + self.attend(c, weights, normed, [rows, tokens], pass, cache);
        let normed = rms_norm(x.clone(), weights.get(self.mlp_norm), c.norm_eps);
        let gated = silu(self.gate.forward(weights, normed.clone())) * self.up.forward(weights, normed);
        let x = x + self.down.forward(weights, gated);
        x.reshape([rows, tokens, width])
    }

    /// Attention of `x` `[rows * tokens, width]`. The query heads that share a key head are stacked along the
    /// token axis, so that keys and values are never repeated.
    fn attend(
        &self,
        c: &DecoderConfig,
        weights: &Weights,
        x: Tensor<2>,
        [rows, tokens]: [usize; 2],
        pass: &Pass,
        cache: Option<(usize, &mut Cache)>,
    ) -> Tensor<2> {
        let groups = c.heads / c.kv_heads;
        let split = |y: Tensor<2>, groups: usize| -> Tensor<5> {
            y.reshape([rows, tokens, c.kv_heads, groups, c.head_dim]).permute([0, 2, 3, 1, 4])
        };
        let q = pass.rotation.apply(split(self.query.forward(weights, x.clone()), groups));
        let q = q.mul_scalar((c.head_dim as f64).powf(-0.5));
        let k = pass.rotation.apply(split(self.key.forward(weights, x.clone()), 1));
        let mut k: Tensor<4> = k.reshape([rows, c.kv_heads, tokens, c.head_dim]);
        let v = split(self.value.forward(weights, x), 1);
        let mut v: Tensor<4> = v.slice(s![.., .., 0..1, .., ..]).reshape([rows, c.kv_heads, tokens, c.head_dim]);
        if let Some((layer, cache)) = cache {
            (k, v) = cache.extend(layer, k, v);
        }
        let keys = k.dims()[2];
        let q: Tensor<4> = q.reshape([rows, c.kv_heads, groups * tokens, c.head_dim]);
        let scores: Tensor<4> = q.matmul(k.transpose()).reshape([rows, c.heads, tokens, keys]);
        let scores = match &pass.mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        let shares: Tensor<4> = softmax(scores, 3).reshape([rows, c.kv_heads, groups * tokens, keys]);
        let mixed: Tensor<5> = shares.matmul(v).reshape([rows, c.kv_heads, groups, tokens, c.head_dim]);
        let mixed = mixed.permute([0, 3, 1, 2, 4]).reshape([rows * tokens, c.heads * c.head_dim]);
        self.output.forward(weights, mixed)
    }
}

/// Root-mean-square norm of each row of `x` `[n, width]`, times `weight` `[1, width]` (Zhang and Sennrich, 2019).
pub(super) fn rms_norm(x: Tensor<2>, weight: Tensor<2>, eps: f64) -> Tensor<2> {
    let scale = x.clone().square().mean_dim(1).add_scalar(eps).sqrt().recip();
    x * scale * weight
}
