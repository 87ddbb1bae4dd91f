//! Everything that an asker can tell from one answer, and how two answers differ.

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use lockgate_engine::{Engine, Error, Session};
use lockgate_wire::QueryRequest;

use super::compare;

/// One answer of an engine.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Schema of the result with all metadata, or the refusal.
    pub head: Result<Head, Failure>,
    /// Batches in the order in which they came.
    pub batches: Vec<RecordBatch>,
    /// The result as the Arrow stream that leaves, if there is one.
    pub ipc: Vec<u8>,
    /// An error in mid-stream.
    pub failure: Option<Failure>,
}

/// What is known before the first row.
#[derive(Debug, Clone)]
pub struct Head {
    /// The schema.
    pub schema: SchemaRef,
    /// Notices, as JSON.
    pub notices: String,
    /// Policy version.
    pub policy: String,
}

/// An error as the caller sees it, and what only the operator sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The problem document without the query's id.
    pub problem: String,
    /// Its code.
    pub code: &'static str,
    /// Text for the operator's log.
    pub internal: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut problem = error.problem.clone();
        problem.query_id = None;
        let text = serde_json::to_string(&problem).expect("a problem is JSON");
        Self { problem: text, code: error.code().name(), internal: error.internal.clone() }
    }
}

/// Asks one engine.
pub async fn ask(engine: &Engine, session: &Session, sql: &str) -> Answer {
    ask_as(engine, session, QueryRequest::new(sql)).await
}

/// The same, with limits or an id.
pub async fn ask_as(engine: &Engine, session: &Session, request: QueryRequest) -> Answer {
    let mut running = match engine.query(session, request).await {
        Ok(running) => running,
        Err(error) => {
            return Answer { head: Err(Failure::from(&error)), batches: Vec::new(), ipc: Vec::new(), failure: None };
        }
    };
    let schema = running.schema();
    let head = Head {
        schema: SchemaRef::clone(&schema),
        notices: serde_json::to_string(running.notices()).expect("notices are JSON"),
        policy: running.policy().to_owned(),
    };
    let mut batches = Vec::new();
    let mut failure = None;
    while let Some(batch) = running.next().await {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(error) => {
                failure = Some(Failure::from(&error));
                break;
            }
        }
    }
    let ipc = stream(&schema, &batches);
    Answer { head: Ok(head), batches, ipc, failure }
}

fn stream(schema: &SchemaRef, batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema).expect("a schema that can be sent");
    for batch in batches {
        writer.write(batch).expect("a batch of the schema");
    }
    writer.finish().expect("an end");
    writer.into_inner().expect("bytes")
}

/// A schema as text, metadata in the order of its keys.
pub fn schema_text(schema: &SchemaRef) -> String {
    let sorted = |metadata: &std::collections::HashMap<String, String>| {
        let mut pairs: Vec<_> = metadata.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.sort();
        pairs.join(";")
    };
    let fields = schema.fields().iter().map(|field| {
        format!(
            "{} {} nullable={} [{}]",
            field.name(),
            field.data_type(),
            field.is_nullable(),
            sorted(field.metadata())
        )
    });
    format!("{} [{}]", fields.collect::<Vec<_>>().join("\n"), sorted(schema.metadata()))
}

impl Answer {
    /// Rows of the result.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether all rows came without an error.
    pub fn is_whole(&self) -> bool {
        self.head.is_ok() && self.failure.is_none()
    }

    /// The refusal, or the error in mid-stream.
    pub fn failed(&self) -> Option<&Failure> {
        self.head.as_ref().err().or(self.failure.as_ref())
    }

    /// The code of the refusal or of the error in mid-stream.
    pub fn code(&self) -> Option<&'static str> {
        self.failed().map(|failure| failure.code)
    }

    /// The first channel in which two answers differ, with both sides. Order, batches and bytes are compared only when
    /// the query gives its rows in the same order each time.
    pub fn differs(&self, other: &Answer, ordered: bool) -> Option<(&'static str, String, String)> {
        let (one, two) = match (&self.head, &other.head) {
            (Ok(one), Ok(two)) => (one, two),
            (Err(one), Err(two)) => {
                return (one.problem != two.problem).then(|| ("refusal", one.problem.clone(), two.problem.clone()));
            }
            (one, two) => return Some(("refusal", outcome(one), outcome(two))),
        };
        let texts = [
            ("schema", schema_text(&one.schema), schema_text(&two.schema)),
            ("notices", one.notices.clone(), two.notices.clone()),
            ("policy", one.policy.clone(), two.policy.clone()),
            ("error", problem(self), problem(other)),
        ];
        // Where branches run side by side, which of two that fail is first is up to the clock.
        let both_failed = self.failure.is_some() && other.failure.is_some();
        for (channel, one, two) in texts {
            if channel == "error" && !ordered && both_failed {
                continue;
            }
            if one != two {
                return Some((channel, one, two));
            }
        }
        if !ordered {
            let unlike = self.failure.is_none().then(|| compare::same_rows(&self.batches, &other.batches)).flatten();
            return unlike.map(|unlike| ("rows in any order", unlike, String::new()));
        }
        if lengths(self) != lengths(other) {
            return Some(("batches", lengths(self), lengths(other)));
        }
        if self.batches != other.batches {
            return Some(("rows", rows_text(self), rows_text(other)));
        }
        // The same batches: whatever differs now lies in padding, under nulls, or in unused parts of buffers.
        let at = self.ipc.iter().zip(&other.ipc).position(|(one, two)| one != two);
        let at = at.or((self.ipc.len() != other.ipc.len()).then_some(self.ipc.len().min(other.ipc.len())));
        at.map(|at| ("bytes", around(&self.ipc, at), around(&other.ipc, at)))
    }
}

fn outcome(head: &Result<Head, Failure>) -> String {
    match head {
        Ok(head) => format!("rows of {}", schema_text(&head.schema)),
        Err(failure) => failure.problem.clone(),
    }
}

fn problem(answer: &Answer) -> String {
    answer.failure.as_ref().map_or_else(String::new, |failure| failure.problem.clone())
}

fn lengths(answer: &Answer) -> String {
    format!("{:?}", answer.batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>())
}

fn rows_text(answer: &Answer) -> String {
    let text = arrow::util::pretty::pretty_format_batches(&answer.batches)
        .map_or_else(|error| error.to_string(), |text| text.to_string());
    text.lines().take(30).collect::<Vec<_>>().join("\n")
}

fn around(bytes: &[u8], at: usize) -> String {
    let part = &bytes[at.saturating_sub(16)..bytes.len().min(at + 16)];
    format!("byte {at} of {}: {part:02x?} {:?}", bytes.len(), String::from_utf8_lossy(part))
}
