//! A row with free places.

use std::path::PathBuf;

use burn::tensor::{Int, Tensor, TensorData};
use unlearn_data::TokenRow;

use crate::decoder::{Cache, Pass};
use crate::tree::Tree;
use crate::{EngineError, LanguageModel, Weights};

/// A row with free places, of which the tokens before the first went through the decoder already.
#[derive(Debug, Clone)]
pub struct Slotted {
    row: TokenRow,
    slots: Vec<usize>,
    /// Where its first supervised token stands.
    answer: usize,
    pub(super) beginning: (Cache, Vec<bool>),
}

impl Slotted {
    /// A row whose tokens at `slots`, from the first on, are free; what stands there now is not looked at.
    ///
    /// # Errors
    /// When nothing is supervised behind the places, they are none or not in order, or the row is longer than the model's
    /// context or holds a token that is not in its vocabulary.
    pub fn new(model: &LanguageModel, row: TokenRow, slots: Vec<usize>) -> Result<Self, EngineError> {
        let answer = (1..row.ids.len()).find(|&t| row.labels[t] >= 0).unwrap_or(0);
        let refuse = |reason: &str| {
            let hint = "free places stand in the prompt, each once, and something is supervised behind them";
            EngineError::selection(
                "slots",
                format!("{reason} in a row of {} tokens: {slots:?}", row.ids.len()),
                hint.into(),
            )
        };
        if slots.is_empty() || !slots.is_sorted_by(|a, b| a < b) {
            return Err(refuse("free places are missing or not in order"));
        }
        if slots[slots.len() - 1] >= answer {
            return Err(refuse("nothing is supervised, or a free place stands behind the first supervised token"));
        }
        let (context, vocabulary) = (model.decoder.config().context, model.decoder.config().vocab_size);
        let all = row.ids.iter().map(|&id| i64::from(id)).chain(row.labels.iter().copied());
        if all.max().is_some_and(|id| id >= vocabulary as i64) {
            return Err(refuse("a token is not in the model's vocabulary"));
        }
        if row.ids.len() > context {
            return Err(EngineError::TooLong {
                path: PathBuf::from("prompt"),
                line: 1,
                length: row.ids.len(),
                context,
            });
        }
        let mut slotted = Self { row, slots, answer, beginning: (Cache::default(), Vec::new()) };
        let known = slotted.shared(model, slotted.slots[0]);
        slotted.beginning = slotted.begun(model, &slotted.row, known);
        Ok(slotted)
    }

    /// Its free places.
    #[must_use]
    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    /// Tokens before the first free place, which went through the decoder when it was made.
    #[must_use]
    pub fn begun_tokens(&self) -> usize {
        self.beginning.1.len()
    }

    /// Tokens that every pass over it runs.
    #[must_use]
    pub(super) fn width(&self) -> usize {
        self.row.ids.len() - 1 - self.begun_tokens()
    }

    /// The row with tokens at its free places.
    ///
    /// # Panics
    /// When these are not as many as its places.
    #[must_use]
    pub fn with(&self, ids: &[u32]) -> TokenRow {
        assert_eq!(ids.len(), self.slots.len(), "one token for each free place");
        let mut row = self.row.clone();
        for (&slot, &id) in self.slots.iter().zip(ids) {
            row.ids[slot] = id;
        }
        row
    }

    /// Tokens that attention sees, for places that vectors fill.
    pub(super) fn blank(&self) -> Vec<u32> {
        vec![u32::from(self.row.hidden == Some(0)); self.slots.len()]
    }

    /// How many first tokens two fillings that agree before `place` can share, so that all that is predicted is left.
    pub(super) fn shared(&self, model: &LanguageModel, place: usize) -> usize {
        // Where frequencies change with a row's length, what was turned by other angles is of no use.
        if model.decoder.config().depends_on_length() {
            return 0;
        }
        place.min(self.answer - 1)
    }

    /// The first `n` tokens of a filling, from where its beginning ends, through the decoder: the cache, and which tokens
    /// no other sees.
    pub(super) fn begun(&self, model: &LanguageModel, row: &TokenRow, n: usize) -> (Cache, Vec<bool>) {
        let (mut cache, mut unseen) = self.beginning.clone();
        let past = unseen.len();
        if n <= past {
            return (cache.first(n), unseen[..n].to_vec());
        }
        // A tree leaves its row's last token out.
        let part = TokenRow { ids: row.ids[..=n].to_vec(), labels: row.labels[..=n].to_vec(), hidden: row.hidden };
        let (tree, device) = (Tree::of(&[&part], past), model.parameters.device());
        let pass = Pass::trees(model.decoder.config(), &[&tree], (n - past, &unseen), device);
        let ids: Vec<i64> = tree.tokens.iter().map(|&id| i64::from(id)).collect();
        let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [1, n - past]), device);
        let _ = model.decoder.extend_by(&model.parameters.frozen(), tokens, &pass, &mut cache);
        unseen.extend(&tree.unseen);
        (cache, unseen)
    }

    /// Of a filling, the pass over what stands behind its beginning, and its tokens there.
    pub(super) fn rest(&self, model: &LanguageModel, row: &TokenRow) -> (Pass, Tensor<2, Int>) {
        let (tree, device) = (Tree::of(&[row], self.begun_tokens()), model.parameters.device());
        let ids: Vec<i64> = tree.tokens.iter().map(|&id| i64::from(id)).collect();
        let shape = [1, ids.len()];
        let pass = Pass::trees(model.decoder.config(), &[&tree], (ids.len(), &self.beginning.1), device);
        (pass, Tensor::from_data(TensorData::new(ids, shape), device))
    }

    /// Vectors `[tokens, width]` of what stands behind the beginning, those at free places replaced.
    pub(super) fn filled(
        &self,
        model: &LanguageModel,
        weights: &Weights,
        tokens: Tensor<2, Int>,
        free: Option<&[f32]>,
    ) -> Vec<f32> {
        let width = model.decoder.config().hidden_size;
        let mut all = crate::tensor::values(model.decoder.vectors(weights, tokens));
        for (&slot, vector) in self.slots.iter().zip(free.into_iter().flat_map(|f| f.chunks_exact(width))) {
            let at = (slot - self.begun_tokens()) * width;
            all[at..at + width].copy_from_slice(vector);
        }
        all
    }

    /// The labels, and where the tokens stand, behind the beginning, that they are predicted from.
    pub(super) fn predictions(&self) -> (Vec<i64>, Vec<i64>) {
        let supervised = (self.answer..self.row.ids.len()).filter(|&t| self.row.labels[t] >= 0);
        supervised.map(|t| (self.row.labels[t], (t - 1 - self.begun_tokens()) as i64)).unzip()
    }

    /// Its own tokens; what stands at free places has no meaning.
    pub(super) fn row(&self) -> &TokenRow {
        &self.row
    }
}
