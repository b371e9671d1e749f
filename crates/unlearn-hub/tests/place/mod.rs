//! A cache in a scratch folder, and pulls into it from a server on this machine.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tempfile::TempDir;
use unlearn_hub::{Cache, HubError, Note, Patience, Pulled, Request, Settings, pull};

use crate::server::{Reply, Seen, Server, etag, model, whole};

pub const SIZE: usize = 300_000;

/// A cache, and pulls into it.
pub struct Place {
    pub dir: TempDir,
    pub files: BTreeMap<String, Vec<u8>>,
    pub server: Server,
    pub settings: Settings,
    pub patterns: Vec<String>,
    pub heard: Vec<Note>,
}

impl Place {
    pub fn new(
        files: BTreeMap<String, Vec<u8>>,
        fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let server = Server::new(&files, fault);
        let wait = Duration::from_millis(1);
        let settings = Settings {
            endpoint: server.address.clone(),
            cache: Cache::new(dir.path()),
            token: None,
            offline: false,
            certificates: None,
            proxy: false,
            patience: Patience { attempts: 4, first_wait: wait, silence: Duration::from_secs(10) },
        };
        Self { dir, files, server, settings, patterns: Vec::new(), heard: Vec::new() }
    }

    pub fn pull(&mut self) -> Result<Pulled, HubError> {
        let repository = "owner/model".parse().expect("a name");
        let request = Request { repository, revision: "main".into(), patterns: self.patterns.clone(), threads: 2 };
        let pulled = pull(&self.settings, &request, &AtomicBool::new(false), &mut |note| self.heard.push(note));
        let names = whole(self.dir.path(), &self.files);
        if let Ok(pulled) = &pulled {
            assert!(pulled.files.iter().all(|f| names.contains(&f.name)), "{names:?}");
        }
        pulled
    }

    /// Fails as it should, without weights in the snapshot and without a revision that promises them.
    pub fn refuse(&mut self, expected: &[&str]) -> HubError {
        self.refuse_file("model.safetensors", expected)
    }

    /// Fails as it should, without this file in the snapshot; others are fetched beside it, and may be there.
    pub fn refuse_file(&mut self, name: &str, expected: &[&str]) -> HubError {
        let error = self.pull().expect_err("an error");
        let text = said(&error);
        for words in expected {
            assert!(text.contains(words), "`{words}` is not in: {text}");
        }
        assert!(!text.contains("hf_secret"), "{text}");
        assert!(!whole(self.dir.path(), &self.files).contains(&name.to_owned()));
        assert!(!self.path("refs/main").exists());
        error
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("models--owner--model").join(name)
    }

    pub fn partial(&self) -> PathBuf {
        let tag = etag("model.safetensors", &self.files["model.safetensors"]);
        self.path(&format!("blobs/{tag}.incomplete"))
    }

    pub fn ranges(&self, path: &str) -> Vec<Option<usize>> {
        self.server.log().iter().filter(|s| s.gets(path)).map(|s| s.from).collect()
    }
}

pub fn said(error: &HubError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause} / {}", error.hint().unwrap_or_default())
}

/// A fault of the weights' own address.
pub fn weights(fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Place {
    Place::new(model(SIZE), move |seen| if seen.gets("/cdn/model.safetensors") { fault(seen) } else { None })
}
