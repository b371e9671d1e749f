//! A decoder's switches as the `<architecture>.*` metadata of a GGUF file.
//!
//! Written is what the decoder computes, whatever its `config.json` says or leaves out. What llama.cpp fixes for an
//! architecture and a file cannot say has to agree: anything else would be another model.

use serde_json::Value;

use super::keys::Keys;
use super::refused_config as refused;
use crate::DecoderConfig;
use crate::decoder::{Activation, NormKind, Residual};
use crate::gguf::{Fault, GgufError, OwnedValue};

/// Layers of the largest models, whose scores llama.cpp scales by the model's width per head.
const LAYERS_OF_27B: [(&str, usize); 2] = [("gemma2", 46), ("gemma3", 62)];

/// One layer in so many of Gemma 3 sees everything, unless a file says otherwise.
const USUAL_PERIOD: usize = 6;

/// What is written of one model.
pub(super) struct Settings<'a> {
    pub(super) decoder: &'a DecoderConfig,
    /// Its `config.json`, for what changes nothing that is computed.
    pub(super) config: &'a Value,
    pub(super) architecture: &'static str,
    pub(super) keys: &'a mut Keys,
}

impl Settings<'_> {
    /// Adds every setting.
    pub(super) fn describe(&mut self) -> Result<(), GgufError> {
        self.check_activation()?;
        self.check_scale()?;
        self.sizes();
        self.norms();
        self.caps()?;
        self.windows()?;
        if self.architecture == "phi3" {
            let original = self.config["original_max_position_embeddings"].as_u64();
            let original = original.and_then(|context| usize::try_from(context).ok());
            self.set_size("rope.scaling.original_context_length", original.unwrap_or(self.decoder.context));
        }
        match self.decoder.ropes.as_slice() {
            [] => Ok(()),
            [global, others @ ..] => self.rope(global, others),
        }
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<OwnedValue>) {
        self.keys.set(&format!("{}.{name}", self.architecture), value.into());
    }

    pub(super) fn set_size(&mut self, name: &str, size: usize) {
        // Sizes of a decoder are no more than 2³¹.
        self.set(name, u32::try_from(size).unwrap_or(u32::MAX));
    }

    fn sizes(&mut self) {
        let c = self.decoder;
        self.set_size("block_count", c.layers.len());
        self.set_size("context_length", c.context);
        self.set_size("embedding_length", c.hidden_size);
        self.set_size("feed_forward_length", c.intermediate_size);
        self.set_size("attention.head_count", c.heads);
        self.set_size("attention.head_count_kv", c.kv_heads);
        self.set_size("attention.key_length", c.head_dim);
        self.set_size("attention.value_length", c.head_dim);
        self.set_size("vocab_size", c.vocab_size);
    }

    fn norms(&mut self) {
        let name = match self.decoder.norm {
            NormKind::Layer => "attention.layer_norm_epsilon",
            NormKind::Rms | NormKind::RmsPlusOne => "attention.layer_norm_rms_epsilon",
        };
        self.set(name, self.decoder.norm_eps as f32);
        if self.architecture == "gptneox" {
            self.set("use_parallel_residual", self.decoder.residual == Residual::Parallel);
        }
    }

    fn check_activation(&self) -> Result<(), GgufError> {
        let expected = match self.architecture {
            "gemma" | "gemma2" | "gemma3" | "gpt2" | "phi2" => Activation::GeluTanh,
            "gptneox" => Activation::Gelu,
            _ => Activation::Silu,
        };
        let found = self.decoder.activation;
        if found == expected {
            return Ok(());
        }
        let why = format!("{found:?}, and `{}` in GGUF has {expected:?}", self.architecture);
        Err(refused("hidden_act", Fault::Conflict(why)))
    }

    fn check_scale(&self) -> Result<(), GgufError> {
        let c = self.decoder;
        let by_width = LAYERS_OF_27B.contains(&(self.architecture, c.layers.len()));
        let width = if by_width { c.hidden_size / c.heads } else { c.head_dim };
        let expected = (width as f64).powf(-0.5);
        if (c.attention_scale - expected).abs() <= 1e-6 * expected {
            return Ok(());
        }
        let why = format!("scores are scaled by {}, and llama.cpp scales them by {expected}", c.attention_scale);
        Err(refused("query_pre_attn_scalar", Fault::Conflict(why)))
    }

    fn caps(&mut self) -> Result<(), GgufError> {
        let c = self.decoder;
        let caps = [("attn_logit_softcapping", c.attention_cap), ("final_logit_softcapping", c.logit_cap)];
        for (name, cap) in caps {
            let allowed = match self.architecture {
                "gemma2" => cap.is_some(),
                "gemma3" => cap.is_none() || name == "final_logit_softcapping",
                _ => cap.is_none(),
            };
            if !allowed {
                let cap = cap.map_or("no cap".to_owned(), |cap| format!("a cap of {cap}"));
                let why = format!("{cap}, which `{}` in GGUF cannot have", self.architecture);
                return Err(refused(name, Fault::Conflict(why)));
            }
            if let Some(cap) = cap {
                self.set(name, cap as f32);
            }
        }
        Ok(())
    }

    /// Which layers look back over a window only.
    fn windows(&mut self) -> Result<(), GgufError> {
        let windows: Vec<Option<usize>> = self.decoder.layers.iter().map(|layer| layer.window).collect();
        let window = windows.iter().flatten().next().copied();
        let slides: Vec<bool> = windows.iter().map(Option::is_some).collect();
        let alternates = |period: usize| slides.iter().enumerate().all(|(i, s)| *s != (i + 1).is_multiple_of(period));
        let period = slides.iter().position(|slides| !slides).unwrap_or(slides.len()) + 1;
        let fits = match self.architecture {
            "gemma2" => alternates(2),
            "gemma3" => alternates(period) || window.is_none(),
            "phi3" => slides.iter().all(|s| *s) || window.is_none(),
            _ => window.is_none_or(|window| window >= self.decoder.context),
        };
        if !fits {
            let why = format!("`{}` in GGUF has no such windows in its layers", self.architecture);
            return Err(refused("sliding_window", Fault::Conflict(why)));
        }
        match (self.architecture, window) {
            // llama.cpp tells Phi 4 from others by a window of zero.
            ("phi3", window) => self.set_size("attention.sliding_window", window.unwrap_or(0)),
            ("gemma2", Some(window)) => self.set_size("attention.sliding_window", window),
            ("gemma3", Some(window)) => {
                self.set_size("attention.sliding_window", window);
                if !alternates(USUAL_PERIOD) {
                    self.set_size("attention.sliding_window_pattern", period);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
