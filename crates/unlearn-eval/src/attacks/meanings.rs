//! What answers mean: the words of their own, as a model embeds them.

use std::collections::{BTreeMap, BTreeSet};

use unlearn_data::{DataError, Row, TokenRow};
use unlearn_engine::LanguageModel;
use unlearn_engine::decoder::Role;
use unlearn_engine::tensor::{Int, Tensor, TensorData, values};

use super::Bench;
use super::layers::{Truths, common};
use crate::EvalError;

/// How many answers hold each token.
pub(super) struct Meanings {
    answers: usize,
    truths: Truths,
    holding: BTreeMap<u32, usize>,
}

/// What the answers to one row mean, and after what.
pub(super) struct Meant {
    pub(super) answers: Vec<Vec<f32>>,
    pub(super) contexts: [Vec<u32>; 2],
}

impl Meanings {
    /// Of the answers to some rows, true and wrong ones alike.
    pub(super) fn of<'r>(bench: &Bench<'_>, rows: impl Iterator<Item = &'r Row>) -> Result<Self, EvalError> {
        let mut counted = Self { answers: 0, truths: Truths::of(bench), holding: BTreeMap::new() };
        for row in rows {
            let Some(answers) = counted.encoded(bench, row)? else { continue };
            for answer in &answers {
                let ids: BTreeSet<u32> = own_part(answer).iter().copied().collect();
                ids.into_iter().for_each(|id| *counted.holding.entry(id).or_default() += 1);
            }
            counted.answers += answers.len();
        }
        Ok(counted)
    }

    /// What a row's answers mean, the true one's first, and its question alone and with what all answers begin with; none
    /// where an answer means nothing of its own.
    pub(super) fn answers(&self, bench: &Bench<'_>, row: &Row) -> Result<Option<Meant>, EvalError> {
        let Some(answers) = self.encoded(bench, row)? else { return Ok(None) };
        let question = answers[0].prompt();
        let begun = if answers.len() > 1 { common(&answers.iter().collect::<Vec<_>>()) } else { 0 };
        let contexts = [question.to_vec(), answers[0].ids[..question.len() + begun].to_vec()];
        let asked: BTreeSet<u32> = answers[0].prompt().iter().copied().collect();
        let sets: Vec<BTreeSet<u32>> = answers.iter().map(|row| own_part(row).iter().copied().collect()).collect();
        let shared = match sets.split_first() {
            Some((first, rest)) if !rest.is_empty() => rest.iter().fold(first.clone(), |all, set| &all & set),
            _ => BTreeSet::new(),
        };
        let means = answers.iter().map(|row| {
            let own = own_part(row).iter().filter(|id| !asked.contains(id) && !shared.contains(id));
            self.mean(bench.model, &own.copied().collect::<Vec<u32>>())
        });
        let means: Option<Vec<Vec<f32>>> = means.collect();
        Ok(means.filter(|_| !question.is_empty()).map(|answers| Meant { answers, contexts }))
    }

    /// The answers to a row that are held against each other, written alike. None where there is no question or one comes
    /// to no token.
    fn encoded(&self, bench: &Bench<'_>, row: &Row) -> Result<Option<Vec<TokenRow>>, EvalError> {
        let Some(truth) = self.truths.alike(row) else { return Ok(None) };
        let texts = std::iter::once(truth).chain(row.perturbed_answer.iter().map(String::as_str));
        match texts.map(|text| bench.encoder.encode_answer(row, text)).collect::<Result<Vec<_>, _>>() {
            Ok(answers) => Ok(Some(answers)),
            Err(DataError::NoAnswer { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Their mean embedding, rare ones weighing more; none where each is in every answer.
    fn mean(&self, model: &LanguageModel, ids: &[u32]) -> Option<Vec<f32>> {
        let rarity = |id: &u32| {
            let holding = self.holding.get(id).copied().unwrap_or(1).max(1);
            (self.answers.max(1) as f64 / holding as f64).ln().powi(2)
        };
        let weights: Vec<f64> = ids.iter().map(rarity).collect();
        let all: f64 = weights.iter().sum();
        if all <= 0.0 {
            return None;
        }
        let embedded = embeddings(model, ids)?;
        let width = embedded.len() / ids.len();
        let mut mean = vec![0.0f64; width];
        for (row, weight) in embedded.chunks(width).zip(&weights) {
            mean.iter_mut().zip(row).for_each(|(m, x)| *m += weight * f64::from(*x) / all);
        }
        Some(mean.into_iter().map(|x| x as f32).collect())
    }
}

/// An answer's tokens.
fn own_part(row: &TokenRow) -> &[u32] {
    &row.ids[row.prompt().len()..]
}

/// Rows of the embedding, `[ids, width]`.
fn embeddings(model: &LanguageModel, ids: &[u32]) -> Option<Vec<f32>> {
    let table = model.decoder.specs().iter().position(|spec| spec.role == Role::Embedding)?;
    let data = TensorData::new(ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>(), [1, ids.len()]);
    let ids: Tensor<2, Int> = Tensor::from_data(data, model.parameters.device());
    Some(values(model.parameters.frozen().rows(table, ids)))
}
