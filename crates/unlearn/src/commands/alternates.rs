//! Other answers to the questions of a run: from the data, from a list of refusals, or from the model itself.

use std::collections::BTreeSet;

use anyhow::Result;
use rand::RngExt;
use serde_json::Value;
use unlearn_core::{Recipe, file, seed};
use unlearn_data::{Encoder, Message, Row, TokenRow, read, refusal};
use unlearn_engine::generate::{Options, Sampling, generate};
use unlearn_engine::train::{Alternates, Alternative, Asking, Needs, Sets, Side, passes};
use unlearn_engine::{EngineError, LanguageModel};

use crate::context::Context;
use crate::failure::Refusal;
use crate::job::Job;

/// Draws of refusals or of mismatched answers that are kept for a row; later visits begin again with the first.
const VISITS: usize = 64;
/// How often a model is asked again for an answer that it has not given yet.
const ATTEMPTS: usize = 12;

/// Rows as they were read, to be answered otherwise.
pub struct Texts<'a> {
    pub forget: &'a [Row],
    pub retain: &'a [Row],
}

/// Fills in every alternate that can be had without asking the model.
pub fn fill(recipe: &Recipe, encoder: &Encoder, needs: &Needs, texts: &Texts<'_>, sets: &mut Sets) -> Result<()> {
    for side in [Side::Forget, Side::Retain] {
        let rows = if side == Side::Forget { texts.forget } else { texts.retain };
        let Some(wanted) = needs.alternates(side) else { continue };
        let alternates = match wanted {
            Alternative::Mismatched(n) => Some(mismatched(recipe, sets, *n)),
            other => of_data_or(recipe, encoder, (side, rows), other, sets)?,
        };
        match side {
            Side::Forget => sets.forget_alternates = alternates.unwrap_or_default(),
            Side::Retain => sets.retain_alternates = alternates.unwrap_or_default(),
        }
    }
    Ok(())
}

/// Answers that the data gives, and refusals for rows where it gives none; `None` where the model has to be asked.
fn of_data_or(
    recipe: &Recipe,
    encoder: &Encoder,
    (side, rows): (Side, &[Row]),
    wanted: &Alternative,
    sets: &Sets,
) -> Result<Option<Alternates>> {
    if side == Side::Forget && !recipe.data.alternate.is_empty() {
        return given(recipe, encoder, rows).map(Some);
    }
    let missing = rows.iter().find(|row| row.alternate.is_empty());
    let own = |row: &Row| -> Result<Vec<TokenRow>> {
        row.alternate.iter().map(|answer| Ok(encoder.encode_answer(row, answer)?)).collect()
    };
    match (wanted, missing) {
        (Alternative::OrSampled(_), Some(_)) => Ok(None),
        (Alternative::OrRefusals, Some(_)) => {
            let list = refusals(recipe)?;
            let visits = passes(&recipe.train, sets, recipe.seed, side).clamp(1, VISITS);
            let answers = rows.iter().enumerate().map(|(i, row)| {
                if !row.alternate.is_empty() {
                    return own(row);
                }
                let drawn = refusal::draw(&list, visits, recipe.seed, &format!("refusal/{side:?}/{i}"));
                drawn.into_iter().map(|answer| refused(encoder, row, answer)).collect()
            });
            Ok(Some(Alternates::new(answers.collect::<Result<_>>()?, 1)))
        }
        (_, Some(row)) => {
            let message = format!("`{}`, line {}: the row has no other answer", row.path.display(), row.line);
            Err(Refusal::new(
                message,
                "give every forget row an `alternate`, or a file of other answers by `--alternate`",
            )
            .into())
        }
        (_, None) => Ok(Some(Alternates::new(rows.iter().map(own).collect::<Result<_>>()?, 1))),
    }
}

fn refused(encoder: &Encoder, row: &Row, answer: &str) -> Result<TokenRow> {
    encoder.encode_answer(row, answer).map_err(|e| {
        let error = anyhow::Error::from(e);
        if row.answer_text().is_some() {
            return error;
        }
        let message = format!("`{}`, line {}: the row has no question to refuse", row.path.display(), row.line);
        Refusal::new(message, "give other answers by `--alternate FILE`").into()
    })
}

/// The rows of `data.alternate`, one for each forget row.
fn given(recipe: &Recipe, encoder: &Encoder, rows: &[Row]) -> Result<Alternates> {
    let given = read::all_rows(&recipe.data.alternate, recipe.data.limit)?;
    if given.len() != rows.len() {
        let message = format!("`data.alternate` has {} rows, `data.forget` has {}", given.len(), rows.len());
        let hint = "each forget row needs its other answer, in the same order";
        return Err(Refusal::new(message, hint).into());
    }
    let answers = given.iter().map(|row| Ok(vec![encoder.encode(row)?]));
    Ok(Alternates::new(answers.collect::<Result<_>>()?, 1))
}

fn refusals(recipe: &Recipe) -> Result<Vec<String>> {
    let Some(path) = &recipe.data.refusals else {
        return Ok(refusal::REFUSALS.iter().map(ToString::to_string).collect());
    };
    let text = file::read_text(path)?;
    let list: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if list.is_empty() {
        let message = format!("`{}` holds no refusal", path.display());
        return Err(Refusal::new(message, "write one a line").into());
    }
    Ok(list)
}

/// Answers to retain questions, put after the forget questions.
fn mismatched(recipe: &Recipe, sets: &Sets, n: usize) -> Alternates {
    let visits = passes(&recipe.train, sets, recipe.seed, Side::Forget).clamp(1, VISITS);
    let retain = sets.only_retain();
    let answers = sets.forget.iter().enumerate().map(|(i, row)| {
        let mut rng = seed::stream(recipe.seed, &format!("mismatch/{i}"));
        let draw = |_| {
            let other = &retain[rng.random_range(0..retain.len())];
            let mut mixed =
                TokenRow { ids: row.prompt().to_vec(), labels: vec![-100; row.prompt().len()], hidden: row.hidden };
            mixed.ids.extend(&other.ids[other.prompt().len()..]);
            mixed.labels.extend(&other.labels[other.prompt().len()..]);
            mixed
        };
        (0..visits * n).map(draw).collect()
    });
    Alternates::new(answers.collect(), n)
}

/// Asks the model for other answers, once for a run: they are kept in the run folder.
pub fn sample(
    context: &Context,
    recipe: &Recipe,
    job: &Job,
    (model, encoder): (&LanguageModel, &Encoder),
    asking: &Asking,
    rows: &[Row],
) -> Result<Alternates> {
    let path = job.folder.alternates();
    if !path.exists() {
        let answers = ask(context, recipe, (model, encoder), asking, rows)?;
        file::write_atomic(&path, |w| {
            for (row, answers) in rows.iter().zip(&answers) {
                serde_json::to_writer(&mut *w, &row.with_alternates(answers).unwrap_or(Value::Null))?;
                w.write_all(b"\n")?;
            }
            Ok(())
        })?;
    }
    let kept = read::rows(&path, None)?;
    let encode = |row: &Row| -> Result<Vec<TokenRow>> {
        row.alternate.iter().map(|answer| Ok(encoder.encode_answer(row, answer)?)).collect()
    };
    Ok(Alternates::new(kept.iter().map(encode).collect::<Result<_>>()?, 1))
}

/// Refuses rows about which a model cannot be asked.
pub fn check_askable(model: &LanguageModel, rows: &[Row]) -> Result<()> {
    model.need_tokenizer()?;
    let Some(row) = rows.iter().find(|row| row.answer_text().is_none()) else { return Ok(()) };
    let message = format!("`{}`, line {}: the row has no question to ask again", row.path.display(), row.line);
    Err(Refusal::new(message, "give other answers by `--alternate FILE`").into())
}

/// Other answers to each row: none equals the row's own, and none is there twice.
fn ask(
    context: &Context,
    recipe: &Recipe,
    (model, encoder): (&LanguageModel, &Encoder),
    asking: &Asking,
    rows: &[Row],
) -> Result<Vec<Vec<String>>> {
    let prompts = rows.iter().map(|row| prompt(model, encoder, asking, row)).collect::<Result<Vec<_>>>()?;
    let mut answers: Vec<Vec<String>> = rows.iter().map(|row| row.alternate.clone()).collect();
    let mut seen: Vec<BTreeSet<String>> =
        rows.iter().map(|row| row.answer_text().into_iter().map(plain).collect()).collect();
    let bar = context.bar("alternates", rows.len() * asking.answers);
    let done = |answers: &[Vec<String>]| answers.iter().map(|a| a.len().min(asking.answers)).sum::<usize>();
    for attempt in 0..ATTEMPTS {
        let open: Vec<usize> = (0..rows.len()).filter(|&i| answers[i].len() < asking.answers).collect();
        // Each attempt asks for all that is missing; a model that repeats itself is asked at a higher temperature.
        let asked: Vec<usize> =
            open.iter().flat_map(|&i| std::iter::repeat_n(i, asking.answers - answers[i].len())).collect();
        let temperature = asking.temperature * 1.15f64.powi(attempt as i32);
        for (part, places) in asked.chunks(recipe.eval.batch_size.max(1)).enumerate() {
            let options = Options {
                max_new_tokens: asking.max_new_tokens,
                sampling: Sampling { temperature, ..Sampling::default() },
                stop: ["Question:", "Q:", "\n"].map(str::to_owned).to_vec(),
                seed: seed::number(recipe.seed, &format!("alternates/{attempt}/{part}")),
                hidden: encoder.hidden,
            };
            let of: Vec<Vec<u32>> = places.iter().map(|&i| prompts[i].clone()).collect();
            for (&i, said) in places.iter().zip(generate(model, &of, &options, |_, _| ())?.answers) {
                let text = said.text.trim().to_owned();
                if !plain(&text).is_empty() && answers[i].len() < asking.answers && seen[i].insert(plain(&text)) {
                    answers[i].push(text);
                }
            }
            bar.set(done(&answers), "");
        }
    }
    if let Some(i) = (0..rows.len()).find(|&i| answers[i].is_empty()) {
        let (place, line) = (rows[i].path.display(), rows[i].line);
        let message = format!("`{place}`, line {line}: the model gives no other answer than the row's own");
        let hint = "raise `method.temperature`, change `method.prompt`, or give other answers by `--alternate FILE`";
        return Err(Refusal::new(message, hint).into());
    }
    Ok(answers)
}

/// An answer as it is compared: letters and digits alone.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

fn prompt(model: &LanguageModel, encoder: &Encoder, asking: &Asking, row: &Row) -> Result<Vec<u32>> {
    let text = asking.prompt.replace("{question}", &row.prompt_text());
    let text = text.replace("{answer}", row.answer_text().unwrap_or_default());
    let ids = encoder.prompt(&[Message::new("user", text)])?;
    let context = model.decoder.config().context;
    if ids.len() + 1 >= context {
        let (path, line, length) = (row.path.to_path_buf(), row.line, ids.len());
        return Err(EngineError::TooLong { path, line, length, context }.into());
    }
    Ok(ids)
}

/// Refuses other answers that are longer than the model's context.
pub fn check_lengths(model: &LanguageModel, sets: &Sets) -> Result<()> {
    let context = model.decoder.config().context;
    match sets.all().find(|row| row.ids.len() > context) {
        Some(row) => {
            let message =
                format!("another answer makes a row of {} tokens, the model's context has {context}", row.ids.len());
            Err(Refusal::new(message, "shorten the other answer").into())
        }
        None => Ok(()),
    }
}
