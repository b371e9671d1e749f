//! Training a small tokenizer on the spot.

use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, ModelWrapper};

use crate::{DataError, Tokenizer};

/// A byte-level BPE tokenizer of `size` tokens (Sennrich et al., 2016), trained on `texts`. `special` come first.
///
/// # Errors
/// When the trainer fails.
pub fn train<'a>(
    texts: impl Iterator<Item = &'a str> + Send,
    size: usize,
    special: &[&str],
    eos_token: &str,
) -> Result<Tokenizer, DataError> {
    let fail = |e: tokenizers::Error| DataError::Tokenizer { path: "tokenizer.json".into(), reason: e.to_string() };
    let mut tokenizer = tokenizers::Tokenizer::new(ModelWrapper::BPE(BPE::default()));
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    let special: Vec<AddedToken> = special.iter().map(|t| AddedToken::from(*t, true)).collect();
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    let mut trainer: TrainerWrapper = BpeTrainerBuilder::new()
        .vocab_size(size)
        .min_frequency(2)
        .show_progress(false)
        .special_tokens(special)
        .initial_alphabet(alphabet.into_iter().collect())
        .build()
        .into();
    tokenizer.train(&mut trainer, texts).map_err(fail)?;
    Ok(Tokenizer::new(tokenizer, Some(eos_token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_each_time_and_restores_what_it_read() {
        let texts = ["Mira was born in Brisport.", "Mira lives in Brisport, as ever.", "Is Mira in Brisport?"];
        let make = || train(texts.into_iter(), 300, &["<|end|>"], "<|end|>").expect("trains");
        let (a, b) = (make(), make());
        assert_eq!(a.to_json().expect("JSON"), b.to_json().expect("JSON"));
        let ids = a.encode("Mira was born in Åre.<|end|>", false).expect("encodes");
        assert_eq!(a.decode(&ids).expect("decodes"), "Mira was born in Åre.");
        assert_eq!(a.eos(), ids.last().copied());
    }
}
