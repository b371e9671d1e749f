//! SentencePiece's byte-pair encoding of characters, with a score for each piece and bytes for what has no piece.
//!
//! SentencePiece joins those two neighbours whose union has the best score. A `tokenizer.json` has a list of pairs
//! instead, so for each piece every pair that it can be joined from is listed, best piece first.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::edges::Edges;
use super::vocabulary::{Kind, Matching, Vocabulary};
use super::{ADD_SPACE_PREFIX, Converted, SCORES, TOKENS, UNKNOWN, failed};
use crate::gguf::{Fault, GgufError, Metadata};

/// What stands for a space in the pieces.
const SPACE: char = '\u{2581}';
/// Far beyond what SentencePiece makes; the work for a piece grows with the square of its length.
const LONGEST_PIECE: usize = 1024;

/// Bytes of all pairs for each byte of the pieces, and for none. Pieces that begin alike have as many pairs as the square
/// of their number; known vocabularies have some three for each piece.
const MOST_PAIRED: (usize, usize) = (16, 64 << 10);

/// Settings of the normalisation that are not converted.
const NORMALISATION: [&str; 2] = ["tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.precompiled_charsmap"];

/// Phi 3's tokens that leave the spaces behind them in the text; its other ones of this kind take them along, which
/// the file does not say.
const PHI3_KEEPS_SPACES: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

pub(super) fn convert<'a>(metadata: &Metadata<'a>) -> Result<Converted<'a>, GgufError> {
    refuse_normalisation(metadata)?;
    let vocabulary = Vocabulary::read(metadata)?;
    let bytes = count_bytes(&vocabulary)?;
    let edges = Edges::read(metadata, &vocabulary, true)?;
    let prefix = Metadata::optional(metadata.bool(ADD_SPACE_PREFIX))?.unwrap_or(true);
    let is_phi3 = Metadata::optional(metadata.string("general.architecture"))? == Some("phi3");
    let how = |token: &str| Matching {
        takes_spaces_behind: is_phi3 && !PHI3_KEEPS_SPACES.contains(&token),
        // Gemma's runs of spaces are found where the text has `▁` for a space as well. Where every text gets a space
        // in front, the token would get one too.
        normalized: !prefix && token.contains([' ', SPACE]),
    };
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocabulary.added_tokens(how),
        "normalizer": normalizer(prefix),
        "pre_tokenizer": null,
        "post_processor": edges.post_processor(),
        "decoder": decoder(prefix),
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": unknown(metadata, &vocabulary)?,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": bytes > 0,
            "ignore_merges": false,
            "vocab": vocabulary.to_json(),
            "merges": merges(&vocabulary, &scores(metadata, &vocabulary)?)?,
        },
    });
    Ok((tokenizer, vocabulary, edges))
}

/// A space is put before every text, not only the first of several between special tokens: so llama.cpp does it, and
/// so do the published files of Llama 2, Mistral and Phi 3.
fn normalizer(prefix: bool) -> Value {
    let space = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
    if !prefix {
        return space;
    }
    json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, space]})
}

fn decoder(prefix: bool) -> Value {
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    json!({"type": "Sequence", "decoders": decoders})
}

/// The token for what has neither a piece nor bytes.
fn unknown<'a>(metadata: &Metadata<'a>, vocabulary: &Vocabulary<'a>) -> Result<Option<&'a str>, GgufError> {
    let stated = vocabulary.special(metadata, UNKNOWN)?.map(|(_, token)| token);
    let marked = || vocabulary.kinds.iter().position(|kind| *kind == Kind::Unknown).map(|id| vocabulary.tokens[id]);
    Ok(stated.or_else(marked))
}

fn refuse_normalisation(metadata: &Metadata<'_>) -> Result<(), GgufError> {
    use crate::gguf::MetaValue::{Array, Bool};
    let is_set = |key: &&str| match metadata.get(key) {
        None | Some(Bool(false)) => false,
        Some(Array(array)) => !array.is_empty(),
        Some(_) => true,
    };
    match NORMALISATION.into_iter().find(is_set) {
        None => Ok(()),
        Some(key) => Err(failed(key, Fault::Conflict("this normalisation of texts is not supported".to_owned()))),
    }
}

/// How many bytes have a token, all of which must be spelled as the tokenizer looks for them.
fn count_bytes(vocabulary: &Vocabulary<'_>) -> Result<usize, GgufError> {
    let is_byte = |token: &str| (0..=u8::MAX).any(|byte| token == format!("<0x{byte:02X}>"));
    let marked = vocabulary.tokens.iter().zip(&vocabulary.kinds).filter(|(_, kind)| **kind == Kind::Byte);
    let bytes: Vec<_> = marked.map(|(token, _)| *token).collect();
    match bytes.iter().find(|token| !is_byte(token)) {
        None => Ok(bytes.len()),
        Some(token) => Err(failed(TOKENS, Fault::Conflict(format!("`{token}` is not the token of a byte")))),
    }
}

fn scores(metadata: &Metadata<'_>, vocabulary: &Vocabulary<'_>) -> Result<Vec<f32>, GgufError> {
    let scores = metadata.f32s(SCORES)?;
    let conflict = |why| Err(failed(SCORES, Fault::Conflict(why)));
    if scores.len() != vocabulary.tokens.len() {
        return conflict(format!("{} scores for {} tokens", scores.len(), vocabulary.tokens.len()));
    }
    match scores.iter().position(|score| score.is_nan()) {
        None => Ok(scores),
        Some(id) => conflict(format!("the score of token {id} is not a number")),
    }
}

/// Every pair of pieces whose union is a piece: best score first, of one score the longest left side, then the longest
/// right side. Only what stands for text takes part.
fn merges<'a>(vocabulary: &Vocabulary<'a>, scores: &[f32]) -> Result<Vec<[&'a str; 2]>, GgufError> {
    let id_of = |piece: &str| vocabulary.ids.get(piece).copied().filter(|id| vocabulary.kinds[*id] == Kind::Normal);
    let (mut pairs, mut paired) = (Vec::new(), 0);
    let most = MOST_PAIRED.1 + MOST_PAIRED.0 * vocabulary.tokens.iter().map(|token| token.len()).sum::<usize>();
    for (id, piece) in vocabulary.tokens.iter().enumerate().filter(|(id, _)| vocabulary.kinds[*id] == Kind::Normal) {
        if piece.len() > LONGEST_PIECE {
            let why = format!("token {id} has {} bytes, more than {LONGEST_PIECE}", piece.len());
            return Err(failed(TOKENS, Fault::Conflict(why)));
        }
        let start = pairs.len();
        for (at, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(at);
            if let (Some(left_id), Some(right_id)) = (id_of(left), id_of(right)) {
                pairs.push((scores[id], left, right, (left_id, right_id)));
            }
        }
        pairs[start..].sort_by_key(|(.., ids)| *ids);
        paired += piece.len() * (pairs.len() - start);
        if paired > most {
            let why = "its pieces can be put together in more ways than those of any model".to_owned();
            return Err(failed(TOKENS, Fault::Conflict(why)));
        }
    }
    let lengths = |left: &str, right: &str| Reverse((left.chars().count(), right.chars().count()));
    // Adding zero makes one of both zeros, which are the same score.
    pairs.sort_by(|(score, left, right, _), (other, other_left, other_right, _)| {
        let by_score = (other + 0.0).total_cmp(&(score + 0.0));
        by_score.then_with(|| lengths(left, right).cmp(&lengths(other_left, other_right)))
    });
    Ok(pairs.into_iter().map(|(_, left, right, _)| [left, right]).collect())
}
