//! What can go wrong between the Hub and the cache.

use std::path::PathBuf;

use thiserror::Error;
use unlearn_core::FileError;

use crate::Repository;
use crate::space::bytes;

/// What a server, or the HTTP library, gave as the reason.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Said(pub(crate) String);

/// What can go wrong when a repository is fetched. Addresses are given without their query, which may hold a signature.
#[derive(Debug, Error)]
pub enum HubError {
    /// A file of the cache could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A text that is no `OWNER/NAME`.
    #[error("`{name}` is not the name of a repository: {reason}")]
    Repository {
        /// As given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A revision that cannot be one.
    #[error("`{revision}` is not the name of a revision")]
    Revision {
        /// As given.
        revision: String,
    },
    /// A setting of the environment that cannot be used.
    #[error("`{variable}` cannot be used: {reason}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer came, however often it was tried.
    #[error("cannot reach `{url}`")]
    Connect {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Said,
    },
    /// A connection broke off, however often it was tried.
    #[error("the connection to `{url}` broke off after {} of {}", bytes(*received), bytes(*size))]
    Receive {
        /// The address.
        url: String,
        /// Bytes that have arrived.
        received: u64,
        /// Bytes of the whole file.
        size: u64,
        /// Why.
        #[source]
        source: Said,
    },
    /// A status that means neither success nor anything named below.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The server's own words.
        #[source]
        source: Option<Said>,
    },
    /// The Hub wants a token, another token, or a licence accepted.
    #[error("access to `{repository}` is refused: `{url}` answers with status {status}")]
    Access {
        /// The repository.
        repository: Repository,
        /// The address.
        url: String,
        /// The repository's page.
        page: String,
        /// 401 or 403.
        status: u16,
        /// Whether a token was sent.
        token: bool,
        /// Whether the server says that a licence has to be accepted.
        gated: bool,
        /// The server's own words.
        #[source]
        source: Option<Said>,
    },
    /// There is no such repository, revision or file.
    #[error("there is no {what}: `{url}` answers with status {status}")]
    Find {
        /// Kind and name.
        what: String,
        /// The address.
        url: String,
        /// 404, or 401 where the Hub does not tell the two apart.
        status: u16,
        /// What the user can do about it.
        hint: String,
    },
    /// A redirection that is not followed.
    #[error("`{url}` is not redirected to a file: {reason}")]
    Redirect {
        /// The address that was asked first.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// An answer that does not make sense.
    #[error("the answer of `{url}` cannot be used: {reason}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A body of another length than the file has.
    #[error("`{url}` sends {found} bytes where {expected} are due")]
    Length {
        /// The address.
        url: String,
        /// Bytes that are due.
        expected: u64,
        /// Bytes announced or sent.
        found: u64,
    },
    /// Content that is not what the repository holds.
    #[error("`{name}` from `{url}` is damaged: its checksum is `{found}`, not `{expected}`")]
    Verify {
        /// The file.
        name: String,
        /// The address.
        url: String,
        /// The repository's checksum.
        expected: String,
        /// The checksum of what arrived.
        found: String,
    },
    /// A repository that lists a file outside itself.
    #[error("{place} names a file outside its folder: `{}`", name.escape_debug())]
    Escape {
        /// Who names it.
        place: String,
        /// The name.
        name: String,
    },
    /// Nothing in the repository is what was asked for, or can be read.
    #[error("`{repository}` {reason}")]
    Select {
        /// The repository.
        repository: Repository,
        /// What is missing.
        reason: String,
        /// What the user can do about it.
        hint: String,
    },
    /// The disk has no room for what is to come.
    #[error("`{}` has room for {}, and {} are to be fetched", path.display(), bytes(*free), bytes(*needed))]
    Room {
        /// The folder.
        path: PathBuf,
        /// Bytes to be written.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Offline, and the cache lacks something.
    #[error("`{repository}` is not in `{}`: {reason}", cache.display())]
    Offline {
        /// The repository.
        repository: Repository,
        /// The cache.
        cache: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The user asked to stop; what has arrived is kept.
    #[error("interrupted; what has arrived is kept")]
    Interrupted,
}

impl HubError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let again = "run the same command again: what has arrived is kept, and it goes on from there";
        Some(match self {
            Self::File(FileError::Write { source, .. })
                if matches!(source.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) =>
            {
                format!("free some space, then {again}")
            }
            Self::File(e) => return e.hint(),
            Self::Repository { .. } => "give `OWNER/NAME`, for example `openai-community/gpt2`".into(),
            Self::Revision { .. } => "give a branch, a tag or a commit".into(),
            Self::Connect { .. } => {
                "check the connection, `HF_ENDPOINT` and the proxy variables; `HF_HUB_OFFLINE=1` uses the cache alone"
                    .into()
            }
            Self::Receive { .. } | Self::Interrupted => again.into(),
            Self::Status { status: 429 | 500.., .. } => "try again later; what has arrived is kept".into(),
            Self::Access { gated: true, page, token: false, .. } => {
                format!("accept its licence at `{page}`, and set `HF_TOKEN` to a token of that account")
            }
            Self::Access { gated: true, page, .. } => {
                format!("accept its licence at `{page}` with the account of the token that was sent")
            }
            Self::Access { token: true, .. } => {
                "the token that was sent is not accepted: check `HF_TOKEN`, or unset it for a public repository".into()
            }
            Self::Access { .. } => "set `HF_TOKEN` to a token that may read it".into(),
            Self::Find { hint, .. } | Self::Select { hint, .. } => hint.clone(),
            Self::Answer { .. } | Self::Redirect { .. } => {
                "check that `HF_ENDPOINT` and the proxy lead to a Hub; nothing was put into the snapshot".into()
            }
            Self::Length { .. } | Self::Verify { .. } => {
                "nothing of it was kept; try again later, and tell the owner of the repository if it stays".into()
            }
            Self::Escape { .. } => "do not use this repository: such a name is an attack or a mistake".into(),
            Self::Room { .. } => "free some space, or choose another folder with `--cache` or `HF_HUB_CACHE`".into(),
            Self::Offline { .. } => "run it once without `HF_HUB_OFFLINE` and `TRANSFORMERS_OFFLINE`".into(),
            Self::Setting { .. } | Self::Status { .. } => return None,
        })
    }
}
