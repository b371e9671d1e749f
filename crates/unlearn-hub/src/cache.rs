//! The cache as `huggingface_hub` lays it out: content by checksum in `blobs`, commits in `refs`, and in `snapshots` one
//! folder per commit with a link per file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use unlearn_core::{FileError, file};

use crate::name::is_commit;
use crate::parallel::Line;
use crate::{HubError, Repository};

/// The folder that holds all repositories.
#[derive(Debug, Clone)]
pub struct Cache(PathBuf);

impl Cache {
    /// The cache in this folder, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Whether some revision of a repository is there.
    #[must_use]
    pub fn holds(&self, repository: &Repository) -> bool {
        let snapshots = self.0.join(repository.folder()).join("snapshots");
        fs::read_dir(snapshots).is_ok_and(|mut entries| entries.next().is_some())
    }

    pub(crate) fn shelf(&self, repository: &Repository) -> Shelf {
        let folder = repository.folder();
        Shelf { locks: self.0.join(".locks").join(&folder), folder: self.0.join(folder) }
    }
}

/// One repository's folder in the cache. Names, etags and commits must have been checked by `name.rs`.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    folder: PathBuf,
    locks: PathBuf,
}

impl Shelf {
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Bytes that are there of a blob, whole or not.
    pub fn had(&self, etag: &str) -> u64 {
        let length = |path: &Path| fs::metadata(path).map_or(0, |m| m.len());
        let partial = self.blob(&format!("{etag}.incomplete"));
        length(&self.blob(etag)).max(length(&partial))
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// The commit that a revision meant when it was last fetched.
    pub fn commit_of(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|c| is_commit(c))
    }

    /// Notes which commit a revision means.
    pub fn remember(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if revision == commit || self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        replace(&self.folder.join("refs").join(revision), |path| fs::write(path, commit))
    }

    /// Puts a whole and verified blob into the snapshot.
    pub fn place(&self, etag: &str, commit: &str, name: &str) -> Result<(), HubError> {
        let pointer = self.snapshot(commit).join(name);
        let up = "../".repeat(name.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        if fs::read_link(&pointer).is_ok_and(|t| t == target) {
            return Ok(());
        }
        replace(&pointer, |path| link(&target, &self.blob(etag), path))
    }

    /// Files of a snapshot whose content is there, with their lengths in bytes.
    pub fn files(&self, commit: &str) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![(self.snapshot(commit), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                match fs::metadata(entry.path()) {
                    Ok(m) if m.is_file() => found.push((name, m.len())),
                    Ok(_) if entry.file_type().is_ok_and(|t| t.is_dir()) => {
                        folders.push((entry.path(), format!("{name}/")));
                    }
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }

    /// Waits until nobody else fetches this blob. It is the lock that `huggingface_hub` takes.
    pub fn lock(&self, etag: &str, line: &Line) -> Result<Lock, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        file::create_dir(&self.locks)?;
        let mut waited = false;
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            let file = file.map_err(|e| FileError::write(&path, e))?;
            match file.try_lock() {
                Ok(()) if removed(&file) => {}
                Ok(()) => return Ok(Lock { alone: true, _file: file }),
                Err(TryLockError::WouldBlock) => {
                    if !waited {
                        line.say(format!("waiting for another program that fetches `{etag}`"));
                    }
                    waited = true;
                    line.wait(Duration::from_millis(100))?;
                }
                Err(TryLockError::Error(_)) => return Ok(Lock { alone: false, _file: file }),
            }
        }
    }
}

/// Held while a blob is fetched.
pub(crate) struct Lock {
    /// Whether the file system can lock at all; where not, two programs must not share a partial file.
    pub alone: bool,
    _file: File,
}

/// Python's lock removes its file on release, and a lock on a removed file keeps nobody out.
#[cfg(unix)]
fn removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|m| m.nlink() == 0)
}

#[cfg(not(unix))]
fn removed(_file: &File) -> bool {
    false
}

#[cfg(unix)]
fn link(target: &Path, _blob: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Links need a privilege on Windows; `huggingface_hub` keeps a copy in the snapshot then.
#[cfg(not(unix))]
fn link(_target: &Path, blob: &Path, path: &Path) -> io::Result<()> {
    fs::copy(blob, path).map(drop)
}

/// Makes a file under a name of its own, then renames it: readers and rivals see the old one or the new one.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), HubError> {
    if let Some(folder) = path.parent() {
        file::create_dir(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.tmp", unique()));
    let made = make(&part).and_then(|()| fs::rename(&part, path));
    made.map_err(|e| {
        let _ = fs::remove_file(&part);
        FileError::write(path, e).into()
    })
}

/// A text that no other thread or process makes.
pub(crate) fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    format!("{:x}-{time:x}-{:x}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
