//! Which layers look back over a window only.

use super::model::Model;
use crate::gguf::{GgufError, MetaValue, Metadata};

pub(super) const WINDOW: &str = "attention.sliding_window";
pub(super) const PATTERN: &str = "attention.sliding_window_pattern";

/// For each layer, whether it has a window. The file gives a value for each layer, or a period whose last layer has
/// none (zero: all have one); without either it is `usual_period`.
pub(super) fn layers(model: &Model<'_>, usual_period: usize) -> Result<Vec<bool>, GgufError> {
    let (keys, layers) = (&model.keys, model.sizes.layers);
    let Some(MetaValue::Array(array)) = keys.get(PATTERN) else {
        let period = Metadata::optional(keys.size(PATTERN))?.unwrap_or(usual_period);
        return Ok((0..layers).map(|layer| period == 0 || layer % period != period - 1).collect());
    };
    let truth = |value: MetaValue<'_>| match value {
        MetaValue::Bool(truth) => Some(truth),
        other => other.as_u64().map(|number| number != 0),
    };
    match array.iter().map(truth).collect::<Option<Vec<_>>>() {
        Some(slides) if slides.len() == layers => Ok(slides),
        Some(slides) => keys.conflict(PATTERN, format!("{} values for {layers} layers", slides.len())),
        None => keys.conflict(PATTERN, "neither truth values nor integers".to_owned()),
    }
}

/// The period whose last layer has no window, if the layers follow one. A model that ends before the first layer
/// without a window follows any longer period: the shortest is taken.
pub(super) fn period(slides: &[bool]) -> Option<usize> {
    let period = slides.iter().position(|slides| !slides).unwrap_or(slides.len()) + 1;
    let follows = |(layer, slides): (usize, &bool)| *slides == (layer % period != period - 1);
    slides.iter().enumerate().all(follows).then_some(period)
}
