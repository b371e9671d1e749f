//! Looking inside a subject. What is found is too large to be kept on disk.

use std::sync::Arc;

use unlearn_data::TokenRow;
use unlearn_engine::inside::{Inside, patched};

use super::Observer;
use crate::observation::{Patched, Peek};
use crate::{EvalError, EvalSet, Looked};

/// Rows of a set that are looked into at most.
const ROWS: usize = 64;
/// Numbers that are kept of a set at most: 512 MB.
const NUMBERS: usize = 128 << 20;

impl Observer<'_> {
    /// Looks into evenly spread rows, as many as may be kept.
    pub(super) fn inside(&self, set: &EvalSet) -> Result<(Option<Arc<Peek>>, u64), EvalError> {
        let encoded = set.rows.iter().map(|row| self.encode(row)).collect::<Result<Vec<_>, _>>()?;
        let usable: Vec<(usize, TokenRow)> =
            encoded.into_iter().enumerate().filter_map(|(i, row)| Some((i, row?))).collect();
        let mut n = ROWS.min(usable.len());
        let chosen = loop {
            let chosen: Vec<&(usize, TokenRow)> = (0..n).map(|i| &usable[i * usable.len() / n]).collect();
            let tokens: Vec<TokenRow> = chosen.iter().map(|c| c.1.clone()).collect();
            if n <= 1 || Inside::size(self.model, &tokens) <= NUMBERS {
                break (chosen.iter().map(|c| c.0).collect::<Vec<_>>(), tokens);
            }
            n -= n.div_ceil(4);
        };
        let (rows, tokens) = chosen;
        if rows.is_empty() {
            return Ok((None, 0));
        }
        let count = tokens.iter().map(|t| t.ids.len() as u64).sum();
        let inside = Inside::of(self.model, &tokens, self.effort.tokens);
        Ok((Some(Arc::new(Peek { rows, tokens, inside, patched: None })), count))
    }

    /// Puts the states of two others, one block at a time, into the subject, on a set into which all three were looked.
    /// `None` where they were not, or have other widths.
    pub fn patch(&self, own: &Looked, set: &str, retrained: &Looked, subject: &Looked) -> Option<Peek> {
        let of = |looked: &Looked| looked.on(set).and_then(|seen| seen.inside.clone());
        let (own, retrained, subject) = (of(own)?, of(retrained)?, of(subject)?);
        let blocks = own.inside.layers.len();
        let alike = |other: &Peek| {
            other.inside.width == own.inside.width && other.inside.layers.len() == blocks && other.tokens == own.tokens
        };
        if !alike(&retrained) || !alike(&subject) {
            return None;
        }
        let mean = |rows: Vec<Vec<f32>>| -> Vec<f64> {
            rows.iter().map(|r| r.iter().map(|&x| f64::from(x)).sum::<f64>() / r.len().max(1) as f64).collect()
        };
        let with = |layer: usize, states: &Peek| {
            mean(patched(self.model, &own.tokens, layer, &states.inside.layers[layer], self.effort.tokens))
        };
        let found = Patched {
            own: with(blocks - 1, &own),
            retrained: (0..blocks).map(|layer| with(layer, &retrained)).collect(),
            subject: (0..blocks).map(|layer| with(layer, &subject)).collect(),
        };
        let (rows, tokens, inside) = (own.rows.clone(), own.tokens.clone(), own.inside.clone());
        Some(Peek { rows, tokens, inside, patched: Some(found) })
    }
}
