//! Names that come from outside: repositories, revisions, files, etags. Each becomes part of a path, so none may lead
//! out of its folder.

use std::fmt;
use std::str::FromStr;

use crate::HubError;

/// The name of a model repository, `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

impl Repository {
    /// The name of its folder in the cache.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Repository {
    type Err = HubError;

    /// The rules are those of the Hub (`huggingface_hub`'s `validate_repo_id`), and the owner is not optional.
    fn from_str(text: &str) -> Result<Self, HubError> {
        let refuse = |reason| Err(HubError::Repository { name: text.to_owned(), reason });
        if text.contains("://") {
            return refuse("it is an address");
        }
        let Some((owner, name)) = text.split_once('/') else { return refuse("it has no owner") };
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let good = |part: &str| part.chars().all(plain) && edge(part.chars().next()) && edge(part.chars().next_back());
        if !good(owner) || !good(name) || text.contains("--") || text.contains("..") || name.ends_with(".git") {
            return refuse("it is not of the form `OWNER/NAME`");
        }
        if text.len() > 96 {
            return refuse("it is longer than 96 characters");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a file's name, or a revision's, stays inside its folder on every system.
pub(crate) fn stays_inside(name: &str) -> bool {
    let harmless = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255;
    let bad = |c: char| c == '\\' || c.is_control() || (cfg!(windows) && c == ':');
    !name.contains(bad) && name.split('/').all(harmless)
}

/// Whether this is the hexadecimal name of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    is_hex(text, 40)
}

/// Whether this is lower-case hexadecimal of so many digits.
pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// An `ETag` as the name of a file, or nothing where it cannot be one.
pub(crate) fn etag(header: &str) -> Option<String> {
    let bare = header.trim().trim_start_matches("W/").trim_matches('"');
    let plain = bare.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    (plain && !bare.is_empty() && bare.len() <= 128).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_told_apart() {
        for good in ["config.json", "a/b.safetensors", ".gitattributes", "refs/pr/1", "x..y"] {
            assert!(stays_inside(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.", "a\\b", "..", "a\nb", "a\0"] {
            assert!(!stays_inside(bad), "{bad}");
        }
    }

    #[test]
    fn repositories_have_an_owner() {
        let folder = |name: &str| name.parse::<Repository>().map(|r| r.folder()).ok();
        assert_eq!(folder("openai-community/gpt2").as_deref(), Some("models--openai-community--gpt2"));
        for bad in ["gpt2", "a/b/c", "../x", "a/..", "a--b/c", "/a", "a/", "https://huggingface.co/a/b", "a/b.git"] {
            assert_eq!(folder(bad), None, "{bad}");
        }
    }

    #[test]
    fn etags_become_file_names_or_nothing() {
        assert_eq!(etag("W/\"ab12\"").as_deref(), Some("ab12"));
        assert_eq!(etag("\"../x\""), None);
        assert_eq!(etag("\"\""), None);
    }
}
