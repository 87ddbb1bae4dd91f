//! Tables and columns: tags, types, residency, retention and the subject's key.

use std::collections::BTreeMap;

use crate::classification::DeclaredType;
use crate::name_check;
use crate::problem::visible;
use crate::yaml::{Node, Value};
use crate::yaml_reader::Reader;
use crate::{Retention, TableName};

/// What a table is, as classified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableClass {
    /// Tag of the table's rows, without the `tag:` prefix.
    pub rows: String,
    /// Where the data may be read.
    pub residency: Option<Residency>,
    /// How long rows are shown.
    pub retention: Option<Retention>,
    /// Column with the data subject's key.
    pub subject: Option<SubjectKey>,
    /// Whether the table must look as if it did not exist to those who have no row grant.
    pub hidden: bool,
    /// Text for the catalogue.
    pub comment: Option<String>,
    /// Columns by path; fields of structs are `column.field`.
    pub columns: BTreeMap<String, ColumnClass>,
    /// Line in `classification.yaml`.
    pub(crate) line: usize,
}

/// What a column is, as classified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnClass {
    /// Tags without the `tag:` prefix; never empty.
    pub tags: Vec<String>,
    /// Declared type; a column of another type is withheld.
    pub declared: Option<DeclaredType>,
    /// Whether the column must look as if it did not exist to those who may not see it.
    pub hidden: bool,
    /// Text for the catalogue.
    pub comment: Option<String>,
    /// Line in `classification.yaml`.
    pub(crate) line: usize,
}

/// Where data may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Residency {
    /// Only by a gateway of this site.
    Site(String),
    /// Row by row: only by a gateway of the site that this column names.
    Column(String),
}

/// Which column holds the key of a data subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectKey {
    /// The column.
    pub column: String,
    /// The kind of subject, as in `erasures.csv`.
    pub subject: String,
}

const TABLE_KEYS: [&str; 7] = ["rows", "residency", "retention", "subject_key", "hidden", "comment", "columns"];
const COLUMN_KEYS: [&str; 4] = ["tags", "type", "hidden", "comment"];

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<TableName, TableClass> {
    let mut tables = BTreeMap::new();
    for (key, entry) in reader.map(node, "tables") {
        let Ok(name) = key.name.parse::<TableName>() else {
            let text = format!("`{}` is not a full table name", visible(&key.name));
            reader.error(key.line, "tables", text, "write `catalog.schema.table`");
            continue;
        };
        if !is_plain(&key.name) {
            let text = "the table name mixes alphabets or has characters that do not show";
            reader.error(key.line, &key.name, text, "type the name again in one alphabet, as the source spells it");
            continue;
        }
        if let Some(table) = table(reader, key.line, &key.name, entry) {
            tables.insert(name, table);
        }
    }
    tables
}

fn table(reader: &mut Reader<'_>, line: usize, about: &str, entry: &Node) -> Option<TableClass> {
    let fields = reader.fields(entry, about, &TABLE_KEYS);
    let rows = match fields.get("rows") {
        Some(node) => tag(reader, node, about),
        None => {
            let hint = "add `rows: rows.NAME`; policy.csv grants rows on that tag";
            reader.error(line, about, "the table has no `rows` tag, so nobody could read it", hint);
            None
        }
    };
    let columns = match fields.get("columns") {
        Some(node) => columns(reader, about, node),
        None => {
            reader.error(line, about, "the table has no `columns`", "list its columns with their tags");
            BTreeMap::new()
        }
    };
    let residency = fields.get("residency").and_then(|node| residency(reader, about, node, &columns));
    let retention = fields.get("retention").and_then(|node| retention(reader, about, node, &columns));
    let subject = fields.get("subject_key").and_then(|node| subject_key(reader, about, node, &columns));
    let hidden = fields.get("hidden").and_then(|node| reader.bool(node, about)).unwrap_or_default();
    let comment = fields.get("comment").and_then(|node| reader.text(node, about)).map(str::to_owned);
    Some(TableClass { rows: rows?, residency, retention, subject, hidden, comment, columns, line })
}

/// Whether a name of the source reads as what it is.
fn is_plain(name: &str) -> bool {
    visible(name) == name && name_check::is_single_script(name)
}

fn columns(reader: &mut Reader<'_>, table: &str, node: &Node) -> BTreeMap<String, ColumnClass> {
    let mut columns = BTreeMap::new();
    for (key, entry) in reader.map(node, table) {
        let about = format!("{table}.{}", visible(&key.name));
        if key.name.trim().is_empty() || !is_plain(&key.name) {
            let hint = "type the name again in one alphabet, as the source spells it";
            reader.error(
                key.line,
                &about,
                "the column name is empty, mixes alphabets or has characters that do not show",
                hint,
            );
            continue;
        }
        if let Some(column) = column(reader, key.line, &about, entry) {
            columns.insert(key.name.clone(), column);
        }
    }
    columns
}

fn column(reader: &mut Reader<'_>, line: usize, about: &str, entry: &Node) -> Option<ColumnClass> {
    let Value::Map(_) = &entry.value else {
        let tags = tags(reader, entry, about)?;
        return Some(ColumnClass { tags, declared: None, hidden: false, comment: None, line });
    };
    let fields = reader.fields(entry, about, &COLUMN_KEYS);
    let declared = fields.get("type").and_then(|node| {
        let text = reader.text(node, about)?;
        let declared = DeclaredType::parse(text);
        if declared.is_none() {
            let hint = "write an Arrow type such as `Utf8`, `Int64`, `Float64`, `Date32`, `Timestamp` or `Timestamp(us, \"UTC\")`";
            reader.error(node.line, about, format!("unknown type `{}`", visible(text)), hint);
        }
        declared
    });
    let hidden = fields.get("hidden").and_then(|node| reader.bool(node, about)).unwrap_or_default();
    let comment = fields.get("comment").and_then(|node| reader.text(node, about)).map(str::to_owned);
    let Some(node) = fields.get("tags") else {
        reader.error(
            line,
            about,
            "the column has no `tags`",
            "write `tags: [TAG, ...]`, or leave the column out to keep it withheld",
        );
        return None;
    };
    Some(ColumnClass { tags: tags(reader, node, about)?, declared, hidden, comment, line })
}

fn tags(reader: &mut Reader<'_>, node: &Node, about: &str) -> Option<Vec<String>> {
    let items = reader.list(node, about);
    if items.is_empty() {
        if matches!(node.value, Value::List(_)) {
            reader.error(
                node.line,
                about,
                "the list of tags is empty",
                "name a tag, or leave the column out to keep it withheld",
            );
        }
        return None;
    }
    let mut tags: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        let tag = tag(reader, item, about)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Some(tags)
}

fn tag(reader: &mut Reader<'_>, node: &Node, about: &str) -> Option<String> {
    let text = reader.text(node, about)?;
    if let Some(rest) = text.strip_prefix("tag:") {
        reader.error(
            node.line,
            about,
            format!("`{}` has a prefix", visible(text)),
            format!("write `{}`; prefixes belong in policy.csv", visible(rest)),
        );
        return None;
    }
    if let Some((fault, hint)) = name_check::fault(text) {
        reader.error(node.line, about, fault, hint);
        return None;
    }
    Some(text.to_owned())
}

fn residency(
    reader: &mut Reader<'_>,
    about: &str,
    node: &Node,
    columns: &BTreeMap<String, ColumnClass>,
) -> Option<Residency> {
    if let Value::Map(_) = &node.value {
        let fields = reader.fields(node, about, &["column"]);
        let column = duty_column(reader, about, node, fields.get("column"), columns)?;
        return Some(Residency::Column(column));
    }
    let site = reader.text(node, about)?;
    if let Some((fault, hint)) = name_check::fault(site) {
        reader.error(node.line, about, fault, hint);
        return None;
    }
    Some(Residency::Site(site.to_owned()))
}

fn retention(
    reader: &mut Reader<'_>,
    about: &str,
    node: &Node,
    columns: &BTreeMap<String, ColumnClass>,
) -> Option<Retention> {
    let fields = reader.fields(node, about, &["column", "days"]);
    let column = duty_column(reader, about, node, fields.get("column"), columns);
    let Some(days) = fields.get("days") else {
        reader.error(
            node.line,
            about,
            "the retention has no `days`",
            "write `retention: {column: NAME, days: NUMBER}`",
        );
        return None;
    };
    Some(Retention { days: reader.days(days, about)?, column: column? })
}

fn subject_key(
    reader: &mut Reader<'_>,
    about: &str,
    node: &Node,
    columns: &BTreeMap<String, ColumnClass>,
) -> Option<SubjectKey> {
    if let Value::Text(name) = &node.value {
        let column = duty_column(reader, about, node, Some(node), columns)?;
        return Some(SubjectKey { column, subject: name.clone() });
    }
    let fields = reader.fields(node, about, &["column", "subject"]);
    let column = duty_column(reader, about, node, fields.get("column"), columns);
    let Some(subject) = fields.get("subject") else {
        reader.error(
            node.line,
            about,
            "the subject key has no `subject`",
            "write `subject_key: {column: NAME, subject: KIND}`",
        );
        return None;
    };
    let subject = reader.text(subject, about)?.to_owned();
    Some(SubjectKey { column: column?, subject })
}

/// A top-level column of the table that a duty (residency, retention, erasure) rests on.
fn duty_column(
    reader: &mut Reader<'_>,
    about: &str,
    owner: &Node,
    node: Option<&Node>,
    columns: &BTreeMap<String, ColumnClass>,
) -> Option<String> {
    let Some(node) = node else {
        reader.error(owner.line, about, "no `column` is named", "write `column: NAME`");
        return None;
    };
    let name = reader.text(node, about)?;
    if !columns.contains_key(name) || name.contains('.') {
        let text = format!("`{}` is not a classified top-level column of the table", visible(name));
        reader.error(node.line, about, text, "name a column that stands under `columns`");
        return None;
    }
    Some(name.to_owned())
}
