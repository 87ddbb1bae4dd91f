use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type};
use arrow_schema::{DataType, Field, Schema};

use super::*;
use crate::serialized::Waiting;

const PAGE: &str = r#"{"id":"20261126_1","nextUri":"http://x/1","columns":[{"name":"a","type":"bigint"},
    {"name":"b","type":"varchar(9)"},{"name":"c","type":"double"}],
    "data":[[1,"caf\u00e9 \"x\"",1.5],[null,"",-2.5e3],[-77,null,null]],"stats":{"state":"RUNNING"}}"#;

fn reader() -> Reader {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let fields = vec![field("a", DataType::Int64), field("b", DataType::Utf8), field("c", DataType::Float64)];
    Reader::new(&Arc::new(Schema::new(fields)))
}

#[test]
fn a_page_that_ends_anywhere_before_its_end_is_broken() {
    assert_eq!(reader().read(PAGE.as_bytes()).unwrap().next_uri.as_deref(), Some("http://x/1"));
    for end in 0..PAGE.len() {
        let part = PAGE.as_bytes().get(..end).unwrap();
        assert!(matches!(reader().read(part), Err(PageError::Broken(_))), "{end}: {:?}", reader().read(part));
    }
}

#[test]
fn a_value_that_does_not_fit_names_its_column() {
    let page = PAGE.replace("[null,\"\"", "[\"one\",\"\"");
    assert_eq!(reader().read(page.as_bytes()).unwrap_err(), PageError::Misfit("a".to_owned(), "bigint".to_owned()));
}

#[test]
fn a_query_is_over_when_its_state_says_so() {
    assert_eq!(query_id(PAGE.as_bytes()).as_deref(), Some("20261126_1"));
    assert_eq!(query_id(br#"{"id":"../x"}"#), None);
    for (state, expected) in [("FAILED", true), ("FINISHED", true), ("RUNNING", false), ("", false)] {
        assert_eq!(is_over(format!(r#"{{"queryId":"1","state":"{state}"}}"#).as_bytes()), expected);
    }
    assert!(!is_over(b"<html>"));
}

#[test]
fn floating_point_numbers_are_read_to_their_last_digit() {
    let field = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    let list = DataType::List(Arc::new(field("item", DataType::Float64)));
    let schema = Schema::new(vec![field("a", DataType::Float64), field("b", DataType::Float32), field("c", list)]);
    let mut reader = Reader::new(&Arc::new(schema));
    let page = r#"{"id":"1","columns":[{"name":"a","type":"double"},{"name":"b","type":"real"},{"name":"c","type":"array(double)"}],
        "data":[[-3.6036036036036037E-4, 1.17549435E-38, [1.0E23, null, "NaN"]], [null, "-Infinity", "[4.9E-324]"], [7, 0.1, null]],
        "stats":{"state":"RUNNING"}}"#;
    reader.read(page.as_bytes()).unwrap();
    let mut waiting = Waiting::new(reader.finish().unwrap(), &reader.schema, 10);
    let batch = waiting.next().unwrap().unwrap();
    let doubles =
        |array: &dyn Array| array.as_primitive::<Float64Type>().iter().map(|x| x.map(f64::to_bits)).collect::<Vec<_>>();
    assert_eq!(
        doubles(batch.column(0)),
        [Some(-3.603_603_603_603_603_7e-4), None, Some(7.0)].map(|x| x.map(f64::to_bits))
    );
    let singles: Vec<_> = batch.column(1).as_primitive::<Float32Type>().iter().collect();
    assert_eq!(singles, [Some(f32::MIN_POSITIVE), Some(f32::NEG_INFINITY), Some(0.1)]);
    let items = batch.column(2).as_list::<i32>().values();
    assert_eq!(doubles(items), [Some(1e23), None, Some(f64::NAN), Some(5e-324)].map(|x| x.map(f64::to_bits)));
    for wrong in ["true", "[]", "\"inf\"", "\"\\u004eaN\"", "{}"] {
        let page = page.replace("1.17549435E-38", wrong);
        let mut reader = Reader::new(&reader.schema);
        assert_eq!(reader.read(page.as_bytes()).unwrap_err(), PageError::Misfit("b".to_owned(), "real".to_owned()));
    }
}

/// Five rows of one `bigint`, 0 to 4, as a server sent them.
const BINARY: &str = "BQAAAAU/AAAALQAAACoLsyQAAAAA9wUBAAAACgAAAExPTkdfQVJSQVkFAAEAEwEMABMCCAATAwgAgAQAAAAAAAAA";

fn binary_page(rows: &str) -> String {
    format!(r#"{{"id":"1","columns":[{{"name":"a","type":"bigint"}}],{rows},"stats":{{"state":"RUNNING"}}}}"#)
}

fn one_column() -> Reader {
    Reader::new(&Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)])))
}

#[test]
fn rows_come_in_either_form_from_page_to_page() {
    let mut reader = one_column();
    for (rows, n_pages) in [
        (format!(r#""binaryData":["{BINARY}","{BINARY}"]"#), 2),
        (r#""data":[[5],[6]]"#.to_owned(), 1),
        (format!(r#""binaryData":["{}"],"data":null"#, BINARY.replace('A', "\\u0041")), 1),
        (r#""binaryData":null"#.to_owned(), 0),
        (r#""binaryData":[]"#.to_owned(), 0),
    ] {
        reader.read(binary_page(&rows).as_bytes()).unwrap();
        assert_eq!(reader.finish().unwrap().len(), n_pages, "{rows}");
    }
}

#[test]
fn a_page_with_binary_rows_that_is_damaged_is_told() {
    let whole = binary_page(&format!(r#""binaryData":["{BINARY}"]"#));
    for end in 0..whole.len() {
        assert!(matches!(one_column().read(&whole.as_bytes()[..end]), Err(PageError::Broken(_))), "{end}");
    }
    let told = |page: &str| one_column().read(page.as_bytes()).unwrap_err();
    assert_eq!(told(&whole.replace("bigint", "double")), PageError::Types(0));
    assert_eq!(told(&whole.replace(BINARY, &BINARY[1..])), PageError::Damaged("it is no base64"));
    assert_eq!(told(&whole.replace(BINARY, "")), PageError::Damaged("it ends early"));
    assert_eq!(
        told(&whole.replace(BINARY, &BINARY.replacen('B', "C", 1))),
        PageError::Damaged("its checksum is wrong")
    );
    assert_eq!(told(&whole.replace("columns", "colonnes")), PageError::Rows);
    // Which rows come first would not be known.
    for both in
        [format!(r#""data":[[1]],"binaryData":["{BINARY}"]"#), format!(r#""binaryData":["{BINARY}"],"data":[[1]]"#)]
    {
        assert_eq!(told(&binary_page(&both)), PageError::Rows);
    }
    let mut reader = one_column();
    reader.read(whole.as_bytes()).unwrap();
    assert_eq!(reader.read(whole.replace("bigint", "double").as_bytes()).unwrap_err(), PageError::Changed);
}
