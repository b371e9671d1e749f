//! Choosing a layer.

use serde::{Deserialize, Serialize};
use toml::Value;
use unlearn_engine::EngineError;
use unlearn_engine::train::Setup;

/// A block, counted from 0, or `"auto"`: the one that lies as deep as layer 7 of 32 does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Layer {
    /// By depth.
    #[default]
    Auto,
    /// By number.
    At(usize),
}

impl TryFrom<Value> for Layer {
    type Error = String;
    fn try_from(value: Value) -> Result<Self, String> {
        match &value {
            Value::String(s) if s == "auto" => Ok(Self::Auto),
            Value::Integer(i) if *i >= 0 => Ok(Self::At(*i as usize)),
            _ => Err(format!("a layer is \"auto\" or a number from 0, not {value}")),
        }
    }
}

impl From<Layer> for Value {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Auto => "auto".into(),
            Layer::At(i) => i64::try_from(i).unwrap_or(i64::MAX).into(),
        }
    }
}

impl Layer {
    /// The block's number.
    ///
    /// # Errors
    /// When the model has no such block.
    pub fn of(self, setup: &Setup<'_>) -> Result<usize, EngineError> {
        match self {
            Self::Auto => Ok(as_deep_as(7, setup)),
            Self::At(layer) => checked(layer, setup),
        }
    }
}

/// The block that lies as deep as block `layer` of 32 does.
pub(crate) fn as_deep_as(layer: usize, setup: &Setup<'_>) -> usize {
    let layers = setup.config.layers.len();
    (layer * layers).div_ceil(32).min(layers.saturating_sub(1))
}

/// A block that the model has.
pub(crate) fn checked(layer: usize, setup: &Setup<'_>) -> Result<usize, EngineError> {
    let layers = setup.config.layers.len();
    if layer < layers {
        return Ok(layer);
    }
    let hint = format!("the model has layers 0 to {}", layers.saturating_sub(1));
    Err(EngineError::method("method.layer", format!("there is no layer {layer}"), hint))
}
