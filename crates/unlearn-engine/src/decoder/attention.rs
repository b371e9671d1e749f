//! Attention with grouped keys.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::config::{QkvLayout, QueryKeyNorm};
use super::linear::{self, Linear};
use super::norm::Norm;
use super::parameters::{Builder, Role, Weights};
use super::pass::Sight;
use super::{Cache, DecoderConfig, Pass, Rotation};
use crate::fused::{Form, attention, by_head, by_token, decode, no_turns, shares};

#[derive(Debug, Clone)]
enum Projections {
    Separate([Linear; 3]),
    Stacked(Linear),
    ByHead(Linear),
}

#[derive(Debug, Clone)]
pub(super) struct Attention {
    projections: Projections,
    /// Of queries and of keys.
    norms: Option<[Norm; 2]>,
    output: Linear,
}

impl Attention {
    pub(super) fn new(prefix: &str, c: &DecoderConfig, add: &mut Builder) -> Self {
        let (width, queries, keys) = (c.hidden_size, c.heads * c.head_dim, c.kv_heads * c.head_dim);
        let n = &c.names;
        let form = linear::Form { bias: c.qkv_bias, conv1d: c.conv1d, role: Role::Linear };
        let mut linear = |name: &str, to: usize| Linear::new(&format!("{prefix}.{name}"), [width, to], form, add);
        let projections = match c.qkv {
            QkvLayout::Separate => {
                Projections::Separate([linear(n.query, queries), linear(n.key, keys), linear(n.value, keys)])
            }
            QkvLayout::Stacked => Projections::Stacked(linear(n.qkv, queries + 2 * keys)),
            QkvLayout::ByHead => Projections::ByHead(linear(n.qkv, queries + 2 * keys)),
        };
        let output = format!("{prefix}.{}", n.attention_output);
        let form = linear::Form { bias: c.output_bias, conv1d: c.conv1d, role: Role::IntoStream };
        let output = Linear::new(&output, [queries, width], form, add);
        let widths = match c.query_key_norm {
            QueryKeyNorm::None => None,
            QueryKeyNorm::Head => Some([c.head_dim, c.head_dim]),
            QueryKeyNorm::Whole => Some([queries, keys]),
        };
        let mut norm = |name: &str, width| Norm::new(&format!("{prefix}.{name}"), width, c.norm, c.norm_eps, add);
        let norms = widths.map(|[q, k]| [norm(n.query_norm, q), norm(n.key_norm, k)]);
        Self { projections, norms, output }
    }

    /// Of `x` `[rows * tokens, width]`, the same shape.
    pub(super) fn forward(
        &self,
        c: &DecoderConfig,
        weights: &Weights,
        x: Tensor<2>,
        [rows, tokens]: [usize; 2],
        (layer, pass): (usize, &Pass),
        cache: Option<&mut Cache>,
    ) -> Tensor<2> {
        let kind = c.layers[layer];
        let [q, k, v] = self.project(c, weights, x);
        let [q, k] = self.normed(c, weights, [q, k]);
        let turns = pass.rotations.get(kind.rope).map_or_else(|| no_turns(tokens, &v.device()), Rotation::turns);
        let mixed = match &pass.sight {
            Sight::Reach(reach) => {
                let form = Form {
                    reach: Arc::clone(reach),
                    window: kind.window,
                    heads: [c.heads, c.kv_heads],
                    scale: c.attention_scale as f32,
                    cap: c.attention_cap.map(|cap| cap as f32),
                };
                let [shown, tokens_shown, dim] = turns.dims();
                let turns = turns.reshape([shown * tokens_shown, 1, dim]);
                // Each token as a row of its own: heads stay where they are.
                let turned = |x: Tensor<2>, heads: usize| {
                    let shape = x.dims();
                    by_head(x, turns.clone(), [rows * tokens, heads], 1.0).reshape(shape)
                };
                attention([turned(q, c.heads), turned(k, c.kv_heads), v], form)
            }
            Sight::Masks(masks) => {
                let q = by_head(q, turns.clone(), [rows, c.heads], c.attention_scale);
                let k = by_head(k, turns, [rows, c.kv_heads], 1.0);
                let v: Tensor<4> = v.reshape([rows, tokens, c.kv_heads, c.head_dim]).swap_dims(1, 2);
                let seen = match cache {
                    Some(cache) => cache.extend(layer, [k, v]),
                    None => [k, v],
                };
                masked(c, q, seen, masks.of(kind.window))
            }
        };
        self.output.forward(weights, mixed)
    }

    /// Queries `[n, heads * head_dim]`, keys and values `[n, kv_heads * head_dim]`.
    fn project(&self, c: &DecoderConfig, weights: &Weights, x: Tensor<2>) -> [Tensor<2>; 3] {
        let (queries, keys) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
        match &self.projections {
            Projections::Separate([q, k, v]) => {
                [q.forward(weights, x.clone()), k.forward(weights, x.clone()), v.forward(weights, x)]
            }
            Projections::Stacked(all) => {
                let all = all.forward(weights, x);
                let part = |from, width| all.clone().narrow(1, from, width);
                [part(0, queries), part(queries, keys), part(queries + keys, keys)]
            }
            Projections::ByHead(all) => {
                let all = all.forward(weights, x);
                let n = all.dims()[0];
                let all: Tensor<4> = all.reshape([n, c.heads, 3, c.head_dim]);
                let part = |i| all.clone().narrow(2, i, 1).reshape([n, queries]);
                [part(0), part(1), part(2)]
            }
        }
    }

    fn normed(&self, c: &DecoderConfig, weights: &Weights, [q, k]: [Tensor<2>; 2]) -> [Tensor<2>; 2] {
        let Some([query, key]) = &self.norms else { return [q, k] };
        if c.query_key_norm == QueryKeyNorm::Whole {
            return [query.forward(weights, q), key.forward(weights, k)];
        }
        let by_head = |norm: &Norm, y: Tensor<2>| {
            let [n, width] = y.dims();
            norm.forward(weights, y.reshape([n * width / c.head_dim, c.head_dim])).reshape([n, width])
        };
        [by_head(query, q), by_head(key, k)]
    }
}

/// Of queries `[rows, heads, tokens, head_dim]`, scaled, to keys and values `[rows, kv_heads, room, head_dim]`, some of
/// which come from the cache, and of which there are as many as the mask has: `[rows * tokens, heads * head_dim]`. The
/// query heads that share a key head are stacked along the token axis, so that keys and values are never repeated.
fn masked(c: &DecoderConfig, q: Tensor<4>, [k, v]: [Tensor<4>; 2], mask: Tensor<4>) -> Tensor<2> {
    let ([rows, _, tokens, _], device) = (q.dims(), q.device());
    if tokens == 1 && ![&q, &k, &v].iter().any(|x| x.is_autodiff()) {
        return decode(q, [k, v], mask, c.attention_cap).reshape([rows, c.heads * c.head_dim]);
    }
    let (keys, together) = (mask.dims()[3], c.heads / c.kv_heads * tokens);
    let [k, v] = [k, v].map(|t| t.narrow(2, 0, keys));
    let q: Tensor<4> = q.reshape([rows, c.kv_heads, together, c.head_dim]);
    let scores: Tensor<4> = q.matmul(k.transpose()).reshape([rows, c.heads, tokens, keys]);
    let scores = match c.attention_cap {
        Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
        None => scores,
    };
    let shares: Tensor<4> = shares(scores, mask).reshape([rows, c.kv_heads, together, keys]);
    let mixed: Tensor<4> = shares.matmul(v).reshape([rows, c.heads, tokens, c.head_dim]);
    by_token(mixed, no_turns(tokens, &device), 1.0)
}
