//! Columns of newline-delimited JSON.

use arrow_schema::{DataType, Fields};
use serde_json::Value;

use crate::schema::nullable;
use crate::schema::sample::{Head, SAMPLED_LINES};

/// What the values of one place in the objects have in common.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// Only null was seen.
    Unknown,
    Boolean,
    Int,
    /// Whole numbers, none negative, some above the range of Int64.
    BigInt,
    Float,
    Text,
    List(Box<Shape>),
    /// Fields in the order in which they were first seen.
    Object(Vec<(String, Shape)>),
}

/// The shape of the sampled objects.
pub(crate) fn read(head: &Head) -> Result<Shape, String> {
    let mut shape = Shape::Object(Vec::new());
    let text = head.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head.bytes);
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if head.is_cut {
        lines.pop();
        if lines.is_empty() {
            return Err("its first line is too long to be a line of NDJSON".to_owned());
        }
    }
    let rows = lines.iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    for (i, line) in rows.take(SAMPLED_LINES) {
        let number = i + 1;
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(_) if i == 0 && line.trim_ascii().starts_with(b"[") => return Err(NOT_LINES.to_owned()),
            Err(_) => return Err(format!("line {number} is no JSON object; write one object on each line")),
        };
        if value.is_array() && i == 0 {
            return Err(NOT_LINES.to_owned());
        }
        if !value.is_object() {
            return Err(format!("line {number} is no JSON object; write one object on each line"));
        }
        shape = join(shape, of(&value)?).map_err(|place| format!("line {number}: {}", conflict(&place)))?;
    }
    Ok(shape)
}

const NOT_LINES: &str = "is a JSON array; write one object on each line, without brackets and commas around them";

fn conflict(place: &str) -> String {
    format!("the values of `{place}` are not all of one type; write them alike or declare the table's `schema`")
}

/// One list of columns; the shapes come with the paths of their files.
pub(crate) fn merge(files: &[(&str, &Shape)]) -> Result<Fields, String> {
    let mut all = Shape::Object(Vec::new());
    for (path, shape) in files {
        all = join(all, (*shape).clone()).map_err(|place| format!("`{path}`: {}", conflict(&place)))?;
    }
    match data_type(&all) {
        DataType::Struct(fields) => Ok(fields),
        _ => Ok(Fields::empty()),
    }
}

fn of(value: &Value) -> Result<Shape, String> {
    Ok(match value {
        Value::Null => Shape::Unknown,
        Value::Bool(_) => Shape::Boolean,
        Value::Number(number) if number.is_i64() => Shape::Int,
        Value::Number(number) if number.is_u64() => Shape::BigInt,
        Value::Number(_) => Shape::Float,
        Value::String(_) => Shape::Text,
        Value::Array(items) => {
            let mut item_shape = Shape::Unknown;
            for item in items {
                item_shape = join(item_shape, of(item)?).map_err(|place| conflict(&place))?;
            }
            Shape::List(Box::new(item_shape))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| Ok((name.clone(), of(value)?)));
            Shape::Object(fields.collect::<Result<_, String>>()?)
        }
    })
}

/// What holds for both, or the place where they conflict. Numbers and booleans beside texts are texts, as they are written.
fn join(a: Shape, b: Shape) -> Result<Shape, String> {
    Ok(match (a, b) {
        (Shape::Unknown, other) | (other, Shape::Unknown) => other,
        (a, b) if a == b => a,
        (Shape::Int, Shape::BigInt) | (Shape::BigInt, Shape::Int) => Shape::BigInt,
        (Shape::Int | Shape::BigInt | Shape::Float, Shape::Int | Shape::BigInt | Shape::Float) => Shape::Float,
        (Shape::List(a), Shape::List(b)) => {
            Shape::List(Box::new(join(*a, *b).map_err(|place| format!("[]{}", dotted(&place)))?))
        }
        (Shape::Object(mut fields), Shape::Object(others)) => {
            for (name, shape) in others {
                match fields.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => {
                        let before = std::mem::replace(known, Shape::Unknown);
                        *known = join(before, shape).map_err(|place| format!("{name}{}", dotted(&place)))?;
                    }
                    None => fields.push((name, shape)),
                }
            }
            Shape::Object(fields)
        }
        (
            Shape::Boolean | Shape::Int | Shape::BigInt | Shape::Float | Shape::Text,
            Shape::Boolean | Shape::Int | Shape::BigInt | Shape::Float | Shape::Text,
        ) => Shape::Text,
        (Shape::List(_) | Shape::Object(_), _) | (_, Shape::List(_) | Shape::Object(_)) => return Err(String::new()),
    })
}

fn dotted(place: &str) -> String {
    if place.is_empty() || place.starts_with('[') { place.to_owned() } else { format!(".{place}") }
}

fn data_type(shape: &Shape) -> DataType {
    match shape {
        Shape::Unknown | Shape::Text => DataType::Utf8,
        Shape::Boolean => DataType::Boolean,
        Shape::Int => DataType::Int64,
        Shape::BigInt => DataType::UInt64,
        Shape::Float => DataType::Float64,
        Shape::List(item) => DataType::List(nullable("item", data_type(item))),
        // An object that never has a field holds nothing to show.
        Shape::Object(fields) => DataType::Struct(
            fields
                .iter()
                .filter(|(_, shape)| *shape != Shape::Object(Vec::new()))
                .map(|(name, shape)| nullable(name, data_type(shape)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(text: &str) -> Result<Vec<(String, String)>, String> {
        let shape = read(&Head { bytes: text.as_bytes().to_vec(), is_cut: false })?;
        Ok(merge(&[("f", &shape)])?.iter().map(|field| (field.name().clone(), field.data_type().to_string())).collect())
    }

    #[test]
    fn fields_keep_the_order_in_which_they_are_seen() {
        let text = "\u{feff}{\"z\": 1, \"a\": \"x\"}\n\n{\"a\": null, \"m\": [1, 2.5], \"o\": {\"p\": true}, \"e\": {}}\n{\"z\": 1.5}\n";
        let read = columns(text).unwrap();
        let expected = [("z", "Float64"), ("a", "Utf8"), ("m", "List(Float64)"), ("o", "Struct(\"p\": Boolean)")];
        assert_eq!(read, expected.map(|(name, data_type)| (name.to_owned(), data_type.to_owned())));
    }

    #[test]
    fn whole_numbers_keep_every_digit() {
        let text = "{\"a\": 9223372036854775807, \"b\": 18446744073709551615, \"c\": null}\n{\"b\": 1}\n";
        let types: Vec<_> = columns(text).unwrap().into_iter().map(|(_, data_type)| data_type).collect();
        assert_eq!(types, ["Int64", "UInt64", "Utf8"]);
    }

    #[test]
    fn numbers_and_booleans_beside_texts_are_texts() {
        let text = "{\"a\": 1, \"b\": true, \"c\": [1, \"x\"]}\n{\"a\": \"x\", \"b\": 2.5, \"c\": null}\n";
        let types: Vec<_> = columns(text).unwrap().into_iter().map(|(_, data_type)| data_type).collect();
        assert_eq!(types, ["Utf8", "Utf8", "List(Utf8)"]);
    }

    #[test]
    fn conflicting_types_name_their_place() {
        for (text, place) in [
            ("{\"a\": 1}\n{\"a\": {}}", "line 2: the values of `a`"),
            ("{\"a\": {\"b\": 1}}\n{\"a\": {\"b\": [1]}}", "line 2: the values of `a.b`"),
            ("{\"a\": [{\"b\": 1}]}\n{\"a\": [{\"b\": [true]}]}", "line 2: the values of `a[].b`"),
        ] {
            let error = columns(text).unwrap_err();
            assert!(error.starts_with(place), "{error}");
        }
        assert!(columns("{\"a\": [1, [2]]}").is_err());
    }

    #[test]
    fn lines_that_are_no_object_are_refused_without_their_text() {
        for text in ["{\"a\": 1}\nSECRET\n", "{\"a\": 1}\n\"SECRET\"\n", "{\"a\": 1}\n{\"SECRET\"\n"] {
            assert_eq!(columns(text), Err("line 2 is no JSON object; write one object on each line".to_owned()));
        }
        assert!(columns("[\n{\"a\": 1}\n]").unwrap_err().starts_with("is a JSON array"));
        assert!(columns("[{\"a\": 1}]").unwrap_err().starts_with("is a JSON array"));
    }

    #[test]
    fn a_cut_last_line_does_not_count() {
        let head = Head { bytes: b"{\"a\": 1}\n{\"a\"".to_vec(), is_cut: true };
        assert_eq!(read(&head), Ok(Shape::Object(vec![("a".to_owned(), Shape::Int)])));
    }
}
