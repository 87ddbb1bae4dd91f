//! The forms of a result, read without the product's code: what one form holds every other one holds.

use std::io::Cursor;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::NaiveDateTime;
use libtest_mimic::{Failed, Trial};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::attacks::{Case, Expect};
use super::stage::stage;
use crate::door::{ARROW, Reply};
use crate::noninterference::compare;
use crate::runtime;

const PARQUET: &str = "application/vnd.apache.parquet";
const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";
const CSV: &str = "text/csv";
/// Every form but the plain Arrow stream.
const FORMS: [&str; 6] = [
    "application/vnd.apache.arrow.stream; codecs=zstd",
    "application/vnd.apache.arrow.stream; codecs=lz4",
    JSON,
    NDJSON,
    CSV,
    PARQUET,
];

/// N01 of the attack cases: whatever a statement gives as an Arrow stream, it gives in every other form.
pub fn trials(cases: &[Case]) -> Vec<Trial> {
    let answered = cases.iter().filter(|case| case.expect == Expect::View).cloned();
    let trial = |case: Case| {
        let name = format!("forms::{}", case.id);
        Trial::test(name, move || runtime().block_on(same_in_every_form(&case)))
    };
    answered.map(trial).collect()
}

async fn same_in_every_form(case: &Case) -> Result<(), Failed> {
    let (stage, sql) = (stage(&case.asker).await, &case.sql);
    let arrow = stage.base.query(stage.person, sql, ARROW).await;
    if arrow.status != 200 {
        return Err(format!("{sql}\n{}", arrow.text()).into());
    }
    let (schema, batches) = arrow.arrow();
    for form in FORMS {
        let one = stage.base.query(stage.person, sql, form).await;
        if let Some(unlike) = differs(&one, &schema, &batches) {
            return Err(format!("{sql}\nas {form} is not what it is as an Arrow stream: {unlike}").into());
        }
        let heard = [unpacked(&one).unwrap_or_default(), one.body.clone()].concat();
        let leaks = stage.canaries.leaked(&heard, sql);
        if !leaks.is_empty() {
            return Err(format!("{sql}\nas {form}: hidden texts {leaks:?}").into());
        }
        let two = stage.other.query(stage.person, sql, form).await;
        if let Some(unlike) = one.differs(&two, true).filter(|_| !sql.contains("UNION")) {
            return Err(format!("{sql}\nas {form} differs from the world with other hidden rows: {unlike}").into());
        }
    }
    Ok(())
}

fn is(reply: &Reply, form: &str) -> bool {
    reply.status == 200
        && reply.headers.get("content-type").is_some_and(|content_type| content_type.split(';').next() == Some(form))
}

/// The batches of a binary form.
fn batches(reply: &Reply) -> Option<(SchemaRef, Vec<RecordBatch>)> {
    if is(reply, ARROW) {
        let reader = StreamReader::try_new(Cursor::new(&reply.body), None).expect("an Arrow stream");
        let schema = reader.schema();
        return Some((schema, reader.collect::<Result<_, _>>().expect("whole batches")));
    }
    if is(reply, PARQUET) {
        let file = bytes::Bytes::from(reply.body.clone());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
        let schema = SchemaRef::clone(reader.schema());
        let reader = reader.build().expect("a Parquet file");
        return Some((schema, reader.collect::<Result<_, _>>().expect("whole batches")));
    }
    None
}

/// Everything in a binary form as text, which may be compressed in it.
pub fn unpacked(reply: &Reply) -> Option<Vec<u8>> {
    let (schema, batches) = batches(reply)?;
    let mut text = crate::noninterference::answer::schema_text(&schema);
    for batch in &batches {
        for column in batch.columns() {
            let formatter =
                ArrayFormatter::try_new(column, &FormatOptions::default()).expect("every type can be shown");
            (0..batch.num_rows()).for_each(|row_idx| text.push_str(&format!("\n{}", formatter.value(row_idx))));
        }
    }
    Some(text.into_bytes())
}

/// How a result in whatever form differs from these rows, in any order; `None` when it does not.
pub fn differs(reply: &Reply, schema: &SchemaRef, rows: &[RecordBatch]) -> Option<String> {
    if let Some((own_schema, own)) = batches(reply) {
        return compare::differs((&own_schema, &own), (schema, rows));
    }
    let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    let found = match reply {
        reply if is(reply, JSON) => json_rows(reply, schema),
        reply if is(reply, NDJSON) => ndjson_rows(reply),
        reply if is(reply, CSV) => csv_rows(reply, schema),
        _ => Err(format!("no result: {} {}", reply.status, reply.text())),
    };
    // In CSV of one column an empty text and a null are written alike.
    let is_blank = |text: &String| text.is_empty() && types.len() == 1 && is(reply, CSV);
    let cell = |(cell, kind): (&Value, &&DataType)| {
        Some(canon(cell, kind)).filter(|text| !is_blank(text)).unwrap_or_else(|| canon(&Value::Null, kind))
    };
    let canon = |row: Vec<Value>| -> Vec<String> { row.iter().zip(&types).map(cell).collect() };
    let mut found: Vec<Vec<String>> = match found {
        Ok(rows) => rows.into_iter().map(canon).collect(),
        Err(odd) => return Some(odd),
    };
    let row = |batch: &RecordBatch, row_idx| batch.columns().iter().map(|column| value(column, row_idx)).collect();
    let mut expected: Vec<Vec<String>> =
        rows.iter().flat_map(|batch| (0..batch.num_rows()).map(|row_idx| canon(row(batch, row_idx)))).collect();
    found.sort();
    expected.sort();
    if found.len() != expected.len() {
        return Some(format!("{} rows and {}", found.len(), expected.len()));
    }
    let unlike = found.iter().zip(&expected).find(|(one, two)| one != two);
    unlike.map(|(one, two)| format!("{one:?} and {two:?}"))
}

fn json_rows(reply: &Reply, schema: &SchemaRef) -> Result<Vec<Vec<Value>>, String> {
    let document: Value = serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    let names: Vec<&str> =
        document["columns"].as_array().into_iter().flatten().filter_map(|column| column["name"].as_str()).collect();
    let expected: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if names != expected {
        return Err(format!("columns {names:?} and {expected:?}"));
    }
    let rows: Vec<Vec<Value>> = serde_json::from_value(document["rows"].clone()).map_err(|error| error.to_string())?;
    if document["row_count"] != rows.len() || document["truncated"] != false {
        return Err(format!("{} rows, but {}", rows.len(), document["row_count"]));
    }
    Ok(rows)
}

fn ndjson_rows(reply: &Reply) -> Result<Vec<Vec<Value>>, String> {
    let text = String::from_utf8(reply.body.clone()).map_err(|error| error.to_string())?;
    let row = |line: &str| {
        let object: serde_json::Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        Ok(object.into_iter().map(|(_, cell)| cell).collect())
    };
    text.lines().map(row).collect()
}

/// Cells of RFC 4180, each with whether it stood in quotes.
fn csv_records(text: &str) -> Vec<Vec<(String, bool)>> {
    let (mut records, mut record, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('"') {
            quoted = true;
            let (part, after) = inside.split_once('"').expect("a quote that ends");
            cell.push_str(part);
            rest = after;
            // Two quotes are one, and the cell goes on.
            if rest.starts_with('"') {
                cell.push('"');
            }
        } else if let Some(after) = rest.strip_prefix(',').or_else(|| rest.strip_prefix("\r\n")) {
            record.push((std::mem::take(&mut cell), std::mem::take(&mut quoted)));
            if rest.starts_with('\r') {
                records.push(std::mem::take(&mut record));
            }
            rest = after;
        } else {
            let end = rest.find([',', '\r', '"']).unwrap_or(rest.len()).max(1);
            cell.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    records
}

fn csv_rows(reply: &Reply, schema: &SchemaRef) -> Result<Vec<Vec<Value>>, String> {
    let text = String::from_utf8(reply.body.clone()).map_err(|error| error.to_string())?;
    let mut records = csv_records(&text).into_iter();
    let header: Vec<String> = records.next().unwrap_or_default().into_iter().map(|(name, _)| name).collect();
    let expected: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if header != expected && !(expected.is_empty() && header == [""]) {
        return Err(format!("columns {header:?} and {expected:?}"));
    }
    let is_single = expected.len() == 1;
    let cell = |(text, quoted): (String, bool), kind: &DataType| match kind {
        _ if text.is_empty() && (!quoted || is_single) => Value::Null,
        DataType::List(_) | DataType::LargeList(_) | DataType::Struct(_) | DataType::Map(..) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        DataType::Boolean => Value::Bool(text == "true"),
        _ => Value::String(text),
    };
    let row = |record: Vec<(String, bool)>| -> Result<Vec<Value>, String> {
        if record.len() != schema.fields().len() {
            return Err(format!("{} cells: {record:?}", record.len()));
        }
        Ok(record.into_iter().zip(schema.fields()).map(|(text, field)| cell(text, field.data_type())).collect())
    };
    records.map(row).collect()
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// A cell as the page on endpoints says that JSON has it; what no page tells is `?`.
fn value(array: &dyn Array, row_idx: usize) -> Value {
    if array.is_null(row_idx) {
        return Value::Null;
    }
    let text = || {
        let formatter = ArrayFormatter::try_new(array, &FormatOptions::default()).expect("every type can be shown");
        Value::String(formatter.value(row_idx).to_string())
    };
    let items = |items: &dyn Array| Value::Array((0..items.len()).map(|at| value(items, at)).collect());
    match array.data_type() {
        DataType::Boolean => Value::Bool(array.as_boolean().value(row_idx)),
        DataType::List(_) => items(&array.as_list::<i32>().value(row_idx)),
        DataType::LargeList(_) => items(&array.as_list::<i64>().value(row_idx)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let cells =
                fields.iter().zip(columns).map(|(field, column)| (field.name().clone(), value(column, row_idx)));
            Value::Object(cells.collect())
        }
        DataType::Float32 | DataType::Float64 => {
            let numbers = cast(array, &DataType::Float64).expect("a float");
            Value::String(format!("{:?}", numbers.as_primitive::<arrow::datatypes::Float64Type>().value(row_idx)))
        }
        DataType::Timestamp(unit, _) => {
            let plain = cast(array, &DataType::Timestamp(*unit, None)).expect("a time");
            let formatter = ArrayFormatter::try_new(&plain, &FormatOptions::default()).expect("a time can be shown");
            Value::String(formatter.value(row_idx).to_string())
        }
        kind if is_text(kind) || kind.is_integer() || kind.is_decimal() => text(),
        DataType::Date32 => text(),
        DataType::Binary => text(),
        _ => Value::String("?".to_owned()),
    }
}

/// A cell as a text that is the same in all forms.
fn canon(cell: &Value, kind: &DataType) -> String {
    match (cell, kind) {
        (Value::Null, _) => "\u{2205}".to_owned(),
        (Value::Array(items), DataType::List(item) | DataType::LargeList(item)) => {
            format!("{:?}", items.iter().map(|cell| canon(cell, item.data_type())).collect::<Vec<_>>())
        }
        (Value::Object(cells), DataType::Struct(fields)) => {
            let parts = cells.iter().zip(fields).map(|((name, cell), field)| (name, canon(cell, field.data_type())));
            format!("{:?}", parts.collect::<Vec<_>>())
        }
        (cell, DataType::Float32 | DataType::Float64) => {
            let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
            format!("{:?}", text.parse::<f64>().unwrap_or_else(|_| panic!("`{text}` is no number")))
        }
        (Value::String(text), DataType::Timestamp(..)) => {
            let time = text.trim_end_matches('Z').parse::<NaiveDateTime>();
            time.map_or_else(|_| text.clone(), |time| time.and_utc().timestamp_micros().to_string())
        }
        (Value::String(text), kind) if is_compared(kind) => text.clone(),
        (cell, kind) if is_compared(kind) => cell.to_string(),
        (_, _) => "?".to_owned(),
    }
}

fn is_compared(kind: &DataType) -> bool {
    is_text(kind)
        || kind.is_integer()
        || kind.is_decimal()
        || matches!(kind, DataType::Boolean | DataType::Date32 | DataType::Binary)
}
