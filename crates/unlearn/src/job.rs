//! A run folder's life: begun, written to, interrupted, resumed, finished.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use unlearn_core::digest::Hasher;
use unlearn_core::event::Event;
use unlearn_core::run::{RunFolder, RunRecord};
use unlearn_core::score::{Answer, EvalReport};
use unlearn_core::{FileError, Recipe, digest, file};
use unlearn_engine::{checkpoint, device};

use crate::cli::Output;
use crate::context::Context;
use crate::failure::Refusal;

/// A run that is under way.
pub struct Job {
    pub folder: RunFolder,
    pub record: RunRecord,
    /// Whether an earlier process began it.
    pub resumed: bool,
    began: Instant,
    seconds_before: f64,
}

/// What lies in the folder of a run that is to begin.
struct Found {
    folder: RunFolder,
    record: RunRecord,
    earlier: bool,
    finished: bool,
}

/// How a job begins.
pub enum Begun {
    /// There is work to do.
    Job(Box<Job>),
    /// An earlier process finished it.
    Finished,
}

impl Job {
    /// Begins or resumes a run. Nothing is written before everything that can be refused was.
    ///
    /// `inputs` are files and checkpoints by role; their digests go into the record, and a resumed run must find the
    /// same ones.
    pub fn begin(
        context: &Context,
        command: &str,
        output: &Output,
        recipe: &Recipe,
        inputs: &[(String, PathBuf)],
    ) -> Result<Begun> {
        let Found { folder, record, earlier, finished } = Self::find(context, command, output, recipe, inputs)?;
        if finished {
            // A crash may have come between the end of the run and the removal.
            remove_state(&folder)?;
            return Ok(Begun::Finished);
        }
        file::create_dir(folder.path())?;
        file::write_bytes(&folder.recipe(), recipe.to_toml().as_bytes())?;
        let seconds_before = record.cost.seconds;
        let job = Self { folder, record, resumed: earlier, began: Instant::now(), seconds_before };
        job.write_record()?;
        Ok(Begun::Job(Box::new(job)))
    }

    /// Refuses what [`Self::begin`] would refuse, and writes nothing.
    pub fn check(
        context: &Context,
        command: &str,
        output: &Output,
        recipe: &Recipe,
        inputs: &[(String, PathBuf)],
    ) -> Result<()> {
        Self::find(context, command, output, recipe, inputs).map(|_| ())
    }

    fn find(
        context: &Context,
        command: &str,
        output: &Output,
        recipe: &Recipe,
        inputs: &[(String, PathBuf)],
    ) -> Result<Found> {
        context.compute(recipe);
        let folder = RunFolder::new(&output.out);
        let earlier = folder.holds_run();
        let shown = folder.path().display();
        if earlier && !output.resume {
            let message = format!("`{shown}` holds another run");
            return Err(Refusal::new(message, "choose another `--out`, or go on with that run by `--resume`").into());
        }
        if !earlier && !folder.is_free() {
            let message = format!("`{shown}` is not empty, and holds no run");
            return Err(Refusal::new(message, "choose another `--out`").into());
        }
        let mut record = RunRecord {
            schema: RunRecord::SCHEMA.into(),
            command: command.into(),
            argv: std::env::args().collect(),
            versions: versions(),
            device: context.common.device.clone(),
            threads: device::threads(),
            precision: device::precision(),
            seed: recipe.seed,
            inputs: digests(inputs)?,
            ..RunRecord::default()
        };
        if earlier {
            let old = if folder.record().exists() { folder.read_record()? } else { record.clone() };
            let recipe_before = Recipe::read(Some(&folder.recipe()), &[]);
            let changed = if recipe_before.is_ok_and(|r| r.essence() != recipe.essence()) {
                Some("the recipe")
            } else if old.inputs != record.inputs {
                Some("a model or a data file")
            } else if old.command != record.command {
                Some("the command")
            } else {
                None
            };
            if let Some(what) = changed {
                let message = format!("`{shown}` cannot be resumed: {what} has changed since");
                return Err(Refusal::new(message, "resume with what began the run, or choose another `--out`").into());
            }
            (record.cost, record.finished) = (old.cost, old.finished);
        }
        let finished = record.finished;
        Ok(Found { folder, record, earlier, finished })
    }

    /// What a resumed run must have in common with the one that was interrupted.
    pub fn fingerprint(&self, recipe: &Recipe) -> String {
        let mut hasher = Hasher::default();
        hasher.field(recipe.essence().to_toml().as_bytes());
        for (role, digest) in &self.record.inputs {
            hasher.field(role.as_bytes());
            hasher.field(digest.as_bytes());
        }
        hasher.hex()
    }

    fn write_record(&self) -> Result<()> {
        Ok(file::write_json(&self.folder.record(), &self.record)?)
    }

    /// Appends a line to `events.jsonl`.
    pub fn event(&self, event: &Event) -> Result<(), FileError> {
        let path = self.folder.events();
        let line = serde_json::to_string(event).map_err(|e| FileError::invalid(&path, e))? + "\n";
        let append = || OpenOptions::new().create(true).append(true).open(&path)?.write_all(line.as_bytes());
        append().map_err(|e| FileError::write(&path, e))
    }

    /// Drops the events after `step` (all of training: `None`), which will be taken again, and a last line that was cut
    /// short.
    pub fn rewind_events(&self, step: Option<usize>) -> Result<(), FileError> {
        let path = self.folder.events();
        if !path.exists() {
            return Ok(());
        }
        let text = file::read_text(&path)?;
        let keep = |line: &&str| match serde_json::from_str::<Event>(line) {
            Ok(Event::Step(s)) => Some(s.step) <= step,
            Ok(Event::Watch(w)) => Some(w.step) <= step,
            Ok(Event::Stopped { .. } | Event::Kept { .. }) => false,
            Ok(_) => true,
            Err(_) => false,
        };
        let kept: String = text.lines().filter(keep).flat_map(|l| [l, "\n"]).collect();
        file::write_bytes(&path, kept.as_bytes())
    }

    /// Writes `answers.jsonl` or its like.
    pub fn write_answers(path: &Path, answers: &[Answer]) -> Result<(), FileError> {
        file::write_atomic(path, |w| {
            for answer in answers {
                serde_json::to_writer(&mut *w, answer)?;
                w.write_all(b"\n")?;
            }
            Ok(())
        })
    }

    /// Writes scores and answers.
    pub fn write_evaluation(
        scores: &Path,
        report: &EvalReport,
        said: &Path,
        answers: &[Answer],
    ) -> Result<(), FileError> {
        Self::write_answers(said, answers)?;
        file::write_json(scores, report)
    }

    /// Ends the run: costs, digests of what it made, and no more state to resume from.
    pub fn finish(mut self) -> Result<RunRecord> {
        if self.folder.model().exists() {
            self.record.outputs.insert("model".into(), checkpoint::digest(&self.folder.model())?);
        }
        self.record.cost.seconds = self.seconds_before + self.began.elapsed().as_secs_f64();
        self.record.cost.peak_memory = self.record.cost.peak_memory.max(peak_memory());
        self.record.finished = true;
        self.write_record()?;
        remove_state(&self.folder)?;
        Ok(self.record)
    }

    /// Saves the costs so far, for a run that is being interrupted.
    pub fn pause(&mut self) -> Result<()> {
        self.record.cost.seconds = self.seconds_before + self.began.elapsed().as_secs_f64();
        self.record.cost.peak_memory = self.record.cost.peak_memory.max(peak_memory());
        self.write_record()
    }
}

fn remove_state(folder: &RunFolder) -> Result<(), FileError> {
    let state = folder.state();
    match state.exists() {
        true => std::fs::remove_dir_all(&state).map_err(|e| FileError::write(&state, e)),
        false => Ok(()),
    }
}

fn versions() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("unlearn".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("burn".to_owned(), "0.22.0".to_owned()),
    ])
}

fn digests(inputs: &[(String, PathBuf)]) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (role, path) in inputs {
        if path.is_dir() {
            let around = checkpoint::companions_digest(path)?;
            all.extend(around.map(|digest| (format!("{role}.files"), digest)));
        }
        let digest = if path.is_dir() { checkpoint::digest(path)? } else { digest::of_file(path)? };
        all.insert(role.clone(), digest);
    }
    Ok(all)
}

/// Peak resident memory of this process in bytes, where the system tells it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
