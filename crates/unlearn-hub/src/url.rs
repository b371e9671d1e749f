//! Addresses: the endpoint, what is asked of it, and where redirections lead.

use ureq::http::Uri;

use crate::{HubError, Repository};

/// The server that is asked, and the only one that sees the token.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    text: String,
    origin: Origin,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin(String, String, u16);

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = match (uri.port_u16(), scheme.as_str()) {
            (Some(port), "http" | "https") => port,
            (None, "http") => 80,
            (None, "https") => 443,
            _ => return None,
        };
        // Names and passwords in addresses end up in messages and logs.
        let plain = uri.authority().is_some_and(|a| !a.as_str().contains('@'));
        plain.then(|| Self(scheme, uri.host().unwrap_or_default().to_ascii_lowercase(), port))
    }
}

impl Endpoint {
    /// Reads `HF_ENDPOINT`.
    pub fn new(text: &str) -> Result<Self, HubError> {
        let text = text.trim().trim_end_matches('/');
        let refuse = || HubError::Setting {
            variable: "HF_ENDPOINT",
            reason: "it is not an address like `https://huggingface.co`, without a password and a query".into(),
        };
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let origin = Origin::of(&uri).filter(|_| uri.query().is_none()).ok_or_else(refuse)?;
        Ok(Self { text: text.to_owned(), origin })
    }

    /// Whether an address is on this very server.
    pub fn owns(&self, uri: &Uri) -> bool {
        Origin::of(uri).as_ref() == Some(&self.origin)
    }

    /// A repository's page, for people.
    pub fn page(&self, repository: &Repository) -> String {
        format!("{}/{repository}", self.text)
    }

    /// The list of a repository's files at a revision.
    pub fn listing(&self, repository: &Repository, revision: &str) -> Result<Uri, HubError> {
        self.uri(&format!("/api/models/{repository}/revision/{}", quote(revision, "")))
    }

    /// A file at a commit.
    pub fn file(&self, repository: &Repository, commit: &str, name: &str) -> Result<Uri, HubError> {
        self.uri(&format!("/{repository}/resolve/{commit}/{}", quote(name, "/")))
    }

    fn uri(&self, path: &str) -> Result<Uri, HubError> {
        let text = format!("{}{path}", self.text);
        text.parse().map_err(|_| HubError::Answer { url: text, reason: "it is no address".into() })
    }
}

/// Where a redirection leads, or what is wrong with it.
pub(crate) fn target(from: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = from.scheme_str().unwrap_or_default();
    let host = from.authority().map(|a| a.as_str()).unwrap_or_default();
    let lower = location.to_ascii_lowercase();
    let scheme_of =
        lower.split(['/', '?', '#']).next().and_then(|first| first.split_once(':')).map(|(scheme, _)| scheme);
    let text = if lower.starts_with("http://") || lower.starts_with("https://") {
        location.to_owned()
    } else if let Some(other) = scheme_of {
        return Err(format!("it leads to `{}:`", other.escape_debug()));
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{host}{location}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{host}{folder}/{location}")
    };
    let uri: Uri = text.parse().map_err(|_| "it leads to something that is no address".to_owned())?;
    match Origin::of(&uri) {
        None => Err("it leads to something that is no address".into()),
        Some(Origin(to, ..)) if scheme == "https" && to != "https" => {
            Err(format!("it leads from https to `{}`, unencrypted", shown(&uri)))
        }
        Some(_) => Ok(uri),
    }
}

/// An address without its query, which may hold a signature.
pub(crate) fn shown(uri: &Uri) -> String {
    let host = uri.authority().map(|a| a.as_str()).unwrap_or_default();
    format!("{}://{host}{}", uri.scheme_str().unwrap_or_default(), uri.path())
}

/// Percent-encoding as RFC 3986 has it; the characters of `keep` stay as they are.
fn quote(text: &str, keep: &str) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || keep.contains(c) {
            quoted.push(c);
        } else {
            quoted.push_str(&format!("%{byte:02X}"));
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_one_scheme_host_and_port() {
        let endpoint = Endpoint::new("https://Hub.example/").expect("an endpoint");
        let owns = |text: &str| endpoint.owns(&text.parse().expect("an address"));
        assert!(owns("https://hub.example/x") && owns("https://hub.example:443/x"));
        for other in ["http://hub.example/", "https://hub.example:8443/", "https://hub.example.evil/", "https://cdn/"] {
            assert!(!owns(other), "{other}");
        }
        for bad in ["", "hub", "ftp://hub", "https://me:secret@hub", "https://hub?x"] {
            let error = Endpoint::new(bad).expect_err(bad);
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn redirections_lead_where_they_say() {
        let from: Uri = "https://hub/a/b?c=d".parse().expect("an address");
        let to = |location: &str| target(&from, location).map(|u| u.to_string()).ok();
        assert_eq!(to("/x?y").as_deref(), Some("https://hub/x?y"));
        assert_eq!(to("x").as_deref(), Some("https://hub/a/x"));
        assert_eq!(to("//cdn/x").as_deref(), Some("https://cdn/x"));
        assert_eq!(to("https://cdn/x?s").as_deref(), Some("https://cdn/x?s"));
        assert_eq!(to("http://cdn/x"), None);
        assert_eq!(to("https://me@cdn/x"), None);
        assert_eq!(to("file:///etc/passwd"), None);
        assert_eq!(to("x?to=a:b").as_deref(), Some("https://hub/a/x?to=a:b"));
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quote("refs/pr/1", ""), "refs%2Fpr%2F1");
        assert_eq!(quote("a b/ü?.json", "/"), "a%20b/%C3%BC%3F.json");
    }
}
