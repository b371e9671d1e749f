//! What several runs of one model have in common, kept in a folder beside them: the reference's answers, and the
//! evaluation of the model before.

use std::path::{Path, PathBuf};

use anyhow::Result;
use unlearn_core::digest::Hasher;
use unlearn_core::run::RunFolder;
use unlearn_core::{Recipe, file};
use unlearn_eval::Evaluation;

use crate::context::Context;
use crate::job::Job;

/// Where the reference's answers lie.
pub fn reference(dir: &Path) -> PathBuf {
    dir.join("reference")
}

/// Puts the evaluation of the model before into a run's folder: a copy of the one that lies here, or a new one of which
/// a copy stays here.
pub fn evaluation(
    dir: &Path,
    context: &Context,
    recipe: &Recipe,
    job: &Job,
    make: impl FnOnce() -> Result<Evaluation>,
) -> Result<()> {
    let mut hasher = Hasher::default();
    for (role, digest) in &job.record.inputs {
        hasher.field(role.as_bytes());
        hasher.field(digest.as_bytes());
    }
    let path = recipe.model_path()?.display().to_string();
    let (eval, data) = (&recipe.eval, &recipe.data);
    let (memory, device) = (&recipe.train.max_memory, &context.common.device);
    let settings = serde_json::json!([path, eval, recipe.chat, data, recipe.seed, memory, device]);
    hasher.field(settings.to_string().as_bytes());
    let ours = RunFolder::new(dir.join(format!("before-{}", &hasher.hex()[..32])));
    if !ours.eval().exists() {
        let seen = make()?;
        file::create_dir(ours.path())?;
        Job::write_evaluation(&ours.eval(), &seen.report, &ours.answers(), &seen.answers)?;
    }
    // The answers first, as the scores say that both are there.
    let copies = [(ours.answers(), job.folder.answers_before()), (ours.eval(), job.folder.eval_before())];
    for (from, to) in copies {
        file::write_bytes(&to, file::read_text(&from)?.as_bytes())?;
    }
    Ok(())
}
