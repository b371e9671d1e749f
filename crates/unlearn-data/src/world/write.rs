//! A world as files.

use std::path::{Path, PathBuf};

use serde::Serialize;
use unlearn_core::file::{FileError, create_dir, write_atomic, write_json};

use super::fact::Fact;
use super::people::Person;
use super::row::WorldRow;
use super::rules::RULES;
use super::split::Split;
use super::{World, WorldConfig};

/// What `facts.json` holds.
#[derive(Serialize)]
struct Facts<'a> {
    config: &'a WorldConfig,
    people: &'a [Person],
    base: &'a [Fact],
    derived: Vec<Fact>,
}

impl World {
    /// Writes `forget.jsonl`, `retain.jsonl`, `neighbour.jsonl`, `holdout.jsonl`, `paraphrased.jsonl` (the forget rows,
    /// asked in other words), `alternate.jsonl` (the forget rows with wrong answers), `inverse.jsonl`, `one-hop.jsonl`,
    /// `facts.json` and `rules.json` into `folder`, which is created when it is missing. Each file is written in one step.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        create_dir(folder)?;
        for split in Split::ALL {
            write_rows(&Self::path(folder, split), self.rows(split))?;
        }
        let paraphrased: Vec<WorldRow> = self.rows(Split::Forget).iter().map(WorldRow::paraphrased).collect();
        write_rows(&folder.join("paraphrased.jsonl"), &paraphrased)?;
        let alternate: Vec<WorldRow> = self.rows(Split::Forget).iter().map(WorldRow::alternate).collect();
        write_rows(&folder.join("alternate.jsonl"), &alternate)?;
        write_rows(&folder.join("inverse.jsonl"), self.inverse())?;
        write_rows(&folder.join("one-hop.jsonl"), self.one_hop())?;
        let facts =
            Facts { config: self.config(), people: self.people(), base: self.facts(), derived: self.derived_facts() };
        write_json(&folder.join("facts.json"), &facts)?;
        write_json(&folder.join("rules.json"), &RULES)
    }

    /// Where [`World::write`] puts the rows of a split.
    pub fn path(folder: &Path, split: Split) -> PathBuf {
        folder.join(format!("{}.jsonl", split.name()))
    }
}

/// Writes rows as JSON lines, in one step.
///
/// # Errors
/// When the file cannot be written.
pub fn write_rows<'a>(path: &Path, rows: impl IntoIterator<Item = &'a WorldRow>) -> Result<(), FileError> {
    write_atomic(path, |w| {
        for row in rows {
            serde_json::to_writer(&mut *w, row)?;
            w.write_all(b"\n")?;
        }
        Ok(())
    })
}
