//! A micro-batch's way through the decoder: no further than is read, without a graph below the lowest trained layer,
//! and, with gradient checkpointing, with one block's graph in memory at a time.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use super::{Gradients, Inner, Reads};
use crate::batch::TokenBatch;
use crate::decoder::Pass;
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

    /// The same where states inside the decoder are read: what lies below the lowest of them may be passed over, not
    /// what is read.
    #[must_use]
    pub fn reading(self, reads: [&Reads; 2]) -> Self {
        let lowest = reads.into_iter().flat_map(|r| &r.inner).map(|inner| inner.layer()).min();
        Self { first: lowest.map_or(self.first, |l| l.min(self.first)), ..self }
    }
}

/// One micro-batch on its way.
pub struct Forward<'a> {
    decoder: &'a Decoder,
    tracked: &'a Weights,
    batch: &'a TokenBatch,
    route: Route,
    pass: Pass,
    /// Without checkpointing, what the first block read, as a leaf, where the embedding is trained: its table's gradient is
    /// made of rows, not of a whole table.
    bottom: Option<Tensor<3>>,
    hidden: Option<Tensor<3>>,
    inner: BTreeMap<Inner, Tensor<3>>,
    /// With checkpointing: the inputs of the blocks from `route.first` on, and the last block's output as a leaf.
    kept: Option<(Vec<Tensor<3>>, Tensor<3>)>,
}

impl<'a> Forward<'a> {
    /// Runs it as far as `reads` goes. `tracked` and `plain` are the same weights, with a graph and without; `input` is
    /// what layer `route.first` reads, where it is known already.
    #[must_use]
    pub fn run(
        decoder: &'a Decoder,
        [tracked, plain]: [&'a Weights; 2],
        batch: &'a TokenBatch,
        (route, reads): (Route, &Reads),
        input: Option<Tensor<3>>,
    ) -> Self {
        let pass = decoder.pass(&batch.tokens, &batch.shape);
        let layers = reads.depth(decoder.config().layers.len());
        let mut x = input.unwrap_or_else(|| {
            let embedded = decoder.embed(plain, batch.tokens.clone(), &pass);
            (0..route.first).fold(embedded, |x, layer| decoder.block(plain, layer, x, &pass))
        });
        let bottom = (route.embedding && !route.checkpointing).then(|| leaf(x.clone()));
        x = bottom.clone().unwrap_or(x);
        let (mut kept, mut inner) = (None, BTreeMap::new());
        // With checkpointing, what is read becomes a leaf: its gradient joins in on the way back.
        let seen = |state: Tensor<3>| if route.checkpointing { leaf(state) } else { state };
        let weights = if route.checkpointing { plain } else { tracked };
        let mut inputs = Vec::new();
        for layer in route.first..layers {
            inputs.extend(route.checkpointing.then(|| x.clone()));
            let (output, mlp) = decoder.block_parts(weights, layer, x, &pass);
            x = output;
            for wanted in reads.inner.iter().filter(|i| i.layer() == layer) {
                let state = if matches!(wanted, Inner::Mlp(_)) { mlp.clone() } else { x.clone() };
                inner.insert(*wanted, seen(state));
            }
        }
        if route.checkpointing {
            x = leaf(x);
            kept = Some((inputs, x.clone()));
        }
        let hidden = reads.scores.then(|| decoder.finish(tracked, x));
        Self { decoder, tracked, batch, route, pass, bottom, hidden, inner, kept }
    }

    /// Hidden states after the final norm, `[rows, tokens, width]`, where scores are read.
    #[must_use]
    pub fn hidden(&self) -> Option<Tensor<3>> {
        self.hidden.clone()
    }

    /// The states inside the decoder that are read, `[rows, tokens, width]`.
    #[must_use]
    pub fn inner(&self) -> BTreeMap<Inner, Tensor<3>> {
        self.inner.clone()
    }

    /// Adds the gradient of `loss` to `gradients`.
    pub fn backward(mut self, loss: Tensor<1>, gradients: &mut Gradients) {
        let mut tape = loss.backward();
        gradients.add(self.tracked, &mut tape);
        if let Some(bottom) = self.bottom.take() {
            self.embed_backward(bottom.grad_remove(&mut tape), gradients);
        }
        let Some((inputs, top)) = self.kept.take() else { return };
        drop(self.hidden.take());
        // States that are read lie above the cut or beside it, so that their gradients are on the first tape.
        let mut joining: BTreeMap<Inner, Tensor<3>> = std::mem::take(&mut self.inner)
            .into_iter()
            .filter_map(|(inner, state)| Some((inner, state.grad_remove(&mut tape)?)))
            .collect();
        let mut above = top.grad_remove(&mut tape);
        drop((tape, top));
        for (i, input) in inputs.into_iter().enumerate().rev() {
            let layer = self.route.first + i;
            above = sum(above, joining.remove(&Inner::Block(layer)));
            let mlp_gradient = joining.remove(&Inner::Mlp(layer));
            if above.is_none() && mlp_gradient.is_none() {
                continue;
            }
            let input = leaf(input);
            let (output, mlp) = self.decoder.block_parts(self.tracked, layer, input.clone(), &self.pass);
            let products = [above.take().map(|g| output * constant(g)), mlp_gradient.map(|g| mlp * constant(g))];
            let Some(loss) = products.into_iter().flatten().map(Tensor::sum).reduce(|a, b| a + b) else { continue };
            let mut tape = loss.backward();
            gradients.add(self.tracked, &mut tape);
            above = input.grad_remove(&mut tape);
        }
        if self.route.embedding {
            self.embed_backward(above, gradients);
        }
    }

    /// Adds the gradients of the tables that the first block's input was made of.
    fn embed_backward(&self, gradient: Option<Tensor<3>>, gradients: &mut Gradients) {
        let Some(gradient) = gradient else { return };
        let tokens = self.batch.tokens.clone();
        self.decoder.embed_backward(tokens, &self.pass, constant(gradient), |table, rows, new| {
            gradients.add_rows(table, rows, new);
        });
    }
}

fn sum(a: Option<Tensor<3>>, b: Option<Tensor<3>>) -> Option<Tensor<3>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

/// A new graph's beginning.
pub(super) fn leaf<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    constant(x).autodiff().require_grad()
}

/// The values alone.
pub(super) fn constant<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.detach()
}
