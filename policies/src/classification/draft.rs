//! A first `classification.yaml` of tables that somebody is about to classify.

use arrow_schema::{DataType, Schema};

use crate::TableName;
use crate::decide::{parts_of, path_segment};

/// What no rule should allow: a column that somebody still has to look at.
const UNREVIEWED: &str = "unreviewed";

/// An entry for the `tables` section: every column and struct field with its type, tagged `unreviewed`.
///
/// No rule allows that tag, so a draft shows nothing to nobody until its owner gives each column the tags that it needs.
pub fn draft(name: &TableName, schema: &Schema) -> String {
    let mut text = format!("  {}:\n    rows: rows.{UNREVIEWED}\n    columns:\n", quoted(&name.to_string()));
    for field in schema.fields() {
        column(&path_segment(field.name()), field.data_type(), &mut text);
    }
    text
}

fn column(path: &str, data_type: &DataType, text: &mut String) {
    match parts_of(data_type) {
        Some(parts) => {
            for (name, data_type) in parts {
                column(&format!("{path}.{}", path_segment(name)), data_type, text);
            }
        }
        None => {
            let type_name = match data_type {
                // Of any unit and zone: what a treatment does is the same.
                DataType::Timestamp(_, _) => "Timestamp".to_owned(),
                other => quoted(&other.to_string()),
            };
            *text += &format!("      {}: {{tags: [{UNREVIEWED}], type: {type_name}}}\n", quoted(path));
        }
    }
}

/// The text as YAML, in quotes unless it is a plain word that means itself.
fn quoted(text: &str) -> String {
    const WORDS_OF_YAML: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan"];
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(is_word)
        && !WORDS_OF_YAML.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use arrow_schema::{Field, Fields, TimeUnit};

    use super::*;
    use crate::classification::Classification;
    use crate::problem::Problems;

    #[test]
    fn a_draft_is_read_as_it_was_meant() {
        let payload = Fields::from(vec![
            Field::new("phone", DataType::Utf8, true),
            Field::new("a.b", DataType::Decimal128(10, 2), true),
        ]);
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = vec![
            Field::new("id", DataType::Int64, true),
            Field::new("no", DataType::Utf8, true),
            Field::new("two words: \"x\"", DataType::Date32, true),
            Field::new("at", micros, true),
            Field::new("payload", DataType::Struct(payload), true),
            Field::new("names", DataType::new_list(DataType::Utf8, true), true),
        ];
        let schema = Schema::new(fields);
        let name: TableName = "lake.main.Sales 2024".parse().unwrap();
        let text = format!("tables:\n{}", draft(&name, &schema));
        let mut problems = Problems::default();
        let class = Classification::read(&text, &mut problems);
        let about_tables: Vec<_> =
            problems.into_sorted().iter().map(ToString::to_string).filter(|problem| problem.contains("lake")).collect();
        assert_eq!(about_tables, Vec::<String>::new());
        let columns = &class.tables[&name].columns;
        let paths: Vec<&str> = columns.keys().map(String::as_str).collect();
        assert_eq!(paths, ["at", "id", "names", "no", "payload.`a.b`", "payload.phone", "two words: \"x\""]);
        for (path, data_type) in [("id", DataType::Int64), ("payload.`a.b`", DataType::Decimal128(10, 2))] {
            let column = &columns[path];
            assert_eq!(column.tags, [UNREVIEWED]);
            assert!(column.declared.as_ref().unwrap().accepts(&data_type), "{path}");
        }
    }
}
