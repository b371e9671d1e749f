//! Norms of the gradients of the answers' losses.

use unlearn_data::{IGNORED, Row, TokenRow};
use unlearn_engine::likelihood::gradient_norms;

use super::Observer;
use super::store::Key;
use crate::{EvalError, EvalSet};

type Norms = Vec<Option<f64>>;

impl Observer<'_> {
    pub(super) fn gradients(&self, set: &EvalSet, done: &mut dyn FnMut(usize)) -> Result<(Norms, u64), EvalError> {
        let whole = |row: &Row| Ok(self.encode(row)?.map(without_end));
        let rows = set.rows.iter().map(whole).collect::<Result<Vec<_>, EvalError>>()?;
        let mut key = Key::new(&self.digest, "gradients");
        rows.iter().for_each(|row| key.row(row.as_ref()));
        let found = self.store.get(key, || {
            let mut tokens = 0;
            let model = self.model.clone().unfrozen();
            let mut norm = |(i, row): (usize, &Option<_>)| -> Result<Option<f64>, EvalError> {
                let Some(row): &Option<TokenRow> = row else { return Ok(None) };
                let norms = gradient_norms(&model, row);
                tokens += 3 * row.ids.len() as u64;
                done(i + 1);
                let mean = norms.iter().sum::<f64>() / norms.len().max(1) as f64;
                if !mean.is_finite() {
                    return Err(EvalError::NotFinite { set: set.name.clone(), row: i + 1 });
                }
                Ok((!norms.is_empty()).then_some(mean))
            };
            let norms = rows.iter().enumerate().map(&mut norm).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, EvalError>((norms, tokens))
        })?;
        done(rows.len());
        Ok(found)
    }
}

/// A row whose last token, which ends the answer, is not supervised; unless it is the only one.
fn without_end(mut row: TokenRow) -> TokenRow {
    if row.supervised() > 1
        && let Some(last) = row.labels.iter_mut().rev().find(|label| **label >= 0)
    {
        *last = IGNORED;
    }
    row
}
