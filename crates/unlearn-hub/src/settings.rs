//! The environment variables that Python's `huggingface_hub` reads too.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use unlearn_core::file;

use crate::{Cache, HubError};

/// A secret; it is sent to the endpoint and shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token, unless the text is blank.
    pub fn new(text: &str) -> Option<Self> {
        let bare: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        Some(Self(bare.trim().to_owned())).filter(|t| !t.0.is_empty())
    }

    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How long is waited, and how often something is tried.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Times that something is tried without any progress.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub first_wait: Duration,
    /// Without a byte for this long, a connection counts as broken.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_millis(500), silence: Duration::from_secs(30) }
    }
}

/// Where to fetch from and where to keep it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the Hub (`HF_ENDPOINT`).
    pub endpoint: String,
    /// The cache (`HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `~/.cache`).
    pub cache: Cache,
    /// The token (`HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, the file that `hf auth login` writes).
    pub token: Option<Token>,
    /// Use the cache alone (`HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`).
    pub offline: bool,
    /// Root certificates instead of the built-in ones, in PEM (`SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`).
    pub certificates: Option<PathBuf>,
    /// Whether the usual proxy variables count.
    pub proxy: bool,
    /// How long is waited.
    pub patience: Patience,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// When no folder for the cache can be told, or the token's file cannot be read.
    pub fn from_env() -> Result<Self, HubError> {
        Self::read(|name| std::env::var_os(name).filter(|v| !v.is_empty()))
    }

    fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let text = |name: &str| get(name).map(|v| v.to_string_lossy().into_owned());
        let user = get("HOME").map(PathBuf::from).or_else(std::env::home_dir);
        let path = |name: &str| get(name).map(|v| expand(Path::new(&v), user.as_deref()));
        let home = path("HF_HOME")
            .or_else(|| path("XDG_CACHE_HOME").map(|p| p.join("huggingface")))
            .or_else(|| user.as_ref().map(|p| p.join(".cache/huggingface")));
        let cache = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| home.as_ref().map(|p| p.join("hub")))
            .ok_or_else(|| HubError::Setting { variable: "HF_HUB_CACHE", reason: "there is no home folder".into() })?;
        let yes = |name: &str| text(name).is_some_and(|v| ["1", "ON", "YES", "TRUE"].contains(&&*v.to_uppercase()));
        let given = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].iter().find_map(|name| Token::new(&text(name)?));
        let kept = path("HF_TOKEN_PATH").or_else(|| home.map(|p| p.join("token"))).filter(|p| p.is_file());
        let token = match (given, kept) {
            _ if yes("HF_HUB_DISABLE_IMPLICIT_TOKEN") => None,
            (None, Some(path)) => Token::new(&file::read_text(&path)?),
            (given, _) => given,
        };
        Ok(Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into()),
            cache: Cache::new(cache),
            token,
            offline: yes("HF_HUB_OFFLINE") || yes("TRANSFORMERS_OFFLINE"),
            certificates: path("SSL_CERT_FILE").or_else(|| path("REQUESTS_CA_BUNDLE")),
            proxy: true,
            patience: Patience::default(),
        })
    }
}

/// `~/` at the beginning is the user's home, as in Python's `expanduser`.
fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        let get = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        Settings::read(get).expect("settings")
    }

    #[test]
    fn the_cache_is_where_python_looks_for_it() {
        let cache = |variables: &[(&str, &str)]| read(variables).cache.root().to_owned();
        assert_eq!(cache(&[("HOME", "/h")]), Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("HF_HOME", "~/f"), ("XDG_CACHE_HOME", "/x")]), Path::new("/h/f/hub"));
        assert_eq!(cache(&[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/f")]), Path::new("/c"));
    }

    #[test]
    fn the_token_is_taken_in_order_and_never_shown() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("token"), "from-file\n").expect("written");
        let home = dir.path().to_string_lossy().into_owned();
        assert_eq!(read(&[("HF_HOME", &home)]).token, Token::new("from-file"));
        let both = [("HF_HOME", home.as_str()), ("HUGGING_FACE_HUB_TOKEN", "old")];
        assert_eq!(read(&both).token, Token::new("old"));
        let settings = read(&[("HF_HOME", &home), ("HF_TOKEN", " sec\nret ")]);
        assert_eq!(settings.token, Token::new("secret"));
        assert!(!format!("{settings:?}").contains("secret"));
        assert_eq!(read(&[("HF_HOME", &home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token, None);
    }
}
