//! JSON lines, read strictly: a malformed line is an error that names the file and the line.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use unlearn_core::event::{Event, KeptBy, Step, StopReason, Watch};
use unlearn_core::file;

use crate::error::ReportError;

/// One value a line; blank lines are skipped. A missing file holds none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReportError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = file::read_text(path)?;
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|source| ReportError::Line { path: path.to_owned(), line: i + 1, source })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(parse).collect()
}

/// The events of a run. JSON has no way to say "not a number": a `null` among a step's numbers is one.
pub(crate) fn read_events(path: &Path) -> Result<Vec<Event>, ReportError> {
    Ok(read::<EventLine>(path)?.into_iter().map(Event::from).collect())
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum EventLine {
    Phase { name: String },
    Step(StepLine),
    Watch(Watch),
    Stopped { step: usize, reason: StopReason },
    Kept { step: usize, by: KeptBy },
    Resumed { step: usize },
}

#[derive(Deserialize)]
struct StepLine {
    step: usize,
    epoch: Option<f64>,
    loss: Option<f64>,
    terms: BTreeMap<String, Option<f64>>,
    learning_rate: Option<f64>,
    grad_norm: Option<f64>,
    tokens: usize,
    seconds: Option<f64>,
}

impl From<EventLine> for Event {
    fn from(line: EventLine) -> Self {
        match line {
            EventLine::Phase { name } => Self::Phase { name },
            EventLine::Step(step) => Self::Step(step.into()),
            EventLine::Watch(watch) => Self::Watch(watch),
            EventLine::Stopped { step, reason } => Self::Stopped { step, reason },
            EventLine::Kept { step, by } => Self::Kept { step, by },
            EventLine::Resumed { step } => Self::Resumed { step },
        }
    }
}

impl From<StepLine> for Step {
    fn from(line: StepLine) -> Self {
        let number = |x: Option<f64>| x.unwrap_or(f64::NAN);
        Self {
            step: line.step,
            epoch: number(line.epoch),
            loss: number(line.loss),
            terms: line.terms.into_iter().map(|(name, x)| (name, number(x))).collect(),
            learning_rate: number(line.learning_rate),
            grad_norm: number(line.grad_norm),
            tokens: line.tokens,
            seconds: number(line.seconds),
        }
    }
}
