//! A small Hub on a free port of this machine, that misbehaves on demand.

#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha1::{Digest, Sha1};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// First byte of the range that was asked for.
    pub from: Option<usize>,
    pub token: Option<String>,
    /// How many requests with this method and path came before.
    pub nth: usize,
}

impl Seen {
    /// A `GET` of this path.
    pub fn gets(&self, path: &str) -> bool {
        self.method == "GET" && self.path.ends_with(path)
    }
}

/// An answer, with its faults.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What `Content-Length` says; none: the header is left out.
    pub announced: Option<usize>,
    /// The connection is closed after so many bytes of the body.
    pub cut: Option<usize>,
    /// So many bytes at a time, with a pause after each.
    pub drip: Option<(usize, Duration)>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { status, headers: Vec::new(), announced: Some(body.len()), body, cut: None, drip: None }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub fn to(location: &str) -> Self {
        Self::new(302, "elsewhere").with("Location", location)
    }
}

type Fault = dyn Fn(&Seen) -> Option<Reply> + Send + Sync;

/// The server; it stays until the test program ends.
#[derive(Clone)]
pub struct Server {
    pub address: String,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves the repository `owner/model` with these files; what `fault` answers goes over it.
    pub fn new(
        files: &BTreeMap<String, Vec<u8>>,
        fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { address, log: Arc::default() };
        let (files, fault): (Arc<_>, Arc<Fault>) = (Arc::new(files.clone()), Arc::new(fault));
        let log = Arc::clone(&server.log);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, fault, log) = (Arc::clone(&files), Arc::clone(&fault), Arc::clone(&log));
                thread::spawn(move || {
                    let Some(seen) = read(&stream, &log) else { return };
                    let reply = fault(&seen).unwrap_or_else(|| serve(&files, &seen));
                    let _ = write(stream, &seen, &reply);
                });
            }
        });
        server
    }

    pub fn log(&self) -> Vec<Seen> {
        self.log.lock().expect("the log").clone()
    }
}

fn read(stream: &TcpStream, log: &Mutex<Vec<Seen>>) -> Option<Seen> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    for line in lines.map_while(Result::ok).take_while(|l| !l.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let from = headers.get("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let mut log = log.lock().expect("the log");
    let nth = log.iter().filter(|s| s.method == method && s.path == path).count();
    let seen = Seen { method, path, from, token: headers.get("authorization").cloned(), nth };
    log.push(seen.clone());
    Some(seen)
}

fn write(mut stream: TcpStream, seen: &Seen, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some(announced) = reply.announced {
        head += &format!("Content-Length: {announced}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if seen.method == "HEAD" {
        return Ok(());
    }
    let body = &reply.body[..reply.cut.unwrap_or(reply.body.len()).min(reply.body.len())];
    let (step, pause) = reply.drip.unwrap_or((body.len().max(1), Duration::ZERO));
    for piece in body.chunks(step) {
        stream.write_all(piece)?;
        stream.flush()?;
        thread::sleep(pause);
    }
    Ok(())
}

/// The Hub as it should be: small files directly, weights by a redirection to `/cdn/`.
pub fn serve(files: &BTreeMap<String, Vec<u8>>, seen: &Seen) -> Reply {
    if seen.path.starts_with("/api/models/owner/model/revision/") {
        return listing(files.keys());
    }
    let path = seen.path.split('?').next().unwrap_or_default();
    let found = |prefix: &str| files.get_key_value(path.strip_prefix(prefix)?);
    if let Some((_, content)) = found("/cdn/") {
        return ranged(content, seen.from);
    }
    let Some((name, content)) = found(&format!("/owner/model/resolve/{COMMIT}/")) else {
        return Reply::new(404, "nothing here").with("X-Error-Code", "EntryNotFound");
    };
    let reply = if large(name) {
        let reply = Reply::to(&format!("/cdn/{name}")).with("X-Linked-Size", content.len());
        reply.with("X-Linked-Etag", format!("\"{}\"", etag(name, content)))
    } else {
        ranged(content, seen.from).with("ETag", format!("\"{}\"", etag(name, content)))
    };
    reply.with("X-Repo-Commit", COMMIT)
}

/// A listing of the repository's files.
pub fn listing<'a>(names: impl Iterator<Item = &'a String>) -> Reply {
    let siblings: Vec<String> = names.map(|n| format!("{{\"rfilename\": {n:?}}}")).collect();
    Reply::new(200, format!("{{\"sha\": \"{COMMIT}\", \"siblings\": [{}]}}", siblings.join(", ")))
}

/// Content from a byte on.
pub fn ranged(content: &[u8], from: Option<usize>) -> Reply {
    let Some(from) = from else { return Reply::new(200, content) };
    let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
    Reply::new(206, &content[from..]).with("Content-Range", range)
}

fn large(name: &str) -> bool {
    [".safetensors", ".gguf", ".bin"].iter().any(|end| name.ends_with(end))
}

/// What the Hub gives as etag: SHA-256 of large files, git's hash of small ones.
pub fn etag(name: &str, content: &[u8]) -> String {
    if large(name) {
        return unlearn_core::digest::of_bytes(content);
    }
    let mut hasher = Sha1::new_with_prefix(format!("blob {}\0", content.len()));
    hasher.update(content);
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Bytes that look random.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(step).collect()
}

/// A small model: two small files and one of weights.
pub fn model(weights: usize) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        ("README.md".to_owned(), b"not needed".to_vec()),
        ("config.json".to_owned(), b"{\"model_type\": \"llama\"}\n".to_vec()),
        ("model.safetensors".to_owned(), noise(weights)),
        ("tokenizer.json".to_owned(), b"{}".to_vec()),
    ])
}

/// Everything that snapshots hold has to be whole: whatever has gone wrong, this must be true. Returns the names.
pub fn whole(cache: &Path, files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let snapshots = cache.join("models--owner--model/snapshots");
    let mut names = Vec::new();
    for snapshot in fs::read_dir(snapshots).into_iter().flatten().flatten() {
        for entry in fs::read_dir(snapshot.path()).expect("a snapshot").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let content = fs::read(entry.path()).expect("a link to a blob");
            assert!(files.get(&name) == Some(&content), "`{name}` in the snapshot is not whole");
            names.push(name);
        }
    }
    names.sort();
    names
}
