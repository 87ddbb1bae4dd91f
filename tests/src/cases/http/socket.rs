//! HTTP/1.1 as bytes on a socket: requests that no client library would send, and answers as they come.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::door::Reply;

/// Longest wait for an answer; a case that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything that came back on one connection.
#[derive(Debug)]
pub struct Exchange {
    /// The bytes as they came.
    pub bytes: Vec<u8>,
    /// The answers in them. One that was cut off has status 0 and no body.
    pub replies: Vec<Reply>,
}

/// Sends bytes and reads until the gateway closes the connection.
///
/// # Panics
/// When it does not, or says what is no HTTP.
pub async fn exchange(address: SocketAddr, request: &[u8], hangs_up: bool) -> Exchange {
    let stream = TcpStream::connect(address).await.expect("the gateway listens");
    let (mut reader, mut writer) = stream.into_split();
    let send = async {
        // A gateway that has refused already need not take the rest.
        let _ = writer.write_all(request).await;
        if hangs_up {
            let _ = writer.shutdown().await;
        }
        // Kept until the answer is there: closing it earlier is a message of its own.
        writer
    };
    let receive = async {
        let mut bytes = Vec::new();
        // What came before the connection was reset counts.
        let _ = reader.read_to_end(&mut bytes).await;
        bytes
    };
    let both = tokio::time::timeout(PATIENCE, futures::future::join(receive, send)).await;
    let (bytes, _writer) = both.unwrap_or_else(|_| panic!("no end of the answer to {}", text(request)));
    let replies = replies(&bytes, request.starts_with(b"HEAD "));
    Exchange { bytes, replies }
}

/// Bytes as text, cut to a readable length.
pub fn text(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(1_200)];
    String::from_utf8_lossy(start).escape_debug().to_string()
}

fn replies(mut bytes: &[u8], without_body: bool) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        let Some((reply, rest)) = reply(bytes, without_body) else {
            replies.push(Reply { status: 0, headers: BTreeMap::new(), body: Vec::new() });
            break;
        };
        bytes = rest;
        // An interim answer is none.
        if reply.status >= 200 {
            replies.push(reply);
        }
    }
    replies
}

/// One answer and what follows it; `None` when it is cut off.
fn reply(bytes: &[u8], without_body: bool) -> Option<(Reply, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let head_len = match head.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return None,
        Err(error) => panic!("the gateway says what is no HTTP: {error}: {}", text(bytes)),
    };
    let status = head.code.expect("a status");
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for header in head.headers.iter() {
        let value = String::from_utf8_lossy(header.value).into_owned();
        let earlier = named.entry(header.name.to_ascii_lowercase()).or_default();
        *earlier = if earlier.is_empty() { value } else { format!("{earlier}, {value}") };
    }
    let rest = &bytes[head_len..];
    let is_chunked = named.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let length = named.get("content-length").map(|length| length.parse::<usize>().expect("a length"));
    let (body, rest) = match length {
        _ if without_body || status < 200 || status == 204 || status == 304 => (Vec::new(), rest),
        _ if is_chunked => from_chunks(rest)?,
        Some(length) => (rest.get(..length)?.to_vec(), &rest[length..]),
        None => (rest.to_vec(), &rest[rest.len()..]),
    };
    named.retain(|name, _| name != "date" && name != "query-id");
    Some((Reply { status, headers: named, body }, rest))
}

/// The body in chunks and what follows it; `None` when the last chunk is missing.
fn from_chunks(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((at, length))) = httparse::parse_chunk_size(bytes) else { return None };
        let length = usize::try_from(length).ok()?;
        bytes = &bytes[at..];
        if length == 0 {
            break;
        }
        body.extend(bytes.get(..length)?);
        bytes = bytes.get(length + 2..)?;
    }
    // Trailers, and the empty line behind them.
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        bytes = &bytes[end + 2..];
        if end == 0 {
            return Some((body, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, expected: &[(u16, &str)]) {
        let found: Vec<(u16, String)> = replies(bytes.as_bytes(), false)
            .into_iter()
            .map(|reply| (reply.status, String::from_utf8(reply.body).unwrap()))
            .collect();
        let expected: Vec<(u16, String)> =
            expected.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn answers_are_read_whole_and_cut_ones_are_none() {
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab";
        let chunked = "HTTP/1.1 400 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nx: y\r\n\r\n";
        check(&format!("HTTP/1.1 100 Continue\r\n\r\n{sized}{chunked}"), &[(200, "ab"), (400, "abc")]);
        check(&sized[..sized.len() - 1], &[(0, "")]);
        check(&chunked[..chunked.len() - 2], &[(0, "")]);
        check("", &[]);
    }
}
