//! Pulls that come to an end, whatever is in the way.

mod place;
mod server;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use place::{Place, SIZE, said, weights};
use server::{COMMIT, Reply, Seen, Server, etag, listing, model, noise, ranged, whole};
use unlearn_hub::{HubError, Note, Request, Token, pull};

const MODEL: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

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
fn the_token_stays_with_the_endpoint() {
    let foreign = Server::new(&model(SIZE), |seen| (seen.nth < 4).then(|| Reply::new(403, "run out")));
    let cdn = format!("{}/cdn/model.safetensors?Signature=s1gn", foreign.address);
    let mut place = Place::new(model(SIZE), move |seen| {
        let tag = etag("model.safetensors", &noise(SIZE));
        let reply = Reply::to(&cdn).with("X-Linked-Etag", tag).with("X-Linked-Size", SIZE);
        seen.path
            .ends_with("/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors")
            .then(|| reply.with("X-Repo-Commit", COMMIT))
    });
    place.settings.token = Token::new("hf_secret");
    // A signed address that has run out is asked for anew, and is shown without its signature.
    let error = place.refuse(&["403", "/cdn/model.safetensors`"]);
    let heard = format!("{} {:?}", said(&error), place.heard);
    assert!(!heard.contains("s1gn") && !heard.contains("hf_secret"), "{heard}");
    place.pull().expect("a model");
    assert!(place.server.log().iter().all(|s| s.token.as_deref() == Some("Bearer hf_secret")));
    assert_eq!(foreign.log().len(), 5);
    assert!(foreign.log().iter().all(|s| s.token.is_none()), "the token went to another host");
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

#[cfg(target_os = "linux")]
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
