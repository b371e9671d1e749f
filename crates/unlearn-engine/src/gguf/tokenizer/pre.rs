//! How a text is cut before its bytes are merged, by the name that a GGUF file gives to it.

use serde_json::{Value, json};

use super::{PRE, failed};
use crate::gguf::{Fault, GgufError};

/// Words with the character before them, up to three digits, punctuation, line ends, spaces.
const THREE_DIGITS: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);
/// The same, with each digit alone.
const ONE_DIGIT: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}",
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// The cut itself.
enum Cut {
    /// The expression of GPT-2, which the byte-level step brings along.
    Gpt2,
    /// Each digit alone, then the expression of GPT-2.
    DigitsThenGpt2,
    /// An expression of its own.
    Expression(&'static str),
}

/// Everything that hangs on the pre-tokenizer's name.
pub(in crate::gguf) struct PreTokenizer {
    names: &'static [&'static str],
    cut: Cut,
    /// Texts are brought to Unicode normal form C first.
    composes: bool,
    /// A word that is a token as it stands is not put together from merges.
    pub(super) whole_words_first: bool,
    /// A beginning-of-text token is put first, unless the file says otherwise.
    pub(super) adds_bos: bool,
}

static PRE_TOKENIZERS: &[PreTokenizer] = &[
    PreTokenizer {
        names: &["gpt-2", "default", "phi-2"],
        cut: Cut::Gpt2,
        composes: false,
        whole_words_first: false,
        adds_bos: false,
    },
    // The tokenizer of GPT-NeoX, which the first OLMo and MPT took over.
    PreTokenizer { names: &["olmo", "mpt"], cut: Cut::Gpt2, composes: true, whole_words_first: false, adds_bos: false },
    PreTokenizer {
        names: &["smollm", "starcoder", "refact"],
        cut: Cut::DigitsThenGpt2,
        composes: false,
        whole_words_first: false,
        adds_bos: false,
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3"],
        cut: Cut::Expression(THREE_DIGITS),
        composes: false,
        whole_words_first: true,
        adds_bos: true,
    },
    // OLMo 2 and DBRX.
    PreTokenizer {
        names: &["dbrx"],
        cut: Cut::Expression(THREE_DIGITS),
        composes: false,
        whole_words_first: false,
        adds_bos: false,
    },
    PreTokenizer {
        names: &["qwen2"],
        cut: Cut::Expression(ONE_DIGIT),
        composes: true,
        whole_words_first: false,
        adds_bos: false,
    },
];

impl PreTokenizer {
    pub(super) fn named(name: &str) -> Result<&'static Self, GgufError> {
        let known = || {
            let names = PRE_TOKENIZERS.iter().flat_map(|pre| pre.names).map(|name| format!("`{name}`"));
            names.collect::<Vec<_>>().join(", ")
        };
        let unsupported = || failed(PRE, Fault::Unsupported { found: name.to_owned(), known: known() });
        PRE_TOKENIZERS.iter().find(|pre| pre.names.contains(&name)).ok_or_else(unsupported)
    }

    /// The one that a `tokenizer.json` describes, if it has a name.
    pub(in crate::gguf) fn of_json(tokenizer: &Value) -> Option<&'static Self> {
        let whole_words_first = tokenizer["model"]["ignore_merges"] == true;
        let (cuts, normalizer) = (steps(&tokenizer["pre_tokenizer"]), normal_form(&tokenizer["normalizer"]));
        let matches = |pre: &&Self| {
            pre.whole_words_first == whole_words_first
                && steps(&pre.pre_tokenizer()) == cuts
                && normal_form(&pre.normalizer()) == normalizer
        };
        PRE_TOKENIZERS.iter().find(matches)
    }

    /// Its first name.
    pub(in crate::gguf) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    pub(super) fn normalizer(&self) -> Value {
        if self.composes { json!({"type": "NFC"}) } else { Value::Null }
    }

    pub(super) fn pre_tokenizer(&self) -> Value {
        let first = match self.cut {
            Cut::Gpt2 => return byte_level(true),
            Cut::DigitsThenGpt2 => json!({"type": "Digits", "individual_digits": true}),
            Cut::Expression(expression) => json!({
                "type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false,
            }),
        };
        let cuts_words = matches!(self.cut, Cut::DigitsThenGpt2);
        json!({"type": "Sequence", "pretokenizers": [first, byte_level(cuts_words)]})
    }
}

fn byte_level(cuts_words: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": cuts_words})
}

/// The steps of a pre-tokenizer, each with no more than what decides where a text is cut.
fn steps(pre_tokenizer: &Value) -> Vec<Value> {
    let inner = pre_tokenizer["pretokenizers"].as_array();
    let steps = inner.map_or(std::slice::from_ref(pre_tokenizer), Vec::as_slice);
    let essence = |step: &Value| match step["type"].as_str() {
        // Where the field is missing, it is on.
        Some("ByteLevel") => json!(["ByteLevel", step["add_prefix_space"] == true, step["use_regex"] != false]),
        Some("Split") => json!(["Split", step["pattern"], step["behavior"], step["invert"] == true]),
        Some("Digits") => json!(["Digits", step["individual_digits"] == true]),
        _ => step.clone(),
    };
    steps.iter().map(essence).collect()
}

fn normal_form(normalizer: &Value) -> Value {
    match normalizer["normalizers"].as_array().map(Vec::as_slice) {
        Some([]) => Value::Null,
        Some([single]) => single.clone(),
        _ => normalizer.clone(),
    }
}
