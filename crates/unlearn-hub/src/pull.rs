//! A whole repository: what is needed of it, fetched into the cache, or found there.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use unlearn_core::file;

use crate::cache::Shelf;
use crate::client::Client;
use crate::download::fetch;
use crate::name::stays_inside;
use crate::parallel::{Note, each};
use crate::remote::{Remote, listing, metadata};
use crate::select::{choose, shards};
use crate::{HubError, Repository, Settings, space};

/// What to fetch.
#[derive(Debug, Clone)]
pub struct Request {
    /// The repository.
    pub repository: Repository,
    /// A branch, a tag or a commit.
    pub revision: String,
    /// Which files, as patterns with `*` and `?`; none: those that a model needs.
    pub patterns: Vec<String>,
    /// Files that are fetched at once.
    pub threads: usize,
}

/// What is now in the cache.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The snapshot's folder.
    pub path: PathBuf,
    /// The commit that the revision means.
    pub commit: String,
    /// The files that were asked for.
    pub files: Vec<PulledFile>,
}

/// A file of a snapshot.
#[derive(Debug, Clone)]
pub struct PulledFile {
    /// Its name in the repository.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it was there before.
    pub cached: bool,
}

/// Fetches what is needed of a repository, unless it is in the cache; offline, finds it in the cache.
///
/// # Errors
/// When the repository, the server, the network, the disk or the user is in the way. Whatever happens, a file is in the
/// snapshot whole and verified, or not at all.
pub fn pull(
    settings: &Settings,
    request: &Request,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(Note),
) -> Result<Pulled, HubError> {
    let revision = &request.revision;
    if !stays_inside(revision) {
        return Err(HubError::Revision { revision: revision.escape_debug().to_string() });
    }
    let shelf = settings.cache.shelf(&request.repository);
    if settings.offline {
        return found(settings, request, &shelf);
    }
    let client = Client::new(settings, &request.repository, revision)?;
    let job = Job { client, shelf, threads: request.threads, stop };
    let client = job.client.clone();
    let listed = each(vec![()], 1, stop, watch, move |(), line| listing(&client, line))?.remove(0);
    let choice = choose(&request.repository, &listed.files, &request.patterns)?;
    let mut files = choice.files;
    let mut done = Vec::new();
    if let Some(index) = choice.index {
        done = job.bring(&listed.commit, vec![index.to_owned()], watch)?;
        let index = job.shelf.snapshot(&listed.commit).join(index);
        files.extend(shards(&request.repository, &index, &listed.files)?);
    }
    done.extend(job.bring(&listed.commit, files, watch)?);
    done.sort_by(|a, b| a.name.cmp(&b.name));
    // Last: a revision that can be looked up has everything that was asked for.
    job.shelf.remember(revision, &listed.commit)?;
    Ok(Pulled { path: job.shelf.snapshot(&listed.commit), commit: listed.commit, files: done })
}

struct Job<'a> {
    client: Client,
    shelf: Shelf,
    threads: usize,
    stop: &'a AtomicBool,
}

impl Job<'_> {
    /// Brings files into the snapshot of a commit.
    fn bring(
        &self,
        commit: &str,
        names: Vec<String>,
        watch: &mut dyn FnMut(Note),
    ) -> Result<Vec<PulledFile>, HubError> {
        let (client, of) = (self.client.clone(), commit.to_owned());
        let ask = move |name: &String, line: &_| metadata(&client, &of, name, line);
        let all = each(names, self.threads, self.stop, watch, ask)?;
        let here = self.shelf.files(commit);
        let there = |r: &Remote| here.iter().any(|(name, size)| *name == r.name && *size == r.size);
        let (cached, missing): (Vec<Remote>, Vec<Remote>) = all.into_iter().partition(there);
        let pulled = |r: &Remote, cached| PulledFile { name: r.name.clone(), bytes: r.size, cached };
        let mut files: Vec<PulledFile> = cached.iter().map(|r| pulled(r, true)).collect();
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0u64, u64::saturating_add);
        let total = sum(&mut missing.iter().map(|r| r.size));
        if !missing.is_empty() {
            file::create_dir(self.shelf.folder())?;
            let had = sum(&mut missing.iter().map(|r| self.shelf.had(&r.etag).min(r.size)));
            space::need(self.shelf.folder(), total - had)?;
            watch(Note::Total(total));
        }
        let (client, shelf) = (self.client.clone(), self.shelf.clone());
        let fetch = move |remote: &Remote, line: &_| fetch(&client, &shelf, remote, line);
        let taken = each(missing.clone(), self.threads, self.stop, watch, fetch)?;
        files.extend(missing.iter().zip(taken).map(|(r, cached)| pulled(r, cached)));
        Ok(files)
    }
}

/// The snapshot in the cache, if it has everything that is needed.
fn found(settings: &Settings, request: &Request, shelf: &Shelf) -> Result<Pulled, HubError> {
    let (repository, revision) = (&request.repository, &request.revision);
    let cache = settings.cache.root().to_owned();
    let lacks = |reason: String| HubError::Offline { repository: repository.clone(), cache, reason };
    let missing = format!("`HF_HUB_OFFLINE` is set, and its revision `{revision}` was never fetched");
    let Some(commit) = shelf.commit_of(revision) else { return Err(lacks(missing)) };
    let here = shelf.files(&commit);
    if here.is_empty() {
        return Err(lacks(missing));
    }
    let names: Vec<String> = here.iter().map(|(name, _)| name.clone()).collect();
    let path = shelf.snapshot(&commit);
    let mut wanted = match choose(repository, &names, &request.patterns) {
        Ok(choice) => choice.files.into_iter().chain(choice.index.map(str::to_owned)).collect::<Vec<_>>(),
        Err(HubError::Select { reason, .. }) => {
            return Err(lacks(format!("`HF_HUB_OFFLINE` is set, and the copy there {reason}")));
        }
        Err(other) => return Err(other),
    };
    if let Some(index) = wanted.iter().find(|n| request.patterns.is_empty() && n.ends_with(".index.json")).cloned() {
        wanted.extend(shards(repository, &path.join(index), &names).map_err(|e| match e {
            HubError::Select { reason, .. } => lacks(format!("`HF_HUB_OFFLINE` is set, and the copy there {reason}")),
            other => other,
        })?);
    }
    let file = |(name, bytes): (String, u64)| PulledFile { name, bytes, cached: true };
    let files = here.into_iter().filter(|(name, _)| wanted.contains(name)).map(file).collect();
    Ok(Pulled { path, commit, files })
}
