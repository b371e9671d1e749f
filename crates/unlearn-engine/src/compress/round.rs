//! Rounding weights to few bits.

use rayon::prelude::*;

use super::{by_output, from_output};
use crate::LanguageModel;
use crate::gguf::TensorKind;

/// How weights are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As GGUF stores them.
    Gguf(TensorKind),
    /// To the nearest of `2^bits - 1` values around 0, with one scale for each `block` weights of an output, or for all
    /// of them.
    Nearest {
        /// From 2 to 8.
        bits: u32,
        /// Weights that share a scale.
        block: Option<usize>,
    },
}

impl Format {
    /// By its name: a GGUF type, `4-bit` (blocks of `block`) or `4-bit-rows`.
    #[must_use]
    pub fn by_name(name: &str, block: usize) -> Option<Self> {
        if let Some(kind) = TensorKind::writable_by_name(name) {
            return Some(Self::Gguf(kind));
        }
        let (bits, rest) = name.split_once("-bit")?;
        let bits = bits.parse().ok().filter(|bits| (2..=8).contains(bits))?;
        match rest {
            "" => Some(Self::Nearest { bits, block: Some(block) }),
            "-rows" => Some(Self::Nearest { bits, block: None }),
            _ => None,
        }
    }
}

/// A model with rounded weights.
#[derive(Debug, Clone)]
pub struct Rounded {
    /// The model.
    pub model: LanguageModel,
    /// Matrices that were left as they are: the format's blocks do not divide their rows.
    pub left: usize,
    /// The share of weights whose code is not that of the same weight of another model; of nearest rounding alone.
    pub changed: Option<f64>,
}

/// A model with the matrices inside its blocks rounded; beside another one of the same shape, with how many weights that
/// tells apart.
#[must_use]
pub fn rounded(model: &LanguageModel, format: Format, beside: Option<&LanguageModel>) -> Rounded {
    let mut rounded = Rounded { model: model.clone(), left: 0, changed: None };
    let (mut changed, mut all) = (0usize, 0usize);
    for i in 0..model.parameters.specs().len() {
        let spec = model.parameters.specs()[i].clone();
        if !spec.is_linear() {
            continue;
        }
        let width = spec.shape[0];
        let values = by_output(&spec, model.parameters.values(i));
        let near = match format {
            Format::Gguf(kind) => kind.encode(&values, width).ok().map(|bytes| kind.decode(&bytes)),
            Format::Nearest { bits, block } => {
                let (own, scales) = codes(&values, bits, block.unwrap_or(width).min(width), width);
                if let Some(other) = beside {
                    let theirs = by_output(&spec, other.parameters.values(i));
                    let (theirs, _) = codes(&theirs, bits, block.unwrap_or(width).min(width), width);
                    changed += own.iter().zip(&theirs).filter(|(a, b)| a != b).count();
                    all += own.len();
                }
                let blocks = scales.into_iter().zip(blocks(width, block.unwrap_or(width)).cycle());
                let scales = blocks.flat_map(|(scale, n)| std::iter::repeat_n(scale, n));
                Some(own.iter().zip(scales).map(|(&code, scale)| f32::from(code) * scale).collect())
            }
        };
        match near {
            Some(near) => {
                let near = from_output(&spec, near);
                rounded.model.parameters.update(i, |old| old.copy_from_slice(&near));
            }
            None => rounded.left += 1,
        }
    }
    rounded.changed = (all > 0).then(|| changed as f64 / all as f64);
    rounded
}

/// The lengths of a row's blocks; the last may be shorter.
fn blocks(width: usize, block: usize) -> impl Iterator<Item = usize> + Clone {
    let block = block.clamp(1, width.max(1));
    (0..width).step_by(block).map(move |at| block.min(width - at))
}

/// The codes of rows of `width` weights, and the scale of each block: the nearest of `-(2^(bits-1) - 1)` to
/// `2^(bits-1) - 1`, halves away from 0, times `max |w| / (2^(bits-1) - 1)`.
#[must_use]
pub fn codes(values: &[f32], bits: u32, block: usize, width: usize) -> (Vec<i8>, Vec<f32>) {
    let top = ((1i32 << (bits - 1)) - 1) as f32;
    let of_row = |row: &[f32]| -> (Vec<i8>, Vec<f32>) {
        let (mut all, mut scales) = (Vec::with_capacity(row.len()), Vec::new());
        for part in row.chunks(block.max(1)) {
            let scale = part.iter().fold(0.0f32, |m, w| m.max(w.abs())) / top;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            all.extend(part.iter().map(|w| (w * inverse).round().clamp(-top, top) as i8));
            scales.push(scale);
        }
        (all, scales)
    };
    let rows: Vec<(Vec<i8>, Vec<f32>)> = values.par_chunks(width.max(1)).map(of_row).collect();
    let (codes, scales): (Vec<Vec<i8>>, Vec<Vec<f32>>) = rows.into_iter().unzip();
    (codes.concat(), scales.concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_moves_by_more_than_half_a_step(
            values in prop::collection::vec(-3.0f32..3.0, 1..60), bits in 2u32..=8, block in 1usize..9, rows in 1usize..4,
        ) {
            let width = values.len();
            let all = values.repeat(rows);
            let (codes, scales) = codes(&all, bits, block, width);
            let lengths: Vec<usize> = blocks(width, block).collect();
            prop_assert_eq!(scales.len(), rows * lengths.len());
            let scales = scales.iter().zip(lengths.iter().cycle()).flat_map(|(s, n)| std::iter::repeat_n(*s, *n));
            for ((w, code), scale) in all.iter().zip(&codes).zip(scales) {
                prop_assert!((w - f32::from(*code) * scale).abs() <= 0.5001 * scale);
                prop_assert!(i32::from(*code).abs() < 1 << (bits - 1));
            }
        }
    }

    #[test]
    fn by_hand() {
        // The largest, 7, is code 7 of 4 bits: the scale is 1.
        let (codes, scales) = codes(&[7.0, -3.4, 0.5, -0.2, 0.0, 0.0], 4, 4, 6);
        assert_eq!((codes, scales), (vec![7, -3, 1, 0, 0, 0], vec![1.0, 0.0]));
    }

    #[test]
    fn names() {
        assert_eq!(Format::by_name("3-bit", 32), Some(Format::Nearest { bits: 3, block: Some(32) }));
        assert_eq!(Format::by_name("8-bit-rows", 32), Some(Format::Nearest { bits: 8, block: None }));
        assert_eq!(Format::by_name("q4_0", 32), Some(Format::Gguf(TensorKind::Q4_0)));
        assert_eq!(Format::by_name("q4_k", 32), Some(Format::Gguf(TensorKind::Q4_K)));
        for none in ["9-bit", "1-bit", "bit", "4-bits", "q9"] {
            assert_eq!(Format::by_name(none, 32), None, "{none}");
        }
    }
}
