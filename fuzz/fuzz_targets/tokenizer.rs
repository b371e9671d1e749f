//! `tokenizer.json`: loaded, then a fixed text is encoded and decoded again.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use unlearn_data::Tokenizer;
use unlearn_fuzz::bounded;

/// The library makes a cache of ten thousand entries for each tokenizer, and search tables for added tokens.
const ALLOWANCE: usize = 4 << 20;
const TEXT: &str = "Mira's 3 cats – née «Åse» – ran 1200 m.\n\t日本語 ﷺ <|end|> </s>";

fuzz_target!(
    init: {
        // The library's panics become errors in `Tokenizer`; the fuzzer's own hook would end the process before. A
        // panic of ours still ends it, in the fuzzer's frame around the target.
        std::panic::set_hook(Box::new(|_| ()));
    },
    |input: &[u8]| {
        let tokenizer = bounded(input, ALLOWANCE, || Tokenizer::of_files(input, &Value::Null, Path::new("t.json")));
        let tokenizer = match tokenizer {
            Ok(tokenizer) => tokenizer,
            Err(error) => return drop((error.to_string(), error.hint())),
        };
        let _ = bounded(input, ALLOWANCE, || tokenizer.vocabulary());
        for special in [false, true] {
            if let Ok(ids) = bounded(input, ALLOWANCE, || tokenizer.encode(TEXT, special)) {
                drop(bounded(input, ALLOWANCE, || tokenizer.decode(&ids)));
            }
        }
    }
);
