//! Which parameters `[train]` chooses.

use unlearn_core::recipe::{AdapterKind, TrainSection};
use unlearn_core::registry::nearest;

use crate::adapter::{linear_layers, matches};
use crate::{Decoder, EngineError};

/// What is trained of a decoder's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Of each parameter, whether it is trained itself.
    pub trained: Vec<bool>,
    /// The places of those that get an adapter.
    pub adapted: Vec<usize>,
}

impl Selection {
    /// All parameters.
    #[must_use]
    pub fn everything(decoder: &Decoder) -> Self {
        Self { trained: vec![true; decoder.specs().len()], adapted: Vec::new() }
    }

    /// None.
    #[must_use]
    pub fn nothing(decoder: &Decoder) -> Self {
        Self { trained: vec![false; decoder.specs().len()], adapted: Vec::new() }
    }

    /// What `train.adapter`, `train.layers`, `train.parameters` and `train.lora.targets` choose.
    ///
    /// # Errors
    /// When a layer does not exist, a pattern fits no name, or nothing is chosen.
    pub fn new(train: &TrainSection, decoder: &Decoder) -> Result<Self, EngineError> {
        let (specs, layers) = (decoder.specs(), decoder.config().layers.len());
        if let Some(largest) = train.layers.largest().filter(|l| *l >= layers) {
            let hint = format!("the model has layers 0 to {}", layers - 1);
            return Err(EngineError::selection("train.layers", format!("there is no layer {largest}"), hint));
        }
        let within = |i: usize| match specs[i].layer {
            Some(layer) => train.layers.holds(layer),
            None => train.layers.all(),
        };
        let mut chosen = Self::nothing(decoder);
        if train.adapter == AdapterKind::Lora {
            let linear = linear_layers(decoder);
            let all = train.lora.targets.iter().any(|t| t == "all-linear");
            let places = match all {
                true => linear,
                false => by_name("train.lora.targets", &train.lora.targets, decoder, &linear)?,
            };
            chosen.adapted = places.into_iter().filter(|&i| within(i)).collect();
        } else {
            let all: Vec<usize> = (0..specs.len()).collect();
            let places = match train.parameters.is_empty() {
                true => all,
                false => by_name("train.parameters", &train.parameters, decoder, &all)?,
            };
            places.into_iter().filter(|&i| within(i)).for_each(|i| chosen.trained[i] = true);
        }
        if chosen.adapted.is_empty() && !chosen.trained.contains(&true) {
            let hint = "widen `train.layers`, `train.parameters` or `train.lora.targets`".to_owned();
            return Err(EngineError::selection("train", "it leaves nothing to train".to_owned(), hint));
        }
        Ok(chosen)
    }

    /// Whether it is everything, so that a plain model serves.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.adapted.is_empty() && self.trained.iter().all(|t| *t)
    }
}

/// The places among `among` that a pattern chooses; each pattern must choose one.
fn by_name(
    field: &'static str,
    patterns: &[String],
    decoder: &Decoder,
    among: &[usize],
) -> Result<Vec<usize>, EngineError> {
    let name = |i: usize| decoder.specs()[i].name.as_str();
    if let Some(useless) = patterns.iter().find(|p| !among.iter().any(|&i| matches(p, name(i)))) {
        let parts = || among.iter().flat_map(|&i| name(i).split('.')).filter(|p| p.parse::<usize>().is_err());
        let hint = match nearest(useless, parts()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`unlearn inspect DIR --tensors` lists the names".to_owned(),
        };
        return Err(EngineError::selection(field, format!("`{useless}` fits none of the model's parameters"), hint));
    }
    Ok(among.iter().copied().filter(|&i| patterns.iter().any(|p| matches(p, name(i)))).collect())
}
