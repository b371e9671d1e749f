//! What the Hub says of a repository and of its files.

use std::io::Read;

use serde::Deserialize;
use ureq::http::{Method, Uri};

use crate::client::{Answer, Attempts, Client, Failure, said};
use crate::name::{etag, is_commit, stays_inside};
use crate::parallel::Line;
use crate::url::shown;
use crate::{HubError, Note};

/// A listing of some ten thousand files has a few megabytes.
const LONGEST_LISTING: u64 = 64 << 20;
/// The Hub takes no file of more than 500 GB.
const LARGEST: u64 = 1 << 40;
/// Configurations and tokenizers.
const LARGEST_TEXT: u64 = 1 << 30;

/// A repository at a commit.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub commit: String,
    pub files: Vec<String>,
}

/// A file of a repository at a commit.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub url: Uri,
    pub commit: String,
    pub name: String,
    pub etag: String,
    /// In bytes.
    pub size: u64,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// The commit that the client's revision means, and the names of its files.
pub(crate) fn listing(client: &Client, line: &Line) -> Result<Listing, HubError> {
    let url = client.endpoint.listing(&client.repository, &client.revision)?;
    let text = Attempts::new(&client.patience, line).until(|| {
        let mut answer = client.send(&Method::GET, &url, 0)?;
        let mut text = Vec::new();
        let mut body = answer.response.body_mut().as_reader().take(LONGEST_LISTING + 1);
        let broken = |e: std::io::Error| HubError::Connect { url: shown(&url), source: said(&e) };
        body.read_to_end(&mut text).map_err(|e| Failure::passing(broken(e)))?;
        Ok(text)
    })?;
    let unusable = |reason: String| HubError::Answer { url: shown(&url), reason };
    if text.len() as u64 > LONGEST_LISTING {
        return Err(unusable(format!("it has more than {LONGEST_LISTING} bytes")));
    }
    let info: Info = serde_json::from_slice(&text).map_err(|e| unusable(format!("it is no listing: {e}")))?;
    if !is_commit(&info.sha) {
        return Err(unusable(format!("`{}` is no commit", info.sha.escape_debug())));
    }
    let files: Vec<String> = info.siblings.into_iter().map(|s| s.rfilename).collect();
    match files.iter().find(|name| !stays_inside(name)) {
        Some(name) => Err(HubError::Escape { place: format!("`{}`", client.repository), name: name.clone() }),
        None => Ok(Listing { commit: info.sha, files }),
    }
}

/// Checksum and length of a file.
pub(crate) fn metadata(client: &Client, commit: &str, name: &str, line: &Line) -> Result<Remote, HubError> {
    let url = client.endpoint.file(&client.repository, commit, name)?;
    let answer = Attempts::new(&client.patience, line).until(|| client.send(&Method::HEAD, &url, 0))?;
    let unusable = |reason: String| HubError::Answer { url: shown(&url), reason };
    let found = answer.header("x-repo-commit").ok_or_else(|| unusable("it has no `X-Repo-Commit` header".into()))?;
    if found != commit {
        return Err(unusable(format!("it is of the commit `{}`, not `{commit}`", found.escape_debug())));
    }
    let tag = answer.header("x-linked-etag").or_else(|| answer.header("etag")).and_then(etag);
    let etag = tag.ok_or_else(|| unusable("it has no `ETag` header that names its content".into()))?;
    let size = length(&answer).ok_or_else(|| unusable("it does not say how long the file is".into()))?;
    let weights = [".safetensors", ".gguf"].iter().any(|end| name.ends_with(end));
    if size > if weights { LARGEST } else { LARGEST_TEXT } {
        return Err(unusable(format!("`{name}` cannot have {size} bytes")));
    }
    Ok(Remote { url, commit: commit.to_owned(), name: name.to_owned(), etag, size })
}

fn length(answer: &Answer) -> Option<u64> {
    let linked = answer.header("x-linked-size");
    // The length of a redirection is that of its own page.
    let own = || answer.header("content-length").filter(|_| answer.response.status().is_success());
    linked.or_else(own)?.trim().parse().ok()
}

/// Says that a file's content cannot be verified, where that is so.
pub(crate) fn warn_unverified(remote: &Remote, line: &Line) {
    if !crate::name::is_hex(&remote.etag, 64) && !crate::name::is_hex(&remote.etag, 40) {
        line.note(Note::Say(format!("`{}`: the server gives no checksum; only the length is verified", remote.name)));
    }
}
