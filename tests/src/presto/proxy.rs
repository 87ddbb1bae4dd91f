//! A proxy between the gateway and a coordinator that spoils some answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::recorder::Sent;
use crate::servers::Server;

/// More bytes than the connector takes as one page.
const TOO_LARGE: usize = (128 << 20) + 1;

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another status, without a body.
    Status(u16),
    /// A page for people.
    Html,
    /// Half of the body, framed as if it were whole.
    Half,
    /// The whole length is announced, and half of it comes before the connection breaks.
    Reset,
    /// Nothing, for good.
    Never,
    /// A whole page with so much space behind it that it is too large to hold; its length is announced.
    Large,
    /// The same, without a length.
    Endless,
    /// Columns of another type.
    Retyped,
    /// As when the coordinator restarts: no answer at first, then that it is not ready, then that the query is unknown.
    Restart,
}

/// How often a coordinator that restarts is not ready.
const NOT_READY: usize = 2;

/// A running proxy. It passes everything on until it is told to spoil answers.
pub(super) struct Proxy {
    /// Its address.
    pub(super) url: String,
    plan: Arc<Plan>,
}

struct Plan {
    fault: Fault,
    is_on: AtomicBool,
    /// Statements that are posted pass.
    pages_only: AtomicBool,
    /// Pages that still pass.
    passing: AtomicUsize,
    /// Answers that still are to be spoiled.
    left: AtomicUsize,
    /// Answers that were spoiled.
    spoilt: AtomicUsize,
    /// Where statements were posted to.
    posted: Mutex<Vec<String>>,
    server: Server,
    client: reqwest::Client,
    sent: Option<Arc<Sent>>,
}

impl Proxy {
    /// A proxy in front of `server`.
    pub(super) async fn start(server: &Server, fault: Fault) -> Self {
        Self::listen(server, fault, None).await
    }

    /// One that spoils nothing and remembers the statements of queries.
    pub(super) async fn recording(server: &Server, sent: Arc<Sent>) -> Self {
        Self::listen(server, Fault::Never, Some(sent)).await
    }

    async fn listen(server: &Server, fault: Fault, sent: Option<Arc<Sent>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let plan = Arc::new(Plan {
            fault,
            is_on: AtomicBool::new(false),
            pages_only: AtomicBool::new(false),
            passing: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            spoilt: AtomicUsize::new(0),
            posted: Mutex::default(),
            server: server.clone(),
            client,
            sent,
        });
        let shared = Arc::clone(&plan);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let plan = Arc::clone(&shared);
                tokio::spawn(async move { plan.serve(stream).await });
            }
        });
        Self { url: format!("http://{address}"), plan }
    }

    /// Like [`Proxy::spoil`], but only pages that are fetched count and are spoilt.
    pub(super) fn spoil_pages(&self, passing: usize, times: usize) {
        self.plan.pages_only.store(true, Ordering::SeqCst);
        self.spoil(passing, times);
    }

    /// Paths that statements were posted to so far.
    pub(super) fn posted(&self) -> Vec<String> {
        self.plan.posted.lock().expect("no panic").clone()
    }

    /// Lets `passing` answers pass and spoils the `times` behind them.
    pub(super) fn spoil(&self, passing: usize, times: usize) {
        self.plan.passing.store(passing, Ordering::SeqCst);
        self.plan.left.store(times, Ordering::SeqCst);
        self.plan.is_on.store(true, Ordering::SeqCst);
    }

    /// Spoils nothing any more.
    pub(super) fn mend(&self) {
        self.plan.is_on.store(false, Ordering::SeqCst);
    }
}

impl Plan {
    fn takes_turn(&self) -> bool {
        let takes = |counter: &AtomicUsize| {
            counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
        };
        self.is_on.load(Ordering::SeqCst) && !takes(&self.passing) && takes(&self.left)
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let (method, path, headers, body) = read_request(&mut stream).await?;
        if method == "POST" {
            self.posted.lock().expect("no panic").push(path.clone());
        }
        if let Some((sent, query_id)) = self.sent.as_ref().zip(query_id(&headers)).filter(|_| method == "POST") {
            sent.add(query_id, &String::from_utf8_lossy(&body));
        }
        let is_page = method == "GET" && path.starts_with("/v1/statement");
        let counts = method != "DELETE" && (is_page || !self.pages_only.load(Ordering::SeqCst));
        let mut request = self.client.request(method.parse().ok()?, format!("{}{path}", self.server.url)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let spoilt = counts && self.takes_turn();
        match self.fault {
            Fault::Never if spoilt => std::future::pending::<()>().await,
            Fault::Status(status) if spoilt => return answer(&mut stream, status).await,
            Fault::Restart if spoilt => match self.spoilt.fetch_add(1, Ordering::SeqCst) {
                0 => return None,
                1..=NOT_READY => return answer(&mut stream, 503).await,
                _ => return answer(&mut stream, 404).await,
            },
            _ => {}
        }
        let passed = request.send().await.ok()?;
        let status = passed.status().as_u16();
        let mut body = passed.bytes().await.ok()?.to_vec();
        let mut announced = None;
        if spoilt {
            match self.fault {
                Fault::Html => body = b"<html><body>Bad gateway</body></html>".to_vec(),
                Fault::Half => body.truncate(body.len() / 2),
                Fault::Reset => {
                    announced = Some(body.len());
                    body.truncate(body.len() / 2);
                }
                Fault::Retyped => body = String::from_utf8(body).ok()?.replace("\"bigint\"", "\"double\"").into_bytes(),
                Fault::Large | Fault::Endless => body.resize(TOO_LARGE, b' '),
                Fault::Never | Fault::Status(_) | Fault::Restart => {}
            }
        }
        let length = announced.unwrap_or(body.len());
        let length = match self.fault {
            Fault::Endless if spoilt => String::new(),
            _ => format!("Content-Length: {length}\r\n"),
        };
        let head = format!("HTTP/1.1 {status} Passed\r\n{length}Connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(&body).await.ok()?;
        stream.shutdown().await.ok()
    }
}

/// A status without a body.
async fn answer(stream: &mut TcpStream, status: u16) -> Option<()> {
    let text = format!("HTTP/1.1 {status} Spoilt\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.ok()
}

/// The gateway's id of the query that a statement is part of.
fn query_id(headers: &[(String, String)]) -> Option<&str> {
    let (_, tags) = headers.iter().find(|(name, _)| name.ends_with("-client-tags"))?;
    tags.split(',').find_map(|tag| tag.strip_prefix("lockgate-query="))
}

type Request = (String, String, Vec<(String, String)>, Vec<u8>);

/// Method, path, headers to pass on, and body.
async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut headers, mut length) = (Vec::new(), 0);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "host" | "connection" => {}
            name if name == CONTENT_LENGTH.as_str() || name == TRANSFER_ENCODING.as_str() => {}
            name => headers.push((name.to_owned(), value.trim().to_owned())),
        }
    }
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((method, path, headers, body))
}
