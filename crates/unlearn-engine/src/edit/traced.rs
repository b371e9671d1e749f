//! What went into linear layers and the gradients of what came out, token by token: their products are the gradient of
//! the weight (`∇W = Σ aᵀ g`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batch::{TokenBatch, Which};
use crate::decoder::Trace;
use crate::tensor::{Tensor, matrix, scalar, values};
use crate::train::{Reads, Reference, Set, StepView, View, seen_by};
use crate::{EngineError, LanguageModel};

/// Of one linear layer: `[n, in]` and `[n, out]` over the tokens of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traced {
    /// What went in, token by token.
    pub inputs: Vec<f32>,
    /// Gradients of what came out.
    pub gradients: Vec<f32>,
}

/// The value of a loss over some forget rows, and the trace of linear layers `places`: of each row, its tokens from
/// number `skip` on.
///
/// # Errors
/// When the reference's answers cannot be read.
pub fn traced(
    model: &LanguageModel,
    (rows, step): (&[usize], &StepView),
    (sets, reference): (&crate::train::Sets, &Reference),
    (places, skip): (&[usize], usize),
    reads: &Reads,
    loss: impl FnOnce(&View<'_>) -> Tensor<1>,
) -> Result<(f64, BTreeMap<usize, Traced>), EngineError> {
    let device = model.parameters.device();
    let members: Vec<_> = rows.iter().map(|&i| &sets.forget[i]).collect();
    let to_the_end = !reads.inner.is_empty();
    let batch = TokenBatch::reaching(&members, Which::Supervised, to_the_end, device);
    let trace = Arc::new(Trace::of(places.iter().copied()));
    let weights = model.parameters.frozen().with_trace(Arc::clone(&trace));
    let answers = reference.of_rows(Set::Forget, rows, device)?;
    let (value, mut tape) = seen_by((model, &weights), (&members, &batch), reads, (answers, rows, step), |view| {
        let loss = loss(view);
        (scalar(loss.clone().detach()), loss.backward())
    });
    let [count, width] = batch.tokens.dims();
    // Tokens that are none, and the first ones, are left out.
    let kept: Vec<usize> =
        (0..count).flat_map(|r| (skip..batch.shape.lengths[r]).map(move |t| r * width + t)).collect();
    let of_kept = |all: Vec<f32>, each: usize| -> Vec<f32> {
        kept.iter().flat_map(|&i| all[i * each..(i + 1) * each].iter().copied()).collect()
    };
    let mut all = BTreeMap::new();
    for (place, (input, leaf)) in trace.take() {
        let [n, out] = leaf.dims();
        let from = input.dims()[1];
        let gradient = leaf.grad_remove(&mut tape).map_or_else(|| vec![0.0; n * out], values);
        all.insert(place, Traced { inputs: of_kept(values(input), from), gradients: of_kept(gradient, out) });
    }
    Ok((value, all))
}

impl Traced {
    /// The gradient of the weight, `[in, out]` row by row.
    #[must_use]
    pub fn product(&self, [from, to]: [usize; 2], device: &crate::tensor::Device) -> Vec<f32> {
        let n = self.inputs.len() / from.max(1);
        let (a, g) = (matrix(self.inputs.clone(), n, from, device), matrix(self.gradients.clone(), n, to, device));
        values(a.transpose().matmul(g))
    }
}
