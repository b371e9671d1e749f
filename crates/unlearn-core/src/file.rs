//! Files that are either the old or the new one, never half of one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Files beside the weights that make a checkpoint what it is; they are fetched
/// with it and carried over unchanged. `config.json` is not among them: no checkpoint is without it.
pub const COMPANIONS: &[&str] = &[
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "guard.json",
];

/// A file or folder that could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// Opening or reading failed.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Creating, writing or renaming failed.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content is not what it has to be.
    #[error("`{}` is not valid: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl FileError {
    /// A failure to read `path`.
    pub fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    /// A failure to write `path`.
    pub fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    /// Content of `path` that cannot be used.
    pub fn invalid(path: &Path, reason: impl ToString) -> Self {
        Self::Invalid { path: path.to_owned(), reason: reason.to_string() }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let (Self::Read { source, path } | Self::Write { source, path }) = self else { return None };
        match source.kind() {
            io::ErrorKind::NotFound => Some(match path.ancestors().skip(1).find(|p| p.exists()) {
                Some(p) if !p.as_os_str().is_empty() => format!("the path exists up to `{}`", p.display()),
                _ => "check the spelling; relative paths start at the current folder".into(),
            }),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space and run the same command with `--resume`; nothing was half-written".into())
            }
            io::ErrorKind::PermissionDenied => Some("check the permissions of the file and its folder".into()),
            _ => None,
        }
    }
}

/// Reads a whole file as text.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|e| FileError::read(path, e))
}

/// Creates a folder and its parents.
///
/// # Errors
/// When it cannot be created.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|e| FileError::write(path, e))
}

/// Writes a file in one step: into a neighbour first, flushed to the disk, then renamed.
///
/// # Errors
/// When anything fails; the old file, if there was one, is then untouched and the neighbour removed.
pub fn write_atomic(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), FileError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let part = path.with_file_name(format!(".{name}.part"));
    let attempt = || -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(1 << 20, File::create(&part)?);
        fill(&mut writer)?;
        writer.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        fs::rename(&part, path)
    };
    attempt().map_err(|e| {
        let _ = fs::remove_file(&part);
        FileError::write(path, e)
    })
}

/// [`write_atomic`] for bytes in memory.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic(path, |w| w.write_all(bytes))
}

/// Writes a value as indented JSON with a final newline, in one step.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    write_atomic(path, |w| {
        serde_json::to_writer_pretty(&mut *w, value)?;
        w.write_all(b"\n")
    })
}

/// Reads a JSON value.
///
/// # Errors
/// When the file cannot be read or does not hold such a value.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    serde_json::from_str(&read_text(path)?).map_err(|e| FileError::invalid(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_neighbour() {
        let dir = std::env::temp_dir().join(format!("unlearn-file-{}", std::process::id()));
        create_dir(&dir).expect("temp dir");
        let path = dir.join("a.json");
        write_bytes(&path, b"old").expect("first write");
        let failed = write_atomic(&path, |w| {
            w.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let error = failed.expect_err("the closure fails");
        assert!(error.hint().is_some_and(|h| h.contains("--resume")));
        assert_eq!(read_text(&path).expect("old file"), "old");
        assert_eq!(fs::read_dir(&dir).expect("dir").count(), 1);
        fs::remove_dir_all(&dir).expect("clean up");
    }
}
