//! Requests of random bytes: tokens and headers by themselves, and whole requests over a socket.

use std::sync::OnceLock;

use libtest_mimic::{Failed, Trial};
use lockgate_server::auth::{bearer_digest, declared_purpose};
use proptest::prelude::*;
use proptest::sample::select;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::edits::{Edit, edited, edits};
use super::fuzz;
use crate::cases::http::socket::{exchange, text};
use crate::door::Door;
use crate::noninterference::canary::Canaries;
use crate::runtime;
use crate::worlds::data::base;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("fuzz::only_one_plain_bearer_token_is_ever_taken", tokens),
        Trial::test("fuzz::only_one_plain_purpose_is_ever_taken", purposes),
        Trial::test("fuzz::changed_requests_are_answered_or_refused", changed),
    ]
}

/// Pieces that mean something to HTTP or to one of our endpoints.
const PIECES: &[&str] = &[
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ": ",
    ",",
    ";",
    "?",
    "&",
    "=",
    "%00",
    "%2f",
    "%",
    "/",
    "..",
    "\"",
    "\u{0}",
    "\u{e9}",
    "Bearer ",
    "bearer",
    "Basic ",
    "lg_token-of-alice",
    "lg_token-of-bob",
    "Authorization: Bearer lg_token-of-bob\r\n",
    "Authorization: ",
    "Lockgate-Purpose: fraud\r\n",
    "Lockgate-Purpose: ",
    "analytics",
    "fraud",
    "Content-Length: 0\r\n",
    "Content-Length: 99999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Type: application/json\r\n",
    "Content-Encoding: gzip\r\n",
    "Accept: */*;q=0\r\n",
    "Accept: text/csv\r\n",
    "Query-Id: 1\r\n",
    "Expect: 100-continue\r\n",
    "Upgrade: h2c\r\n",
    "HTTP/1.0",
    "HTTP/1.1",
    "HTTP/2.0",
    "GET ",
    "POST ",
    "HEAD ",
    "OPTIONS ",
    "/v1/query",
    "/v1/catalog",
    "/v1/policy/explain?table=vertica.crm.riders",
    "/healthz",
    "/metrics",
    "q=SELECT%201",
    "max_rows=1",
    "timeout_ms=0",
    "SELECT email FROM vertica.crm.riders",
    "{\"sql\": \"SELECT 1\"}",
    "{",
    "[",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "0\r\n\r\n",
    "5\r\nSELECT\r\n",
];

const REQUESTS: &[&str] = &[
    "POST /v1/query HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer lg_token-of-alice\r\n\
     Lockgate-Purpose: analytics\r\nContent-Type: application/sql\r\nContent-Length: 49\r\n\r\n\
     SELECT home_country, email FROM vertica.crm.riders",
    "POST /v1/query HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer lg_token-of-alice\r\n\
     Lockgate-Purpose: analytics\r\nContent-Type: application/json\r\nContent-Length: 55\r\n\r\n\
     {\"sql\": \"SELECT count(*) FROM hive.rides.trips\", \"a\": 1}",
    "POST /v1/query HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer lg_token-of-bob\r\n\
     Lockgate-Purpose: fraud\r\nTransfer-Encoding: chunked\r\nAccept: text/csv\r\n\r\n8\r\nSELECT 1\r\n0\r\n\r\n",
    "GET /v1/query?q=SELECT%20email%20FROM%20vertica.crm.riders&max_rows=3 HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\
     Authorization: Bearer lg_token-of-alice\r\nLockgate-Purpose: analytics\r\nAccept: application/json\r\n\r\n",
    "GET /v1/catalog HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\nAuthorization: Bearer lg_token-of-zoe\r\n\
     Lockgate-Purpose: analytics\r\n\r\n",
    "GET /v1/policy/explain?table=vertica.crm.riders&column=email HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\
     Authorization: Bearer lg_token-of-mia\r\nLockgate-Purpose: marketing\r\nAccept: text/plain\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n",
];

fn header_values() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let known = select(PIECES).prop_map(|text| text.as_bytes().to_vec());
    let piece = prop_oneof![3 => known, 1 => prop::collection::vec(any::<u8>(), 0..4)];
    let value = prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    prop::collection::vec(value, 0..3)
}

fn headers(name: &HeaderName, values: &[Vec<u8>]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok()) {
        headers.append(name, value);
    }
    headers
}

/// The only value of a header, if it is plain text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

fn tokens() -> Result<(), Failed> {
    fuzz(20_000, &header_values(), |values| {
        let headers = headers(&AUTHORIZATION, &values);
        if bearer_digest(&headers).is_ok() {
            let words: Vec<&str> = single(&headers, &AUTHORIZATION).unwrap_or_default().split(' ').collect();
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            prop_assert!(words.len() == 2 && words[0].eq_ignore_ascii_case("bearer"), "{headers:?}");
        }
        Ok(())
    })
}

fn purposes() -> Result<(), Failed> {
    let name = HeaderName::from_static("lockgate-purpose");
    fuzz(20_000, &header_values(), |values| {
        let headers = headers(&name, &values);
        if let Ok(purpose) = declared_purpose(&headers) {
            prop_assert!(!purpose.is_empty() && single(&headers, &name).map(str::trim) == Some(purpose), "{headers:?}");
        }
        Ok(())
    })
}

fn door() -> &'static Door {
    static DOOR: OnceLock<Door> = OnceLock::new();
    DOOR.get_or_init(|| runtime().block_on(Door::open(&base(7))))
}

fn changed() -> Result<(), Failed> {
    fuzz(400, &(select(REQUESTS), edits(PIECES)), |(request, edits): (&str, Vec<Edit>)| {
        let request = edited(request.as_bytes(), &edits);
        // What waits for more bytes is told that there are none.
        let answer = runtime().block_on(exchange(door().gateway.address(), &request, true));
        for reply in &answer.replies {
            prop_assert!(reply.status != 500, "{}\n{}", text(&request), text(&answer.bytes));
            let problem = reply.problem().filter(|_| reply.status >= 400).unwrap_or_default();
            if problem.is_object() {
                prop_assert_eq!(&problem["status"], reply.status);
                let leaks = Canaries::none().leaked(&reply.body, &String::from_utf8_lossy(&request));
                prop_assert!(leaks.is_empty(), "{leaks:?}: {}", text(&answer.bytes));
            }
        }
        Ok(())
    })
}
