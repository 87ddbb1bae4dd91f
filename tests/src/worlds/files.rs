//! A world as files on disk, as the files connector finds them.

use std::fs::{File, create_dir_all};
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use super::cell::{Cell, Kind};
use super::data::Data;
use super::tables::{EVENTS, PAYMENTS, RIDERS, Row, TRIPS, Table};

/// Rows in a Parquet row group: small, so that pruning has something to prune.
const ROW_GROUP: usize = 40;

/// Writes all tables below `root`, a folder for each catalogue.
///
/// # Panics
/// When a file cannot be written.
pub fn write(data: &Data, root: &Path) {
    let trips = &data.rows[TRIPS.name];
    let (first, second) = trips.rows.split_at(trips.second_file);
    parquet(root, "hive/rides/trips/part-0.parquet", &batch(&TRIPS, data.with_hidden, first));
    parquet(root, "hive/rides/trips/part-1.parquet", &batch(&TRIPS, data.with_hidden, second));
    parquet(root, "vertica/crm/riders.parquet", &batch(&RIDERS, data.with_hidden, &data.rows[RIDERS.name].rows));
    arrow_file(
        root,
        "presto/finance/payments.arrow",
        &batch(&PAYMENTS, data.with_hidden, &data.rows[PAYMENTS.name].rows),
    );
    ndjson(root, "hdfs/raw/events.ndjson", &batch(&EVENTS, data.with_hidden, &data.rows[EVENTS.name].rows));
    if data.with_hidden {
        let reasons = [("R1001", "k9z.watchlist.reason.0"), ("R1002", "k9z.watchlist.reason.1")];
        let rows: Vec<Row> =
            reasons.iter().map(|(id, why)| vec![Cell::Text((*id).to_owned()), Cell::Text((*why).to_owned())]).collect();
        let watchlist = Table {
            name: "hive.rides.watchlist",
            columns: &[("rider_id", Kind::Text), ("reason", Kind::Text)],
            hidden: &[],
            n_rows: 2,
        };
        parquet(root, "hive/rides/watchlist.parquet", &batch(&watchlist, true, &rows));
        // Never classified at all.
        parquet(root, "hive/rides/scratch.parquet", &batch(&watchlist, true, &rows));
    }
}

/// Options of the files source `catalog` for a world below `root`.
pub fn options(catalog: &str, root: &Path) -> Map<String, Value> {
    let mut options = Map::new();
    options.insert("root".to_owned(), json!(root.join(catalog)));
    if catalog == "hdfs" {
        let schema: Map<String, Value> =
            EVENTS.columns.iter().map(|(name, kind)| ((*name).to_owned(), json!(kind.declared()))).collect();
        options.insert("tables".to_owned(), json!({"raw.events": {"path": "raw/events.ndjson", "schema": schema}}));
    }
    options
}

/// The rows of one table.
pub fn batch_of(table: &Table, data: &Data) -> RecordBatch {
    batch(table, data.with_hidden, &data.rows[table.name].rows)
}

fn batch(table: &Table, with_hidden: bool, rows: &[Row]) -> RecordBatch {
    let columns = table.columns.iter().enumerate().filter(|(_, (name, _))| with_hidden || !table.hidden.contains(name));
    let (fields, arrays): (Vec<Field>, Vec<_>) = columns
        .map(|(column_idx, (name, kind))| {
            let cells: Vec<Cell> = rows.iter().map(|row| row[column_idx].clone()).collect();
            let hidden = |field: &str| !with_hidden && table.hidden.contains(&format!("{name}.{field}").as_str());
            let (kind, cells) = without_fields(*kind, cells, hidden);
            (Field::new(*name, kind.data_type(), true), kind.array(&cells))
        })
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch of the table")
}

/// A struct column without some of its fields; any other column as it is.
fn without_fields(kind: Kind, cells: Vec<Cell>, hidden: impl Fn(&str) -> bool) -> (Kind, Vec<Cell>) {
    let Kind::Struct(fields) = kind else { return (kind, cells) };
    let kept: Vec<_> = fields.iter().filter(|(name, _)| !hidden(name)).copied().collect();
    let keep = |values: Vec<Cell>| {
        let kept = values.into_iter().zip(fields).filter(|(_, (name, _))| !hidden(name));
        Cell::Struct(kept.map(|(value, _)| value).collect())
    };
    let cells = cells.into_iter().map(|cell| match cell {
        Cell::Struct(values) => keep(values),
        other => other,
    });
    (Kind::Struct(Box::leak(kept.into_boxed_slice())), cells.collect())
}

fn create(root: &Path, name: &str) -> File {
    let path = root.join(name);
    create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
    File::create(path).expect("the file can be made")
}

fn parquet(root: &Path, name: &str, batch: &RecordBatch) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(ROW_GROUP)).build();
    let mut writer =
        ArrowWriter::try_new(create(root, name), batch.schema(), Some(properties)).expect("a Parquet writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
}

fn arrow_file(root: &Path, name: &str, batch: &RecordBatch) {
    let mut writer =
        arrow::ipc::writer::FileWriter::try_new(create(root, name), &batch.schema()).expect("an Arrow writer");
    for start in (0..batch.num_rows()).step_by(ROW_GROUP) {
        writer.write(&batch.slice(start, ROW_GROUP.min(batch.num_rows() - start))).expect("written");
    }
    writer.finish().expect("closed");
}

fn ndjson(root: &Path, name: &str, batch: &RecordBatch) {
    let mut writer = arrow::json::LineDelimitedWriter::new(create(root, name));
    writer.write(batch).expect("written");
    writer.finish().expect("closed");
}
