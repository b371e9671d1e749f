//! The tensor types: their number in the file, their name, the size of their blocks, their decoder and encoder.

use rayon::prelude::*;

use super::Fault;
use super::blocks::{floats, k, nonlinear, quantise, quantise_k, small};

/// How a tensor's values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, non_camel_case_types)]
#[non_exhaustive]
pub enum TensorKind {
    F32,
    F16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    Q8_K,
    IQ4_NL,
    IQ4_XS,
    F64,
    BF16,
    TQ1_0,
    TQ2_0,
    MXFP4,
}

/// Decodes whole blocks: bytes in, as many values out as the blocks hold.
type Decode = fn(&[u8], &mut [f32]);

/// Encodes the values of whole blocks: values in, as many bytes out as the blocks take.
type Encode = fn(&[f32], &mut [u8]);

/// Values that one thread encodes in one go.
const VALUES_AT_ONCE: usize = 1 << 16;

/// What the format fixes about one tensor type.
pub(super) struct Layout {
    kind: TensorKind,
    number: u32,
    name: &'static str,
    /// Values in a block.
    pub(super) values: usize,
    /// Bytes of a block.
    pub(super) bytes: usize,
    pub(super) decode: Decode,
    encode: Option<Encode>,
}

const fn row(kind: TensorKind, number: u32, name: &'static str, values: usize, bytes: usize, decode: Decode) -> Layout {
    Layout { kind, number, name, values, bytes, decode, encode: None }
}

impl Layout {
    const fn and(self, encode: Encode) -> Self {
        Self { encode: Some(encode), ..self }
    }
}

/// Every type that can be decoded, in the order of [`TensorKind`]; with its encoder where it can be written too.
static LAYOUTS: [Layout; 20] = [
    row(TensorKind::F32, 0, "F32", 1, 4, floats::f32).and(floats::encode_f32),
    row(TensorKind::F16, 1, "F16", 1, 2, floats::f16).and(floats::encode_f16),
    row(TensorKind::Q4_0, 2, "Q4_0", 32, 18, small::q4_0).and(quantise::q4_0),
    row(TensorKind::Q4_1, 3, "Q4_1", 32, 20, small::q4_1).and(quantise::q4_1),
    row(TensorKind::Q5_0, 6, "Q5_0", 32, 22, small::q5_0).and(quantise::q5_0),
    row(TensorKind::Q5_1, 7, "Q5_1", 32, 24, small::q5_1).and(quantise::q5_1),
    row(TensorKind::Q8_0, 8, "Q8_0", 32, 34, small::q8_0).and(quantise::q8_0),
    row(TensorKind::Q2_K, 10, "Q2_K", 256, 84, k::q2_k),
    row(TensorKind::Q3_K, 11, "Q3_K", 256, 110, k::q3_k),
    row(TensorKind::Q4_K, 12, "Q4_K", 256, 144, k::q4_k).and(quantise_k::q4_k),
    row(TensorKind::Q5_K, 13, "Q5_K", 256, 176, k::q5_k).and(quantise_k::q5_k),
    row(TensorKind::Q6_K, 14, "Q6_K", 256, 210, k::q6_k),
    row(TensorKind::Q8_K, 15, "Q8_K", 256, 292, k::q8_k),
    row(TensorKind::IQ4_NL, 20, "IQ4_NL", 32, 18, nonlinear::iq4_nl),
    row(TensorKind::IQ4_XS, 23, "IQ4_XS", 256, 136, nonlinear::iq4_xs),
    row(TensorKind::F64, 28, "F64", 1, 8, floats::f64),
    row(TensorKind::BF16, 30, "BF16", 1, 2, floats::bf16).and(floats::encode_bf16),
    row(TensorKind::TQ1_0, 34, "TQ1_0", 256, 54, k::tq1_0),
    row(TensorKind::TQ2_0, 35, "TQ2_0", 256, 66, k::tq2_0),
    row(TensorKind::MXFP4, 39, "MXFP4", 32, 17, nonlinear::mxfp4),
];

/// Types that are known by name only.
const UNSUPPORTED: [(u32, &str); 18] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (9, "Q8_1"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (29, "IQ1_M"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (40, "NVFP4"),
];

impl TensorKind {
    /// The type with this number.
    ///
    /// # Errors
    /// [`Fault::Kind`] for a number that is unknown or whose type cannot be decoded.
    pub fn from_number(number: u32) -> Result<Self, Fault> {
        if let Some(layout) = LAYOUTS.iter().find(|layout| layout.number == number) {
            return Ok(layout.kind);
        }
        let name = UNSUPPORTED.iter().find(|(known, _)| *known == number).map_or("unknown", |(_, name)| name);
        Err(Fault::Kind { number, name })
    }

    /// Every type that can be decoded.
    pub fn all() -> impl Iterator<Item = Self> {
        LAYOUTS.iter().map(|layout| layout.kind)
    }

    /// The type's number in the file.
    pub fn number(self) -> u32 {
        self.layout().number
    }

    /// The type's name, as in `Q4_K`.
    pub fn name(self) -> &'static str {
        self.layout().name
    }

    /// How many values one block holds; 1 for the plain floats.
    pub fn values_per_block(self) -> usize {
        self.layout().values
    }

    /// How many bytes one block takes.
    pub fn bytes_per_block(self) -> usize {
        self.layout().bytes
    }

    /// Every type that can be written.
    pub fn writable() -> impl Iterator<Item = Self> {
        LAYOUTS.iter().filter(|layout| layout.encode.is_some()).map(|layout| layout.kind)
    }

    /// The type of this name, in whatever case, if it can be written.
    pub fn writable_by_name(name: &str) -> Option<Self> {
        Self::writable().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Rounds values to this type: to the same bytes as llama.cpp and the `gguf` package of PyPI, but for blocks of 256,
    /// of which they leave open how scales are found.
    ///
    /// A value beyond the type's range is stored as infinity, or makes its block's scale infinite or no number.
    ///
    /// # Shapes
    /// `values` are whole rows of `row_width`; the result has [`bytes_per_block`](Self::bytes_per_block) for each
    /// [`values_per_block`](Self::values_per_block) of them.
    ///
    /// # Errors
    /// [`Fault::Block`] when a row is not a whole number of blocks, [`Fault::ReadOnly`] when the type can only be decoded.
    pub fn encode(self, values: &[f32], row_width: usize) -> Result<Vec<u8>, Fault> {
        let layout = self.layout();
        let encode = layout.encode.ok_or(Fault::ReadOnly(layout.name))?;
        if !row_width.is_multiple_of(layout.values) || !values.len().is_multiple_of(row_width.max(1)) {
            let (row, block) = (row_width as u64, layout.values as u64);
            return Err(Fault::Block { row, kind: layout.name, block });
        }
        let mut bytes = vec![0; values.len() / layout.values * layout.bytes];
        let blocks = VALUES_AT_ONCE / layout.values;
        let targets = bytes.par_chunks_mut(blocks * layout.bytes);
        values.par_chunks(blocks * layout.values).zip(targets).for_each(|(from, to)| encode(from, to));
        Ok(bytes)
    }

    /// The values of stored blocks.
    ///
    /// # Shapes
    /// [`values_per_block`](Self::values_per_block) values for each [`bytes_per_block`](Self::bytes_per_block) of `bytes`;
    /// a rest that is no whole block is left out.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let layout = self.layout();
        let mut values = vec![0.0; bytes.len() / layout.bytes * layout.values];
        (layout.decode)(bytes, &mut values);
        values
    }

    pub(super) fn layout(self) -> &'static Layout {
        &LAYOUTS[self as usize]
    }
}
