//! A chat template, rendered for two conversations.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unlearn_data::{ChatTemplate, Message};
use unlearn_fuzz::bounded;

/// What a template's fuel pays for: 102 000 steps of 64 bytes each, and as much again while a text grows.
const ALLOWANCE: usize = 16 << 20;

fuzz_target!(|source: &str| {
    let template = ChatTemplate::new(source, "<s>", "</s>");
    let turns = [Message::new("system", "Be brief."), Message::new("user", " Who? "), Message::new("assistant", "I.")];
    for (messages, add_generation_prompt) in [(&turns[..], false), (&turns[1..2], true)] {
        let rendered = bounded(source.as_bytes(), ALLOWANCE, || template.render(messages, add_generation_prompt));
        if let Err(error) = rendered {
            assert!(error.to_string().contains("chat template"), "{error}");
        }
    }
});
