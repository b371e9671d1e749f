//! What a frozen prefix of layers puts out, kept for when the same rows come again.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor, TensorData};
use unlearn_data::TokenRow;

use super::Set;
use crate::batch::{TokenBatch, Which};
use crate::tensor::values;
use crate::{Decoder, Weights};

/// Outputs of the layers below `first`, by row. Each row goes through them alone, so that what is kept does not depend
/// on its neighbours: an interrupted run that begins with an empty cache computes the same bytes.
#[derive(Debug)]
pub(super) struct PrefixCache {
    first: usize,
    /// Values that may be kept.
    capacity: usize,
    kept: usize,
    rows: HashMap<(Set, usize), Vec<f32>>,
}

impl PrefixCache {
    /// A cache of at most `bytes`, which change no result; `None` where there is no prefix, or rows do not come again.
    pub(super) fn new(first: usize, again: bool, bytes: u64) -> Option<Self> {
        let capacity = usize::try_from(bytes / 4).unwrap_or(usize::MAX);
        (first > 0 && again).then(|| Self { first, capacity, kept: 0, rows: HashMap::new() })
    }

    /// What layer `first` reads, `[rows, tokens, width]` as the batch's tokens, with zeros where there is padding. What
    /// rows share is the first one's.
    pub(super) fn input(
        &mut self,
        decoder: &Decoder,
        plain: &Weights,
        places: &[(Set, usize)],
        (rows, batch, to_the_end): (&[&TokenRow], &TokenBatch, bool),
    ) -> Tensor<3> {
        let ([count, tokens], width) = (batch.tokens.dims(), decoder.config().hidden_size);
        let device = batch.tokens.device();
        let mut all = vec![0.0; count * tokens * width];
        for (r, (&place, row)) in places.iter().zip(rows).enumerate().rev() {
            let states = self.of_row(decoder, plain, place, (row, to_the_end), &device);
            for (t, state) in states.chunks_exact(width).enumerate() {
                all[batch.place(r, t) * width..][..width].copy_from_slice(state);
            }
        }
        Tensor::from_data(TensorData::new(all, [count, tokens, width]), &device)
    }

    fn of_row(
        &mut self,
        decoder: &Decoder,
        plain: &Weights,
        key: (Set, usize),
        (row, to_the_end): (&TokenRow, bool),
        device: &Device,
    ) -> Vec<f32> {
        if let Some(known) = self.rows.get(&key) {
            return known.clone();
        }
        let batch = TokenBatch::reaching(&[row], Which::Supervised, to_the_end, device);
        let pass = decoder.pass(&batch.tokens, &batch.shape);
        let embedded = decoder.embed(plain, batch.tokens.clone(), &pass);
        let states = values((0..self.first).fold(embedded, |x, layer| decoder.block(plain, layer, x, &pass)));
        if self.kept + states.len() <= self.capacity {
            self.kept += states.len();
            self.rows.insert(key, states.clone());
        }
        states
    }
}
