//! From names below the root to tables, and from a table's place to its files.

use futures::TryStreamExt;
use lockgate_contract::{SourceErrorKind, TablePath};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::config::{Settings, TableSettings};
use crate::format::{FormatName, Packing};
use crate::schema::Failure;

/// Schema of the tables that lie directly below the root, as in a folder of nothing but CSV files.
const TOP_SCHEMA: &str = "main";

/// Every table, declared or found, sorted by schema and name. Two files or folders may claim one name; [`find`] refuses that.
pub(crate) async fn tables(store: &dyn ObjectStore, settings: &Settings) -> Result<Vec<TablePath>, Failure> {
    let root = list_folder(store, &Path::default()).await.map_err(|error| unreachable_root(&error))?;
    let mut tables: Vec<_> = settings.tables.keys().cloned().collect();
    if settings.discover {
        tables.extend(single_files(settings, root.objects).map(|(table, _)| TablePath::new(TOP_SCHEMA, table)));
        for schema_folder in &root.common_prefixes {
            let Some(schema) = schema_folder.filename() else { continue };
            for (table, _) in candidates(store, settings, schema_folder).await? {
                tables.push(TablePath::new(schema, table));
            }
        }
    }
    tables.sort();
    tables.dedup();
    Ok(tables)
}

/// The settings of one table: as declared, or of what is found under its name.
pub(crate) async fn find(
    store: &dyn ObjectStore,
    settings: &Settings,
    path: &TablePath,
) -> Result<Option<TableSettings>, Failure> {
    if let Some(declared) = settings.tables.get(path) {
        return Ok(Some(declared.clone()));
    }
    if !settings.discover {
        return Ok(None);
    }
    // The name comes from a query: it is compared with names that exist, never put into a path.
    let root = list_folder(store, &Path::default()).await.map_err(|error| unreachable_root(&error))?;
    let mut candidates_of_schema = Vec::new();
    if path.schema == TOP_SCHEMA {
        candidates_of_schema.extend(single_files(settings, root.objects));
    }
    if let Some(folder) = root.common_prefixes.iter().find(|folder| folder.filename() == Some(&path.schema)) {
        candidates_of_schema.extend(candidates(store, settings, folder).await?);
    }
    let mut found = candidates_of_schema.into_iter().filter(|(table, _)| *table == path.table);
    let Some((_, location)) = found.next() else { return Ok(None) };
    if let Some((_, other)) = found.next() {
        return Err(Failure::data(format!("`{location}` and `{other}` both claim one table name; rename one")));
    }
    Ok(Some(TableSettings {
        location,
        format: None,
        schema: None,
        types: Vec::new(),
        partitions: None,
        csv: settings.csv.clone(),
    }))
}

/// Table names and places in one schema's folder, without those that a declared table uses.
async fn candidates(
    store: &dyn ObjectStore,
    settings: &Settings,
    schema_folder: &Path,
) -> Result<Vec<(String, Path)>, Failure> {
    let listed = match list_folder(store, schema_folder).await {
        Ok(listed) => listed,
        // Removed since its parent was listed.
        Err(object_store::Error::NotFound { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(Failure::store(&error)),
    };
    let mut found: Vec<_> = single_files(settings, listed.objects).collect();
    for folder in listed.common_prefixes.into_iter().filter(|folder| !is_declared(settings, folder)) {
        let Some(table) = folder.filename().map(str::to_owned) else { continue };
        if holds_data(store, &folder).await {
            found.push((table, folder));
        }
    }
    Ok(found)
}

/// Table names and places of single files, without those that a declared table uses.
fn single_files(settings: &Settings, objects: Vec<ObjectMeta>) -> impl Iterator<Item = (String, Path)> {
    let objects = objects.into_iter().filter(|object| !is_declared(settings, &object.location));
    objects.filter_map(|object| {
        let (table, _) = object.location.filename().and_then(Packing::of_file_name)?;
        Some((table.to_owned(), object.location))
    })
}

fn is_declared(settings: &Settings, location: &Path) -> bool {
    settings.tables.values().any(|table| table.location == *location)
}

/// Whether any file below the folder has a known format. What cannot be listed is a table whose reading will say why.
async fn holds_data(store: &dyn ObjectStore, folder: &Path) -> bool {
    let mut files = store.list(Some(folder));
    loop {
        match files.try_next().await {
            Ok(Some(meta)) if packing(&meta).is_some() => return true,
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// The files of a table, sorted by path.
pub(crate) struct Listing {
    /// Whether the table's place is one file, which has no partition columns.
    pub(crate) is_file: bool,
    pub(crate) files: Vec<ObjectMeta>,
}

/// Lists the file or folder at a table's place; `missing` is what it means when there is none.
pub(crate) async fn files(
    store: &dyn ObjectStore,
    location: &Path,
    missing: SourceErrorKind,
) -> Result<Listing, Failure> {
    match store.head(location).await {
        Ok(meta) => return Ok(Listing { is_file: true, files: vec![meta] }),
        Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(link_failure(&error)),
    }
    let listed = store.list(Some(location)).try_collect().await;
    let mut files: Vec<ObjectMeta> = listed.map_err(|error| match error {
        object_store::Error::NotFound { path, .. } if path == location.as_ref() => {
            Failure { kind: missing, text: format!("`{location}` does not exist") }
        }
        error => link_failure(&error),
    })?;
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(Listing { is_file: false, files })
}

/// The one format of all files; extensions decide unless a format is declared, which also takes names without extension.
pub(crate) fn one_packing(files: &[ObjectMeta], declared: Option<FormatName>) -> Result<Option<Packing>, Failure> {
    let mut first: Option<(&Path, Packing)> = None;
    for meta in files {
        let location = &meta.location;
        let found = match (packing(meta), declared) {
            (Some(found), Some(declared)) if !same_family(found.format, declared) => {
                return Err(Failure::data(format!(
                    "`{location}` is of another format than the declared one; move it or change `format`"
                )));
            }
            (Some(found), Some(declared)) => Packing { format: declared, gzip: found.gzip },
            (Some(found), None) => found,
            (None, Some(declared)) => {
                let gzip = location.as_ref().to_ascii_lowercase().ends_with(".gz");
                Packing {
                    format: declared,
                    gzip: gzip && !matches!(declared, FormatName::Parquet | FormatName::ArrowIpc),
                }
            }
            (None, None) => {
                return Err(Failure::data(format!(
                    "`{location}` has an extension that names no format; move it out of the table's folder, or declare the table with its `format`"
                )));
            }
        };
        match first {
            Some((path, packing)) if packing != found => {
                return Err(Failure::data(format!(
                    "`{path}` and `{location}` are of different formats; a table's files must all be of one"
                )));
            }
            Some(_) => {}
            None => first = Some((location, found)),
        }
    }
    Ok(first.map(|(_, packing)| packing))
}

/// CSV and TSV differ in their usual delimiter only.
fn same_family(a: FormatName, b: FormatName) -> bool {
    a == b || matches!((a, b), (FormatName::Csv | FormatName::Tsv, FormatName::Csv | FormatName::Tsv))
}

fn packing(meta: &ObjectMeta) -> Option<Packing> {
    meta.location.filename().and_then(Packing::of_file_name).map(|(_, packing)| packing)
}

async fn list_folder(store: &dyn ObjectStore, folder: &Path) -> object_store::Result<ListResult> {
    store.list_with_delimiter(Some(folder)).await
}

fn unreachable_root(error: &object_store::Error) -> Failure {
    Failure { kind: SourceErrorKind::Unavailable, text: format!("the root folder cannot be listed: {error}") }
}

/// A link that leads out is the operator's mistake in the data, not a refusal of credentials.
fn link_failure(error: &object_store::Error) -> Failure {
    match error {
        object_store::Error::PermissionDenied { source, .. } if !source.is::<std::io::Error>() => {
            Failure::data(error.to_string())
        }
        _ => Failure::store(error),
    }
}
