//! Requests: the token to the endpoint alone, redirections by hand, failures that pass told from those that stay.

use std::fs;
use std::time::Duration;

use ureq::http::{Method, Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use unlearn_core::FileError;

use crate::parallel::Line;
use crate::url::{Endpoint, shown, target};
use crate::{HubError, Patience, Repository, Said, Settings, Token};

const REDIRECTIONS: usize = 10;

/// Asks one repository's questions.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub endpoint: Endpoint,
    pub repository: Repository,
    pub revision: String,
    pub patience: Patience,
    token: Option<Token>,
    agent: Agent,
}

/// An answer, and the address that gave it after all redirections.
pub(crate) struct Answer {
    pub url: Uri,
    pub response: Response<Body>,
}

impl Answer {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}

/// Why something did not work, and whether it is worth another attempt.
pub(crate) enum Failure {
    /// It may work later; `cost` is how many attempts it counts for, `wait` what the server asks for.
    Passing { error: HubError, cost: u32, wait: Option<Duration> },
    /// It will not.
    Final(HubError),
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    pub fn passing(error: HubError) -> Self {
        Self::Passing { error, cost: 1, wait: None }
    }
}

impl Client {
    pub fn new(settings: &Settings, repository: &Repository, revision: &str) -> Result<Self, HubError> {
        let silence = Some(settings.patience.silence);
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("unlearn/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_resolve(silence)
            .timeout_connect(silence)
            .timeout_per_read(silence)
            .timeout_per_write(silence);
        if !settings.proxy {
            config = config.proxy(None);
        }
        if let Some(path) = &settings.certificates {
            let pem = fs::read(path).map_err(|e| FileError::read(path, e))?;
            let found = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            let roots: Vec<Certificate<'static>> = found.collect();
            if roots.is_empty() {
                return Err(FileError::invalid(path, "it holds no certificate in PEM form").into());
            }
            config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(roots)).build());
        }
        Ok(Self {
            endpoint: Endpoint::new(&settings.endpoint)?,
            repository: repository.clone(),
            revision: revision.to_owned(),
            patience: settings.patience.clone(),
            token: settings.token.clone(),
            agent: config.build().into(),
        })
    }

    /// One attempt. `GET` follows redirections to the end; `HEAD` stays with the endpoint, since it is the endpoint that
    /// knows checksum and length.
    pub fn send(&self, method: &Method, url: &Uri, from: u64) -> Result<Answer, Failure> {
        let redirect = |reason: String| HubError::Redirect { url: shown(url), reason };
        let mut seen: Vec<Uri> = Vec::new();
        let mut at = url.clone();
        let mut home = true;
        loop {
            if seen.contains(&at) {
                return Err(redirect(format!("the redirections go round in a circle, over `{}`", shown(&at))).into());
            }
            if seen.len() > REDIRECTIONS {
                return Err(redirect(format!("there are more than {REDIRECTIONS} redirections")).into());
            }
            // Who leads away and back again shall not have the token sent for him.
            home &= self.endpoint.owns(&at);
            let response = self.once(method, &at, from, home)?;
            seen.push(at.clone());
            let answer = Answer { url: at, response };
            let status = answer.response.status();
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return self.judged(answer, home);
            }
            let to = answer.header("location").ok_or_else(|| redirect("it does not say where to".into()))?;
            at = target(&answer.url, to).map_err(redirect)?;
            if *method == Method::HEAD && (answer.header("x-linked-etag").is_some() || !self.endpoint.owns(&at)) {
                return Ok(answer);
            }
        }
    }

    fn once(&self, method: &Method, url: &Uri, from: u64, home: bool) -> Result<Response<Body>, Failure> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let (Some(token), true) = (&self.token, home) {
            request = request.header(header::AUTHORIZATION, token.header());
        }
        let request = request.body(()).map_err(|_| HubError::Setting {
            variable: "HF_TOKEN",
            reason: "the token holds characters that none has".into(),
        })?;
        self.agent.run(request).map_err(|e| self.unreached(url, e))
    }

    fn unreached(&self, url: &Uri, error: ureq::Error) -> Failure {
        use std::io::ErrorKind::{ConnectionRefused, InvalidData};
        use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
        let cost = match &error {
            Timeout(_) | Protocol(_) => Some(1),
            // Nobody is there: one more attempt, not all.
            HostNotFound | ConnectionFailed => Some(self.patience.attempts.div_ceil(2)),
            Io(e) if e.kind() == ConnectionRefused => Some(self.patience.attempts.div_ceil(2)),
            // Of TLS: a certificate that is not trusted.
            Io(e) if e.kind() == InvalidData => None,
            Io(_) => Some(1),
            _ => None,
        };
        let error = HubError::Connect { url: shown(url), source: said(&error) };
        match cost {
            Some(cost) => Failure::Passing { error, cost, wait: None },
            None => Failure::Final(error),
        }
    }

    /// Passes success on, and makes an error of everything else.
    fn judged(&self, answer: Answer, home: bool) -> Result<Answer, Failure> {
        let status = answer.response.status();
        if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
            return Ok(answer);
        }
        let (url, repository, status) = (shown(&answer.url), self.repository.clone(), status.as_u16());
        let source = answer.header("x-error-message").map(|m| Said(tidy(m)));
        let code = answer.header("x-error-code").unwrap_or_default();
        let token = self.token.is_some();
        if !home {
            // Signed addresses run out; the next attempt gets a new one.
            let passing = matches!(status, 403 | 408 | 416 | 429 | 500..);
            let error = HubError::Status { url, status, source };
            return Err(if passing { Failure::passing(error) } else { Failure::Final(error) });
        }
        let gated = code == "GatedRepo";
        let error = match status {
            408 | 429 | 500.. => {
                let wait = delay(&answer);
                return Err(Failure::Passing { error: HubError::Status { url, status, source }, cost: 1, wait });
            }
            416 => return Err(Failure::passing(HubError::Status { url, status, source })),
            401 if !gated && (code == "RepoNotFound" || !token) => HubError::Find {
                what: format!("repository `{repository}`, or it is private"),
                url,
                status,
                hint: match token {
                    false => "check the spelling; for a private repository, set `HF_TOKEN`".into(),
                    true => "check the spelling, and that the token may read it".into(),
                },
            },
            401 | 403 => {
                let page = self.endpoint.page(&repository);
                HubError::Access { repository, url, page, status, token, gated: gated || status == 403, source }
            }
            404 if code == "EntryNotFound" => HubError::Find {
                what: format!("such file in `{repository}`"),
                url,
                status,
                hint: "the repository may have changed meanwhile: run the same command again".into(),
            },
            404 if code == "RevisionNotFound" => HubError::Find {
                what: format!("revision `{}` in `{repository}`", self.revision),
                url,
                status,
                hint: "check `--revision`: a branch, a tag or a whole commit".into(),
            },
            404 => HubError::Find {
                what: format!("repository `{repository}` with a revision `{}`", self.revision),
                url,
                status,
                hint: "check the spelling of `OWNER/NAME`, capitals included, and of `--revision`".into(),
            },
            _ => HubError::Status { url, status, source },
        };
        Err(error.into())
    }
}

/// What the server asks to wait: `Retry-After` in seconds, or the `t` of the Hub's own `RateLimit`.
fn delay(answer: &Answer) -> Option<Duration> {
    let after = answer.header("retry-after").and_then(|v| v.trim().parse().ok());
    let reset = || answer.header("ratelimit")?.split(';').find_map(|p| p.trim().strip_prefix("t=")?.parse().ok());
    after.or_else(reset).map(Duration::from_secs)
}

/// Why the HTTP library failed.
pub(crate) fn said(error: &dyn std::error::Error) -> Said {
    let text = error.to_string();
    Said(text.strip_prefix("io: ").unwrap_or(&text).to_owned())
}

/// A server's words for a terminal: one line, no control characters, not too long.
fn tidy(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Attempts that are left.
pub(crate) struct Attempts<'a> {
    patience: &'a Patience,
    line: &'a Line,
    spent: u32,
    wait: Duration,
}

impl<'a> Attempts<'a> {
    pub fn new(patience: &'a Patience, line: &'a Line) -> Self {
        Self { patience, line, spent: 0, wait: patience.first_wait }
    }

    /// There was progress: count anew.
    pub fn renew(&mut self) {
        (self.spent, self.wait) = (0, self.patience.first_wait);
    }

    /// Waits for the next attempt, or gives the error back when there is none.
    pub fn after(&mut self, failure: Failure) -> Result<(), HubError> {
        const LONGEST: Duration = Duration::from_secs(300);
        let (error, cost, asked) = match failure {
            Failure::Passing { error, cost, wait } => (error, cost, wait),
            Failure::Final(error) => return Err(error),
        };
        self.spent += cost;
        if self.spent >= self.patience.attempts || asked.is_some_and(|t| t > LONGEST) {
            return Err(error);
        }
        let wait = asked.unwrap_or(self.wait).max(self.wait);
        self.wait *= 2;
        let cause = std::error::Error::source(&error).map(|e| format!(": {e}")).unwrap_or_default();
        self.line.say(format!("{error}{cause}; trying again in {:.1} s", wait.as_secs_f64()));
        self.line.wait(wait)
    }

    /// Does something until it works or no attempt is left.
    pub fn until<T>(mut self, mut work: impl FnMut() -> Result<T, Failure>) -> Result<T, HubError> {
        loop {
            match work() {
                Ok(done) => return Ok(done),
                Err(failure) => self.after(failure)?,
            }
        }
    }
}
