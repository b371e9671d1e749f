//! Typed access to `config.json`, with errors that name the field, and a memory of which fields were asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use serde_json::Value;

use crate::EngineError;

/// Fields that say nothing about what the decoder computes.
const HARMLESS: &[&str] = &[
    "architectures",
    "auto_map",
    "bos_token_id",
    "classifier_dropout",
    "dtype",
    "eos_token_id",
    "finetuning_task",
    "id2label",
    "initializer_range",
    "is_decoder",
    "is_llama_config",
    "keys_to_ignore_at_inference",
    "label2id",
    "model_type",
    "pad_token_id",
    "sep_token_id",
    "task_specific_params",
    "tokenizer_class",
    "torch_dtype",
    "transformers_version",
    "transformers.js_config",
    "use_cache",
    // Splits one product into several that add up to it.
    "pretraining_tp",
    // GPT-2's heads for other tasks.
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    // Numerical detail of half precision.
    "reorder_and_upcast_attn",
    // Gemma 3's image tokens and attention kernels.
    "cache_implementation",
    "n_ctx",
];

/// A value as messages show it: its beginning.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

/// The fields of a `config.json`.
pub struct Fields<'a> {
    value: &'a Value,
    path: &'a Path,
    /// Where it is inside `config.json`, with a dot at its end.
    place: String,
    asked: Rc<RefCell<BTreeSet<String>>>,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which was read from `path`.
    pub fn new(value: &'a Value, path: &'a Path) -> Self {
        Self { value, path, place: String::new(), asked: Rc::default() }
    }

    /// An error about one field.
    pub fn bad(&self, field: &str, reason: impl Into<String>) -> EngineError {
        let field = format!("{}{field}", self.place);
        EngineError::Config { path: self.path.to_owned(), field, reason: reason.into() }
    }

    /// The fields of an object in a field; `None` where it is missing or null.
    pub fn object(&self, field: &str) -> Result<Option<Fields<'a>>, EngineError> {
        let inner = |value| {
            let place = format!("{}{field}.", self.place);
            Fields { value, path: self.path, place, asked: Rc::clone(&self.asked) }
        };
        match self.get(field) {
            Some(v) if !v.is_object() => Err(self.bad(field, format!("is not an object but {}", shown(v)))),
            value => Ok(value.map(inner)),
        }
    }

    /// Whether a field is there and not null.
    pub fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(format!("{}{field}", self.place));
        self.value.get(field).filter(|v| !v.is_null())
    }

    /// A text.
    pub fn text(&self, field: &str) -> Result<&'a str, EngineError> {
        let value = self.get(field).ok_or_else(|| self.bad(field, "is missing"))?;
        value.as_str().ok_or_else(|| self.bad(field, format!("is not a text but {}", shown(value))))
    }

    /// A size: an integer from 1 to 2³¹.
    pub fn size(&self, field: &str) -> Result<usize, EngineError> {
        let value = self.get(field).ok_or_else(|| self.bad(field, "is missing"))?;
        match value.as_u64() {
            Some(n) if (1..=1 << 31).contains(&n) => Ok(n as usize),
            _ => Err(self.bad(field, format!("is not a positive integer but {}", shown(value)))),
        }
    }

    /// A size that may be missing.
    pub fn size_or(&self, field: &str, default: usize) -> Result<usize, EngineError> {
        if self.has(field) { self.size(field) } else { Ok(default) }
    }

    /// A positive number that may be missing.
    pub fn number(&self, field: &str) -> Result<Option<f64>, EngineError> {
        match self.get(field) {
            None => Ok(None),
            Some(v) => match v.as_f64() {
                Some(x) if x > 0.0 && x.is_finite() => Ok(Some(x)),
                _ => Err(self.bad(field, format!("is not a positive number but {}", shown(v)))),
            },
        }
    }

    /// A positive number that may be missing.
    pub fn number_or(&self, field: &str, default: f64) -> Result<f64, EngineError> {
        Ok(self.number(field)?.unwrap_or(default))
    }

    /// A positive number.
    pub fn need_number(&self, field: &str) -> Result<f64, EngineError> {
        self.number(field)?.ok_or_else(|| self.bad(field, "is missing"))
    }

    /// A positive number; `default` where the field is missing, `None` where it is null.
    pub fn cap_or(&self, field: &str, default: f64) -> Result<Option<f64>, EngineError> {
        match self.value.get(field) {
            None => Ok(Some(default)),
            Some(_) => self.number(field),
        }
    }

    /// A list of positive numbers.
    pub fn numbers(&self, field: &str) -> Result<Vec<f64>, EngineError> {
        let value = self.get(field).ok_or_else(|| self.bad(field, "is missing"))?;
        let list = value.as_array().map(|a| a.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
        match list.flatten() {
            Some(list) if list.iter().all(|x| *x > 0.0 && x.is_finite()) => Ok(list),
            _ => Err(self.bad(field, "is not a list of positive numbers")),
        }
    }

    /// A list of texts that may be missing.
    pub fn texts(&self, field: &str) -> Result<Option<Vec<&'a str>>, EngineError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let list = value.as_array().and_then(|a| a.iter().map(Value::as_str).collect::<Option<Vec<&str>>>());
        list.map(Some).ok_or_else(|| self.bad(field, "is not a list of texts"))
    }

    /// A switch; missing is off.
    pub fn switch(&self, field: &str) -> Result<bool, EngineError> {
        self.switch_or(field, false)
    }

    /// A switch that may be missing.
    pub fn switch_or(&self, field: &str, default: bool) -> Result<bool, EngineError> {
        match self.get(field) {
            None => Ok(default),
            Some(v) => v.as_bool().ok_or_else(|| self.bad(field, format!("is not true or false but {}", shown(v)))),
        }
    }

    /// Refuses a field whose value is not among those that the decoder knows; missing is fine.
    pub fn only(&self, field: &str, known: &[&str]) -> Result<(), EngineError> {
        let Some(value) = self.get(field) else { return Ok(()) };
        if value.as_str().is_some_and(|v| known.contains(&v)) {
            return Ok(());
        }
        Err(self.bad(field, format!("is {}, and this decoder knows {}", shown(value), known.join(", "))))
    }

    /// Refuses whatever was not asked for, as far as it could change what the model computes: an option that is
    /// switched on, a number, a text.
    pub fn refuse_the_rest(&self) -> Result<(), EngineError> {
        let asked = self.asked.borrow();
        let harmless = |name: &str| {
            HARMLESS.contains(&name)
                || name.starts_with('_')
                || name.starts_with("unsloth")
                // Dropout is a matter of training, and this trainer has its own.
                || name.ends_with("dropout")
                || name.ends_with("pdrop")
        };
        let off = |v: &Value| match v {
            Value::Null | Value::Bool(false) => true,
            Value::Number(n) => n.as_f64() == Some(0.0),
            Value::Array(a) => a.is_empty(),
            Value::Object(o) => o.is_empty(),
            Value::Bool(true) | Value::String(_) => false,
        };
        let rest =
            self.value.as_object().into_iter().flatten().find(|(name, value)| {
                !asked.contains(&format!("{}{name}", self.place)) && !harmless(name) && !off(value)
            });
        match rest {
            Some((name, value)) => {
                Err(self.bad(name, format!("is {}, an option that this decoder lacks", shown(value))))
            }
            None => Ok(()),
        }
    }
}
