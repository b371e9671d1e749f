//! The one decoder: a pre-norm transformer with grouped keys, rotary positions and a gated feed-forward block.
//! Families differ by [`DecoderConfig`] alone.

mod block;
mod cache;
mod config;
mod parameters;
mod rope;

use burn::tensor::{Device, Int, Tensor, TensorData};

pub use cache::Cache;
pub use config::{DecoderConfig, Rope, RopeScaling};
pub use parameters::{Layout, Parameters, Spec, Weights};
pub use rope::Rotation;

use block::Block;

/// Added to a score that must not count. Finite, so that a row without any partner stays finite too.
const MASKED: f32 = -1e30;

/// The decoder: which parameter is used where. Its weights come with every call.
#[derive(Debug, Clone)]
pub struct Decoder {
    config: DecoderConfig,
    specs: Vec<Spec>,
    embedding: usize,
    blocks: Vec<Block>,
    norm: usize,
    head: Option<usize>,
}

/// What one pass reads besides the tokens.
struct Pass {
    rotation: Rotation,
    /// Added to the scores: `[rows or 1, 1, tokens, keys]`.
    mask: Option<Tensor<4>>,
}

impl Decoder {
    /// The decoder of a configuration, with the parameter names of Hugging Face's Llama.
    #[must_use]
    pub fn new(config: DecoderConfig) -> Self {
        let mut specs = Vec::new();
        let mut add = |name: String, shape: [usize; 2], layout: Layout| {
            specs.push(Spec { name, shape, layout });
            specs.len() - 1
        };
        let embedding = add("model.embed_tokens.weight".into(), [config.vocab_size, config.hidden_size], Layout::Rows);
        let blocks = (0..config.layers).map(|i| Block::new(i, &config, &mut add)).collect();
        let norm = add("model.norm.weight".into(), [1, config.hidden_size], Layout::Vector);
        let head = (!config.tied_head)
            .then(|| add("lm_head.weight".into(), [config.hidden_size, config.vocab_size], Layout::Linear));
        Self { config, specs, embedding, blocks, norm, head }
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
    /// Attention is causal; with rows padded on the right, no token sees padding. `unseen[row][token]` are tokens
    /// that no other sees; none when it is empty.
    #[must_use]
    pub fn hidden(&self, weights: &Weights, tokens: Tensor<2, Int>, unseen: &[Vec<bool>]) -> Tensor<3> {
        let [_, n] = tokens.dims();
        let device = tokens.device();
        let mask = if unseen.is_empty() { causal(n, &device) } else { Some(selective(unseen, 0, &device)) };
        let pass = Pass { rotation: self.rotation(&[(0..n).collect()], &device), mask };
        let mut x = self.embed(weights, tokens);
        for block in &self.blocks {
            x = block.forward(&self.config, weights, x, &pass, None);
        }
        self.finish(weights, x)
    }

    /// As [`Self::hidden`], but returns the embeddings, every block's output and, last, the final states.
    #[must_use]
    pub fn trace(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Vec<Tensor<3>> {
        let [_, n] = tokens.dims();
        let device = tokens.device();
        let pass = Pass { rotation: self.rotation(&[(0..n).collect()], &device), mask: causal(n, &device) };
        let mut states = vec![self.embed(weights, tokens)];
        for block in &self.blocks {
            let x = states[states.len() - 1].clone();
            states.push(block.forward(&self.config, weights, x, &pass, None));
        }
        let last = states.pop().map(|x| self.finish(weights, x));
        states.extend(last);
        states
    }

    /// Hidden states of further tokens after those in the cache, which grows by them.
    ///
    /// `unseen[row]` tells of each token in the cache and then of each new one whether no other sees it, as with the
    /// padding at a row's left: positions count those that are seen.
    #[must_use]
    pub fn extend(
        &self,
        weights: &Weights,
        tokens: Tensor<2, Int>,
        unseen: &[Vec<bool>],
        cache: &mut Cache,
    ) -> Tensor<3> {
        let (device, past) = (tokens.device(), cache.len());
        let positions: Vec<Vec<usize>> = unseen.iter().map(|row| positions(row, past)).collect();
        let mask = selective(unseen, past, &device);
        let pass = Pass { rotation: self.rotation(&positions, &device), mask: Some(mask) };
        let mut x = self.embed(weights, tokens);
        for (i, block) in self.blocks.iter().enumerate() {
            x = block.forward(&self.config, weights, x, &pass, Some((i, cache)));
        }
        self.finish(weights, x)
    }

    /// Scores over the vocabulary, `[n, vocabulary]`, of hidden states `[n, width]`.
    #[must_use]
    pub fn logits(&self, weights: &Weights, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.output(weights))
    }

    /// The output matrix `[width, vocabulary]`.
    #[must_use]
    pub fn output(&self, weights: &Weights) -> Tensor<2> {
        match self.head {
            Some(head) => weights.get(head),
            None => weights.get(self.embedding).transpose(),
        }
    }

    fn embed(&self, weights: &Weights, tokens: Tensor<2, Int>) -> Tensor<3> {
        burn::tensor::module::embedding(weights.get(self.embedding), tokens)
    }

    fn finish(&self, weights: &Weights, x: Tensor<3>) -> Tensor<3> {
        let [rows, tokens, width] = x.dims();
        let flat = block::rms_norm(x.reshape([rows * tokens, width]), weights.get(self.norm), self.config.norm_eps);
        flat.reshape([rows, tokens, width])
    }

    fn rotation(&self, positions: &[Vec<usize>], device: &Device) -> Rotation {
        Rotation::new(&self.config.rope, self.config.head_dim, positions, device)
    }
}

/// `[1, 1, n, n]`: no token sees a later one.
fn causal(n: usize, device: &Device) -> Option<Tensor<4>> {
    let values: Vec<f32> = (0..n * n).map(|i| if i % n > i / n { MASKED } else { 0.0 }).collect();
    (n > 1).then(|| Tensor::from_data(TensorData::new(values, [1, 1, n, n]), device))
}

/// Where the tokens from `past` on stand when only those that are seen count.
fn positions(unseen: &[bool], past: usize) -> Vec<usize> {
    let mut seen = unseen[..past].iter().filter(|u| !**u).count();
    let place = unseen[past..].iter().map(|&u| {
        seen += usize::from(!u);
        seen.saturating_sub(1)
    });
    place.collect()
}

/// `[rows, 1, n, past + n]`: causal, and an unseen token is seen by nobody.
fn selective(unseen: &[Vec<bool>], past: usize, device: &Device) -> Tensor<4> {
    let keys = unseen.first().map_or(0, Vec::len);
    let n = keys - past;
    let mut values = Vec::with_capacity(unseen.len() * n * keys);
    for row in unseen {
        for query in past..keys {
            values.extend((0..keys).map(|key| if row[key] || key > query { MASKED } else { 0.0 }));
        }
    }
    Tensor::from_data(TensorData::new(values, [unseen.len(), 1, n, keys]), device)
}
