//! What can go wrong with a GGUF file: the operation that failed, where, and why.

use thiserror::Error;

/// A failed operation on a GGUF file. The message names what was read, the key or tensor, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The first bytes (magic, version, counts) are not those of a readable file.
    #[error("cannot read the GGUF header: {fault}")]
    ReadHeader {
        /// The reason.
        fault: Fault,
    },
    /// A metadata entry is malformed.
    #[error("cannot read GGUF metadata `{key}`: {fault}")]
    ReadMetadata {
        /// The key, or the entry's position where the key itself is unreadable.
        key: String,
        /// The reason.
        fault: Fault,
    },
    /// A tensor's description or data is malformed.
    #[error("cannot read GGUF tensor `{tensor}`: {fault}")]
    ReadTensor {
        /// The tensor's name, or its position where the name itself is unreadable.
        tensor: String,
        /// The reason.
        fault: Fault,
    },
    /// A metadata entry that is needed is missing or of another type.
    #[error("cannot use GGUF metadata `{key}`: {fault}")]
    GetMetadata {
        /// The key that was looked up.
        key: String,
        /// The reason.
        fault: Fault,
    },
    /// The model's description has no counterpart in a Hugging Face configuration.
    #[error("cannot convert GGUF metadata `{key}` to a model configuration: {fault}")]
    ConvertConfig {
        /// The key, or the tensor, that stands in the way.
        key: String,
        /// The reason.
        fault: Fault,
    },
    /// The vocabulary has no counterpart in a Hugging Face tokenizer.
    #[error("cannot convert GGUF metadata `{key}` to a tokenizer: {fault}")]
    ConvertTokenizer {
        /// The key that stands in the way.
        key: String,
        /// The reason.
        fault: Fault,
    },
    /// A setting of a Hugging Face configuration has no counterpart in GGUF.
    #[error("cannot convert `{field}` of `config.json` to GGUF: {fault}")]
    ExportConfig {
        /// The field.
        field: String,
        /// The reason.
        fault: Fault,
    },
    /// A part of a Hugging Face tokenizer has no counterpart in GGUF.
    #[error("cannot convert `{field}` of `tokenizer.json` to GGUF: {fault}")]
    ExportTokenizer {
        /// The field.
        field: String,
        /// The reason.
        fault: Fault,
    },
    /// A metadata entry cannot be written.
    #[error("cannot write GGUF metadata `{key}`: {fault}")]
    WriteMetadata {
        /// The key.
        key: String,
        /// The reason.
        fault: Fault,
    },
    /// A tensor cannot be written.
    #[error("cannot write GGUF tensor `{tensor}`: {fault}")]
    WriteTensor {
        /// The tensor's name in the file.
        tensor: String,
        /// The reason.
        fault: Fault,
    },
    /// A tensor has no counterpart in the Hugging Face model.
    #[error("cannot convert GGUF tensor `{tensor}`: {fault}")]
    ConvertTensor {
        /// The tensor's name in the file.
        tensor: String,
        /// The reason.
        fault: Fault,
    },
}

/// Why an operation on a GGUF file failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file does not start with `GGUF`.
    #[error("not a GGUF file, it starts with the bytes {0:02x?}")]
    NotGguf(Vec<u8>),
    /// The file was written for big-endian machines.
    #[error("big-endian files are not supported")]
    BigEndian,
    /// A version of the format that is not read.
    #[error("version {0} is not supported, only 2 and 3 are")]
    Version(u32),
    /// The file ends too early.
    #[error("the file is cut short: {needed} bytes needed, {left} left")]
    CutShort {
        /// Bytes that should follow.
        needed: u64,
        /// Bytes that do follow.
        left: u64,
    },
    /// A count is beyond what any real file holds.
    #[error("{count} entries, more than the limit of {limit}")]
    TooMany {
        /// The count in the file.
        count: u64,
        /// The largest count that is read.
        limit: u64,
    },
    /// The same name occurs twice.
    #[error("the name occurs twice")]
    Duplicate,
    /// A name is empty or too long.
    #[error("a name of {length} bytes, expected 1 to {limit}")]
    NameLength {
        /// The name's length in bytes.
        length: usize,
        /// The format's limit.
        limit: usize,
    },
    /// A name or text is not UTF-8.
    #[error("not valid UTF-8")]
    Utf8,
    /// Arrays in arrays, too deep.
    #[error("arrays are nested deeper than {0} levels")]
    Nested(usize),
    /// A metadata value type that the format does not define.
    #[error("unknown value type {0}")]
    ValueType(u32),
    /// A metadata value is there, with another type than needed.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What is needed.
        expected: &'static str,
        /// What the file holds.
        found: &'static str,
    },
    /// Nothing is stored under this key.
    #[error("missing")]
    Missing,
    /// A number of dimensions that the format does not allow.
    #[error("{0} dimensions, expected 1 to 4")]
    Dimensions(u32),
    /// The shape has a zero or its product overflows.
    #[error("impossible shape {0:?}")]
    ImpossibleShape(Vec<u64>),
    /// The shape is not the one that the model's configuration asks for.
    #[error("shape {found:?}, expected {expected}")]
    Shape {
        /// The shape in the file.
        found: Vec<usize>,
        /// What was expected.
        expected: String,
    },
    /// A row is not a whole number of quantised blocks.
    #[error("a row of {row} values is not a multiple of the {kind} block size {block}")]
    Block {
        /// Values in a row.
        row: u64,
        /// The type's name.
        kind: &'static str,
        /// Values in a block.
        block: u64,
    },
    /// A tensor type that cannot be decoded.
    #[error("tensor type {number} ({name}) is not supported")]
    Kind {
        /// The number in the file.
        number: u32,
        /// The type's name, where the number is known.
        name: &'static str,
    },
    /// A tensor type that can be decoded, but not written.
    #[error("tensor type {0} can be read, but not written")]
    ReadOnly(&'static str),
    /// A value that the tensor type cannot hold, or that is no number at all.
    #[error("{kind} cannot hold the value {value}")]
    Range {
        /// The value.
        value: String,
        /// The type's name.
        kind: &'static str,
    },
    /// The data does not begin at a multiple of the alignment.
    #[error("offset {offset} is not a multiple of the alignment {alignment}")]
    Misaligned {
        /// Offset in the data section.
        offset: u64,
        /// The file's alignment.
        alignment: u64,
    },
    /// The alignment is zero or no power of two.
    #[error("alignment {0} is not a power of two")]
    Alignment(u32),
    /// Two tensors claim the same bytes.
    #[error("its data overlaps with that of `{0}`")]
    Overlap(String),
    /// A name that is not among those that can be converted.
    #[error("`{found}` is not supported, only {known} are")]
    Unsupported {
        /// The name in the file.
        found: String,
        /// The names that can be converted.
        known: String,
    },
    /// Anything else that has no counterpart, in words.
    #[error("{0}")]
    Conflict(String),
}

impl GgufError {
    /// The reason, without the place.
    pub fn fault(&self) -> &Fault {
        match self {
            Self::ReadHeader { fault }
            | Self::ReadMetadata { fault, .. }
            | Self::ReadTensor { fault, .. }
            | Self::GetMetadata { fault, .. }
            | Self::ConvertConfig { fault, .. }
            | Self::ConvertTokenizer { fault, .. }
            | Self::ConvertTensor { fault, .. }
            | Self::ExportConfig { fault, .. }
            | Self::ExportTokenizer { fault, .. }
            | Self::WriteMetadata { fault, .. }
            | Self::WriteTensor { fault, .. } => fault,
        }
    }

    /// What the reader of the message can do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let exported = matches!(self, Self::ExportConfig { .. } | Self::ExportTokenizer { .. });
        let hint = match self.fault() {
            _ if exported => "write a folder instead: give a target that does not end in `.gguf`",
            Fault::CutShort { .. } => "compare the file's size with that at its source, and download it again",
            Fault::NotGguf(_) => "a Hugging Face model is given as its folder, a GGUF model as its file",
            Fault::BigEndian | Fault::Version(_) => "write the file again, with a current little-endian converter",
            Fault::Kind { .. } => "take the same model in F16, Q8_0, or one of Q2_K to Q6_K",
            Fault::Range { .. } => "choose a format with a wider range, such as f32 or bf16",
            Fault::Missing if self.names("tokenizer.ggml.pre") => {
                "the file is older than this key: write it again with a current converter"
            }
            Fault::Unsupported { .. } => "take the model's Hugging Face folder instead of the GGUF file",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn names(&self, wanted: &str) -> bool {
        match self {
            Self::GetMetadata { key, .. } | Self::ConvertTokenizer { key, .. } => key == wanted,
            _ => false,
        }
    }
}
