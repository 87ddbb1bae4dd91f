//! The options of a files source, checked all at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use lockgate_contract::{OptionKind, OptionSpec, Options, SourceError, SourceErrorKind, TablePath};
use object_store::path::Path;
use serde_json::{Map, Value};

use crate::format::{CsvLayout, FormatName};
use crate::types::parse_type;

/// Every option, as the configuration is checked and the docs are printed.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "root",
        kind: OptionKind::Path,
        required: true,
        default: None,
        help: "Folder that holds the files. Nothing outside of it is ever read, links included.",
    },
    OptionSpec {
        name: "discover",
        kind: OptionKind::Bool,
        required: false,
        default: Some("true"),
        help: "Whether `SCHEMA/TABLE.EXT` and folders `SCHEMA/TABLE/` below the root are tables by themselves, and `TABLE.EXT` is \
               `main.TABLE`.",
    },
    OptionSpec {
        name: "csv",
        kind: OptionKind::Table,
        required: false,
        default: None,
        help: "Layout of CSV and TSV files where a table says nothing else: `header` (true), `delimiter` (comma, tab for TSV), \
               `quote` (\"), `escape` (none), `null` (a text or a list of texts that stand for null besides the empty field, \
               such as `\"NA\"` or `[\"NA\", \"-\"]`).",
    },
    OptionSpec {
        name: "tables",
        kind: OptionKind::Table,
        required: false,
        default: None,
        help: "Declared tables, by \"schema.table\": `path` below the root (a file or a folder), `format` (parquet, arrow, ndjson, \
               csv, tsv), `schema` (every column = Arrow type), `types` (some columns = Arrow type; the others are inferred), \
               `partitions` (column = Arrow type), and the keys of `csv`.",
    },
];

/// Checked options.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) root: PathBuf,
    pub(crate) discover: bool,
    pub(crate) csv: CsvLayout,
    pub(crate) tables: BTreeMap<TablePath, TableSettings>,
}

/// What the configuration says about one table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableSettings {
    pub(crate) location: Path,
    pub(crate) format: Option<FormatName>,
    /// Columns inside the files.
    pub(crate) schema: Option<Fields>,
    /// Types of some columns inside the files; the others are inferred.
    pub(crate) types: Vec<(String, DataType)>,
    /// Columns of the path, in path order.
    pub(crate) partitions: Option<Vec<(String, DataType)>>,
    pub(crate) csv: CsvLayout,
}

impl fmt::Debug for Settings {
    /// Leaves the paths out: they are for the operator's log only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("discover", &self.discover)
            .field("declared_tables", &self.tables.len())
            .finish_non_exhaustive()
    }
}

/// Reads the options of the source `name`; every problem is one error, whose internal text says where and what to do.
pub(crate) fn read(name: &str, options: &Options) -> Result<Settings, Vec<SourceError>> {
    let mut problems = Problems { source_name: name, found: Vec::new() };
    let map = &options.0;
    problems.unknown_keys("", map, &OPTIONS.iter().map(|option| option.name).collect::<Vec<_>>());
    let root = problems.text("", map, "root").map(PathBuf::from);
    if root.is_none() && !map.contains_key("root") {
        problems.add("root", "is missing; give the folder that holds the files");
    }
    let discover = problems.flag("", map, "discover").unwrap_or(true);
    let mut csv = CsvLayout::default();
    if let Some(layout) = problems.table("", map, "csv") {
        problems.unknown_keys("csv", layout, CSV_KEYS);
        csv = problems.csv_layout("csv", layout, &csv);
    }
    let mut tables = BTreeMap::new();
    if let Some(declared) = problems.table("", map, "tables") {
        for (key, value) in declared {
            if let Some((path, settings)) = problems.declared_table(key, value, &csv) {
                tables.insert(path, settings);
            }
        }
    }
    match root {
        Some(root) if problems.found.is_empty() => Ok(Settings { root, discover, csv, tables }),
        Some(_) | None => Err(problems.found),
    }
}

const CSV_KEYS: &[&str] = &["header", "delimiter", "quote", "escape", "null"];
const TABLE_KEYS: &[&str] =
    &["path", "format", "schema", "types", "partitions", "header", "delimiter", "quote", "escape", "null"];

struct Problems<'a> {
    source_name: &'a str,
    found: Vec<SourceError>,
}

impl Problems<'_> {
    fn add(&mut self, option: &str, text: &str) {
        let internal = format!("option `{option}` {text}");
        self.found.push(SourceError::new(
            self.source_name,
            SourceErrorKind::Config,
            "its configuration is wrong",
            internal,
        ));
    }

    fn unknown_keys(&mut self, at: &str, map: &Map<String, Value>, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.add(&join(at, key), &format!("is unknown; known are `{}`", known.join("`, `")));
        }
    }

    fn text<'m>(&mut self, at: &str, map: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
        let value = map.get(key)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.add(&join(at, key), "must be a text that is not empty");
        }
        text
    }

    /// A text, or a list of them.
    fn texts(&mut self, at: &str, map: &Map<String, Value>, key: &str) -> Option<Vec<String>> {
        let items = match map.get(key)? {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        if texts.is_none() {
            self.add(&join(at, key), "must be a text or a list of texts");
        }
        texts
    }

    fn flag(&mut self, at: &str, map: &Map<String, Value>, key: &str) -> Option<bool> {
        let value = map.get(key)?;
        if value.as_bool().is_none() {
            self.add(&join(at, key), "must be `true` or `false`");
        }
        value.as_bool()
    }

    fn table<'m>(&mut self, at: &str, map: &'m Map<String, Value>, key: &str) -> Option<&'m Map<String, Value>> {
        let value = map.get(key)?;
        if !value.is_object() {
            self.add(&join(at, key), "must be a table");
        }
        value.as_object()
    }

    fn byte(&mut self, at: &str, map: &Map<String, Value>, key: &str) -> Option<u8> {
        let text = self.text(at, map, key)?;
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
            _ => {
                self.add(&join(at, key), "must be one ASCII character");
                None
            }
        }
    }

    fn csv_layout(&mut self, at: &str, map: &Map<String, Value>, base: &CsvLayout) -> CsvLayout {
        let layout = CsvLayout {
            header: self.flag(at, map, "header").unwrap_or(base.header),
            delimiter: self.byte(at, map, "delimiter").or(base.delimiter),
            quote: self.byte(at, map, "quote").unwrap_or(base.quote),
            escape: self.byte(at, map, "escape").or(base.escape),
            null: self.texts(at, map, "null").unwrap_or_else(|| base.null.clone()),
        };
        if layout.delimiter == Some(layout.quote) || layout.delimiter.is_some() && layout.delimiter == layout.escape {
            self.add(&join(at, "delimiter"), "must differ from `quote` and `escape`");
        }
        layout
    }

    fn declared_table(&mut self, key: &str, value: &Value, csv: &CsvLayout) -> Option<(TablePath, TableSettings)> {
        let at = format!("tables.\"{key}\"");
        let problems_before = self.found.len();
        let path = key.split_once('.').filter(|(schema, table)| !schema.is_empty() && !table.is_empty());
        if path.is_none() {
            self.add(&at, "must be named \"schema.table\", in quotes");
        }
        let Some(map) = value.as_object() else {
            self.add(&at, "must be a table with a `path`");
            return None;
        };
        self.unknown_keys(&at, map, TABLE_KEYS);
        let location = self.location(&at, map);
        let format = self.text(&at, map, "format").and_then(|text| {
            let format = FormatName::from_name(text);
            if format.is_none() {
                self.add(&join(&at, "format"), &format!("must be one of {}", FormatName::NAMES));
            }
            format
        });
        let schema = self.columns(&at, map, "schema");
        let types = self.columns(&at, map, "types");
        if schema.is_some() && types.is_some() {
            self.add(
                &join(&at, "types"),
                "says nothing beside `schema`, which has the type of every column; leave one out",
            );
        }
        let types = types.unwrap_or_default();
        let partitions = self.columns(&at, map, "partitions");
        for (name, _) in partitions.iter().flatten() {
            if schema.iter().flatten().chain(&types).any(|(column, _)| column == name) {
                self.add(
                    &join(&at, "partitions"),
                    &format!("names `{name}`, which is said to be in the files too; it can come from one place only"),
                );
            }
        }
        self.partition_types(&at, partitions.as_deref());
        let csv = self.csv_layout(&at, map, csv);
        if self.found.len() > problems_before {
            return None;
        }
        let (schema_name, table) = path?;
        let schema = schema.map(|columns| {
            columns.into_iter().map(|(name, data_type)| Arc::new(Field::new(name, data_type, true))).collect()
        });
        Some((
            TablePath::new(schema_name, table),
            TableSettings { location: location?, format, schema, types, partitions, csv },
        ))
    }

    fn location(&mut self, at: &str, map: &Map<String, Value>) -> Option<Path> {
        if !map.contains_key("path") {
            self.add(&join(at, "path"), "is missing; give a file or folder below the root");
        }
        let text = self.text(at, map, "path")?;
        let location = Path::parse(text.strip_suffix('/').unwrap_or(text)).ok().filter(|_| !text.starts_with('/'));
        if location.is_none() {
            self.add(
                &join(at, "path"),
                "must be relative to the root, with `/` between names, without `.`, `..` or empty names",
            );
        }
        location
    }

    fn columns(&mut self, at: &str, map: &Map<String, Value>, key: &str) -> Option<Vec<(String, DataType)>> {
        let columns = self.table(at, map, key)?;
        let at = join(at, key);
        if columns.is_empty() {
            self.add(&at, "must name at least one column");
        }
        let mut read = Vec::new();
        for (name, value) in columns {
            match value.as_str().map(parse_type) {
                Some(Ok(data_type)) => read.push((name.clone(), data_type)),
                Some(Err(hint)) => self.add(&join(&at, name), &format!("is no known type; {hint}")),
                None => self.add(&join(&at, name), "must be a text that names a type"),
            }
        }
        Some(read)
    }

    fn partition_types(&mut self, at: &str, partitions: Option<&[(String, DataType)]>) {
        for (name, data_type) in partitions.into_iter().flatten() {
            let fits =
                data_type.is_integer() || matches!(data_type, DataType::Utf8 | DataType::Date32 | DataType::Boolean);
            if !fits {
                let option = join(&join(at, "partitions"), name);
                self.add(
                    &option,
                    "must be `Utf8`, a whole number type, `Date32` or `Boolean`: its values come from folder names",
                );
            }
        }
    }
}

fn join(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

#[cfg(test)]
mod tests;
