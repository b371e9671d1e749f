//! The one decoder: a transformer with grouped keys. Families differ by [`DecoderConfig`] alone.

mod attention;
mod block;
mod cache;
mod change;
mod config;
mod head;
mod linear;
mod mask;
mod mlp;
mod names;
mod norm;
mod parameters;
mod pass;
mod reach;
mod rope;
mod scaling;

use burn::tensor::{Device, Int, Tensor};

pub use cache::Cache;
pub use change::Change;
pub use config::{
    Activation, DecoderConfig, LayerKind, MlpForm, NormKind, NormPlace, QkvLayout, QueryKeyNorm, Residual,
};
pub use head::Head;
pub use names::Names;
pub use parameters::{Adapter, Drop, Layout, Packed, Packing, Parameters, Role, Spec, Trace, Weights};
pub use pass::{Pass, Rows};
pub(crate) use reach::Group;
pub use reach::Reach;
pub use rope::Rotation;
pub use scaling::{Rope, RopeScaling};

use block::Block;
use norm::Norm;
use parameters::Builder;

/// The decoder: which parameter is used where. Its weights come with every call.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: DecoderConfig,
    specs: Vec<Spec>,
    embedding: usize,
    positions: Option<usize>,
    blocks: Vec<Block>,
    norm: Norm,
    head: Option<usize>,
    head_bias: Option<usize>,
}

impl Decoder {
    /// The decoder of a configuration.
    #[must_use]
    pub fn new(config: DecoderConfig) -> Self {
        let (c, n) = (&config, &config.names);
        let (width, vocabulary) = (c.hidden_size, c.vocab_size);
        let mut add = Builder::default();
        let embedding = add.matrix(n.embedding, [vocabulary, width], Layout::Rows, Role::Embedding);
        let positions = (c.learned_positions > 0)
            .then(|| add.matrix(n.positions, [c.learned_positions, width], Layout::Rows, Role::Positions));
        let mut blocks = Vec::new();
        for i in 0..c.layers.len() {
            add.layer = Some(i);
            blocks.push(Block::new(i, c, &mut add));
        }
        add.layer = None;
        let norm = Norm::new(n.norm, width, c.norm, c.norm_eps, &mut add);
        let head = (!c.tied_head).then(|| add.matrix(n.head, [width, vocabulary], Layout::Linear, Role::Head));
        let head_bias = c.head_bias.then(|| add.vector(format!("{}.bias", n.head), vocabulary, Role::Bias));
        Self { specs: add.specs, embedding, positions, blocks, norm, head, head_bias, config }
    }

    /// The same decoder, in which the stream behind some blocks is changed, after what changes it already, whatever it is
    /// used for: scoring, generation, looking inside. No file can hold such a change.
    #[must_use]
    pub fn with_changes(mut self, changes: impl IntoIterator<Item = (usize, Change)>) -> Self {
        for (layer, change) in changes {
            self.blocks[layer].changes.push(change);
        }
        self
    }

    /// Its switches.
    #[must_use]
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// The parameters that it needs, in order.
    #[must_use]
    pub fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// Hidden states after the final norm, `[rows, tokens, width]`, of `tokens` `[rows, tokens]`.
    ///
    /// Attention is causal; with rows padded on the right, no token sees padding.
    #[must_use]
    pub fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>, rows: &Rows) -> Tensor<3> {
        let pass = self.pass(&tokens, rows);
        let mut x = self.embed(weights, tokens, &pass);
        for layer in 0..self.blocks.len() {
            x = self.block(weights, layer, x, &pass);
        }
        self.finish(weights, x)
    }

    /// As [`Self::hidden`], but returns the embeddings, every block's output and, last, the final states.
    #[must_use]
    pub fn trace(&self, weights: &Weights, tokens: Tensor<2, Int>, rows: &Rows) -> Vec<Tensor<3>> {
        let pass = self.pass(&tokens, rows);
        let mut states = vec![self.embed(weights, tokens, &pass)];
        for layer in 0..self.blocks.len() {
            states.push(self.block(weights, layer, states[layer].clone(), &pass));
        }
        let last = states.pop().map(|x| self.finish(weights, x));
        states.extend(last);
        states
    }

    /// Hidden states of further tokens after those in the cache, which grows by them; the pass says which token stands
    /// where and sees which.
    #[must_use]
    pub fn extend_by(&self, weights: &Weights, tokens: Tensor<2, Int>, pass: &Pass, cache: &mut Cache) -> Tensor<3> {
        self.extend_vectors(weights, self.vectors(weights, tokens), pass, cache)
    }

    /// [`Self::extend_by`] of vectors `[rows, tokens, width]` in place of tokens: see [`Self::embed_vectors`].
    #[must_use]
    pub fn extend_vectors(&self, weights: &Weights, vectors: Tensor<3>, pass: &Pass, cache: &mut Cache) -> Tensor<3> {
        let mut x = self.embed_vectors(weights, vectors, pass);
        for block in &self.blocks {
            x = block.forward(&self.config, weights, x, pass, Some(cache)).0;
        }
        self.finish(weights, x)
    }

    /// What a pass over `tokens` `[rows, tokens]` reads besides them.
    #[must_use]
    pub fn pass(&self, tokens: &Tensor<2, Int>, rows: &Rows) -> Pass {
        Pass::new(&self.config, tokens.dims(), rows, &tokens.device())
    }

    /// What a pass over further tokens reads besides them, after `past` that are in the cache.
    ///
    /// `unseen[row]` tells of each token in the cache and then of each new one whether no other sees it, as with the
    /// padding at a row's left: positions count those that are seen.
    pub(crate) fn pass_after(&self, unseen: &[Vec<bool>], past: usize, device: &Device) -> Pass {
        Pass::after(&self.config, unseen, past, device)
    }

    /// What the first block reads: `[rows, tokens, width]`.
    #[must_use]
    pub fn embed(&self, weights: &Weights, tokens: Tensor<2, Int>, pass: &Pass) -> Tensor<3> {
        self.embed_vectors(weights, self.vectors(weights, tokens), pass)
    }

    /// Rows of the embedding table, `[rows, tokens, width]`, as they are stored.
    #[must_use]
    pub fn vectors(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Tensor<3> {
        weights.rows(self.embedding, tokens)
    }

    /// Inner products `[n, vocabulary]` of `x` `[n, width]` with every row of the embedding table.
    #[must_use]
    pub fn against_vectors(&self, weights: &Weights, x: Tensor<2>) -> Tensor<2> {
        weights.matrix(self.embedding).turned().of(x, weights.are_writing())
    }

    /// What the first block reads of vectors `[rows, tokens, width]` that stand where rows of the embedding table do:
    /// they are scaled as these are, and positions are added.
    #[must_use]
    pub fn embed_vectors(&self, weights: &Weights, vectors: Tensor<3>, pass: &Pass) -> Tensor<3> {
        let x = match self.config.embedding_scale {
            Some(scale) => vectors.mul_scalar(scale),
            None => vectors,
        };
        match self.positions {
            Some(table) => x + weights.rows(table, pass.positions()),
            None => x,
        }
    }

    /// Of the gradient by what the first block reads, `[rows, tokens, width]`: each table's place, and the gradients of
    /// its rows, `[width]` each, a row as often as it was read.
    pub(crate) fn embed_backward(
        &self,
        tokens: Tensor<2, Int>,
        pass: &Pass,
        gradient: Tensor<3>,
        mut tell: impl FnMut(usize, &[usize], &[f32]),
    ) {
        if let Some(table) = self.positions {
            let (places, n) = (crate::tensor::places(pass.positions()), tokens.shape().num_elements());
            let places: Vec<usize> = places.iter().copied().cycle().take(n).collect();
            tell(table, &places, &crate::tensor::values(gradient.clone()));
        }
        let gradient = match self.config.embedding_scale {
            Some(scale) => gradient.mul_scalar(scale),
            None => gradient,
        };
        tell(self.embedding, &crate::tensor::places(tokens), &crate::tensor::values(gradient));
    }

    /// One block's output, `[rows, tokens, width]` as its input.
    #[must_use]
    pub fn block(&self, weights: &Weights, layer: usize, x: Tensor<3>, pass: &Pass) -> Tensor<3> {
        self.block_parts(weights, layer, x, pass).0
    }

    /// One block's output, and what its feed-forward network put out before it was added to the stream.
    #[must_use]
    pub fn block_parts(&self, weights: &Weights, layer: usize, x: Tensor<3>, pass: &Pass) -> (Tensor<3>, Tensor<3>) {
        self.blocks[layer].forward(&self.config, weights, x, pass, None)
    }

    /// The last block's output after the final norm.
    #[must_use]
    pub fn finish(&self, weights: &Weights, x: Tensor<3>) -> Tensor<3> {
        let [rows, tokens, width] = x.dims();
        self.norm.forward(weights, x.reshape([rows * tokens, width])).reshape([rows, tokens, width])
    }

    /// Scores over the vocabulary, `[n, vocabulary]`, of final hidden states `[n, width]`.
    #[must_use]
    pub fn logits(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        self.head(weights).logits(hidden)
    }

    /// The output layer.
    #[must_use]
    pub fn head(&self, weights: &Weights) -> Head {
        let matrix = match self.head {
            Some(head) => weights.matrix(head),
            None => weights.matrix(self.embedding).turned(),
        };
        Head {
            matrix,
            writing: weights.are_writing(),
            bias: self.head_bias.map(|bias| weights.get(bias)),
            cap: self.config.logit_cap,
        }
    }
}
