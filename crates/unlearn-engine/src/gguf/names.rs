//! Names of tensors in GGUF files and in Hugging Face models, both ways, as one table for each architecture.
//!
//! Reading goes from the file to the model, writing from the model to the file:
//!
//! ```ignore
//! let names = Names::of_model_type("qwen2")?;
//! let place = names.in_file("model.layers.3.self_attn.q_proj.bias")?;    // from the model's name
//! assert_eq!(place.file, "blk.3.attn_q.bias");
//! let stored = place.form.to_file(&shape, head_dim, values);             // of the shape place.form.shape(&shape)
//! ```

use super::{Form, arch};

/// A dimension of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Tokens.
    Vocabulary,
    /// Positions, where they are learned.
    Context,
    /// The residual stream.
    Hidden,
    /// Inside the feed-forward part.
    Intermediate,
    /// Gate and up projection in one.
    GateAndUp,
    /// Query heads times the width of a head.
    Queries,
    /// Key heads times the width of a head; values have as many.
    Keys,
    /// Queries, keys and values in one.
    Fused,
    /// One head.
    Head,
}

/// Whether a part has a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// Never.
    No,
    /// Always.
    Yes,
    /// If the model has one in any part with this value: the configuration's `attention_bias`.
    Attention,
    /// If the model has one in any part with this value: the configuration's `mlp_bias`.
    Mlp,
}

/// A linear map, embedding or norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The name in the file, without layer and field, as in `attn_q`.
    pub file: &'static str,
    /// The name in the model, without layer and field, as in `self_attn.q_proj`.
    pub model: &'static str,
    /// The first dimension of the weight in the file (row-major), and the only one of the bias.
    pub rows: Size,
    /// The second dimension, `None` for a norm.
    pub columns: Option<Size>,
    /// How the weight, and its bias with it, is stored in the file.
    pub form: Form,
    /// Whether there is a bias beside the weight.
    pub bias: Bias,
    /// Whether a model may lack the part: an output matrix that is the embedding.
    pub optional: bool,
}

impl Part {
    pub(super) const fn matrix(file: &'static str, model: &'static str, rows: Size, columns: Size) -> Self {
        let columns = Some(columns);
        Self { file, model, rows, columns, form: Form::Same, bias: Bias::No, optional: false }
    }

    pub(super) const fn norm(file: &'static str, model: &'static str) -> Self {
        Self { columns: None, ..Self::matrix(file, model, Size::Hidden, Size::Hidden) }
    }

    pub(super) const fn rows(self, rows: Size) -> Self {
        Self { rows, ..self }
    }

    pub(super) const fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    pub(super) const fn bias(self, bias: Bias) -> Self {
        Self { bias, ..self }
    }

    pub(super) const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// The weights of an architecture.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// `general.architecture` of the file, and the beginning of its keys.
    pub architecture: &'static str,
    /// `model_type` of the configurations whose models have these weights.
    pub model_types: &'static [&'static str],
    /// What the model's names of a layer begin with, up to the layer's number: `model.layers`.
    pub layers: &'static str,
    /// The weights outside of the layers.
    pub outside: &'static [Part],
    /// The weights of each layer.
    pub layer: &'static [Part],
    /// Tensors of the file that follow from the configuration; the model has none of them.
    pub computed: &'static [&'static str],
}

/// One tensor, under both names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name in the file, as in `blk.3.attn_q.weight`.
    pub file: String,
    /// The name in the model, as in `model.layers.3.self_attn.q_proj.weight`.
    pub model: String,
    /// The number of the layer, `None` outside of the layers.
    pub layer: Option<usize>,
    /// What it belongs to.
    pub part: Part,
    /// Whether it is the part's bias.
    pub is_bias: bool,
    /// How it is stored in the file. A bias follows its weight's order of rows, and nothing else.
    pub form: Form,
}

impl Names {
    /// The names of an architecture, by `general.architecture` of a file.
    #[must_use]
    pub fn of_architecture(name: &str) -> Option<&'static Self> {
        arch::all().find(|names| names.architecture == name)
    }

    /// The names of an architecture, by `model_type` of a configuration.
    #[must_use]
    pub fn of_model_type(model_type: &str) -> Option<&'static Self> {
        arch::all().find(|names| names.model_types.contains(&model_type))
    }

    /// The place of a tensor of the file; `None` if no such tensor belongs to the architecture.
    #[must_use]
    pub fn in_model(&self, file: &str) -> Option<Place> {
        self.place(file, "blk", |part| part.file)
    }

    /// The place of a tensor of the model; `None` if no such tensor belongs to the architecture.
    #[must_use]
    pub fn in_file(&self, model: &str) -> Option<Place> {
        self.place(model, self.layers, |part| part.model)
    }

    /// The place of a part's weight or bias.
    #[must_use]
    pub fn at(&self, part: &Part, layer: Option<usize>, is_bias: bool) -> Place {
        let field = if is_bias { "bias" } else { "weight" };
        let named = |layers: &str, stem: &str| match layer {
            Some(layer) => format!("{layers}.{layer}.{stem}.{field}"),
            None => format!("{stem}.{field}"),
        };
        let keeps_form = !is_bias || part.form.moves_rows();
        Place {
            file: named("blk", part.file),
            model: named(self.layers, part.model),
            layer,
            part: *part,
            is_bias,
            form: if keeps_form { part.form } else { Form::Same },
        }
    }

    fn place(&self, name: &str, layers: &str, stem: impl Fn(&Part) -> &str) -> Option<Place> {
        let (path, field) = name.rsplit_once('.')?;
        let is_bias = match field {
            "weight" => false,
            "bias" => true,
            _ => return None,
        };
        let in_layer = path.strip_prefix(layers).and_then(|rest| rest.strip_prefix('.')?.split_once('.'));
        let numbered = in_layer.and_then(|(number, rest)| {
            let layer = number.parse::<usize>().ok().filter(|layer| layer.to_string() == number)?;
            Some((layer, rest))
        });
        let (layer, parts, wanted) = match numbered {
            Some((layer, rest)) => (Some(layer), self.layer, rest),
            None => (None, self.outside, path),
        };
        let part = parts.iter().find(|part| stem(part) == wanted)?;
        (!is_bias || part.bias != Bias::No).then(|| self.at(part, layer, is_bias))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_counterpart_and_back() {
        for names in arch::all() {
            let inside = names.layer.iter().map(|part| (part, Some(17)));
            for (part, layer) in names.outside.iter().map(|part| (part, None)).chain(inside) {
                for is_bias in [false, true].into_iter().filter(|bias| !bias || part.bias != Bias::No) {
                    let place = names.at(part, layer, is_bias);
                    assert_eq!(names.in_model(&place.file).as_ref(), Some(&place));
                    assert_eq!(names.in_file(&place.model).as_ref(), Some(&place));
                }
            }
        }
    }

    #[test]
    fn names_of_other_forms_are_of_no_place() {
        let names = Names::of_architecture("llama").unwrap();
        let strange = [
            "blk.0.attn_x.weight",
            "blk.00.attn_q.weight",
            "blk.attn_q.weight",
            "attn_q.weight",
            "blk.0.token_embd.weight",
            "blk.0.attn_q",
            "blk.0.attn_q.scale",
            "token_embd.bias",
            "",
        ];
        strange.into_iter().for_each(|name| assert_eq!(names.in_model(name), None, "{name}"));
        assert!(Names::of_architecture("mamba").is_none() && Names::of_model_type("mamba").is_none());
        assert_eq!(Names::of_model_type("mistral").unwrap().architecture, "llama");
    }
}
