//! Chat templates: the Jinja text that a checkpoint carries, rendered as `transformers` renders it.

use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, context};
use serde_json::Value;
use unlearn_core::file;

use crate::{DataError, Message};

/// A checkpoint's chat template with the special tokens that it may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTemplate {
    source: String,
    bos_token: String,
    eos_token: String,
    /// Where it came from, for errors.
    name: String,
}

impl ChatTemplate {
    /// A template from its source.
    pub fn new(source: impl Into<String>, bos_token: impl Into<String>, eos_token: impl Into<String>) -> Self {
        let name = "chat template".to_owned();
        Self { source: source.into(), bos_token: bos_token.into(), eos_token: eos_token.into(), name }
    }

    /// The same template; errors say that it came from `path`.
    #[must_use]
    pub fn named(self, path: &Path) -> Self {
        Self { name: format!("`{}`", path.display()), ..self }
    }

    /// The Jinja text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The token that ends a turn.
    #[must_use]
    pub fn eos_token(&self) -> &str {
        &self.eos_token
    }

    /// The template of a checkpoint's folder: `chat_template.jinja`, else the one in `tokenizer_config.json`.
    /// `None` where there is neither.
    ///
    /// # Errors
    /// When a file is there but cannot be read.
    pub fn of_folder(dir: &Path) -> Result<Option<Self>, DataError> {
        let config_path = dir.join("tokenizer_config.json");
        let config: Value = if config_path.exists() { file::read_json(&config_path)? } else { Value::Null };
        let jinja = dir.join("chat_template.jinja");
        let source = if jinja.exists() { Some(file::read_text(&jinja)?) } else { None };
        let path = if source.is_some() { jinja } else { config_path };
        Ok(Self::of_config(&config, source).map(|template| template.named(&path)))
    }

    /// The template in a `tokenizer_config.json`, or another one with its special tokens; `None` where there is none.
    #[must_use]
    pub fn of_config(config: &Value, source: Option<String>) -> Option<Self> {
        let token = |name: &str| special_token(&config[name]).unwrap_or_default();
        let source = source.or_else(|| template_in(&config["chat_template"]))?;
        Some(Self::new(source, token("bos_token"), token("eos_token")))
    }

    /// The conversation as one text; with `add_generation_prompt`, up to where the answer begins.
    ///
    /// # Errors
    /// When the template does not parse, or refuses the conversation.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, DataError> {
        let mut env = Environment::new();
        env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?);
        env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        env.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        env.add_function("strftime_now", |format: String| jiff::Zoned::now().strftime(&format).to_string());
        // By default the name's extension would decide on escaping.
        env.set_auto_escape_callback(|_| AutoEscape::None);
        let template = env.template_from_named_str(&self.name, &self.source).map_err(failed)?;
        let messages = minijinja::Value::from(Serde(messages));
        template
            .render(context! {
                messages,
                add_generation_prompt,
                bos_token => self.bos_token.as_str(),
                eos_token => self.eos_token.as_str(),
            })
            .map_err(failed)
    }
}

fn failed(e: Error) -> DataError {
    DataError::Template { reason: e.to_string() }
}

/// `tokenizer_config.json` gives the template as a text or as a list of named ones.
fn template_in(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Array(named) => {
            let default = named.iter().find(|t| t["name"] == "default")?;
            default["template"].as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// `tokenizer_config.json` gives a special token as a text or as an object with `content`.
pub(crate) fn special_token(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["content"].as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_as_jinja2_with_trimmed_blocks() {
        let source = "{% for m in messages %}\n    {% if m['role'] == 'user' %}\n<u>{{ m['content'].strip() }}\n    {% endif %}\n{% endfor %}{{ eos_token }}{% if add_generation_prompt %}<a>{% endif %}";
        let template = ChatTemplate::new(source, "", "</s>");
        let text = template.render(&[Message::new("user", " hi ")], true).expect("renders");
        assert_eq!(text, "<u>hi\n</s><a>");
    }

    #[test]
    fn a_refusal_and_a_syntax_error_are_errors() {
        let refusing = ChatTemplate::new("{{ raise_exception('no system role') }}", "", "");
        let error = refusing.render(&[], false).expect_err("the template refuses");
        assert!(error.to_string().contains("no system role"));
        assert!(ChatTemplate::new("{% if %}", "", "").render(&[], false).is_err());
    }
}
