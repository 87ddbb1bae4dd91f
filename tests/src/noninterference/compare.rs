//! Whether an answer is the oracle's: the same names, types and rows, in any order.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// One value: a number that is compared with some tolerance (sums depend on the order of their terms), or a text.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Value {
    Number(f64),
    Text(String),
}

/// How two results differ; `None` when they are the same.
pub fn differs(one: (&SchemaRef, &[RecordBatch]), two: (&SchemaRef, &[RecordBatch])) -> Option<String> {
    let columns = |schema: &SchemaRef| -> Vec<(String, DataType)> {
        schema.fields().iter().map(|field| (field.name().clone(), plain(field.data_type()))).collect()
    };
    if columns(one.0) != columns(two.0) {
        return Some(format!("columns {:?} and {:?}", columns(one.0), columns(two.0)));
    }
    same_rows(one.1, two.1)
}

/// How the rows of two results differ, whatever their order; `None` when they are the same.
pub fn same_rows(one: &[RecordBatch], two: &[RecordBatch]) -> Option<String> {
    let (mut rows, mut other_rows) = (rows(one), rows(two));
    if rows.len() != other_rows.len() {
        return Some(format!("{} rows and {} rows", rows.len(), other_rows.len()));
    }
    rows.sort_by(|a, b| key(a).partial_cmp(&key(b)).expect("texts compare"));
    other_rows.sort_by(|a, b| key(a).partial_cmp(&key(b)).expect("texts compare"));
    let unlike = rows.iter().zip(&other_rows).position(|(a, b)| !alike(a, b))?;
    // Almost equal numbers may have been cut to different keys, and their rows sorted apart.
    let mut left: Vec<&Vec<Value>> = other_rows.iter().skip(unlike).collect();
    let without_twin = rows.iter().skip(unlike).find(|row| match left.iter().position(|other| alike(row, other)) {
        Some(at) => {
            left.remove(at);
            false
        }
        None => true,
    });
    without_twin.zip(left.first()).map(|(a, b)| {
        let (a, b) = (format!("{a:?}"), format!("{b:?}"));
        let at = a.chars().zip(b.chars()).position(|(a, b)| a != b).unwrap_or(0).saturating_sub(60);
        let part = |text: &str| text.chars().skip(at).take(300).collect::<String>();
        format!("..{} and ..{}", part(&a), part(&b))
    })
}

/// The type without views: plain DataFusion gives them where the gateway gives plain texts.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    }
}

fn rows(batches: &[RecordBatch]) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    let options = FormatOptions::default().with_null("\u{2205}");
    for batch in batches {
        let columns: Vec<Vec<Value>> = batch.columns().iter().map(|array| values(array.as_ref(), &options)).collect();
        rows.extend(
            (0..batch.num_rows()).map(|row_idx| columns.iter().map(|column| column[row_idx].clone()).collect()),
        );
    }
    rows
}

fn values(array: &dyn Array, options: &FormatOptions<'_>) -> Vec<Value> {
    if let Some(numbers) = array.as_primitive_opt::<Float64Type>() {
        return numbers.iter().map(|number| number.map_or(Value::Text("\u{2205}".to_owned()), Value::Number)).collect();
    }
    let formatter = ArrayFormatter::try_new(array, options).expect("every type can be shown");
    (0..array.len()).map(|row_idx| Value::Text(formatter.value(row_idx).to_string())).collect()
}

/// What rows are sorted by: numbers cut to few digits, so that almost equal rows come together.
fn key(row: &[Value]) -> Vec<String> {
    row.iter()
        .map(|value| match value {
            Value::Number(number) => format!("{:.5e}", if *number == 0.0 { 0.0 } else { *number }),
            Value::Text(text) => text.clone(),
        })
        .collect()
}

fn alike(one: &[Value], two: &[Value]) -> bool {
    one.iter().zip(two).all(|pair| match pair {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        (a, b) => a == b,
    })
}
