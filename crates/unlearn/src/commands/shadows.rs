//! Shadow models: which rows of the sets each was trained on.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use unlearn_core::run::RunFolder;
use unlearn_core::{Recipe, digest};
use unlearn_data::{Encoder, Row, read};
use unlearn_eval::EvalSet;

use super::sets;
use crate::failure::Refusal;

/// The rows that a model was trained on, beside its weights or its run: a data file.
const LIST: &str = "in.jsonl";

/// Of each row of the sets, whether a model was trained on it: by `in.jsonl`, in its folder or its run's, or else by
/// what `unlearn train` wrote down. Nothing where neither is there.
pub fn trained_on(model: &Path, encoder: &Encoder, sets: &[EvalSet]) -> Result<Option<BTreeMap<String, Vec<bool>>>> {
    let Some(rows) = training_rows(model)? else { return Ok(None) };
    // Rows are the same where they come to the same tokens.
    let tokens = |row: &Row| encoder.encode(row).ok().map(|tokens| (tokens.ids, tokens.labels));
    let seen: HashSet<_> = rows.iter().filter_map(tokens).collect();
    let of = |set: &EvalSet| {
        let inside = set.rows.iter().map(|row| tokens(row).is_some_and(|t| seen.contains(&t))).collect();
        (set.name.clone(), inside)
    };
    Ok(Some(sets.iter().map(of).collect()))
}

/// The list that says what a model was trained on, where there is one.
pub fn list(model: &Path) -> Option<PathBuf> {
    let places = [Some(model), model.parent()];
    places.into_iter().flatten().map(|dir| dir.join(LIST)).find(|path| path.is_file())
}

fn training_rows(model: &Path) -> Result<Option<Vec<Row>>> {
    if let Some(list) = list(model) {
        return Ok(Some(read::rows(&list, None)?));
    }
    let Some(run) = model.parent().map(RunFolder::new).filter(|run| run.model() == model && run.record().exists())
    else {
        return Ok(None);
    };
    let record = run.read_record()?;
    if record.command != "train" {
        return Ok(None);
    }
    let data = Recipe::read(Some(&run.recipe()), &[])?.data;
    let only = Recipe { data: data.clone(), ..Recipe::default() };
    for (role, path) in sets::inputs(&only).into_iter().filter(|(_, path)| data.train.contains(path)) {
        let then = record.inputs.get(&role);
        if !path.is_file() || then != Some(&digest::of_file(&path)?) {
            let message =
                format!("`{}`, which `{}` was trained on, has changed since", path.display(), model.display());
            let hint = format!("write the rows that it was trained on into `{}`", run.path().join(LIST).display());
            return Err(Refusal::new(message, hint).into());
        }
    }
    Ok(Some(read::all_rows(&data.train, data.limit)?))
}
