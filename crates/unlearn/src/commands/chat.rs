//! `unlearn chat`

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_data::Message;
use unlearn_engine::generate::generate;

use super::generate::SamplingFlags;
use crate::context::Context;

#[derive(Debug, Args)]
pub struct Chat {
    /// The model: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    #[command(flatten)]
    sampling: SamplingFlags,
}

impl Chat {
    pub fn run(self, context: &Context) -> Result<()> {
        self.sampling.check()?;
        let model = context.subject(&self.model)?;
        let mut options = self.sampling.options(&model, context.common.seed.unwrap_or(0))?;
        let tokenizer = model.need_tokenizer()?;
        let encoder = model.encoder(&self.sampling.chat(context)?);
        options.hidden = encoder.hidden;
        let mut conversation: Vec<Message> = Vec::new();
        context.say("An empty line or Ctrl-D ends; `/new` begins anew.");
        let mut lines = std::io::stdin().lock().lines();
        loop {
            if !context.common.quiet {
                eprint!("> ");
            }
            let Some(line) = lines.next().transpose()?.filter(|l| !l.trim().is_empty()) else { return Ok(()) };
            if line.trim() == "/new" {
                conversation.clear();
                continue;
            }
            conversation.push(Message::new("user", line));
            // What was said before is sent again with every turn.
            let sent = conversation.iter().map(|m| m.content.as_str()).collect::<Vec<_>>().join("\n");
            let guard = model.guard.as_ref();
            if let Some(guard) = guard.filter(|guard| guard.stops_question(&sent)) {
                context.print(guard.refusal())?;
                conversation.pop();
                continue;
            }
            let prompt = encoder.prompt(&conversation)?;
            let mut shown = 0;
            let answer = generate(&model, &[prompt], &options, |_, ids| {
                // Half a character, or the beginning of a stop text, waits for what follows.
                let text = tokenizer.decode(ids).unwrap_or_default();
                if guard.is_none()
                    && options.stop.is_empty()
                    && !text.ends_with('\u{fffd}')
                    && text.is_char_boundary(shown)
                {
                    print!("{}", &text[shown..]);
                    let _ = std::io::stdout().flush();
                    shown = text.len();
                }
            })?;
            let mut text = answer.answers.into_iter().next().unwrap_or_default().text;
            if let Some(guard) = guard.filter(|guard| guard.stops_answer(&text)) {
                guard.refusal().clone_into(&mut text);
            }
            context.print(text.get(shown..).unwrap_or_default())?;
            conversation.push(Message::new("assistant", text));
            options.seed = options.seed.wrapping_add(1);
        }
    }
}
