//! The statement protocol: a statement is posted, and its pages are fetched one after the other until none is named.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, StatusCode, Url};
use tokio::time::{Instant, sleep, timeout};

use crate::dialect::Dialect;

/// Why a coordinator did not answer. Texts are for the operator's log: they name hosts, and never a value or a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    /// Nothing listens there, or the connection broke, and trying again did not help.
    #[error("the coordinator cannot be reached: {0}")]
    Unreachable(String),
    /// It refuses who asks.
    #[error("the coordinator refuses the gateway's credentials (HTTP {0})")]
    Refused(StatusCode),
    /// It is too busy, and stayed so.
    #[error("the coordinator is overloaded (HTTP {0})")]
    Busy(StatusCode),
    /// It answers something else than its protocol.
    #[error("the coordinator's answer is not of its protocol: {0}")]
    Odd(String),
    /// It has forgotten the query: it was restarted, or the gateway stopped asking for too long.
    #[error("the coordinator no longer knows the query")]
    Gone,
    /// A page is so large that holding it would endanger other queries.
    #[error("a page of the answer is larger than {PAGE_MIB} MiB")]
    Large,
    /// A page did not come in time.
    #[error("the coordinator did not answer within {0:?}")]
    Late(Duration),
}

/// How long to wait, and how often to try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Longest time for one answer. Both servers answer a poll within about a second, with or without rows.
    pub(crate) answer: Duration,
    /// Longest time to go on trying when the coordinator cannot be reached or is overloaded.
    pub(crate) retry: Duration,
}

/// The largest page that is taken. Both servers end a page once it has a megabyte, but never within a row or within what their
/// own operators hand on together, and two pages are held at a time.
pub(crate) const PAGE_MIB: usize = 128;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One coordinator, as one user.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    binary: bool,
    patience: Patience,
}

/// What goes with every request of a statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    /// Whom the coordinator takes the asker for.
    pub(crate) user: String,
    /// Words that the coordinator keeps with the query.
    pub(crate) tags: Vec<String>,
    /// Whether rows are asked for in their binary form. A server that does not know it gives them as JSON.
    pub(crate) binary: bool,
}

impl Client {
    /// A client for the coordinator at `base`.
    ///
    /// # Errors
    /// When a text of the context has no place in a header.
    pub(crate) fn new(
        http: reqwest::Client,
        base: Url,
        dialect: Dialect,
        authorization: Option<HeaderValue>,
        context: &Context,
        patience: Patience,
    ) -> Result<Self, WireError> {
        let mut headers = HeaderMap::new();
        let mut set = |name: &str, value: &str| {
            let name =
                HeaderName::try_from(dialect.header(name)).map_err(|_| WireError::Odd("a header's name".to_owned()))?;
            let value =
                HeaderValue::from_str(value).map_err(|_| WireError::Odd(format!("`{name}` cannot hold its value")))?;
            headers.insert(name, value);
            Ok::<_, WireError>(())
        };
        set("User", &context.user)?;
        set("Source", "lockgate")?;
        // Presto shifts timestamps by the session's zone; both name zones by it.
        set("Time-Zone", "UTC")?;
        if !context.tags.is_empty() {
            set("Client-Tags", &context.tags.join(","))?;
        }
        if dialect == Dialect::Trino {
            // Without it, timestamps come with three digits.
            set("Client-Capabilities", "PARAMETRIC_DATETIME")?;
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("lockgate/", env!("CARGO_PKG_VERSION"))));
        // Packing costs the server more than a fast network.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(mut secret) = authorization {
            secret.set_sensitive(true);
            headers.insert(AUTHORIZATION, secret);
        }
        Ok(Self { http, base, headers, binary: context.binary, patience })
    }

    /// The same, with rows as JSON.
    pub(crate) fn for_json(self) -> Self {
        Self { binary: false, ..self }
    }

    /// Posts a statement; gives the first page.
    pub(crate) async fn post(&self, sql: &str) -> Result<Bytes, WireError> {
        // The addresses of the pages behind it say the same.
        let url = self.at(if self.binary { "/v1/statement?binaryResults=true" } else { "/v1/statement" })?;
        self.ask(Method::POST, url, Some(sql)).await
    }

    /// The page that `uri` names. The same page may be asked for again until the next one was.
    pub(crate) async fn get(&self, uri: &str) -> Result<Bytes, WireError> {
        self.ask(Method::GET, self.at(uri)?, None).await
    }

    /// Ends a query. Whether it has ended shows in its next page, or in the coordinator's list.
    pub(crate) async fn delete(&self, uri: &str) -> Result<(), WireError> {
        self.ask(Method::DELETE, self.at(uri)?, None).await.map(drop)
    }

    /// A place at this coordinator. Pages are named by whole addresses, with whatever host stands before it; of those only
    /// the path is taken, so that credentials go nowhere else.
    fn at(&self, uri: &str) -> Result<Url, WireError> {
        let named = self.base.join(uri).map_err(|_| WireError::Odd("a page's address cannot be read".to_owned()))?;
        let mut url = self.base.clone();
        url.set_path(named.path());
        url.set_query(named.query());
        Ok(url)
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&str>) -> Result<Bytes, WireError> {
        let until = Instant::now() + self.patience.retry;
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match timeout(self.patience.answer, self.try_once(&method, &url, body)).await {
                Ok(Ok(bytes)) => return Ok(bytes),
                Ok(Err(error)) => error,
                Err(_elapsed) => WireError::Late(self.patience.answer),
            };
            if !self.may_try_again(&method, &error) || Instant::now() + pause > until {
                return Err(error);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A page may be asked for again. A statement may be posted again only when it cannot have been taken before.
    fn may_try_again(&self, method: &Method, error: &WireError) -> bool {
        match error {
            WireError::Busy(_) => true,
            WireError::Unreachable(_) | WireError::Late(_) => *method != Method::POST,
            WireError::Refused(_) | WireError::Odd(_) | WireError::Gone | WireError::Large => false,
        }
    }

    async fn try_once(&self, method: &Method, url: &Url, body: Option<&str>) -> Result<Bytes, WireError> {
        let mut request = self.http.request(method.clone(), url.clone()).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK | StatusCode::NO_CONTENT => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => return Err(WireError::Refused(status)),
            StatusCode::NOT_FOUND | StatusCode::GONE if *method != Method::POST => return Err(WireError::Gone),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => return Err(WireError::Busy(status)),
            status => return Err(WireError::Odd(format!("HTTP {status}"))),
        }
        whole(response).await
    }
}

/// The body, as long as it is of a size that can be held.
async fn whole(mut response: reqwest::Response) -> Result<Bytes, WireError> {
    const LIMIT: usize = PAGE_MIB << 20;
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if announced > LIMIT {
        return Err(WireError::Large);
    }
    let mut body = BytesMut::with_capacity(announced);
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len().saturating_add(chunk.len()) > LIMIT {
            return Err(WireError::Large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The error without its address, whose path is a secret.
fn unreachable(error: &reqwest::Error) -> WireError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    WireError::Unreachable(cause.to_string())
}
