//! One block: attention and the feed-forward network, each behind its norms and added to the stream.

use burn::tensor::Tensor;

use super::attention::Attention;
use super::config::{NormPlace, Residual};
use super::mlp::Mlp;
use super::norm::Norm;
use super::parameters::{Builder, Weights};
use super::{Cache, Change, DecoderConfig, Pass};

#[derive(Debug, Clone)]
pub(super) struct Block {
    layer: usize,
    before_attention: Option<Norm>,
    attention: Attention,
    after_attention: Option<Norm>,
    before_mlp: Option<Norm>,
    mlp: Mlp,
    after_mlp: Option<Norm>,
    /// Nothing, but for someone who looks what becomes of the model then.
    pub(super) changes: Vec<Change>,
}

impl Block {
    pub(super) fn new(layer: usize, c: &DecoderConfig, add: &mut Builder) -> Self {
        let prefix = format!("{}.{layer}", c.names.layers);
        let attention = Attention::new(&prefix, c, add);
        let mlp = Mlp::new(&prefix, c, add);
        let mut norm = |wanted: bool, name: &str| {
            wanted.then(|| Norm::new(&format!("{prefix}.{name}"), c.hidden_size, c.norm, c.norm_eps, add))
        };
        let (before, after) = (c.norm_place != NormPlace::After, c.norm_place != NormPlace::Before);
        Self {
            layer,
            before_attention: norm(before, c.names.attention_norm),
            after_attention: norm(after, c.names.after_attention_norm),
            before_mlp: norm(before && c.residual != Residual::ParallelOneNorm, c.names.mlp_norm),
            after_mlp: norm(after, c.names.after_mlp_norm),
            attention,
            mlp,
            changes: Vec::new(),
        }
    }

    /// `[rows, tokens, width]` to the same: the stream after the block, and what the feed-forward network puts out before
    /// any norm after it.
    pub(super) fn forward(
        &self,
        c: &DecoderConfig,
        weights: &Weights,
        x: Tensor<3>,
        pass: &Pass,
        cache: Option<&mut Cache>,
    ) -> (Tensor<3>, Tensor<3>) {
        let [rows, tokens, width] = x.dims();
        let x: Tensor<2> = x.reshape([rows * tokens, width]);
        let normed = |norm: &Option<Norm>, x: Tensor<2>| match norm {
            Some(norm) => norm.forward(weights, x),
            None => x,
        };
        let seen = normed(&self.before_attention, x.clone());
        let mixed = self.attention.forward(c, weights, seen.clone(), [rows, tokens], (self.layer, pass), cache);
        let after = x.clone() + normed(&self.after_attention, mixed);
        let seen = match c.residual {
            Residual::Sequential => normed(&self.before_mlp, after.clone()),
            Residual::Parallel => normed(&self.before_mlp, x),
            Residual::ParallelOneNorm => seen,
        };
        let added = self.mlp.forward(c, weights, seen);
        let after = after + normed(&self.after_mlp, added.clone());
        let after = self.changes.iter().fold(after, |x, change| change.apply(x));
        (after.reshape([rows, tokens, width]), added.reshape([rows, tokens, width]))
    }
}
