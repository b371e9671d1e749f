//! `quantise`

use serde::{Deserialize, Serialize};
use unlearn_core::attack::Trial;
use unlearn_engine::compress::{Format, rounded};

use super::bench::numbers;
use super::{Attack, Bench, Configured};
use crate::EvalError;

const PAGE: &str = "\
# Idea

Unlearning moves weights by little. Rounding to few bits, as everyone does who runs a model on small hardware, can move \
them back to where they were: what was forgotten returns.

# Procedure

Rounds the matrices inside the blocks in each of `formats`, and asks. `q8_0`, `q5_0`, `q5_1`, `q4_0`, `q4_1` are \
GGUF's blocks, bit for bit; `q4_k` and `q5_k` its blocks of 256, the scales fitted to the weights by `|w| + rms` \
(`unlearn convert` writes the same); `4-bit` is symmetric round-to-nearest with one scale for each `block` weights of a row (an \
output's), `4-bit-rows` with one scale for each row: `q = round(w / s)`, `s = max |w| / (2^(bits-1) - 1)`; 2 to 8 bits. \
Beside what comes back stands the share of weights whose code differs from the reference's (`codes-changed`), where there is \
one: what rounding cannot tell apart is undone.

# Paper

Zhang et al., *Catastrophic failure of LLM unlearning via quantization*, ICLR 2025, arXiv 2410.16454.

# Reference implementation

`zzwjames/FailureLLMUnlearning`, `utils.py` (bitsandbytes).

# Defaults

`formats = [\"q8_0\", \"q4_0\", \"8-bit\", \"4-bit\", \"3-bit\", \"2-bit\"]`, `block = 64`.

# Deviations

The paper rounds by bitsandbytes' FP4 and int8, GPTQ and AWQ; these are other ways of rounding to as many bits. A format whose \
blocks (of 32 weights, of 256 in `q4_k` and `q5_k`) do not divide a row leaves that matrix as it is; how many were left is \
kept (`matrices-left`). llama.cpp looks for the scales of `q4_k` and `q5_k` in another way and gives some matrices more bits.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quantise {
    formats: Vec<String>,
    block: usize,
}

impl Default for Quantise {
    fn default() -> Self {
        let formats = ["q8_0", "q4_0", "8-bit", "4-bit", "3-bit", "2-bit"];
        Self { formats: formats.map(str::to_owned).to_vec(), block: 64 }
    }
}

impl Configured for Quantise {
    const NAME: &'static str = "quantise";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.block == 0 {
            return Err(("block", "it must be at least 1"));
        }
        match self.formats.iter().all(|name| Format::by_name(name, self.block).is_some()) {
            true => Ok(()),
            false => Err(("formats", "a format is a GGUF type, `N-bit` or `N-bit-rows` with N from 2 to 8")),
        }
    }
}

impl Attack for Quantise {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let reference = bench.read_reference()?;
        for name in &self.formats {
            let Some(format) = Format::by_name(name, self.block) else { continue };
            let made = bench.attempt(name, |bench| {
                let rounded = rounded(bench.model, format, reference.as_ref());
                let mut pairs = numbers([("matrices-left", rounded.left as f64)]);
                pairs.extend(rounded.changed.map(|share| ("codes-changed".to_owned(), share)));
                let trial = bench.ask(&rounded.model, &|_| false)?;
                Ok(Trial { numbers: pairs, ..trial })
            })?;
            if !made {
                break;
            }
        }
        Ok(())
    }
}
