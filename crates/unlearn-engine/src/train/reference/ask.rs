//! Asking the reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use unlearn_core::digest::Hasher;
use unlearn_core::file;
use unlearn_data::TokenRow;

use super::Reference;
use super::store::{Filling, Store};
use crate::batch::{Together, TokenBatch, Which};
use crate::device::arithmetic;
use crate::likelihood::in_parts;
use crate::tensor::values;
use crate::train::{Inner, Needs, Quantity, Reads, Set, Sets};
use crate::{EngineError, LanguageModel};

/// The form of the files and of how their content is computed; another number makes old ones unused.
const FORM: &[u8] = b"unlearn.reference/1";

/// A set, and what is put before its rows.
type Asked<'a> = (Set, Option<&'a [u32]>);

/// Where answers are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// The folder.
    pub dir: PathBuf,
    /// The reference's digest.
    pub model: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Of which sets, and what.
    pub needs: &'a [(Set, Quantity)],
    /// Tokens that are put before rows for [`Quantity::Within`].
    pub contexts: &'a [Vec<u32>],
    /// The rows.
    pub sets: &'a Sets,
    /// Of each set, the rows that the run visits; all where a set is not there.
    pub visited: BTreeMap<Set, Vec<bool>>,
    /// Tokens in one pass at most.
    pub budget: usize,
    /// Where answers are kept; in memory when not given.
    pub cache: Option<Cache>,
}

impl<'a> Question<'a> {
    /// About all rows, kept in memory.
    #[must_use]
    pub fn new(needs: &'a Needs, sets: &'a Sets, budget: usize) -> Self {
        let (needs, contexts) = (&needs.reference, &needs.contexts);
        Self { needs, contexts, sets, visited: BTreeMap::new(), budget, cache: None }
    }

    /// Values of each row's answer; none of a row that is not visited.
    pub(super) fn lengths(&self, set: Set, quantity: Quantity, width: usize) -> Vec<usize> {
        let each = if quantity == Quantity::TokenLogProbs { 1 } else { width };
        let visited = self.visited.get(&set);
        let length = |(i, row): (usize, &TokenRow)| match visited {
            Some(visited) if !visited.get(i).copied().unwrap_or(false) => 0,
            _ => each * row.supervised(),
        };
        self.sets.rows(set).iter().enumerate().map(length).collect()
    }

    /// What is put before rows.
    fn context(&self, quantity: Quantity) -> Option<&[u32]> {
        match quantity {
            Quantity::Within(i) => Some(self.contexts.get(i).map_or(&[], Vec::as_slice)),
            _ => None,
        }
    }

    fn path(&self, cache: &Cache, set: Set, quantity: Quantity, lengths: &[usize]) -> PathBuf {
        let mut hasher = Hasher::default();
        hasher.field(FORM);
        hasher.field(cache.model.as_bytes());
        hasher.field(arithmetic().as_bytes());
        hasher.field(format!("{set:?} {quantity:?} {:?} {}", self.context(quantity), self.budget).as_bytes());
        for (row, length) in self.sets.rows(set).iter().zip(lengths) {
            let ids: Vec<u8> = row.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            let labels: Vec<u8> = row.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
            hasher.field(&ids);
            hasher.field(&labels);
            hasher.field(format!("{:?} {length}", row.hidden).as_bytes());
        }
        cache.dir.join(format!("{}.f32", &hasher.hex()[..32]))
    }
}

impl Reference {
    /// Asks `model`. `tell` is told how many rows of how many are done; what is in the cache is not computed again.
    ///
    /// # Errors
    /// When the cache cannot be read or written, or `tell` ends it.
    pub fn ask(
        model: &LanguageModel,
        question: &Question<'_>,
        tell: &mut dyn FnMut(usize, usize) -> Result<(), EngineError>,
    ) -> Result<Self, EngineError> {
        let width = model.decoder.config().hidden_size;
        let mut reference = Self { width, ..Self::default() };
        if let Some(cache) = &question.cache {
            file::create_dir(&cache.dir)?;
        }
        if question.needs.iter().any(|(_, q)| matches!(q, Quantity::Distributions | Quantity::Within(_))) {
            reference.head = Some(model.decoder.head(&model.parameters.frozen()));
        }
        let mut open: BTreeMap<Asked<'_>, Vec<(Quantity, Filling)>> = BTreeMap::new();
        for &(set, quantity) in question.needs {
            let lengths = question.lengths(set, quantity, width);
            let path = question.cache.as_ref().map(|cache| question.path(cache, set, quantity, &lengths));
            if let Some(store) = path.as_deref().and_then(|p: &Path| Store::open(p, &lengths)) {
                reference.stores.insert((set, quantity), store);
                continue;
            }
            let filling = match &path {
                Some(path) => Filling::file(path, &lengths)?,
                None => Filling::memory(&lengths),
            };
            open.entry((set, question.context(quantity))).or_default().push((quantity, filling));
        }
        let wanted = |set: Set| -> Vec<usize> {
            let lengths = question.lengths(set, Quantity::TokenLogProbs, width);
            (0..lengths.len()).filter(|&i| lengths[i] > 0).collect()
        };
        let total: usize = open.keys().map(|(set, _)| wanted(*set).len()).sum();
        let mut done = 0;
        for ((set, context), mut fillings) in open {
            let (rows, places) = (question.sets.rows(set), wanted(set));
            let within: Vec<TokenRow>;
            let rows = match context {
                Some(context) => {
                    within = rows.iter().map(|row| row.after(context)).collect();
                    &within
                }
                None => rows,
            };
            let lengths: Vec<usize> = places.iter().map(|&i| rows[i].ids.len()).collect();
            for group in Together::through(model.decoder.config()).cut(&lengths, question.budget) {
                let group: Vec<usize> = group.into_iter().map(|g| places[g]).collect();
                answer(model, rows, &group, &mut fillings)?;
                done += group.len();
                tell(done, total)?;
            }
            for (quantity, filling) in fillings {
                reference.stores.insert((set, quantity), filling.finish()?);
            }
        }
        Ok(reference)
    }
}

/// Fills in what the model says of some rows, in one pass.
fn answer(
    model: &LanguageModel,
    rows: &[TokenRow],
    group: &[usize],
    fillings: &mut [(Quantity, Filling)],
) -> Result<(), EngineError> {
    let weights = model.parameters.frozen();
    let members: Vec<&TokenRow> = group.iter().map(|&i| &rows[i]).collect();
    let mut reads = Reads::nothing();
    for (quantity, _) in fillings.iter() {
        match quantity {
            Quantity::Inner(inner) => reads.inner.push(*inner),
            Quantity::TokenLogProbs | Quantity::Distributions | Quantity::Within(_) => reads.scores = true,
        }
    }
    let to_the_end = !reads.inner.is_empty();
    let together = Together::through(model.decoder.config());
    let batch = together.put(&members, Which::Supervised, to_the_end, model.parameters.device());
    let (states, mut inner) = states(model, &batch, &reads);
    let width = model.decoder.config().hidden_size;
    for (quantity, filling) in fillings {
        let (values, each) = match (quantity, &states) {
            (Quantity::Inner(wanted), _) => (inner.remove(wanted).map(values).unwrap_or_default(), width),
            (Quantity::Distributions | Quantity::Within(_), states) => {
                (states.clone().map(values).unwrap_or_default(), width)
            }
            (Quantity::TokenLogProbs, Some(states)) => {
                (in_parts(&model.decoder, &weights, states.clone(), batch.labels.clone()), 1)
            }
            (Quantity::TokenLogProbs, None) => (Vec::new(), 1),
        };
        let mut at = 0;
        for (&i, &n) in group.iter().zip(&batch.supervised) {
            filling.put(i, &values[at..at + n * each])?;
            at += n * each;
        }
    }
    Ok(())
}

/// The final states where tokens are predicted, and the inner ones at those tokens: each `[predictions, width]`.
fn states(model: &LanguageModel, batch: &TokenBatch, reads: &Reads) -> (Option<Tensor<2>>, BTreeMap<Inner, Tensor<2>>) {
    let (decoder, weights) = (&model.decoder, model.parameters.frozen());
    let pass = decoder.pass(&batch.tokens, &batch.shape);
    let mut x = decoder.embed(&weights, batch.tokens.clone(), &pass);
    let mut inner = BTreeMap::new();
    for layer in 0..reads.depth(decoder.config().layers.len()) {
        let (output, mlp) = decoder.block_parts(&weights, layer, x, &pass);
        x = output;
        for wanted in reads.inner.iter().filter(|i| i.layer() == layer) {
            let state = if matches!(wanted, Inner::Mlp(_)) { mlp.clone() } else { x.clone() };
            inner.insert(*wanted, batch.predicted(state));
        }
    }
    (reads.scores.then(|| batch.predicting(decoder.finish(&weights, x))), inner)
}
