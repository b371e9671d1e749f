//! Pulls from a server on this machine, well-behaved and not.

mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use server::{COMMIT, Reply, Seen, Server, etag, listing, model, noise, ranged, whole};
use tempfile::TempDir;
use unlearn_hub::{Cache, HubError, Note, Patience, Pulled, Request, Settings, Token, pull};

const SIZE: usize = 300_000;
const MODEL: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

/// A cache, and pulls into it.
struct Place {
    dir: TempDir,
    files: BTreeMap<String, Vec<u8>>,
    server: Server,
    settings: Settings,
    patterns: Vec<String>,
    heard: Vec<Note>,
}

impl Place {
    fn new(files: BTreeMap<String, Vec<u8>>, fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
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

    fn pull(&mut self) -> Result<Pulled, HubError> {
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
    fn refuse(&mut self, expected: &[&str]) -> HubError {
        let error = self.pull().expect_err("an error");
        let text = said(&error);
        for words in expected {
            assert!(text.contains(words), "`{words}` is not in: {text}");
        }
        assert!(!text.contains("hf_secret"), "{text}");
        assert!(!whole(self.dir.path(), &self.files).contains(&"model.safetensors".to_owned()));
        assert!(!self.path("refs/main").exists());
        error
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("models--owner--model").join(name)
    }

    fn partial(&self) -> PathBuf {
        let tag = etag("model.safetensors", &self.files["model.safetensors"]);
        self.path(&format!("blobs/{tag}.incomplete"))
    }

    fn ranges(&self, path: &str) -> Vec<Option<usize>> {
        self.server.log().iter().filter(|s| s.gets(path)).map(|s| s.from).collect()
    }
}

fn said(error: &HubError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause} / {}", error.hint().unwrap_or_default())
}

/// A fault of the weights' own address.
fn weights(fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Place {
    Place::new(model(SIZE), move |seen| if seen.gets("/cdn/model.safetensors") { fault(seen) } else { None })
}

#[test]
fn a_model_is_fetched_once_and_lies_as_python_expects_it() {
    let mut place = Place::new(model(SIZE), |_| None);
    let pulled = place.pull().expect("a model");
    assert_eq!(pulled.path, place.path("snapshots").join(COMMIT));
    assert_eq!(whole(place.dir.path(), &place.files), MODEL);
    assert_eq!(fs::read_to_string(place.path("refs/main")).expect("a reference"), COMMIT);
    let tag = etag("config.json", &place.files["config.json"]);
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(pulled.path.join("config.json")).expect("a link"),
        PathBuf::from(format!("../../blobs/{tag}"))
    );
    assert!(place.path("blobs").join(tag).is_file());
    let fetched =
        |place: &Place| place.server.log().iter().filter(|s| s.method == "GET" && !s.path.starts_with("/api")).count();
    let before = fetched(&place);
    assert!(place.pull().expect("again").files.iter().all(|f| f.cached));
    assert_eq!(fetched(&place), before, "nothing is fetched twice");
    // A commit of other files with one in common takes that from the blobs.
    fs::remove_dir_all(place.path("snapshots")).expect("removed");
    place.pull().expect("from the blobs");
    assert_eq!(fetched(&place), before);
}

#[test]
fn shards_come_by_the_index_and_patterns_choose() {
    let mut files = model(10);
    files.remove("model.safetensors");
    let index = br#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    files.insert("model.safetensors.index.json".into(), index.to_vec());
    for name in ["model-1.safetensors", "model-2.safetensors", "other.safetensors"] {
        files.insert(name.into(), noise(1000));
    }
    files.insert("sub/a b.txt".into(), b"deep".to_vec());
    let mut place = Place::new(files.clone(), |_| None);
    let names: Vec<String> = place.pull().expect("a model").files.into_iter().map(|f| f.name).collect();
    let index = "model.safetensors.index.json";
    assert_eq!(names, ["config.json", "model-1.safetensors", "model-2.safetensors", index, "tokenizer.json"]);
    let missing = Place::new(files, |seen| {
        let names = ["config.json", "model.safetensors.index.json", "model-1.safetensors"].map(str::to_owned);
        seen.path.starts_with("/api").then(|| listing(names.iter()))
    });
    let mut missing = missing;
    missing.refuse(&["`model-2.safetensors`", "does not have"]);
}

#[test]
fn a_broken_connection_is_gone_on_with() {
    let mut place = weights(|seen| {
        let mut reply = ranged(&noise(SIZE), seen.from);
        reply.cut = (seen.nth < 3).then_some(70_000);
        Some(reply)
    });
    place.pull().expect("a model");
    assert_eq!(place.ranges("/cdn/model.safetensors"), [None, Some(70_000), Some(140_000), Some(210_000)]);
    assert!(!place.partial().exists());
}

#[test]
fn attempts_without_progress_are_counted_and_a_later_pull_goes_on() {
    let mut place = weights(|seen| {
        let mut reply = ranged(&noise(SIZE), seen.from);
        reply.cut = (seen.nth < 4).then_some(if seen.nth == 0 { 70_000 } else { 0 });
        Some(reply)
    });
    let error = place.refuse(&["broke off after 70.0 kB of 300.0 kB", "goes on from there"]);
    assert!(matches!(error, HubError::Receive { received: 70_000, .. }));
    assert_eq!(fs::metadata(place.partial()).expect("a partial file").len(), 70_000);
    place.heard.clear();
    place.pull().expect("a model");
    assert_eq!(place.ranges("/cdn/model.safetensors").last(), Some(&Some(70_000)));
    assert!(place.heard.contains(&Note::Had(70_000)));
}

#[test]
fn a_server_that_ignores_ranges_does_not_corrupt() {
    let mut place = weights(|seen| {
        let mut reply = Reply::new(200, noise(SIZE));
        reply.cut = (seen.nth == 0).then_some(70_000);
        Some(reply)
    });
    place.pull().expect("a model");
    assert!(place.heard.contains(&Note::Lost(70_000)));
    // One that always breaks off where it did before ends, too.
    let mut never = weights(|_| {
        let mut reply = Reply::new(200, noise(SIZE));
        reply.cut = Some(70_000);
        Some(reply)
    });
    never.refuse(&["broke off"]);
    let mut other = weights(|seen| {
        let mut reply = ranged(&noise(SIZE), Some(seen.from.unwrap_or(0) / 2));
        reply.announced = None;
        reply.cut = Some(70_000);
        Some(if seen.from.is_none() { Reply { status: 200, headers: Vec::new(), ..reply } } else { reply })
    });
    other.refuse(&["`bytes 35000-299999/300000`"]);
}

#[test]
fn lengths_that_lie_are_refused() {
    let lie = |announced: Option<usize>, length: usize| {
        weights(move |_| {
            let mut reply = Reply::new(200, noise(length));
            reply.announced = announced;
            Some(reply)
        })
    };
    lie(Some(SIZE - 5), SIZE).refuse(&["sends 299995 bytes where 300000 are due"]);
    lie(Some(SIZE + 5), SIZE).refuse(&["sends 300005 bytes where 300000 are due"]);
    lie(None, SIZE + 5).refuse(&["bytes where 300000 are due"]);
    lie(None, SIZE - 5).refuse(&["the body ends early"]);
    lie(Some(SIZE), SIZE - 5).refuse(&["broke off"]);
    // Without a length, and right.
    lie(None, SIZE).pull().expect("a model");
    // More than announced is not read.
    lie(Some(SIZE), SIZE + 5).pull().expect("a model");
    // A login page in the place of the file costs nothing of what has arrived.
    let mut page = weights(|_| Some(Reply::new(200, "<html>log in</html>")));
    fs::create_dir_all(page.path("blobs")).expect("a folder");
    fs::write(page.partial(), &noise(SIZE)[..1000]).expect("written");
    page.refuse(&["sends 19 bytes"]);
    assert_eq!(fs::metadata(page.partial()).expect("kept").len(), 1000);
}

#[test]
fn wrong_bytes_never_reach_the_snapshot() {
    let wrong = || vec![7; SIZE];
    let mut place = weights(move |_| Some(Reply::new(200, wrong())));
    let error = place.refuse(&["`model.safetensors`", "is damaged", "/resolve/"]);
    assert!(matches!(error, HubError::Verify { .. }));
    assert!(!place.partial().exists(), "bad data is removed");
    let mut small = Place::new(model(SIZE), |seen| {
        seen.gets("config.json").then(|| Reply::new(200, "{\"model_type\": \"LLAMA\"}\n"))
    });
    small.refuse(&["`config.json`", "is damaged"]);
    // What an earlier pull has left may be what is damaged, or too long.
    for left in [vec![7; 1000], vec![7; SIZE], vec![7; SIZE + 1]] {
        let mut place = weights(|_| None);
        fs::create_dir_all(place.path("blobs")).expect("a folder");
        fs::write(place.partial(), left).expect("written");
        place.pull().expect("fetched anew");
    }
}

#[test]
fn the_token_stays_with_the_endpoint() {
    let foreign = Server::new(&model(SIZE), |_| None);
    let cdn = format!("{}/cdn/model.safetensors?Signature=s1gn", foreign.address);
    let redirected = move |seen: &Seen| {
        let reply = seen.path.ends_with("/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors");
        reply.then(|| {
            let tag = etag("model.safetensors", &noise(SIZE));
            Reply::to(&cdn).with("X-Linked-Etag", tag).with("X-Linked-Size", SIZE).with("X-Repo-Commit", COMMIT)
        })
    };
    let mut place = Place::new(model(SIZE), redirected);
    place.settings.token = Token::new("hf_secret");
    // The other server knows the file without its query.
    let error = place.refuse(&["404"]);
    assert!(!said(&error).contains("s1gn"), "signatures are not shown");
    assert!(place.server.log().iter().all(|s| s.token.as_deref() == Some("Bearer hf_secret")));
    assert!(!foreign.log().is_empty());
    assert!(foreign.log().iter().all(|s| s.token.is_none()), "the token went to another host");
}

#[test]
fn redirections_end() {
    let mut circle = weights(|_| Some(Reply::to("/cdn/model.safetensors")));
    circle.refuse(&["in a circle"]);
    let mut endless = Place::new(model(SIZE), |seen| {
        (seen.method == "GET" && seen.path.contains("/cdn/")).then(|| Reply::to(&format!("{}x", seen.path)))
    });
    endless.refuse(&["more than 10 redirections"]);
    let mut nowhere = weights(|_| Some(Reply::new(302, "")));
    nowhere.refuse(&["does not say where to"]);
    let mut other = weights(|_| Some(Reply::to("file:///etc/passwd")));
    other.refuse(&["it leads to `file:`"]);
}

#[test]
fn refusals_say_what_to_do() {
    let api = |status: u16, code: &'static str| {
        Place::new(model(SIZE), move |seen| {
            let reply =
                Reply::new(status, "").with("X-Error-Code", code).with("X-Error-Message", "Access is restricted");
            seen.path.starts_with("/api").then_some(reply)
        })
    };
    api(401, "GatedRepo").refuse(&["is refused", "Access is restricted", "accept its licence at", "`HF_TOKEN`"]);
    let mut gated = api(403, "GatedRepo");
    gated.settings.token = Token::new("hf_secret");
    gated.refuse(&["status 403", "with the account of the token"]);
    api(401, "RepoNotFound").refuse(&["no repository `owner/model`, or it is private", "check the spelling"]);
    let mut bad_token = api(401, "");
    bad_token.settings.token = Token::new("hf_secret");
    bad_token.refuse(&["the token that was sent is not accepted"]);
    api(404, "RepoNotFound").refuse(&["no repository `owner/model`", "check the spelling"]);
    api(404, "RevisionNotFound").refuse(&["no revision `main`", "`--revision`"]);
    api(429, "").refuse(&["status 429", "try again later"]);
    api(500, "").refuse(&["status 500"]);
    api(418, "").refuse(&["status 418"]);
    let mut nobody = Place::new(model(SIZE), |_| None);
    nobody.settings.endpoint = "http://127.0.0.1:1".into();
    nobody.refuse(&["cannot reach `http://127.0.0.1:1/api", "check the connection"]);
}

#[test]
fn passing_troubles_pass() {
    let mut place = Place::new(model(SIZE), |seen| match (seen.nth, seen.method.as_str()) {
        (0, _) if !seen.path.contains("/cdn/") => Some(Reply::new(500, "")),
        (1, "HEAD") => Some(Reply::new(429, "").with("Retry-After", 0)),
        (0 | 1, "GET") if seen.path.contains("/cdn/") => Some(Reply::new(503, "")),
        _ => None,
    });
    place.pull().expect("a model");
    // To wait for an hour is not for a program to decide.
    let mut long = Place::new(model(SIZE), |_| Some(Reply::new(429, "").with("Retry-After", 3600)));
    let began = Instant::now();
    long.refuse(&["status 429"]);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    for bad in ["../evil", "/etc/evil", "a/../../evil", "..\\evil"] {
        let mut place = Place::new(model(SIZE), move |seen| {
            let names = [bad.to_owned(), "config.json".into(), "model.safetensors".into()];
            seen.path.starts_with("/api").then(|| listing(names.iter()))
        });
        place.refuse(&["outside its folder", "do not use this repository"]);
        let mut files = model(SIZE);
        files.remove("model.safetensors");
        files.insert("model.safetensors.index.json".into(), format!("{{\"weight_map\": {{\"a\": {bad:?}}}}}").into());
        Place::new(files, |_| None).refuse(&["outside its folder", "model.safetensors.index.json"]);
    }
    let with = |name: &'static str, value: &'static str| {
        Place::new(model(SIZE), move |seen| {
            let file = seen.method == "HEAD" && seen.path.ends_with("config.json");
            let headers = [("X-Repo-Commit", COMMIT), ("ETag", "\"ab\""), (name, value)];
            let reply = headers.into_iter().fold(Reply::new(200, ""), |r, (n, v)| {
                let headers = r.headers.iter().filter(|(h, _)| h != n).cloned().collect();
                Reply { headers, announced: if n == "Content-Length" { None } else { r.announced }, ..r }.with(n, v)
            });
            file.then_some(reply)
        })
    };
    with("ETag", "\"../../evil\"").refuse(&["no `ETag` header"]);
    with("X-Repo-Commit", "../../evil").refuse(&["of the commit"]);
    for absurd in ["99999999999999999999", "-1"] {
        with("X-Linked-Size", absurd).refuse(&["how long"]);
    }
    with("X-Linked-Size", "999999999999999999").refuse(&["cannot have 999999999999999999 bytes"]);
    let mut sha = Place::new(model(SIZE), |seen| {
        seen.path.starts_with("/api").then(|| Reply::new(200, "{\"sha\": \"../../evil\", \"siblings\": []}"))
    });
    sha.refuse(&["is no commit"]);
    let mut page = Place::new(model(SIZE), |_| Some(Reply::new(200, "<html>log in</html>")));
    page.refuse(&["is no listing", "`HF_ENDPOINT`"]);
}

#[test]
fn more_than_the_disk_holds_is_refused_before_it_is_fetched() {
    let mut place = Place::new(model(SIZE), |seen| {
        let weights = seen.method == "HEAD" && seen.path.ends_with("model.safetensors");
        let reply = Reply::to("/cdn/x").with("X-Linked-Etag", "0".repeat(64)).with("X-Repo-Commit", COMMIT);
        weights.then(|| reply.with("X-Linked-Size", (1u64 << 40) - 1))
    });
    let error = place.pull().expect_err("no room, or damaged");
    // Who has a terabyte free is told that the file has not got it.
    assert!(matches!(error, HubError::Room { .. } | HubError::Length { .. }), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_with_a_way_on() {
    let mut place = weights(|_| None);
    fs::create_dir_all(place.path("blobs")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", place.partial()).expect("a link");
    place.refuse(&["cannot write", ".incomplete`", "No space left on device", "free some space", "goes on from there"]);
}

#[test]
fn offline_takes_what_is_there_and_nothing_else() {
    let mut place = Place::new(model(SIZE), |_| None);
    place.settings.offline = true;
    place.refuse(&["never fetched", "HF_HUB_OFFLINE"]);
    assert!(place.server.log().is_empty(), "offline is offline");
    place.settings.offline = false;
    let online = place.pull().expect("a model");
    let asked = place.server.log().len();
    place.settings.offline = true;
    let offline = place.pull().expect("the copy");
    assert_eq!((online.path, online.files.len()), (offline.path, offline.files.len()));
    assert_eq!(place.server.log().len(), asked);
    fs::remove_file(place.path("snapshots").join(COMMIT).join("model.safetensors")).expect("removed");
    let error = place.pull().expect_err("no weights");
    assert!(error.to_string().contains("holds no weights"), "{error}");
}

#[test]
fn pulls_at_once_share_the_work() {
    let files = model(SIZE);
    let slow = |seen: &Seen| {
        let mut reply = ranged(&noise(SIZE), seen.from);
        reply.drip = Some((30_000, Duration::from_millis(10)));
        seen.gets("/cdn/model.safetensors").then_some(reply)
    };
    let place = Arc::new(Place::new(files, slow));
    let pulls: Vec<_> = (0..4)
        .map(|_| {
            let settings = place.settings.clone();
            thread::spawn(move || {
                let repository = "owner/model".parse().expect("a name");
                let request = Request { repository, revision: "main".into(), patterns: Vec::new(), threads: 2 };
                pull(&settings, &request, &AtomicBool::new(false), &mut |_| ())
            })
        })
        .collect();
    for pull in pulls {
        pull.join().expect("no panic").expect("a model");
    }
    assert_eq!(whole(place.dir.path(), &place.files), MODEL);
    assert_eq!(place.ranges("/cdn/model.safetensors"), [None], "it is fetched once");
    let left = fs::read_dir(place.path("blobs")).expect("blobs").flatten().count();
    assert_eq!(left, 3, "no partial file is left");
}

#[test]
fn a_stop_ends_a_silent_server_too() {
    let mut silent = weights(|seen| {
        let mut reply = ranged(&noise(SIZE), seen.from);
        reply.drip = Some((100_000, if seen.nth == 0 { Duration::from_secs(30) } else { Duration::ZERO }));
        Some(reply)
    });
    let stop = Arc::new(AtomicBool::new(false));
    let (settings, own) = (silent.settings.clone(), Arc::clone(&stop));
    let pulling = thread::spawn(move || {
        let repository = "owner/model".parse().expect("a name");
        let request = Request { repository, revision: "main".into(), patterns: Vec::new(), threads: 2 };
        pull(&settings, &request, &own, &mut |_| ())
    });
    let began = Instant::now();
    while fs::metadata(silent.partial()).map_or(0, |m| m.len()) < 100_000 && began.elapsed().as_secs() < 10 {
        thread::sleep(Duration::from_millis(5));
    }
    stop.store(true, Ordering::SeqCst);
    let began = Instant::now();
    assert!(matches!(pulling.join().expect("no panic"), Err(HubError::Interrupted)));
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(fs::metadata(silent.partial()).expect("a partial file").len(), 100_000);
    assert!(!whole(silent.dir.path(), &silent.files).contains(&"model.safetensors".to_owned()));
    silent.settings.patience.silence = Duration::from_millis(500);
    // The thread that waits for the silent server still holds the lock in this process; in the program it ends with it.
    fs::remove_dir_all(silent.dir.path().join(".locks")).expect("removed");
    silent.pull().expect("a model");
    assert_eq!(silent.ranges("/cdn/model.safetensors"), [None, Some(100_000)]);
}
