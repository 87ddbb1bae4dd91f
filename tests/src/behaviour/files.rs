//! The standard tables as files, in every format and layout that the files connector reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use flate2::Compression;
use flate2::write::GzEncoder;
use lockgate_connector_files::FilesConnector;
use lockgate_contract::{Connector, Options};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use super::data::{self, SCHEMA};
use super::fixture::{CATALOG, Fixture, Maker};
use super::{Need, runtime};

/// Formats of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Parquet.
    Parquet,
    /// Arrow IPC, file format.
    Arrow,
    /// Arrow IPC, stream format.
    ArrowStream,
    /// CSV with a header.
    Csv,
    /// CSV with a header, gzip-compressed.
    CsvGz,
    /// NDJSON.
    NdJson,
    /// NDJSON, gzip-compressed.
    NdJsonGz,
}

/// How a table's rows are spread over files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `TABLE.EXT`.
    Single,
    /// `TABLE/part-N.EXT`.
    Folder,
    /// Like a folder, but `orders` by `city=VALUE/`.
    Partitioned,
}

/// Where and how a fixture's files lie.
#[derive(Debug, Clone)]
pub struct Place {
    /// Root folder of the source.
    pub root: PathBuf,
    /// Format of every file.
    pub kind: Kind,
    /// Layout of every table.
    pub layout: Layout,
}

impl Kind {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Parquet, Self::Arrow, Self::ArrowStream, Self::Csv, Self::CsvGz, Self::NdJson, Self::NdJsonGz];

    /// Extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::ArrowStream => "arrows",
            Self::Csv => "csv",
            Self::CsvGz => "csv.gz",
            Self::NdJson => "ndjson",
            Self::NdJsonGz => "ndjson.gz",
        }
    }

    /// Whether the files are text.
    pub fn is_text(self) -> bool {
        match self {
            Self::Parquet | Self::Arrow | Self::ArrowStream => false,
            Self::Csv | Self::CsvGz | Self::NdJson | Self::NdJsonGz => true,
        }
    }

    fn is_csv(self) -> bool {
        matches!(self, Self::Csv | Self::CsvGz)
    }

    /// What the format can hold of a table.
    fn hold(self, batch: &RecordBatch) -> RecordBatch {
        if !self.is_text() {
            return batch.clone();
        }
        let kept = if self.is_csv() {
            data::only(batch, |field| !data::is_nested(field.data_type()) && *field.data_type() != DataType::Binary)
        } else {
            batch.clone()
        };
        let columns = kept.columns().iter().map(|array| self.hold_column(array)).collect();
        RecordBatch::try_new(kept.schema(), columns).expect("the same types")
    }

    fn hold_column(self, array: &ArrayRef) -> ArrayRef {
        match array.data_type() {
            // An empty field of a CSV file is null.
            DataType::Utf8 if self.is_csv() => {
                let texts = array.as_string::<i32>().iter().map(|text| text.filter(|text| !text.is_empty()));
                Arc::new(texts.collect::<StringArray>())
            }
            // JSON has no number for them; writers put null.
            DataType::Float64 if !self.is_csv() => {
                let floats = array.as_primitive::<Float64Type>().iter();
                Arc::new(floats.map(|value| value.filter(|value| value.is_finite())).collect::<Float64Array>())
            }
            DataType::Float32 if !self.is_csv() => {
                let floats = array.as_primitive::<Float32Type>().iter();
                Arc::new(floats.map(|value| value.filter(|value| value.is_finite())).collect::<Float32Array>())
            }
            _ => Arc::clone(array),
        }
    }
}

impl Place {
    /// Files of a table, sorted.
    pub fn files(&self, table: &str) -> Vec<PathBuf> {
        let single = self.root.join(SCHEMA).join(format!("{table}.{}", self.kind.extension()));
        if single.exists() {
            return vec![single];
        }
        let mut found = Vec::new();
        let mut folders = vec![self.root.join(SCHEMA).join(table)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the table's folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }

    /// Writes a table in place of what was there.
    pub fn write(&self, table: &str, batch: &RecordBatch) {
        self.remove(table);
        let schema = self.root.join(SCHEMA);
        match self.layout {
            Layout::Partitioned if table == "orders" => {
                for (city, rows) in by_city(batch) {
                    let folder = schema.join(table).join(format!("city={}", escape(city.as_deref())));
                    write_file(&folder.join(format!("part-0.{}", self.kind.extension())), self.kind, &rows);
                }
            }
            Layout::Single => write_file(&schema.join(format!("{table}.{}", self.kind.extension())), self.kind, batch),
            Layout::Folder | Layout::Partitioned => {
                for (i, part) in parts(batch).into_iter().enumerate() {
                    write_file(
                        &schema.join(table).join(format!("part-{i}.{}", self.kind.extension())),
                        self.kind,
                        &part,
                    );
                }
            }
        }
    }

    /// Removes a table.
    pub fn remove(&self, table: &str) {
        let place = self.root.join(SCHEMA);
        let _ = fs::remove_file(place.join(format!("{table}.{}", self.kind.extension())));
        let _ = fs::remove_dir_all(place.join(table));
    }

    /// The rows as the source must show them.
    fn shown(&self, table: &str, batch: &RecordBatch) -> RecordBatch {
        let held = self.kind.hold(batch);
        if self.layout != Layout::Partitioned || table != "orders" {
            return held;
        }
        // Partition columns stand last, and rows come in the order of the paths.
        let mut last: Vec<usize> = (0..held.num_columns()).collect();
        let at = held.schema().index_of("city").expect("the partition column");
        last.remove(at);
        last.push(at);
        let groups = indices_by_city(&held).into_iter().map(|(_, indices)| {
            take_record_batch(&held, &UInt32Array::from(indices))
                .expect("its own rows")
                .project(&last)
                .expect("its own columns")
        });
        let groups: Vec<RecordBatch> = groups.collect();
        concat_batches(&groups[0].schema(), &groups).expect("one schema")
    }

    /// Options of the source: text cannot say every type.
    fn options(&self, tables: &BTreeMap<String, RecordBatch>) -> Options {
        let mut declared = Map::new();
        for (table, batch) in tables {
            let needs_types = match table.as_str() {
                "types" | "empty" => self.kind.is_text(),
                "orders" => self.kind.is_text() && !self.kind.is_csv(),
                _ => false,
            };
            if needs_types {
                declared.insert(format!("{SCHEMA}.{table}"), self.declared(table, batch));
            }
        }
        let options = json!({"root": self.root, "tables": declared});
        serde_json::from_value(options).expect("a table of options")
    }

    fn declared(&self, table: &str, batch: &RecordBatch) -> Value {
        let by_path = self.layout == Layout::Partitioned && table == "orders";
        let fields = batch.schema();
        let fields = fields.fields().iter().filter(|field| !(by_path && field.name() == "city"));
        let schema: Map<String, Value> =
            fields.map(|field| (field.name().clone(), Value::from(field.data_type().to_string()))).collect();
        let path = match self.layout {
            Layout::Single => format!("{SCHEMA}/{table}.{}", self.kind.extension()),
            Layout::Folder | Layout::Partitioned => format!("{SCHEMA}/{table}"),
        };
        json!({"path": path, "schema": schema})
    }
}

/// The makers of every format and layout.
pub fn makers() -> Vec<Maker> {
    let mut makers = Vec::new();
    for kind in Kind::ALL {
        for layout in [Layout::Single, Layout::Folder, Layout::Partitioned] {
            // Packing and streaming change how a file is read, not how files are found: one layout of each is enough.
            if matches!(kind, Kind::ArrowStream | Kind::CsvGz | Kind::NdJsonGz) && layout != Layout::Folder {
                continue;
            }
            makers.push(maker(kind, layout));
        }
    }
    makers
}

fn maker(kind: Kind, layout: Layout) -> Maker {
    let kind_name = format!("{kind:?}").to_lowercase();
    let name = format!("files_{kind_name}_{}", format!("{layout:?}").to_lowercase());
    let mut can = vec![Need::Change, Need::Order, Need::AnyFiles, Need::Files(kind)];
    if !kind.is_csv() {
        can.push(Need::Nested);
    }
    if layout == Layout::Partitioned {
        can.push(Need::Partitions);
    }
    Maker { name, can, make: Box::new(move || make(kind, layout)) }
}

fn make(kind: Kind, layout: Layout) -> Fixture {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Place { root: dir.path().join("data"), kind, layout };
    let mut tables = BTreeMap::new();
    for (table, batch) in data::tables() {
        place.write(table, &kind.hold(&batch));
        tables.insert(table.to_owned(), place.shown(table, &batch));
    }
    let options = place.options(&tables);
    let source = runtime().block_on(FilesConnector.open(CATALOG, &options)).expect("the options are right");
    let mut fixture = Fixture::new(dir, source, tables, &[("late", data::scratch(0..1))]);
    let changed = place.clone();
    fixture.change = Some(Box::new(move |table, batch| match batch {
        Some(batch) => changed.write(table, batch),
        None => changed.remove(table),
    }));
    fixture.files = Some(place);
    fixture
}

/// Four slices in order; none of an empty table but one empty file.
fn parts(batch: &RecordBatch) -> Vec<RecordBatch> {
    let size = batch.num_rows().div_ceil(4).max(1);
    let starts: Vec<usize> = (0..batch.num_rows().max(1)).step_by(size).collect();
    starts.into_iter().map(|start| batch.slice(start, size.min(batch.num_rows() - start))).collect()
}

/// Rows of each city without the column, in the order of the folders' names.
fn by_city(batch: &RecordBatch) -> Vec<(Option<String>, RecordBatch)> {
    let others = data::only(batch, |field| field.name() != "city");
    let groups = indices_by_city(batch).into_iter();
    groups
        .map(|(city, indices)| (city, take_record_batch(&others, &UInt32Array::from(indices)).expect("its own rows")))
        .collect()
}

fn indices_by_city(batch: &RecordBatch) -> Vec<(Option<String>, Vec<u32>)> {
    let cities = batch.column_by_name("city").expect("a city").as_string::<i32>();
    let mut groups: BTreeMap<String, (Option<String>, Vec<u32>)> = BTreeMap::new();
    for (i, city) in cities.iter().enumerate() {
        let group = groups.entry(escape(city)).or_insert_with(|| (city.map(str::to_owned), Vec::new()));
        group.1.push(u32::try_from(i).expect("small"));
    }
    groups.into_values().collect()
}

/// A partition value as Hive writes it into a folder's name.
pub fn escape(value: Option<&str>) -> String {
    const ESCAPED: &str = "\"#%'*/:=?\\\x7f{[]^";
    let Some(value) = value else { return "__HIVE_DEFAULT_PARTITION__".to_owned() };
    let escape = |c: char| {
        if c.is_ascii_control() || ESCAPED.contains(c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() }
    };
    value.chars().map(escape).collect()
}

/// Writes one file, in small row groups so that a reader comes back to it.
pub fn write_file(path: &Path, kind: Kind, batch: &RecordBatch) {
    fs::create_dir_all(path.parent().expect("a folder above")).expect("a folder");
    let mut file = File::create(path).expect("a new file");
    let schema = batch.schema();
    match kind {
        Kind::Parquet => {
            let properties = WriterProperties::builder().set_max_row_group_row_count(Some(500)).build();
            let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).expect("a schema");
            writer.write(batch).expect("a batch");
            writer.close().expect("a footer");
        }
        Kind::Arrow => {
            let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &schema).expect("a schema");
            slices(batch).for_each(|slice| writer.write(&slice).expect("a batch"));
            writer.finish().expect("a footer");
        }
        Kind::ArrowStream => {
            let mut writer = arrow::ipc::writer::StreamWriter::try_new(file, &schema).expect("a schema");
            slices(batch).for_each(|slice| writer.write(&slice).expect("a batch"));
            writer.finish().expect("an end");
        }
        Kind::Csv | Kind::NdJson => file.write_all(&text(kind, batch)).expect("bytes"),
        Kind::CsvGz | Kind::NdJsonGz => {
            let mut writer = GzEncoder::new(file, Compression::fast());
            writer.write_all(&text(kind, batch)).expect("bytes");
            writer.finish().expect("an end");
        }
    }
}

fn slices(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    (0..batch.num_rows()).step_by(100).map(|at| batch.slice(at, 100.min(batch.num_rows() - at)))
}

fn text(kind: Kind, batch: &RecordBatch) -> Vec<u8> {
    if kind.is_csv() {
        let mut writer = arrow::csv::Writer::new(Vec::new());
        writer.write(batch).expect("a batch");
        return writer.into_inner();
    }
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    writer.write(batch).expect("a batch");
    writer.finish().expect("an end");
    writer.into_inner()
}
