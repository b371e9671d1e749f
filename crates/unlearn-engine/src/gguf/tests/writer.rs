//! Writes small GGUF files: a valid model, and whatever a test wants to spoil in it.

/// Numbers of the value types.
pub const U32: u32 = 4;
pub const I32: u32 = 5;
pub const F32: u32 = 6;
pub const BOOL: u32 = 7;
pub const STRING: u32 = 8;
pub const ARRAY: u32 = 9;

const ALIGNMENT: usize = 32;

/// A metadata value to write.
#[derive(Clone)]
pub enum Entry {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    I32s(Vec<i32>),
    /// Type and value, as bytes.
    Raw(Vec<u8>),
}

impl From<u32> for Entry {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<f32> for Entry {
    fn from(value: f32) -> Self {
        Self::F32(value)
    }
}

impl From<bool> for Entry {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Entry {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl<const N: usize> From<[&str; N]> for Entry {
    fn from(values: [&str; N]) -> Self {
        Self::Texts(values.map(str::to_owned).to_vec())
    }
}

/// A file in the making.
#[derive(Clone, Default)]
pub struct Writer {
    entries: Vec<(String, Entry)>,
    tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

impl Writer {
    /// Sets a metadata entry, in the place of an earlier one of this key.
    pub fn set(mut self, key: &str, value: impl Into<Entry>) -> Self {
        self = self.unset(key);
        self.entries.push((key.to_owned(), value.into()));
        self
    }

    pub fn unset(mut self, key: &str) -> Self {
        self.entries.retain(|(known, _)| known != key);
        self
    }

    /// Sets a tensor of 32-bit floats; the shape is row-major.
    pub fn floats(self, name: &str, shape: &[u64], values: impl IntoIterator<Item = f32>) -> Self {
        let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.tensor(name, shape, 0, bytes)
    }

    pub fn tensor(mut self, name: &str, shape: &[u64], kind: u32, bytes: Vec<u8>) -> Self {
        self = self.without(name);
        self.tensors.push((name.to_owned(), shape.iter().rev().copied().collect(), kind, bytes));
        self
    }

    pub fn without(mut self, tensor: &str) -> Self {
        self.tensors.retain(|(known, ..)| known != tensor);
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3u32.to_le_bytes());
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.entries.len() as u64).to_le_bytes());
        for (key, value) in &self.entries {
            push_text(&mut file, key);
            push_entry(&mut file, value);
        }
        let mut data = Vec::new();
        for (name, dimensions, kind, bytes) in &self.tensors {
            push_text(&mut file, name);
            file.extend((dimensions.len() as u32).to_le_bytes());
            file.extend(dimensions.iter().flat_map(|size| size.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend((data.len() as u64).to_le_bytes());
            data.extend(bytes);
            data.resize(data.len().next_multiple_of(ALIGNMENT), 0);
        }
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        file.extend(data);
        file
    }
}

pub fn push_text(file: &mut Vec<u8>, text: &str) {
    file.extend((text.len() as u64).to_le_bytes());
    file.extend(text.as_bytes());
}

fn push_entry(file: &mut Vec<u8>, value: &Entry) {
    let number = |file: &mut Vec<u8>, kind: u32, bytes: &[u8]| {
        file.extend(kind.to_le_bytes());
        file.extend(bytes);
    };
    let array = |file: &mut Vec<u8>, kind: u32, len: usize| {
        file.extend([ARRAY.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend((len as u64).to_le_bytes());
    };
    match value {
        Entry::U32(value) => number(file, U32, &value.to_le_bytes()),
        Entry::F32(value) => number(file, F32, &value.to_le_bytes()),
        Entry::Bool(value) => number(file, BOOL, &[u8::from(*value)]),
        Entry::Text(value) => {
            number(file, STRING, &[]);
            push_text(file, value);
        }
        Entry::Texts(values) => {
            array(file, STRING, values.len());
            values.iter().for_each(|value| push_text(file, value));
        }
        Entry::I32s(values) => {
            array(file, I32, values.len());
            values.iter().for_each(|value| file.extend(value.to_le_bytes()));
        }
        Entry::Raw(bytes) => file.extend(bytes),
    }
}

/// Width, heads, key heads, inner width and vocabulary of [`tiny_llama`].
pub const WIDTH: u64 = 32;
pub const KEY_WIDTH: u64 = 16;
pub const INNER: u64 = 64;
pub const TOKENS: [&str; 9] = ["<|end|>", "<|start|>", "<tool>", "a", "b", "ab", "1", "2", "Ġ"];

/// A llama of one layer with two heads that share one key head; its values count up from zero in each tensor.
pub fn tiny_llama() -> Writer {
    let vocabulary = TOKENS.len() as u64;
    let count = |shape: &[u64]| (0..shape.iter().product::<u64>()).map(|value| value as f32).collect::<Vec<_>>();
    let shapes: [(&str, &[u64]); 10] = [
        ("output_norm.weight", &[WIDTH]),
        ("blk.0.attn_norm.weight", &[WIDTH]),
        ("blk.0.attn_q.weight", &[WIDTH, WIDTH]),
        ("blk.0.attn_k.weight", &[KEY_WIDTH, WIDTH]),
        ("blk.0.attn_v.weight", &[KEY_WIDTH, WIDTH]),
        ("blk.0.attn_output.weight", &[WIDTH, WIDTH]),
        ("blk.0.ffn_norm.weight", &[WIDTH]),
        ("blk.0.ffn_gate.weight", &[INNER, WIDTH]),
        ("blk.0.ffn_up.weight", &[INNER, WIDTH]),
        ("blk.0.ffn_down.weight", &[WIDTH, INNER]),
    ];
    let scale_one_block = [half::f16::ONE.to_le_bytes().to_vec(), (0..32).collect()].concat();
    let embedding = scale_one_block.repeat(TOKENS.len());
    let metadata = Writer::default()
        .set("general.architecture", "llama")
        .set("llama.block_count", 1)
        .set("llama.context_length", 128)
        .set("llama.embedding_length", WIDTH as u32)
        .set("llama.feed_forward_length", INNER as u32)
        .set("llama.attention.head_count", 2)
        .set("llama.attention.head_count_kv", 1)
        .set("llama.rope.freq_base", 100_000.0)
        .set("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .set("tokenizer.ggml.model", "gpt2")
        .set("tokenizer.ggml.pre", "smollm")
        .set("tokenizer.ggml.tokens", TOKENS)
        .set("tokenizer.ggml.token_type", Entry::I32s(vec![3, 3, 4, 1, 1, 1, 1, 1, 1]))
        .set("tokenizer.ggml.merges", ["a b"])
        .set("tokenizer.ggml.bos_token_id", 1)
        .set("tokenizer.ggml.eos_token_id", 0)
        .tensor("token_embd.weight", &[vocabulary, WIDTH], 8, embedding);
    shapes.into_iter().fold(metadata, |writer, (name, shape)| writer.floats(name, shape, count(shape)))
}
