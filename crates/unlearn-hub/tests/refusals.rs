//! Servers, repositories and disks that cannot be used: an error that says so, and nothing in the snapshot.

mod place;
mod server;

use std::fs;

use place::{Place, SIZE, weights};
use server::{COMMIT, Reply, listing, model, noise};
use unlearn_hub::{HubError, Token};

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
    small.refuse_file("config.json", &["`config.json`", "is damaged"]);
    // What an earlier pull has left may be what is damaged, or too long.
    for left in [vec![7; 1000], vec![7; SIZE], vec![7; SIZE + 1]] {
        let mut place = weights(|_| None);
        fs::create_dir_all(place.path("blobs")).expect("a folder");
        fs::write(place.partial(), left).expect("written");
        place.pull().expect("fetched anew");
    }
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

#[test]
fn a_full_disk_is_an_error_with_a_way_on() {
    let mut place = weights(|_| None);
    fs::create_dir_all(place.path("blobs")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", place.partial()).expect("a link");
    place.refuse(&["cannot write", ".incomplete`", "No space left on device", "free some space", "goes on from there"]);
}
