//! A checkpoint's weights: an input that begins like JSON is the index of a sharded checkpoint, another one is
//! `model.safetensors`. The configuration is that of the seeds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unlearn_engine::checkpoint::WeightFiles;
use unlearn_engine::{LanguageModel, device};
use unlearn_fuzz::{bounded, clear, folder, put};

const CONFIG: &[u8] = include_bytes!("../seeds/config/tiny.json");
const WEIGHTS: &[u8] = include_bytes!("../seeds/safetensors/tiny.safetensors");

/// The header, whose values the library keeps as 32 bytes for each two of the text before it looks at them.
const ALLOWANCE: usize = 512 << 10;

fuzz_target!(|input: &[u8]| {
    clear();
    put("config.json", CONFIG);
    if input.starts_with(b"{") {
        put("model.safetensors.index.json", input);
        put("a.safetensors", WEIGHTS);
        put("b.safetensors", &WEIGHTS[..WEIGHTS.len() - 1]);
    } else {
        put("model.safetensors", input);
    }
    bounded(input, ALLOWANCE, || {
        if let Ok(files) = WeightFiles::open(folder()) {
            files.names().for_each(|name| drop(files.read(name)));
        }
    });
    let device = device::by_name("cpu").expect("a device");
    let read = bounded(input, ALLOWANCE, || LanguageModel::read(folder(), &device).map(drop));
    if let Err(error) = read {
        let _ = (error.to_string(), error.hint());
    }
});
