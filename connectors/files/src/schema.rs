//! What one file says about its columns, and one schema out of many files.

pub(crate) mod columnar;
pub(crate) mod csv;
pub(crate) mod ndjson;
pub(crate) mod sample;

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};
use lockgate_contract::{FileFormat, SourceErrorKind};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use crate::types::{common, contains_union, widens};

/// Text files whose rows are looked at to infer types; of the others only the header is read.
pub(crate) const SAMPLED_FILES: usize = 10;

/// Why a table cannot be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: SourceErrorKind,
    /// For the operator: may name files and columns, never a value.
    pub(crate) text: String,
}

impl Failure {
    pub(crate) fn data(text: impl Into<String>) -> Self {
        Self { kind: SourceErrorKind::Data, text: text.into() }
    }

    /// The same with the file that it is about.
    pub(crate) fn at(self, path: &str) -> Self {
        Self { text: format!("`{path}`: {}", self.text), ..self }
    }

    /// The same with the place of its table, if it names no file there.
    pub(crate) fn below(self, location: &Path) -> Self {
        if self.text.contains(location.as_ref()) { self } else { self.at(location.as_ref()) }
    }

    /// An error of the store while the table is looked at.
    pub(crate) fn store(error: &object_store::Error) -> Self {
        Self { kind: SourceErrorKind::of_store(error), text: error.to_string() }
    }
}

/// How much of a text file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Depth {
    Header,
    Sample,
}

/// What one file says about its columns.
#[derive(Debug)]
pub(crate) enum Facts {
    /// Plain fields of a Parquet or Arrow file, and its rows where its footer counts them.
    Columns(Fields, Option<u64>),
    /// `None` when the file holds nothing at all.
    Csv(Option<csv::CsvFacts>),
    /// Fields of the sampled objects.
    NdJson(ndjson::Shape),
}

/// Looks at one file; a failure does not name it.
pub(crate) async fn inspect(
    store: &dyn ObjectStore,
    meta: &ObjectMeta,
    format: &FileFormat,
    depth: Depth,
) -> Result<Facts, Failure> {
    match format {
        FileFormat::Parquet => {
            columnar::parquet(store, meta).await.map(|(fields, rows)| Facts::Columns(fields, Some(rows)))
        }
        FileFormat::ArrowIpc => columnar::arrow_ipc(store, meta).await.map(|fields| Facts::Columns(fields, None)),
        FileFormat::NdJson { gzip } => sample::head(store, meta, *gzip)
            .await
            .and_then(|text| ndjson::read(&text).map_err(Failure::data))
            .map(Facts::NdJson),
        FileFormat::Csv { header, delimiter, quote, escape, null, gzip } => {
            let layout = csv::Layout { header: *header, delimiter: *delimiter, quote: *quote, escape: *escape, null };
            sample::head(store, meta, *gzip)
                .await
                .and_then(|text| csv::read(&text, &layout, depth).map_err(Failure::data))
                .map(Facts::Csv)
        }
    }
}

/// One list of columns out of all files, in the order of the first; `facts` come with the path of their file.
///
/// - Columns that some files lack are nullable (Parquet, Arrow, NDJSON).
/// - Types that conflict are an error, never a guess.
/// - CSV files, which are read by position, must all have the same header.
pub(crate) fn merge(facts: &[(String, Arc<Facts>)]) -> Result<Fields, Failure> {
    let mut columnar = Vec::new();
    let mut csv = Vec::new();
    let mut shapes = Vec::new();
    for (path, facts) in facts {
        match facts.as_ref() {
            Facts::Columns(fields, _) => columnar.push((path.as_str(), fields)),
            Facts::Csv(Some(facts)) => csv.push((path.as_str(), facts)),
            Facts::Csv(None) => {}
            Facts::NdJson(shape) => shapes.push((path.as_str(), shape)),
        }
    }
    let fields = if !columnar.is_empty() {
        merge_columns(&columnar)?
    } else if !csv.is_empty() {
        csv::merge(&csv).map_err(Failure::data)?
    } else {
        ndjson::merge(&shapes).map_err(Failure::data)?
    };
    if fields.is_empty() {
        return Err(Failure::data("no column can be inferred; declare the table's `schema`"));
    }
    check_names(&fields)?;
    Ok(fields)
}

fn merge_columns(files: &[(&str, &Fields)]) -> Result<Fields, Failure> {
    struct Column {
        field: FieldRef,
        seen: usize,
    }
    let mut columns: Vec<Column> = Vec::new();
    for (path, fields) in files {
        check_names(fields).map_err(|failure| Failure::data(format!("`{path}`: {}", failure.text)))?;
        for field in fields.iter() {
            let Some(column) = columns.iter_mut().find(|column| column.field.name() == field.name()) else {
                columns.push(Column { field: Arc::clone(field), seen: 1 });
                continue;
            };
            let Some(data_type) = common(column.field.data_type(), field.data_type()) else {
                let (name, before, now) = (field.name(), column.field.data_type(), field.data_type());
                return Err(Failure::data(format!(
                    "column `{name}` is {now} in `{path}` and {before} in other files; rewrite the files or declare the column's type"
                )));
            };
            let nullable = column.field.is_nullable() || field.is_nullable();
            column.field = Arc::new(Field::new(field.name(), data_type, nullable));
            column.seen += 1;
        }
    }
    let all = files.len();
    Ok(columns
        .into_iter()
        .map(
            |Column { field, seen }| {
                if seen < all { Arc::new(field.as_ref().clone().with_nullable(true)) } else { field }
            },
        )
        .collect())
}

fn check_names(fields: &Fields) -> Result<(), Failure> {
    for (i, field) in fields.iter().enumerate() {
        let name = field.name();
        if fields.iter().skip(i + 1).any(|other| other.name() == name) {
            return Err(Failure::data(format!("two columns are named `{name}`; rename one")));
        }
        if contains_union(field.data_type()) {
            return Err(Failure::data(format!(
                "column `{name}` is a union, which the gateway cannot show; declare a `schema` without it"
            )));
        }
    }
    Ok(())
}

/// The inferred columns with the declared types of some of them.
pub(crate) fn retype(inferred: &Fields, types: &[(String, DataType)]) -> Result<Fields, Failure> {
    let mut fields = inferred.to_vec();
    for (name, data_type) in types {
        let Some(field) = fields.iter_mut().find(|field| field.name() == name) else {
            let known: Vec<&str> = inferred.iter().map(|field| field.name().as_str()).collect();
            return Err(Failure::data(format!(
                "`types` names the column `{name}`, which the files do not have; they have `{}`",
                known.join("`, `")
            )));
        };
        *field = nullable(name, data_type.clone());
    }
    Ok(fields.into())
}

/// Rows of all files together, if each counts its own. Text files do not; see [`crate::count`].
pub(crate) fn rows(facts: &[(String, Arc<Facts>)]) -> Option<u64> {
    let of = |facts: &Facts| match facts {
        Facts::Columns(_, rows) => *rows,
        Facts::Csv(_) | Facts::NdJson(_) => None,
    };
    facts.iter().try_fold(0_u64, |all, (_, facts)| all.checked_add(of(facts)?))
}

/// Checks that the files hold what was declared: a column may be missing or widened without loss, never reinterpreted.
pub(crate) fn check_declared(declared: &Fields, facts: &[(String, Arc<Facts>)]) -> Result<(), Failure> {
    for (path, facts) in facts {
        match facts.as_ref() {
            Facts::Columns(found, _) => {
                for field in declared {
                    let column = found.iter().find(|column| column.name() == field.name());
                    if let Some(column) = column.filter(|column| !widens(column.data_type(), field.data_type())) {
                        let (name, found, declared) = (field.name(), column.data_type(), field.data_type());
                        return Err(Failure::data(format!(
                            "column `{name}` is declared {declared}, but is {found} in `{path}`; declare a type that holds every value of it"
                        )));
                    }
                }
            }
            Facts::Csv(Some(found)) => {
                let names: Vec<&str> = declared.iter().map(|field| field.name().as_str()).collect();
                if let Some(header) = found.header.as_ref().filter(|header| **header != names) {
                    return Err(Failure::data(format!(
                        "`{path}` has the header `{}`, declared are `{}`; declare every column of the file in its order",
                        header.join("`, `"),
                        names.join("`, `")
                    )));
                }
            }
            Facts::Csv(None) | Facts::NdJson(_) => {}
        }
    }
    Ok(())
}

/// Every column nullable, as text files promise nothing.
pub(crate) fn nullable(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}
