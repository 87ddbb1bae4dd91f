//! The cases of `tests/cases/http/`: one request each, byte by byte where it matters, and what must come of it.

use std::collections::BTreeMap;
use std::io::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::door::token;
use crate::worlds::people::Person;

/// One case. `<each>` in its texts stands for one of `each`, `<sql>` in its line for the statement, percent-encoded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Letter of the category and a number.
    pub id: String,
    /// Why it is tried.
    pub why: String,
    /// `name/purpose`, whose token and purpose are sent; without it nobody asks.
    #[serde(default)]
    pub asker: Option<String>,
    /// The case is tried with each of these.
    #[serde(default)]
    pub each: Vec<String>,
    /// Method and target.
    #[serde(default = "query_line")]
    pub line: String,
    /// Header lines. One named like a header that is sent anyway takes its place.
    #[serde(default)]
    pub head: Vec<String>,
    /// The statement; the body of a POST that has no other.
    #[serde(default)]
    pub sql: Option<String>,
    /// The body.
    #[serde(default)]
    pub body: Option<Body>,
    /// How the body is sent.
    #[serde(default)]
    pub transfer: Transfer,
    /// The whole request as it is sent, instead of all that; `<body>` stands for the body.
    #[serde(default)]
    pub raw: Option<String>,
    /// Whether the sender closes its side when everything is sent.
    #[serde(default)]
    pub hangs_up: bool,

    /// Status of the answer; 0 when the connection must end without one.
    pub status: u16,
    /// Status of each further answer on the connection.
    #[serde(default)]
    pub then: Vec<u16>,
    /// Code of a refusal.
    #[serde(default)]
    pub code: Option<String>,
    /// Texts that the body must hold.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that neither head nor body may hold.
    #[serde(default)]
    pub never: Vec<String>,
    /// Headers that the answer must have.
    #[serde(default)]
    pub has: BTreeMap<String, String>,
    /// Headers that it must not have.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// What its rows must be.
    #[serde(default)]
    pub rows: Rows,
    /// A hidden name in the request, and one of the same length that nothing has: both must be answered alike.
    #[serde(default)]
    pub unknown: Option<(String, String)>,
    /// Whether worlds that look alike must answer alike.
    #[serde(default)]
    pub worlds: Worlds,
    /// Who answers.
    #[serde(default)]
    pub by: By,
}

fn query_line() -> String {
    "POST /v1/query".to_owned()
}

/// A request body.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// A text.
    Text(String),
    /// Bytes.
    Hex {
        /// In hexadecimal digits.
        hex: String,
    },
    /// A text with a piece in it that is repeated.
    Long {
        /// What comes first.
        #[serde(default)]
        before: String,
        /// What is repeated.
        piece: String,
        /// How often.
        times: usize,
        /// What comes last.
        #[serde(default)]
        after: String,
    },
    /// A text, compressed with gzip.
    Gzip {
        /// The text.
        gzip: String,
    },
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// With its length.
    #[default]
    Length,
    /// In chunks.
    Chunked,
    /// Its length is announced, and it is never sent.
    Withheld,
}

/// What the rows of an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// Nothing in particular.
    #[default]
    Any,
    /// Those that plain DataFusion gives over the policy view.
    View,
}

/// Whether worlds that look alike to the asker must answer alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worlds {
    /// In status, headers and body.
    #[default]
    Alike,
    /// The answer tells times and figures of the process.
    Differ,
}

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The door, with the headers that every answer of it has.
    #[default]
    Door,
    /// The HTTP library, because the bytes are no HTTP request.
    Http,
}

/// All cases in the order of files and lines, one for each of their `each`.
///
/// # Panics
/// When a file cannot be read, or does not make sense.
pub fn cases() -> Vec<Case> {
    let written: Vec<Case> = crate::cases::read_folder("http");
    for case in &written {
        assert!(case.code.is_none() || case.status >= 400, "{}: a code belongs to a refusal", case.id);
        assert!(case.rows == Rows::Any || case.sql.is_some(), "{}: the view of which statement?", case.id);
    }
    let cases: Vec<Case> = written.into_iter().flat_map(Case::each).collect();
    crate::cases::check_ids(cases.iter().map(|case| &case.id));
    cases
}

impl Case {
    fn each(self) -> Vec<Case> {
        if self.each.is_empty() {
            return vec![self];
        }
        let one = |(at, each): (usize, &String)| {
            let mut case = self.clone();
            case.id = format!("{}.{}", self.id, at + 1);
            case.each_text(each);
            case
        };
        self.each.iter().enumerate().map(one).collect()
    }

    /// The statement, or nothing.
    pub fn statement(&self) -> &str {
        self.sql.as_deref().unwrap_or_default()
    }

    /// The same request with another name in it.
    pub fn renamed(&self, from: &str, to: &str) -> Case {
        let mut case = self.clone();
        let (upper_from, upper_to) = (from.to_uppercase(), to.to_uppercase());
        case.texts(&|text| *text = text.replace(from, to).replace(&upper_from, &upper_to));
        case
    }

    /// The bytes of the request, as `person` sends it.
    ///
    /// # Panics
    /// When a body is no hexadecimal text.
    pub fn bytes(&self, person: &Person) -> Vec<u8> {
        let body = self.body_bytes();
        if let Some(raw) = &self.raw {
            let (before, after) = raw.split_once("<body>").unwrap_or((raw, ""));
            return [before.as_bytes(), &body, after.as_bytes()].concat();
        }
        let mut lines = vec!["Host: gateway".to_owned(), "Connection: close".to_owned()];
        if self.asker.is_some() {
            lines.push(format!("Authorization: Bearer {}", token(person.name)));
            lines.push(format!("Lockgate-Purpose: {}", person.purpose));
        }
        let has_body = !body.is_empty() || self.line.starts_with("POST ");
        match self.transfer {
            Transfer::Length if has_body => lines.push(format!("Content-Length: {}", body.len())),
            Transfer::Length => {}
            Transfer::Chunked => lines.push("Transfer-Encoding: chunked".to_owned()),
            Transfer::Withheld => lines.push(format!("Content-Length: {}", body.len())),
        }
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        lines.retain(|line| !self.head.iter().any(|given| name(given) == name(line)));
        lines.extend(self.head.iter().cloned());
        let target = self.line.replace("<sql>", &utf8_percent_encode(self.statement(), NON_ALPHANUMERIC).to_string());
        let mut bytes = format!("{target} HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n")).into_bytes();
        match self.transfer {
            Transfer::Length => bytes.extend(body),
            Transfer::Chunked => bytes.extend(chunked(&body)),
            Transfer::Withheld => {}
        }
        bytes
    }

    fn body_bytes(&self) -> Vec<u8> {
        match &self.body {
            Some(Body::Text(text)) => text.clone().into_bytes(),
            Some(Body::Hex { hex }) => hex::decode(hex).unwrap_or_else(|error| panic!("{}: {error}", self.id)),
            Some(Body::Long { before, piece, times, after }) => {
                format!("{before}{}{after}", piece.repeat(*times)).into_bytes()
            }
            Some(Body::Gzip { gzip }) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(gzip.as_bytes()).expect("written to memory");
                encoder.finish().expect("written to memory")
            }
            None if self.line.starts_with("POST ") => self.statement().as_bytes().to_vec(),
            None => Vec::new(),
        }
    }

    /// Changes every text that is sent or awaited.
    fn texts(&mut self, change: &dyn Fn(&mut String)) {
        change(&mut self.line);
        self.head.iter_mut().for_each(change);
        self.sql.iter_mut().for_each(change);
        self.raw.iter_mut().for_each(change);
        self.says.iter_mut().for_each(change);
        self.has.values_mut().for_each(change);
        match &mut self.body {
            Some(Body::Text(text) | Body::Gzip { gzip: text } | Body::Hex { hex: text }) => change(text),
            Some(Body::Long { before, piece, after, .. }) => [before, piece, after].into_iter().for_each(change),
            None => {}
        }
    }

    fn each_text(&mut self, each: &str) {
        self.texts(&|text| *text = text.replace("<each>", each));
    }
}

/// A body in chunks of a few bytes and larger ones.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in body.chunks(body.len().div_ceil(7).max(1)) {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend(piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_read_and_says_why() {
        let cases = cases();
        assert!(cases.len() > 300, "{}", cases.len());
        assert!(cases.iter().all(|case| !case.why.is_empty()));
    }
}
