//! The request to the gateway and its answer.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use lockgate_wire::QueryRequest;
use reqwest::Url;

use super::super::output::Failure;
use super::complaint;
use crate::doors::progress::Report;
use crate::doors::{Compression, Format};

/// How long the gateway may take to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an error answer that are read.
const MAX_COMPLAINT: usize = 1 << 20;

/// What is asked of whom.
pub(super) struct Question {
    /// `.../v1/query`
    pub(super) url: Url,
    /// Bearer token.
    pub(super) token: String,
    /// Declared purpose.
    pub(super) purpose: String,
    /// The statement and its limits.
    pub(super) request: QueryRequest,
}

/// A result that begins to arrive.
pub(super) struct Answer {
    /// The query's id.
    pub(super) query_id: Option<String>,
    /// Version of the policy that decided.
    pub(super) policy: Option<String>,
    ending: Ending,
    body: reqwest::Body,
}

/// What the gateway tells of a result's end, as headers or trailers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    /// Rows of the whole result.
    pub(super) rows: Option<u64>,
    /// Whether a row limit cut it.
    pub(super) truncated: bool,
}

impl Ending {
    fn read(&mut self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        self.rows = text("Lockgate-Rows").and_then(|rows| rows.parse().ok()).or(self.rows);
        self.truncated |= text("Lockgate-Truncated") == Some("true");
    }
}

impl Answer {
    /// The next bytes; `None` at the marked end of the body.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|_| self.cut_off())?;
            match frame.into_data() {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(frame) => frame.trailers_ref().into_iter().for_each(|trailers| self.ending.read(trailers)),
            }
        }
        Ok(None)
    }

    /// What the gateway told of the end; complete once [`Answer::next`] gave `None`.
    pub(super) fn ending(&self) -> Ending {
        self.ending
    }

    /// Fails when the rows that came are not those that the gateway sent.
    pub(super) fn check_rows(&self, rows: u64) -> Result<(), Failure> {
        if self.ending.rows.is_none_or(|sent| sent == rows) { Ok(()) } else { Err(self.cut_off()) }
    }

    /// The failure of a result that does not arrive whole.
    pub(super) fn cut_off(&self) -> Failure {
        let id = self
            .query_id
            .as_deref()
            .map(|id| format!("; the operator finds the cause by the query id {id}"))
            .unwrap_or_default();
        Failure::failed(format!("the result was cut off: the query failed or the connection was lost{id}"))
    }
}

/// The address of the query endpoint under a gateway's address.
pub(super) fn endpoint(url: &str) -> Result<Url, Failure> {
    let odd = |text: &str| {
        Failure::refused(format!("`{}` is not the address of a gateway: {text}", super::super::output::shown(url)))
    };
    let mut parsed = Url::parse(url).map_err(|_| odd("write one such as http://127.0.0.1:8815"))?;
    if parsed.scheme() != "http" {
        return Err(odd("this program speaks http only, to a gateway or a TLS tunnel on this machine"));
    }
    let is_loopback = match parsed.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    };
    if !is_loopback {
        return Err(odd(
            "the token would travel in the open; tunnel the gateway's port to this machine, for example with ssh -L",
        ));
    }
    if !parsed.username().is_empty()
        || parsed.password().is_some()
        || parsed.query().is_some()
        || parsed.fragment().is_some()
    {
        return Err(odd("leave out user, query and fragment"));
    }
    let path = format!("{}/v1/query", parsed.path().trim_end_matches('/'));
    parsed.set_path(&path);
    Ok(parsed)
}

/// Sends the question, always for an Arrow stream, which carries notices and an end mark; returns when the result begins to arrive, or fails with what the gateway says.
pub(super) async fn ask(question: &Question) -> Result<Answer, Failure> {
    let sent = client()?
        .post(question.url.clone())
        .bearer_auth(&question.token)
        .header("Lockgate-Purpose", &question.purpose)
        .header(header::ACCEPT, Format::Arrow(Compression::None).media_type())
        .header(header::TE, "trailers")
        .json(&question.request)
        .send()
        .await;
    let response = sent.map_err(|cause| unreachable(&question.url, &cause))?;
    let (status, headers) = (response.status(), response.headers().clone());
    if status == StatusCode::OK {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut ending = Ending::default();
        ending.read(&headers);
        return Ok(Answer {
            ending,
            query_id: text("Query-Id"),
            policy: text("Lockgate-Policy"),
            body: response.into(),
        });
    }
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_COMPLAINT {
            break;
        }
    }
    Err(complaint::failure(status, &body, &question.request.sql))
}

/// A client that goes never through a proxy and never on to another address: both would see the token.
pub(super) fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("lockgate/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|cause| Failure::failed(format!("cannot start the HTTP client: {cause}")))
}

/// How far the gateway is with the question; `None` when it does not say.
pub(super) async fn progress(client: &reqwest::Client, question: &Question) -> Option<Report> {
    let mut url = question.url.join("progress").ok()?;
    url.query_pairs_mut().append_pair("query_id", &question.request.query_id?.to_string());
    let request = client.get(url).bearer_auth(&question.token).header("Lockgate-Purpose", &question.purpose);
    let answer = request.timeout(CONNECT_TIMEOUT).send().await.ok()?.bytes().await.ok()?;
    serde_json::from_slice(&answer).ok()
}

fn unreachable(url: &Url, cause: &reqwest::Error) -> Failure {
    let mut root: &dyn std::error::Error = cause;
    while let Some(source) = root.source() {
        root = source;
    }
    let place = url.origin().ascii_serialization();
    Failure::failed(format!("no answer from the gateway at {place}: {root}; is it running, and is --url right?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_is_below_the_given_address() {
        assert_eq!(endpoint("http://127.0.0.1:8815").unwrap().as_str(), "http://127.0.0.1:8815/v1/query");
        assert_eq!(endpoint("http://localhost:1/gate/").unwrap().as_str(), "http://localhost:1/gate/v1/query");
        assert_eq!(endpoint("http://[::1]:8815").unwrap().as_str(), "http://[::1]:8815/v1/query");
    }

    #[test]
    fn address_that_would_show_the_token_is_refused() {
        for url in [
            "http://example.org",
            "https://127.0.0.1",
            "ftp://127.0.0.1",
            "127.0.0.1:8815",
            "http://a:b@127.0.0.1",
            "http://127.0.0.1/?x=1",
        ] {
            assert_eq!(endpoint(url).unwrap_err().parts().0, 2, "{url}");
        }
    }
}
