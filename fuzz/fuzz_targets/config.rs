//! `config.json`: turned into the decoder's switches, and where it is accepted, laid out as a decoder.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use unlearn_engine::{Decoder, families};
use unlearn_fuzz::bounded;

/// `[0,0,…]`: two bytes of text become a value of 32 bytes, and the list doubles when it grows.
const JSON: usize = 64;
/// Few kilobytes for the switches.
const ALLOWANCE: usize = 64 << 10;
/// The list of parameters of as many layers as are allowed.
const LAYOUT: usize = 4 << 20;
/// Frequencies are made for rows, of a model whose weights are there; here for small ones.
const WIDEST: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let value = bounded(&[], JSON * input.len() + ALLOWANCE, || serde_json::from_slice::<Value>(input));
    let Ok(value) = value else { return };
    let config = bounded(input, ALLOWANCE, || families::decoder_config(&value, Path::new("config.json")));
    let config = match config {
        Ok(config) => config,
        Err(error) => return drop((error.to_string(), error.hint())),
    };
    for rope in config.ropes.iter().filter(|rope| rope.dim <= WIDEST) {
        for length in [0, 1, config.context] {
            assert_eq!(rope.frequencies(length).len(), rope.dim / 2);
            let _ = rope.regime(length);
        }
    }
    let decoder = bounded(input, LAYOUT, || Decoder::new(config));
    let values = decoder.specs().iter().map(|spec| spec.len()).fold(0usize, usize::saturating_add);
    let _ = decoder.config().flops_per_token(values);
});
