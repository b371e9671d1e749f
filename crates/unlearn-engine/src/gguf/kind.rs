//! The tensor types: their number in the file, their name, the size of their blocks, their decoder.

use super::Fault;
use super::blocks::{floats, k, nonlinear, small};

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
    IQ4_NL,
    IQ4_XS,
    F64,
    BF16,
    TQ2_0,
    MXFP4,
}

/// Decodes whole blocks: bytes in, as many values out as the blocks hold.
type Decode = fn(&[u8], &mut [f32]);

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
}

const fn row(kind: TensorKind, number: u32, name: &'static str, values: usize, bytes: usize, decode: Decode) -> Layout {
    Layout { kind, number, name, values, bytes, decode }
}

/// Every type that can be decoded, in the order of [`TensorKind`].
static LAYOUTS: [Layout; 18] = [
    row(TensorKind::F32, 0, "F32", 1, 4, floats::f32),
    row(TensorKind::F16, 1, "F16", 1, 2, floats::f16),
    row(TensorKind::Q4_0, 2, "Q4_0", 32, 18, small::q4_0),
    row(TensorKind::Q4_1, 3, "Q4_1", 32, 20, small::q4_1),
    row(TensorKind::Q5_0, 6, "Q5_0", 32, 22, small::q5_0),
    row(TensorKind::Q5_1, 7, "Q5_1", 32, 24, small::q5_1),
    row(TensorKind::Q8_0, 8, "Q8_0", 32, 34, small::q8_0),
    row(TensorKind::Q2_K, 10, "Q2_K", 256, 84, k::q2_k),
    row(TensorKind::Q3_K, 11, "Q3_K", 256, 110, k::q3_k),
    row(TensorKind::Q4_K, 12, "Q4_K", 256, 144, k::q4_k),
    row(TensorKind::Q5_K, 13, "Q5_K", 256, 176, k::q5_k),
    row(TensorKind::Q6_K, 14, "Q6_K", 256, 210, k::q6_k),
    row(TensorKind::IQ4_NL, 20, "IQ4_NL", 32, 18, nonlinear::iq4_nl),
    row(TensorKind::IQ4_XS, 23, "IQ4_XS", 256, 136, nonlinear::iq4_xs),
    row(TensorKind::F64, 28, "F64", 1, 8, floats::f64),
    row(TensorKind::BF16, 30, "BF16", 1, 2, floats::bf16),
    row(TensorKind::TQ2_0, 35, "TQ2_0", 256, 66, k::tq2_0),
    row(TensorKind::MXFP4, 39, "MXFP4", 32, 17, nonlinear::mxfp4),
];

/// Types that are known by name only.
const UNSUPPORTED: [(u32, &str); 20] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (9, "Q8_1"),
    (15, "Q8_K"),
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
    (34, "TQ1_0"),
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

    pub(super) fn layout(self) -> &'static Layout {
        &LAYOUTS[self as usize]
    }
}
