//! A micro-batch's way through the decoder: without a graph below the lowest trained layer, and, with gradient
//! checkpointing, with one block's graph in memory at a time.

use burn::tensor::Tensor;

use super::Gradients;
use crate::batch::TokenBatch;
use crate::decoder::{Cut, Pass};
use crate::{Decoder, Parameters, Weights};

/// Where a graph is needed, the same for every micro-batch of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The first layer that has a graph; as many as there are layers when none has.
    pub first: usize,
    /// Whether the embedding is trained.
    pub embedding: bool,
    /// Whether a block's inside is computed a second time on the way back, instead of being kept.
    pub checkpointing: bool,
}

impl Route {
    /// What training `parameters` needs.
    #[must_use]
    pub fn new(decoder: &Decoder, parameters: &Parameters, checkpointing: bool) -> Self {
        let lowest = parameters.lowest_trained_layer();
        let first = lowest.unwrap_or(decoder.config().layers.len());
        let embedding = parameters.trained().into_iter().any(|i| {
            let role = parameters.specs()[i].role;
            matches!(role, crate::decoder::Role::Embedding | crate::decoder::Role::Positions)
        });
        Self { first, embedding, checkpointing }
    }
}

/// One micro-batch on its way.
pub struct Forward<'a> {
    decoder: &'a Decoder,
    tracked: &'a Weights,
    batch: &'a TokenBatch,
    route: Route,
    pass: Pass,
    hidden: Tensor<3>,
    /// With checkpointing: the inputs of the blocks from `route.first` on, and the last block's output as a leaf.
    kept: Option<(Vec<Tensor<3>>, Tensor<3>)>,
}

impl<'a> Forward<'a> {
    /// Runs it. `tracked` and `plain` are the same weights, with a graph and without; `input` is what layer
    /// `route.first` reads, where it is known already.
    #[must_use]
    pub fn run(
        decoder: &'a Decoder,
        [tracked, plain]: [&'a Weights; 2],
        batch: &'a TokenBatch,
        route: Route,
        input: Option<Tensor<3>>,
    ) -> Self {
        let pass = decoder.pass(&batch.tokens, &batch.shape);
        let layers = decoder.config().layers.len();
        let mut x = input.unwrap_or_else(|| {
            let embedding = if route.embedding && !route.checkpointing { tracked } else { plain };
            let embedded = decoder.embed(embedding, batch.tokens.clone(), &pass);
            (0..route.first).fold(embedded, |x, layer| decoder.block(plain, layer, x, &pass))
        });
        let mut kept = None;
        if route.checkpointing {
            let mut inputs = Vec::new();
            for layer in route.first..layers {
                inputs.push(x.clone());
                x = decoder.block(plain, layer, x, &pass);
            }
            x = leaf(x);
            kept = Some((inputs, x.clone()));
        } else {
            x = (route.first..layers).fold(x, |x, layer| decoder.block(tracked, layer, x, &pass));
        }
        let hidden = decoder.finish(tracked, x);
        Self { decoder, tracked, batch, route, pass, hidden, kept }
    }

    /// Hidden states after the final norm, `[rows, tokens, width]`.
    #[must_use]
    pub fn hidden(&self) -> Tensor<3> {
        self.hidden.clone()
    }

    /// Adds the gradient of `loss`, whose graph may have been cut at the output matrix, to `gradients`.
    pub fn backward(self, loss: Tensor<1>, cut: Option<Cut>, gradients: &mut Gradients) {
        let mut tape = loss.backward();
        gradients.add(self.tracked, &mut tape);
        if let Some(below) = cut.and_then(|cut| cut.backward(&mut tape)) {
            tape = below;
            gradients.add(self.tracked, &mut tape);
        }
        let Some((inputs, top)) = self.kept else { return };
        drop(self.hidden);
        let mut above = top.grad_remove(&mut tape);
        drop((tape, top));
        for (i, input) in inputs.into_iter().enumerate().rev() {
            // A loss that nothing of this row depends on.
            let Some(gradient) = above else { return };
            let input = leaf(input);
            let output = self.decoder.block(self.tracked, self.route.first + i, input.clone(), &self.pass);
            let mut tape = (output * constant(gradient)).sum().backward();
            gradients.add(self.tracked, &mut tape);
            above = input.grad_remove(&mut tape);
        }
        if self.route.embedding
            && let Some(gradient) = above
        {
            let output = self.decoder.embed(self.tracked, self.batch.tokens.clone(), &self.pass);
            let mut tape = (output * constant(gradient)).sum().backward();
            gradients.add(self.tracked, &mut tape);
        }
    }
}

/// A new graph's beginning.
fn leaf(x: Tensor<3>) -> Tensor<3> {
    constant(x).autodiff().require_grad()
}

/// The values alone.
fn constant(x: Tensor<3>) -> Tensor<3> {
    x.detach()
}
