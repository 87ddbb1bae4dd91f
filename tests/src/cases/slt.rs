//! The cases of `tests/cases/slt/`: SQL as people ask it, and what they get. Their format is told in the README there.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use libtest_mimic::{Failed, Trial};
use lockgate_wire::Notice;
use parking_lot::Mutex;
use serde_json::Value;
use sqllogictest::{
    AsyncDB, ColumnType, Connection, DBOutput, Normalizer, Record, Runner, parse_file, strict_column_validator,
    update_record_with_output,
};

use super::company::company;
use super::files;
use crate::door::{ARROW, Reply, reply};
use crate::runtime;

/// What stands between the values of a row.
const BETWEEN: &str = " | ";

/// One trial for each file.
///
/// # Panics
/// When the folder cannot be read.
pub fn trials() -> Vec<Trial> {
    let trial = |file: PathBuf| {
        let name = format!("slt::{}", file.file_stem().unwrap_or_default().to_string_lossy());
        Trial::test(name, move || runtime().block_on(run(&file)))
    };
    files("slt", "slt").into_iter().map(trial).collect()
}

/// Runs the records of a file; all that fail are told at once. With `UPDATE=1` the file gets what came out instead.
async fn run(file: &Path) -> Result<(), Failed> {
    // The runner does not tell a new connection its name, so it stands here.
    let next_asker = Arc::new(Mutex::new(String::new()));
    let mut runner = Runner::new(|| {
        let asker = Asker::named(&next_asker.lock());
        async move { asker }
    });
    runner.with_column_validator(strict_column_validator);
    runner.with_validator(same_rows);
    let is_update = std::env::var_os("UPDATE").is_some();
    let (mut failures, mut updated) = (Vec::new(), String::new());
    for record in parse_file::<Kind>(file)? {
        *next_asker.lock() = asker_of(&record);
        if is_update {
            let output = runner.apply_record(record.clone()).await;
            let same = |t: &String| t.clone();
            let record = update_record_with_output(&record, &output, BETWEEN, same_rows, same, strict_column_validator)
                .unwrap_or(record);
            writeln!(updated, "{record}")?;
        } else if let Err(error) = runner.run_async(record).await {
            failures.push(error.to_string());
        }
    }
    if is_update {
        std::fs::write(file, format!("{}\n", updated.trim_end()))?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

fn asker_of(record: &Record<Kind>) -> String {
    match record {
        Record::Query { connection: Connection::Named(name), .. }
        | Record::Statement { connection: Connection::Named(name), .. } => name.clone(),
        _ => String::new(),
    }
}

fn same_rows(_normalizer: Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    let lines = expected.iter().map(|line| line.trim_end());
    actual.iter().map(|row| row.join(BETWEEN)).map(|row| row.trim_end().to_owned()).eq(lines)
}

/// Type of a result's column, a letter in the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Date,
    Integer,
    Timestamp,
    Real,
    Text,
    Other,
}

const LETTERS: [(Kind, char); 7] = [
    (Kind::Boolean, 'B'),
    (Kind::Date, 'D'),
    (Kind::Integer, 'I'),
    (Kind::Timestamp, 'P'),
    (Kind::Real, 'R'),
    (Kind::Text, 'T'),
    (Kind::Other, '?'),
];

impl ColumnType for Kind {
    fn from_char(letter: char) -> Option<Self> {
        LETTERS.iter().find(|(_, known)| *known == letter).map(|(kind, _)| *kind)
    }

    fn to_char(&self) -> char {
        LETTERS.iter().find(|(kind, _)| kind == self).map_or('?', |(_, letter)| *letter)
    }
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::Date32 | DataType::Date64 => Kind::Date,
            DataType::Timestamp(..) => Kind::Timestamp,
            DataType::Utf8 | DataType::LargeUtf8 => Kind::Text,
            other if other.is_integer() => Kind::Integer,
            other if other.is_numeric() => Kind::Real,
            _ => Kind::Other,
        }
    }
}

/// Somebody with a purpose.
struct Asker {
    name: String,
    purpose: String,
    form: Form,
}

/// What is looked at in an answer.
#[derive(Clone, Copy)]
enum Form {
    Rows,
    /// Names, types and treatments of the columns.
    Columns,
    /// What the asker is told was treated.
    Notices,
}

impl Asker {
    /// Reads `alice_analytics`, `columns_for_alice_analytics` or `notices_for_alice_analytics`.
    fn named(text: &str) -> Result<Self, Refusal> {
        let forms = [("columns_for_", Form::Columns), ("notices_for_", Form::Notices)];
        let found = forms.iter().find_map(|(prefix, form)| Some((text.strip_prefix(prefix)?, *form)));
        let (who, form) = found.unwrap_or((text, Form::Rows));
        let Some((name, purpose)) = who.split_once('_') else {
            return Err(Refusal("say who asks: `connection NAME_PURPOSE` before each record".to_owned()));
        };
        Ok(Self { name: name.to_owned(), purpose: purpose.to_owned(), form })
    }
}

/// An answer that is not rows: `CODE what happened; what to do`.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    fn of(reply: &Reply) -> Self {
        let Some(problem) = reply.problem() else {
            return Self(format!("an answer of status {} that was cut off", reply.status));
        };
        let text = |key: &str| problem[key].as_str().unwrap_or_default();
        let hint = if text("hint").is_empty() { String::new() } else { format!("; {}", text("hint")) };
        Self(format!("{} {}{hint}", text("code"), text("detail")))
    }
}

#[async_trait]
impl AsyncDB for Asker {
    type Error = Refusal;
    type ColumnType = Kind;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Kind>, Refusal> {
        let request = company().await.request(reqwest::Method::POST, "/v1/query", &self.name, &self.purpose);
        let reply = reply(request.header("Accept", ARROW).body(sql.to_owned())).await;
        if reply.status != 200 {
            return Err(Refusal::of(&reply));
        }
        let (schema, batches) = reply.arrow();
        Ok(match self.form {
            Form::Rows => DBOutput::Rows {
                types: schema.fields().iter().map(|field| Kind::of(field.data_type())).collect(),
                rows: batches.iter().flat_map(rows).collect(),
            },
            Form::Columns => texts(schema.fields().iter().map(|field| {
                let treatment = field.metadata().get("lockgate.treatment").map_or("-", String::as_str);
                [field.name().clone(), field.data_type().to_string(), treatment.to_owned()]
            })),
            Form::Notices => texts(notices(&schema).into_iter().map(|notice| {
                let column = notice.column.unwrap_or_else(|| "(rows)".to_owned());
                let rules = if notice.rules.is_empty() { "-".to_owned() } else { notice.rules.join(" ") };
                [notice.table, column, notice.treatment, rules, notice.text]
            })),
        })
    }

    async fn shutdown(&mut self) {}
}

fn notices(schema: &SchemaRef) -> Vec<Notice> {
    let told = schema.metadata().get("lockgate.notices").map_or("[]", String::as_str);
    serde_json::from_str::<Value>(told).and_then(serde_json::from_value).expect("notices are JSON")
}

fn texts<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> DBOutput<Kind> {
    DBOutput::Rows { types: vec![Kind::Text; N], rows: rows.map(Vec::from).collect() }
}

/// Rows as texts. A row whose last value has several lines, as a plan has, becomes several.
fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("every type can be shown"))
        .collect();
    let mut rows = Vec::new();
    for row_idx in 0..batch.num_rows() {
        let value = |(column_idx, column): (usize, &ArrayFormatter<'_>)| {
            let text = column.value(row_idx).to_string();
            let is_empty = text.is_empty() && batch.column(column_idx).is_valid(row_idx);
            if is_empty { "(empty)".to_owned() } else { text }
        };
        let mut row: Vec<String> = columns.iter().enumerate().map(value).collect();
        let last = row.pop().unwrap_or_default();
        let mut lines = last.lines().map(str::to_owned);
        row.extend(lines.next());
        rows.push(row);
        rows.extend(lines.map(|line| vec![format!("  {line}")]));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_many_records_and_each_says_who_asks() {
        let records =
            files("slt", "slt").into_iter().flat_map(|file| parse_file::<Kind>(file).expect("a file that can be read"));
        let asked = records.filter(|record| matches!(record, Record::Query { .. } | Record::Statement { .. }));
        let askers: Vec<Asker> = asked
            .map(|record| Asker::named(&asker_of(&record)).unwrap_or_else(|why| panic!("{record}: {why}")))
            .collect();
        assert!(askers.len() > 500, "{}", askers.len());
    }
}
