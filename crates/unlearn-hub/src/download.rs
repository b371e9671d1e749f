//! One file: fetched into a partial file that the next attempt goes on with, verified, and only then put in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use ureq::http::{Method, StatusCode};

use unlearn_core::{FileError, file};

use crate::cache::{Shelf, unique};
use crate::check::Check;
use crate::client::{Answer, Attempts, Client, Failure, said};
use crate::parallel::Line;
use crate::remote::{Remote, warn_unverified};
use crate::url::shown;
use crate::{HubError, Note};

const CHUNK: usize = 256 << 10;

/// Brings a file into the snapshot. A blob that is already there is taken if its length is right; `true` then.
///
/// # Errors
/// When it cannot be fetched or is not what the repository holds; the snapshot is then as it was.
pub(crate) fn fetch(client: &Client, shelf: &Shelf, remote: &Remote, line: &Line) -> Result<bool, HubError> {
    let lock = shelf.lock(&remote.etag, line)?;
    let blob = shelf.blob(&remote.etag);
    file::create_dir(&shelf.folder().join("blobs"))?;
    let cached = fs::metadata(&blob).is_ok_and(|m| m.is_file() && m.len() == remote.size);
    if cached {
        line.note(Note::Had(remote.size));
    } else {
        warn_unverified(remote, line);
        // Other programs know this name too; without a lock, it would be written to by both.
        let tail = if lock.alone { "incomplete".to_owned() } else { format!("{}.incomplete", unique()) };
        let path = blob.with_file_name(format!("{}.{tail}", remote.etag));
        let mut partial = Partial::open(path, remote, line)?;
        let outcome = partial.complete(client);
        if !lock.alone && outcome.is_err() {
            let _ = fs::remove_file(&partial.path);
        }
        outcome?;
        partial.file.sync_all().map_err(|e| FileError::write(&partial.path, e))?;
        fs::rename(&partial.path, &blob).map_err(|e| FileError::write(&blob, e))?;
    }
    shelf.place(&remote.etag, &remote.commit, &remote.name)?;
    Ok(cached)
}

/// What has arrived of a file.
struct Partial<'a> {
    remote: &'a Remote,
    line: &'a Line,
    path: PathBuf,
    file: File,
    length: u64,
    check: Check,
}

impl<'a> Partial<'a> {
    /// Opens what an earlier pull has left, or begins.
    fn open(path: PathBuf, remote: &'a Remote, line: &'a Line) -> Result<Self, HubError> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.map_err(|e| FileError::write(&path, e))?;
        let mut partial = Self { remote, line, path, file, length: 0, check: Check::new(&remote.etag, remote.size) };
        let left = partial.file.metadata().map_err(|e| FileError::read(&partial.path, e))?.len();
        if left > remote.size {
            partial.restart()?;
            return Ok(partial);
        }
        let mut buffer = vec![0; CHUNK];
        while partial.length < left {
            line.check()?;
            let n = partial.file.read(&mut buffer).map_err(|e| FileError::read(&partial.path, e))?;
            if n == 0 {
                break;
            }
            partial.check.update(&buffer[..n]);
            partial.length += n as u64;
        }
        line.note(Note::Had(partial.length));
        Ok(partial)
    }

    fn restart(&mut self) -> Result<(), HubError> {
        self.file.set_len(0).map_err(|e| FileError::write(&self.path, e))?;
        self.file.seek(SeekFrom::Start(0)).map_err(|e| FileError::write(&self.path, e))?;
        self.length = 0;
        self.check = Check::new(&self.remote.etag, self.remote.size);
        Ok(())
    }

    fn lose(&mut self) -> Result<(), HubError> {
        self.line.note(Note::Lost(self.length));
        self.restart()
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(|e| FileError::write(&self.path, e))?;
        self.check.update(bytes);
        self.length += bytes.len() as u64;
        self.line.note(Note::Got(bytes.len() as u64));
        Ok(())
    }

    /// Fetches what is missing and verifies the whole. Bad data is removed, not kept for the next attempt.
    fn complete(&mut self, client: &Client) -> Result<(), HubError> {
        let mut left_over = self.length > 0;
        loop {
            let fetched = self.receive_all(client).and_then(|()| self.verify());
            match fetched {
                Err(HubError::Verify { .. }) if left_over => {
                    let name = &self.remote.name;
                    self.line.say(format!("`{name}`: what an earlier attempt has left is damaged; fetching it anew"));
                    left_over = false;
                    self.lose()?;
                }
                Err(error) => {
                    if self.length == 0 || matches!(error, HubError::Verify { .. }) {
                        let _ = fs::remove_file(&self.path);
                    }
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    fn receive_all(&mut self, client: &Client) -> Result<(), HubError> {
        let mut attempts = Attempts::new(&client.patience, self.line);
        let mut furthest = self.length;
        while self.length < self.remote.size {
            self.line.check()?;
            if let Err(failure) = self.receive(client) {
                if self.length > furthest {
                    attempts.renew();
                    furthest = self.length;
                }
                attempts.after(failure)?;
            }
        }
        Ok(())
    }

    /// One answer's body.
    fn receive(&mut self, client: &Client) -> Result<(), Failure> {
        let mut answer = match client.send(&Method::GET, &self.remote.url, self.length) {
            Err(Failure::Passing { error: error @ HubError::Status { status: 416, .. }, .. }) => {
                self.lose()?;
                return Err(Failure::passing(error));
            }
            other => other?,
        };
        let url = shown(&answer.url);
        // Before anything is given up for it: a page that asks for a login is no reason to begin anew.
        let due =
            if answer.response.status() == StatusCode::OK { self.remote.size } else { self.remote.size - self.length };
        match answer.header("content-length").map(|v| v.trim().parse::<u64>()) {
            Some(Ok(announced)) if announced == due => {}
            Some(Ok(found)) => return Err(HubError::Length { url, expected: due, found }.into()),
            Some(Err(_)) => return Err(HubError::Answer { url, reason: "its length is no number".into() }.into()),
            None => {}
        }
        self.line_up(&answer)?;
        let mut body = answer.response.body_mut().as_reader();
        let mut buffer = vec![0; CHUNK];
        loop {
            self.line.check()?;
            let (received, size) = (self.length, self.remote.size);
            let broken = |source| Failure::passing(HubError::Receive { url: url.clone(), received, size, source });
            match body.read(&mut buffer) {
                Ok(0) if received == size => return Ok(()),
                Ok(0) => return Err(broken(crate::Said("the body ends early".into()))),
                Ok(n) if n as u64 > size - received => {
                    self.restart()?;
                    return Err(HubError::Length { url, expected: size, found: received + n as u64 }.into());
                }
                Ok(n) => self.append(&buffer[..n])?,
                Err(e) => return Err(broken(said(&e))),
            }
        }
    }

    /// Makes sure that the body begins where the partial file ends.
    fn line_up(&mut self, answer: &Answer) -> Result<(), Failure> {
        let whole = answer.response.status() == StatusCode::OK;
        if whole && self.length > 0 {
            self.line.say(format!("`{}`: the server cannot go on with a part; fetching it anew", self.remote.name));
            self.lose()?;
        }
        let start = format!("bytes {}-", self.length);
        let total = format!("/{}", self.remote.size);
        let range = answer.header("content-range").map(str::trim);
        if !whole && !range.is_some_and(|r| r.starts_with(&start) && (r.ends_with(&total) || r.ends_with("/*"))) {
            let reason = format!("it sends the part `{}`, not that from {}", range.unwrap_or(""), self.length);
            return Err(HubError::Answer { url: shown(&answer.url), reason: reason.escape_debug().to_string() }.into());
        }
        Ok(())
    }

    fn verify(&mut self) -> Result<(), HubError> {
        let check = std::mem::replace(&mut self.check, Check::Length);
        match check.finish() {
            Some(found) if found != self.remote.etag => Err(HubError::Verify {
                name: self.remote.name.clone(),
                url: shown(&self.remote.url),
                expected: self.remote.etag.clone(),
                found,
            }),
            _ => Ok(()),
        }
    }
}
