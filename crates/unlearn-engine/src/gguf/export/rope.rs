//! Rotary positions as metadata, and the tensors that hold their scaling.

use super::refused_config as refused;
use super::settings::Settings;
use crate::DecoderConfig;
use crate::decoder::{Rope, RopeScaling};
use crate::gguf::arch::tensors_of_positions::{DIVISORS, LONG_FACTORS, SHORT_FACTORS};
use crate::gguf::{Fault, GgufError};

/// What YaRN has where a file is silent.
const USUAL_BETA_FAST: f64 = 32.0;
const USUAL_BETA_SLOW: f64 = 1.0;
const LLAMA_3_CONTEXT: f64 = 8192.0;
/// Relative; the constants went through 32-bit floats.
const TOLERANCE: f64 = 1e-6;

impl Settings<'_> {
    /// The base, width and scaling of the first, and what the others may differ in.
    pub(super) fn rope(&mut self, global: &Rope, others: &[Rope]) -> Result<(), GgufError> {
        self.set_size("rope.dimension_count", global.dim);
        self.set("rope.freq_base", global.theta as f32);
        if let Some(local) = others.first() {
            self.set("rope.freq_base_swa", local.theta as f32);
            if local.scaling != RopeScaling::None {
                return Err(cannot("rope_parameters", "layers with a window cannot have scaled positions"));
            }
        }
        let usual = match &global.scaling {
            RopeScaling::None | RopeScaling::Llama3 { .. } | RopeScaling::Linear { .. } => 1.0,
            RopeScaling::Yarn { factor, .. } => 0.1 * factor.max(1.0).ln() + 1.0,
            RopeScaling::Long { original, .. } => attention_factor(self.decoder.context as f64, *original),
            RopeScaling::Dynamic { .. } => return Err(cannot("rope_type", "`dynamic` has no counterpart")),
        };
        if (global.attention_factor - usual).abs() > TOLERANCE * usual {
            let why = format!("{}, and llama.cpp takes {usual}", global.attention_factor);
            return Err(cannot("attention_factor", &why));
        }
        self.scaling(&global.scaling, usual)
    }

    fn scaling(&mut self, scaling: &RopeScaling, attention: f64) -> Result<(), GgufError> {
        match *scaling {
            RopeScaling::Linear { factor } => {
                self.set("rope.scaling.type", "linear");
                self.set("rope.scaling.factor", factor as f32);
            }
            // The divisors are a tensor, and llama.cpp needs no more. To say where they come from takes the original
            // context too, where it is not that of Llama 3 itself.
            RopeScaling::Llama3 { original, .. } if original == LLAMA_3_CONTEXT => {}
            RopeScaling::Llama3 { original, .. } => self.original(original),
            RopeScaling::Yarn { factor, beta_fast, beta_slow, original, truncate } => {
                if !truncate {
                    return Err(cannot("truncate", "the ramp's ends are whole numbers in llama.cpp"));
                }
                self.set("rope.scaling.type", "yarn");
                self.set("rope.scaling.factor", factor as f32);
                self.original(original);
                if beta_fast != USUAL_BETA_FAST {
                    self.set("rope.scaling.yarn_beta_fast", beta_fast as f32);
                }
                if beta_slow != USUAL_BETA_SLOW {
                    self.set("rope.scaling.yarn_beta_slow", beta_slow as f32);
                }
            }
            RopeScaling::Long { original, .. } if self.architecture == "phi3" => {
                self.original(original);
                self.set("rope.scaling.attn_factor", attention as f32);
            }
            RopeScaling::Long { .. } => return Err(cannot("rope_type", "`longrope` is for `phi3` alone")),
            RopeScaling::None | RopeScaling::Dynamic { .. } => {}
        }
        Ok(())
    }

    fn original(&mut self, context: f64) {
        self.set_size("rope.scaling.original_context_length", context as usize);
    }
}

/// As llama.cpp's converter computes it for Phi 3.
fn attention_factor(context: f64, original: f64) -> f64 {
    let scale = context / original;
    if scale > 1.0 { (1.0 + scale.ln() / original.ln()).sqrt() } else { 1.0 }
}

/// The tensors that follow from the scaling: name and values.
pub(super) fn tensors(decoder: &DecoderConfig) -> Vec<(&'static str, Vec<f32>)> {
    let Some(rope) = decoder.ropes.first() else { return Vec::new() };
    let single = |factors: &[f64]| factors.iter().map(|factor| *factor as f32).collect();
    match &rope.scaling {
        RopeScaling::Llama3 { .. } => {
            let plain = Rope { scaling: RopeScaling::None, ..rope.clone() };
            let both = plain.frequencies(0).into_iter().zip(rope.frequencies(0));
            vec![(DIVISORS, both.map(|(plain, scaled)| (plain / scaled) as f32).collect())]
        }
        RopeScaling::Long { short, long, .. } => vec![(LONG_FACTORS, single(long)), (SHORT_FACTORS, single(short))],
        _ => Vec::new(),
    }
}

fn cannot(field: &str, why: &str) -> GgufError {
    refused(field, Fault::Conflict(why.to_owned()))
}
