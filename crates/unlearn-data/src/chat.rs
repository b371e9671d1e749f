//! Chat templates: the Jinja text that a checkpoint carries, rendered as `transformers` renders it.

mod assignment;
mod limits;

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
    /// When the template does not parse, refuses the conversation, or costs more than any chat template needs.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, DataError> {
        if self.source.len() > limits::LONGEST {
            let reason = format!("{} has {} bytes, more than {}", self.name, self.source.len(), limits::LONGEST);
            return Err(DataError::Template { reason });
        }
        let (template, messages) = (self.clone(), messages.to_vec());
        let rendered = limits::within(move || template.render_here(&messages, add_generation_prompt));
        rendered.unwrap_or_else(|reason| Err(DataError::Template { reason: format!("{}: {reason}", self.name) }))
    }

    fn render_here(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, DataError> {
        let mut env = Environment::new();
        env.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?);
        env.set_unknown_method_callback(limits::method);
        env.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        env.add_function("strftime_now", limits::now);
        env.add_filter(assignment::OF_NAME, assignment::assigned);
        env.add_filter(assignment::OF_FIELD, assignment::stored);
        env.set_fuel(Some(limits::fuel(messages)));
        // By default the name's extension would decide on escaping.
        env.set_auto_escape_callback(|_| AutoEscape::None);
        let source = assignment::guarded(&self.source);
        let template = env.template_from_named_str(&self.name, &source).map_err(failed)?;
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
    let reason = match e.kind() {
        ErrorKind::OutOfFuel => format!("it was stopped, as it takes more steps than any chat template needs ({e})"),
        _ => e.to_string(),
    };
    DataError::Template { reason }
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

    /// A list that doubles, lists in lists, a namespace in itself, each with what is said of it.
    #[test]
    fn a_template_that_does_not_end_or_grows_is_refused() {
        let deep = |part: &str, n: usize| part.repeat(n);
        let loops =
            "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}";
        let doubles = "{% set x = [1] %}".to_owned() + &deep("{% set x = [x, x] %}", 30) + "{{ x }}";
        let cases: Vec<(String, &str)> = vec![
            ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}".into(), "steps"),
            ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".into(), "recursion"),
            ("{{ 'a' * 1000000000 }}".into(), "steps"),
            ("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}".into(), "namespace"),
            ("{% set ns = namespace() %}{% set b, ns.a = 1, [ns] %}{{ ns }}".into(), "namespace"),
            ("{% set ns = namespace() %}{% set ns.a = ns) if 1 else (0 %}{{ ns }}".into(), "syntax"),
            ("{%- set ns = namespace() -%}{%-set ns . a=ns.items()+%}{{ ns }}".into(), ""),
            ("{% raw %}{% set %}'{% endraw %}{% set n = namespace() %}{% set n.a = n %}{{ n }}".into(), "namespace"),
            ("{# ' #}{{ '{%' }}{% set n = namespace() %}{% set n.a = n %}{{ n }}".into(), "namespace"),
            (loops.into(), "nested too deep"),
            (doubles, "steps"),
            ("{{ '{:1000000000}'.format('a') }}".into(), "steps"),
            ("{{ ''.join([[1]]) }}".into(), "takes texts"),
            ("{{ strftime_now('%Q%') }}".into(), "strftime_now"),
            (deep("{% if 1 %}", 5000), "recursion"),
            (" ".repeat(1 << 20), "bytes"),
            ("{{ ".to_owned() + &deep("-", 60_000) + "1 }}", ""),
            ("{{ x".to_owned() + &deep(".a", 30_000) + " }}", ""),
        ];
        for (source, expected) in cases {
            let shown = source.chars().take(80).collect::<String>();
            match ChatTemplate::new(source, "", "").render(&[Message::new("user", "hi")], true) {
                Ok(_) => assert_eq!(expected, "", "{shown}"),
                Err(e) => assert!(e.to_string().contains(expected), "{shown}: {e}"),
            }
        }
    }

    #[test]
    fn what_templates_assign_stays_what_it_is() {
        let source = "{% set ns = namespace(n=0, last=none) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}\
             {% set ns.last = m %}{% set ns.keys = m.keys() | list %}{% endfor %}{% set rest = messages[1:] %}\
             {% set a, b = 1, ns.n == 2 %}{% set c = 'x=y %}' %}{% set d %}e{% endset %}\
             {{ ns.n }} {{ ns.last.content }} {{ rest | length }} {{ ns.keys }} {{ a }} {{ b }} {{ c }} {{ d }}";
        let messages = [Message::new("user", "q"), Message::new("assistant", "r")];
        let text = ChatTemplate::new(source, "", "").render(&messages, false).expect("renders");
        assert_eq!(text, "2 r 1 ['role', 'content'] 1 True x=y %} e");
    }
}
