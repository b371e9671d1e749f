//! `unlearn generate`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use unlearn_core::recipe::ChatSection;
use unlearn_data::{Message, Row, read};
use unlearn_engine::generate::{self, Options, Sampling, generate};
use unlearn_engine::{EngineError, LanguageModel};

use super::sets;
use crate::context::Context;
use crate::failure::Refusal;

/// Flags that say how to generate.
#[derive(Debug, Clone, Args)]
pub struct SamplingFlags {
    /// Longest answer, in tokens
    #[arg(long, value_name = "N", default_value_t = 200)]
    max_new_tokens: usize,
    /// Scores are divided by it; 0 takes the best token [default: as the model's generation_config.json says]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    temperature: Option<f64>,
    /// Only the best so many tokens; 0: all [default: likewise]
    #[arg(long, value_name = "N")]
    top_k: Option<usize>,
    /// Only the best tokens that together hold this much probability [default: likewise]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    top_p: Option<f64>,
    /// End the answer before this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// The system prompt
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,
}

impl SamplingFlags {
    /// How text becomes a conversation: `[chat]` of `--set`, and `--system` over it.
    pub fn chat(&self, context: &Context) -> Result<ChatSection> {
        sets::chat(context, self.system.as_deref())
    }

    /// Refuses what cannot be, before a model is read.
    pub fn check(&self) -> Result<()> {
        let refuse = |what: String| Err(Refusal::new(what, "see `unlearn generate --help`").into());
        if let Some(x) = self.temperature.filter(|x| !(*x >= 0.0 && x.is_finite())) {
            return refuse(format!("`--temperature {x}` is not possible: it is 0 or more"));
        }
        if let Some(x) = self.top_p.filter(|x| !(*x > 0.0 && *x <= 1.0)) {
            return refuse(format!("`--top-p {x}` is not possible: it lies above 0, up to 1"));
        }
        Ok(())
    }

    /// The options of a generation: the model's own, and flags over them.
    pub fn options(&self, model: &LanguageModel, seed: u64) -> Result<Options> {
        let own = generate::sampling(model)?;
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(own.temperature),
            top_k: self.top_k.unwrap_or(own.top_k),
            top_p: self.top_p.unwrap_or(own.top_p),
            ..own
        };
        Ok(Options { max_new_tokens: self.max_new_tokens, sampling, stop: self.stop.clone(), seed, hidden: None })
    }
}

#[derive(Debug, Args)]
pub struct Generate {
    /// The model: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// What to ask; may be repeated
    #[arg(long, value_name = "TEXT", required_unless_present = "input")]
    prompt: Vec<String>,
    /// A data file whose questions or prompts are asked
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    input: Option<PathBuf>,
    /// Take the prompts as they are, without the chat template
    #[arg(long)]
    raw: bool,
    /// Prompts that are answered at once
    #[arg(long, value_name = "N", default_value_t = 16)]
    batch_size: usize,
    #[command(flatten)]
    sampling: SamplingFlags,
}

/// Of each prompt, what is shown of it, all that is sent, and its tokens.
type Asked = (Vec<String>, Vec<String>, Vec<Vec<u32>>);

impl Generate {
    pub fn run(self, context: &Context) -> Result<()> {
        let chat = self.sampling.chat(context)?;
        self.sampling.check()?;
        let model = context.subject(&self.model)?;
        let mut options = self.sampling.options(&model, context.common.seed.unwrap_or(0))?;
        let (texts, sent, prompts) = match &self.input {
            Some(path) => self.of_file(&model, path, &chat)?,
            None => self.of_texts(&model, &chat)?,
        };
        options.hidden = model.encoder(&chat).hidden;
        let bar = context.bar("generate", prompts.len());
        let mut done = 0;
        let mut sent = sent.iter();
        for (texts, prompts) in texts.chunks(self.batch_size.max(1)).zip(prompts.chunks(self.batch_size.max(1))) {
            let answers = generate(&model, prompts, &options, |_, _| ())?.answers;
            for (((text, mut answer), prompt), sent) in texts.iter().zip(answers).zip(prompts).zip(&mut sent) {
                if let Some(guard) = &model.guard
                    && (guard.stops_question(sent) || guard.stops_answer(&answer.text))
                {
                    guard.refusal().clone_into(&mut answer.text);
                }
                if context.common.json {
                    let tokens = [prompt.len(), answer.ids.len()];
                    let line = json!({"prompt": text, "generation": answer.text, "prompt_tokens": tokens[0], "new_tokens": tokens[1]});
                    context.print(line.to_string())?;
                } else {
                    context.print(answer.text.trim())?;
                }
            }
            done += texts.len();
            bar.set(done, "");
        }
        Ok(())
    }

    fn of_texts(&self, model: &LanguageModel, chat: &ChatSection) -> Result<Asked> {
        let tokenizer = model.need_tokenizer()?;
        let encoder = model.encoder(chat);
        let encode = |text: &String| -> Result<Vec<u32>> {
            Ok(match self.raw {
                true => tokenizer.encode(text, true)?,
                false => encoder.prompt(&[Message::new("user", text)])?,
            })
        };
        Ok((self.prompt.clone(), self.prompt.clone(), self.prompt.iter().map(encode).collect::<Result<_>>()?))
    }

    fn of_file(&self, model: &LanguageModel, path: &Path, chat: &ChatSection) -> Result<Asked> {
        let encoder = model.encoder(chat);
        let rows = read::rows(path, None)?;
        if let Some(row) = rows.iter().find(|r| r.answer_text().is_none()) {
            let message = format!("`{}`, line {}: the row has nothing to ask", path.display(), row.line);
            return Err(
                Refusal::new(message, "a row is {question, answer}, {prompt, completion} or {messages: […]}").into()
            );
        }
        let asked = |row: &Row| -> Result<Vec<u32>> {
            let prompt = encoder.encode(row)?.prompt().to_vec();
            let (path, line, length) = (row.path.to_path_buf(), row.line, prompt.len());
            let context = model.decoder.config().context;
            if length >= context {
                return Err(EngineError::TooLong { path, line, length, context }.into());
            }
            Ok(prompt)
        };
        let prompts = rows.iter().map(asked).collect::<Result<_>>()?;
        Ok((rows.iter().map(Row::prompt_text).collect(), rows.iter().map(Row::sent).collect(), prompts))
    }
}
