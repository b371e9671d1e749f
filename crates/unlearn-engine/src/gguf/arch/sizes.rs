//! The sizes that a file states, and the shape that a tensor must have by them.

use super::keys::Keys;
use super::{Rotary, failed};
use crate::gguf::{Fault, Gguf, GgufError, Metadata, Place, Size};

const EMBEDDING: &str = "token_embd.weight";

/// The sizes of a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) vocabulary: usize,
    pub(super) context: usize,
    pub(super) hidden: usize,
    pub(super) intermediate: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) key_heads: usize,
    pub(super) head_dim: usize,
    /// How much of each head is rotated.
    pub(super) rotated: usize,
}

impl Sizes {
    pub(super) fn read(gguf: &Gguf<'_>, keys: &Keys<'_>, rotary: Rotary) -> Result<Self, GgufError> {
        let hidden = keys.positive("embedding_length")?;
        let heads = keys.positive("attention.head_count")?;
        let key_heads =
            if keys.has("attention.head_count_kv") { keys.positive("attention.head_count_kv")? } else { heads };
        let embedding = gguf.tensor(EMBEDDING).ok_or_else(|| failed(EMBEDDING, Fault::Missing))?;
        let head_dim = head_dim(keys, hidden, heads)?;
        let sizes = Self {
            vocabulary: embedding.shape.first().copied().unwrap_or_default(),
            context: keys.positive("context_length")?,
            hidden,
            intermediate: keys.positive("feed_forward_length")?,
            layers: keys.positive("block_count")?,
            heads,
            key_heads,
            head_dim,
            rotated: rotated(keys, head_dim, rotary)?,
        };
        if !heads.is_multiple_of(key_heads) {
            return keys.conflict(
                "attention.head_count_kv",
                format!("{heads} query heads cannot share {key_heads} key heads"),
            );
        }
        match Metadata::optional(keys.size("vocab_size"))?.filter(|stated| *stated != sizes.vocabulary) {
            None => Ok(sizes),
            Some(stated) => {
                let rows = sizes.vocabulary;
                keys.conflict("vocab_size", format!("{stated} tokens, but `{EMBEDDING}` has {rows} rows"))
            }
        }
    }

    /// The shape of a tensor in the file, or `None` where it is beyond any tensor's.
    pub(super) fn shape(&self, place: &Place) -> Option<Vec<usize>> {
        let columns = if place.is_bias { None } else { place.part.columns };
        [Some(place.part.rows), columns].into_iter().flatten().map(|size| self.of(size)).collect()
    }

    pub(super) fn of(&self, size: Size) -> Option<usize> {
        let keys = || self.key_heads.checked_mul(self.head_dim);
        let queries = || self.heads.checked_mul(self.head_dim);
        match size {
            Size::Vocabulary => Some(self.vocabulary),
            Size::Context => Some(self.context),
            Size::Hidden => Some(self.hidden),
            Size::Intermediate => Some(self.intermediate),
            Size::GateAndUp => self.intermediate.checked_mul(2),
            Size::Queries => queries(),
            Size::Keys => keys(),
            Size::Fused => queries()?.checked_add(keys()?.checked_mul(2)?),
            Size::Head => Some(self.head_dim),
        }
    }

    /// Whether the width of a head is what the configuration alone would make it.
    pub(super) fn usual_head_dim(&self) -> bool {
        self.head_dim * self.heads == self.hidden
    }
}

fn head_dim(keys: &Keys<'_>, hidden: usize, heads: usize) -> Result<usize, GgufError> {
    let head_dim = match Metadata::optional(keys.size("attention.key_length"))? {
        Some(length) => length,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => {
            let why = format!("{heads} heads do not divide a width of {hidden}");
            return keys.conflict("attention.head_count", why);
        }
    };
    if head_dim == 0 {
        return keys.conflict("attention.key_length", "zero".to_owned());
    }
    match Metadata::optional(keys.size("attention.value_length"))?.filter(|other| *other != head_dim) {
        None => Ok(head_dim),
        Some(other) => {
            keys.conflict("attention.value_length", format!("{other} differs from the head width {head_dim}"))
        }
    }
}

fn rotated(keys: &Keys<'_>, head_dim: usize, rotary: Rotary) -> Result<usize, GgufError> {
    const KEY: &str = "rope.dimension_count";
    if rotary == Rotary::None {
        return Ok(0);
    }
    let stated = Metadata::optional(keys.size(KEY))?;
    let rotated = stated.unwrap_or(head_dim);
    if rotary == Rotary::Whole && rotated != head_dim {
        return keys.conflict(KEY, format!("{rotated} differs from the head width {head_dim}"));
    }
    if rotated > head_dim {
        return keys.conflict(KEY, format!("{rotated} is more than the head width {head_dim}"));
    }
    if rotated == 0 || !rotated.is_multiple_of(2) {
        let key = if stated.is_some() { KEY } else { "attention.key_length" };
        return keys.conflict(key, format!("heads of width {rotated} cannot be rotated"));
    }
    Ok(rotated)
}
