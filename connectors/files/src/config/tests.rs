use serde_json::json;

use super::*;

fn options(value: Value) -> Options {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_full_configuration_is_read() {
    let settings = read(
        "lake",
        &options(json!({
            "root": "/data",
            "discover": false,
            "csv": {"null": "NA"},
            "tables": {"crm.riders": {
                "path": "raw/riders/", "format": "csv", "delimiter": ";", "header": false,
                "schema": {"id": "Int64", "address": "Struct(city: Utf8, zip: Utf8)"},
                "partitions": {"day": "Date32"},
            }},
        })),
    )
    .unwrap();
    assert!(!settings.discover);
    let table = &settings.tables[&TablePath::new("crm", "riders")];
    assert_eq!(table.location.as_ref(), "raw/riders");
    assert_eq!(table.format, Some(FormatName::Csv));
    assert_eq!(
        (table.csv.delimiter, table.csv.header, table.csv.null.as_slice()),
        (Some(b';'), false, ["NA".to_owned()].as_slice())
    );
    assert_eq!(table.schema.as_ref().unwrap().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["id", "address"]);
    assert_eq!(table.partitions, Some(vec![("day".to_owned(), DataType::Date32)]));
}

#[test]
fn every_problem_is_reported_at_once() {
    let errors = read(
        "lake",
        &options(json!({
            "rot": "/data",
            "discover": "yes",
            "csv": {"quote": "''", "nul": "NA"},
            "tables": {
                "riders": {"path": "../riders"},
                "a.b": {"format": "xlsx", "schema": {"id": "Int65", "x": 1}, "partitions": {"p": "Float64"}},
                "a.c": "riders.csv",
                "a.d": {"path": "d", "schema": {"id": "Int64"}, "types": {"x": "Int64", "p": "Utf8"}, "partitions": {"p": "Utf8"}, "null": ["NA", 1]},
            },
        })),
    )
    .unwrap_err();
    let texts: Vec<_> = errors.iter().map(|error| error.internal.as_str()).collect();
    for start in [
        "option `rot` is unknown",
        "option `root` is missing",
        "option `discover` must be",
        "option `csv.quote` must be one",
        "option `csv.nul` is unknown",
        "option `tables.\"riders\"` must be named",
        "option `tables.\"riders\".path` must be relative",
        "option `tables.\"a.b\".path` is missing",
        "option `tables.\"a.b\".format` must be one of",
        "option `tables.\"a.b\".schema.id` is no known type",
        "option `tables.\"a.b\".schema.x` must be a text",
        "option `tables.\"a.b\".partitions.p` must be",
        "option `tables.\"a.c\"` must be a table",
        "option `tables.\"a.d\".types` says nothing beside `schema`",
        "option `tables.\"a.d\".partitions` names `p`",
        "option `tables.\"a.d\".null` must be a text or a list",
    ] {
        assert_eq!(texts.iter().filter(|text| text.starts_with(start)).count(), 1, "{start}: {texts:#?}");
    }
    assert_eq!(texts.len(), 16, "{texts:#?}");
    assert!(
        errors
            .iter()
            .all(|error| error.kind == SourceErrorKind::Config && error.public == "its configuration is wrong")
    );
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    for path in ["/etc", "../x", "a/../../x", "a//b", "./a", "/"] {
        let result = read("lake", &options(json!({"root": "/data", "tables": {"a.b": {"path": path}}})));
        assert_eq!(result.unwrap_err().len(), 1, "{path}");
    }
}

#[test]
fn debug_text_shows_no_path() {
    let settings = read("lake", &options(json!({"root": "/secret/place"}))).unwrap();
    assert!(!format!("{settings:?}").contains("secret"));
}
