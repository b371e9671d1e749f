//! What is asked of the reference, computed once before the first step.

use burn::tensor::{Device, Tensor};
use unlearn_data::TokenRow;

use super::Needs;
use crate::LanguageModel;
use crate::batch::{TokenBatch, Which, plan};
use crate::decoder::Head;
use crate::likelihood::{predicting_states, score_rows};
use crate::tensor::{matrix, values};

/// The reference's answers, by row. A distribution over the vocabulary is kept as the hidden state that it is
/// computed from (`width` numbers instead of `vocabulary`) beside the reference's output layer: exact, and small.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    forget: Vec<f32>,
    states: Vec<Vec<f32>>,
    width: usize,
    head: Option<Head>,
}

impl Reference {
    /// Asks `model` what an objective needs of it. `budget` bounds the tokens in one pass.
    #[must_use]
    pub fn ask(model: &LanguageModel, needs: Needs, forget: &[TokenRow], retain: &[TokenRow], budget: usize) -> Self {
        let mut reference = Self::default();
        if needs.forget_log_probs {
            let scores = score_rows(model, forget, Which::Supervised, budget, |_| ());
            // Sums in double precision: a long answer's sum must not depend on how it was added up.
            let sum = |s: &Vec<f32>| s.iter().map(|&x| f64::from(x)).sum::<f64>() as f32;
            reference.forget = scores.iter().map(sum).collect();
        }
        if needs.retain_distributions {
            let weights = model.parameters.frozen();
            reference.head = Some(model.decoder.head(&weights));
            reference.states = vec![Vec::new(); retain.len()];
            let lengths: Vec<usize> = retain.iter().map(|r| r.ids.len()).collect();
            let width = model.decoder.config().hidden_size;
            reference.width = width;
            for group in plan(&lengths, budget) {
                let members: Vec<&TokenRow> = group.iter().map(|&i| &retain[i]).collect();
                let batch = TokenBatch::new(&members, Which::Supervised, model.parameters.device());
                let states = values(predicting_states(&model.decoder, &weights, &batch));
                let mut at = 0;
                for (&i, &n) in group.iter().zip(&batch.supervised) {
                    reference.states[i] = states[at * width..(at + n) * width].to_vec();
                    at += n;
                }
            }
        }
        reference
    }

    pub(super) fn forget_log_probs(&self, rows: &[usize]) -> Vec<f32> {
        rows.iter().map(|&i| self.forget[i]).collect()
    }

    pub(super) fn retain_logits(&self, rows: &[usize], device: &Device) -> Tensor<2> {
        let states: Vec<f32> = rows.iter().flat_map(|&i| self.states[i].iter().copied()).collect();
        match &self.head {
            Some(head) => {
                let n = states.len() / self.width;
                head.logits(matrix(states, n, self.width, device))
            }
            None => Tensor::zeros([0, 0], device),
        }
    }
}
