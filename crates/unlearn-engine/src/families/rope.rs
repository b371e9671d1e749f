//! Rotary positions in both spellings: `rope_parameters` (with its own `rope_theta`), and `rope_theta` beside
//! `rope_scaling`.

use super::json::Fields;
use crate::EngineError;
use crate::decoder::{DecoderConfig, Rope, RopeScaling};

/// Where a family's older spelling keeps what `rope_parameters` holds.
pub struct Spelling {
    /// The field of the base, and what it is when left out.
    pub theta: (&'static str, f64),
    /// The field of the share of each head that turns, and what it is when left out.
    pub partial: Option<(&'static str, f64)>,
}

impl Spelling {
    /// Most families'.
    pub const USUAL: Self = Self { theta: ("rope_theta", 1e4), partial: None };
}

/// The one rotary embedding of a model. `config` gives the head's width and the context, which scaling may stretch.
pub fn rope(f: &Fields<'_>, config: &mut DecoderConfig, spelling: &Spelling) -> Result<Rope, EngineError> {
    let inner = match f.object("rope_parameters")? {
        Some(parameters) => Some(parameters),
        None => f.object("rope_scaling")?,
    };
    rope_of(f, inner, config, spelling)
}

/// A rotary embedding whose parameters are in `inner`, or beside it in `f`.
pub fn rope_of(
    f: &Fields<'_>,
    inner: Option<Fields<'_>>,
    config: &mut DecoderConfig,
    spelling: &Spelling,
) -> Result<Rope, EngineError> {
    let mut theta = f.number(spelling.theta.0)?;
    let mut share = match spelling.partial {
        Some((field, default)) => f.number_or(field, default)?,
        None => 1.0,
    };
    if let Some(s) = &inner {
        theta = s.number("rope_theta")?.or(theta);
        share = s.number_or("partial_rotary_factor", share)?;
    }
    let dim = (config.head_dim as f64 * share) as usize;
    if dim == 0 || !dim.is_multiple_of(2) || dim > config.head_dim {
        let reason = format!("is {}; of it {dim} entries would turn, and they turn in pairs", config.head_dim);
        return Err(f.bad("head_dim", reason));
    }
    let mut rope =
        Rope { theta: theta.unwrap_or(spelling.theta.1), dim, scaling: RopeScaling::None, attention_factor: 1.0 };
    if let Some(s) = inner {
        scale(f, &s, config, &mut rope)?;
        s.refuse_the_rest()?;
    }
    Ok(rope)
}

fn scale(f: &Fields<'_>, s: &Fields<'_>, config: &mut DecoderConfig, rope: &mut Rope) -> Result<(), EngineError> {
    let field = if s.has("rope_type") || !s.has("type") { "rope_type" } else { "type" };
    let kind = s.text(field)?;
    let _ = s.has("type");
    let context = config.context as f64;
    // Phi 3 keeps the original context beside the scaling, others in it.
    let stated = match s.number("original_max_position_embeddings")? {
        None => f.number("original_max_position_embeddings")?,
        stated => stated,
    };
    let original = stated.unwrap_or(context);
    rope.scaling = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: s.need_number("factor")? },
        "dynamic" => {
            let factor = s.need_number("factor")?;
            config.context = (context * factor) as usize;
            RopeScaling::Dynamic { factor, original: context }
        }
        "llama3" => RopeScaling::Llama3 {
            factor: s.need_number("factor")?,
            low_freq_factor: s.need_number("low_freq_factor")?,
            high_freq_factor: s.need_number("high_freq_factor")?,
            original,
        },
        "yarn" => {
            let factor = s.number_or("factor", context / original)?;
            rope.attention_factor = yarn_attention(s, factor)?;
            RopeScaling::Yarn {
                factor,
                beta_fast: s.number_or("beta_fast", 32.0)?,
                beta_slow: s.number_or("beta_slow", 1.0)?,
                original,
                truncate: s.switch_or("truncate", true)?,
            }
        }
        "longrope" | "su" => {
            let factor = s.number_or("factor", context / original)?;
            let usual = if factor <= 1.0 { 1.0 } else { (1.0 + factor.ln() / original.ln()).sqrt() };
            rope.attention_factor = s.number_or("attention_factor", usual)?;
            let (short, long) = (s.numbers("short_factor")?, s.numbers("long_factor")?);
            for (field, list) in [("short_factor", &short), ("long_factor", &long)] {
                if list.len() != rope.dim / 2 {
                    let reason = format!("holds {} factors for {} frequencies", list.len(), rope.dim / 2);
                    return Err(s.bad(field, reason));
                }
            }
            RopeScaling::Long { short, long, original }
        }
        other => {
            let known = "default, linear, dynamic, llama3, yarn, longrope";
            return Err(s.bad(field, format!("is `{other}`, and this decoder knows {known}")));
        }
    };
    Ok(())
}

/// What YaRN multiplies cosines and sines by.
fn yarn_attention(s: &Fields<'_>, factor: f64) -> Result<f64, EngineError> {
    let grown = |by: f64| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
    let usual = match (s.number("mscale")?, s.number("mscale_all_dim")?) {
        (Some(one), Some(all)) => grown(one) / grown(all),
        _ => grown(1.0),
    };
    s.number_or("attention_factor", usual)
}
