//! A table of 14 columns, one for each treatment, as a Parquet file, and a policy that shows each in its treatment.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;

const MODEL: &str = include_str!("../../samples/policy/model.conf");

/// Columns with their treatments.
pub const COLUMNS: &[(&str, &str)] = &[
    ("id", "clear"),
    ("city", "clear"),
    ("fare", "clear"),
    ("lat", "geo_1km"),
    ("lng", "geo_10km"),
    ("born", "year"),
    ("joined", "month"),
    ("email", "email_domain"),
    ("phone", "last4"),
    ("amount", "round_100"),
    ("name", "null"),
    ("note", "redact"),
    ("rider", "hash"),
    ("rider_no", "hash"),
];

/// The table's file below the folder that [`write_table`] is given.
pub const TABLE_FILE: &str = "b/t.parquet";

/// Writes `rows` rows as `b/t.parquet` below `root`: table `a.b.t` when a files source called `a` has that root.
///
/// # Panics
/// When the file cannot be written.
pub fn write_table(root: &Path, rows: usize) {
    std::fs::create_dir_all(root.join("b")).unwrap();
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let float = |name: &str| Field::new(name, DataType::Float64, true);
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        text("city"),
        float("fare"),
        float("lat"),
        float("lng"),
        Field::new("born", DataType::Date32, true),
        Field::new("joined", DataType::Date32, true),
        text("email"),
        text("phone"),
        Field::new("amount", DataType::Int64, true),
        text("name"),
        text("note"),
        text("rider"),
        Field::new("rider_no", DataType::Int64, true),
    ]));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(250_000)).build();
    let file = std::fs::File::create(root.join(TABLE_FILE)).unwrap();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).unwrap();
    for start in (0..rows).step_by(50_000) {
        let ids: Vec<i64> = (start..rows.min(start + 50_000)).map(|row| i64::try_from(row).unwrap()).collect();
        let texts = |make: &dyn Fn(i64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(ids.iter().map(|id| make(*id))))
        };
        let floats = |make: &dyn Fn(i64) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(ids.iter().map(|id| make(*id))))
        };
        let days = |span: i64| -> ArrayRef {
            Arc::new(Date32Array::from_iter_values(ids.iter().map(|id| i32::try_from(id * 7 % span).unwrap())))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(ids.iter().copied())),
            texts(&|id| format!("city{}", id % 50)),
            floats(&|id| (id % 9_973) as f64 / 100.0),
            floats(&|id| 52.0 + (id % 10_007) as f64 / 10_007.0),
            floats(&|id| 4.0 + (id % 10_009) as f64 / 10_009.0),
            days(18_000),
            days(9_000),
            texts(&|id| format!("user{}@example{}.com", id % 100_003, id % 7)),
            texts(&|id| format!("+316{:08}", id % 100_000_007)),
            Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| id * 37 % 100_000))),
            texts(&|id| format!("Name {}", id % 5_003)),
            texts(&|id| format!("note {}", id % 997)),
            texts(&|id| format!("r{:09}", id * 7_919 % 1_000_000_007)),
            Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| id * 7_919 % 1_000_000_007))),
        ];
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()).unwrap();
    }
    writer.close().unwrap();
}

/// Writes a policy folder: user `bench` sees all rows for purpose `scan`, and those with `fare < 70.0` for purpose `most`.
///
/// # Panics
/// When a file cannot be written.
pub fn write_policy(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("model.conf"), MODEL).unwrap();
    let mut rules = String::new();
    let mut classes = String::from(
        "version: bench.1\ntreatments:\n  clear: {article: none}\n  last4: {}\n  email_domain: {}\n  geo_1km: {}\n  geo_10km: {}\n  month: {}\n  year: {}\n  round_100: {}\n  hash: {}\n  redact: {}\n  \"null\": {}\nrow_filters:\n  all: {tables: any, sql: \"true\"}\n  most: {tables: [a.b.t], sql: \"fare < 70.0\"}\nconditions: [always]\npurposes:\n  scan: {ropa: R-1, basis: none, owner: bench, retention_days: 1}\n  most: {ropa: R-2, basis: none, owner: bench, retention_days: 1}\ntables:\n  a.b.t:\n    rows: rows.t\n    columns:\n",
    );
    for (index, (column, treatment)) in COLUMNS.iter().enumerate() {
        rules
            .push_str(&format!("p, R-{index:02}, role:all, purpose:any, tag:c.{column}, {treatment}, always, allow\n"));
        classes.push_str(&format!("      {column}: [c.{column}]\n"));
    }
    rules.push_str("p, RW-1, role:all, purpose:scan, tag:rows.t, rows:all, always, allow\n");
    rules.push_str("p, RW-2, role:all, purpose:most, tag:rows.t, rows:most, always, allow\n");
    rules.push_str("g, user:bench, role:all\ng3, purpose:scan, purpose:any\ng3, purpose:most, purpose:any\n");
    std::fs::write(dir.join("policy.csv"), rules).unwrap();
    std::fs::write(dir.join("classification.yaml"), classes).unwrap();
    std::fs::write(
        dir.join("policy_tests.yaml"),
        "- {who: bench, purpose: scan, dc: eu, column: a.b.t.id, is: clear, because: R-00}\n",
    )
    .unwrap();
}

/// Token of user `bench`.
pub const TOKEN: &str = "lg_token-of-bench-0123456789abcdef0123456789abcdef";

/// Writes table, policy, users and configuration for `lockgate serve`, and gives the path of the configuration. The
/// gateway listens on a free port and says which.
///
/// # Panics
/// When a file cannot be written.
pub fn write_gateway(root: &Path, rows: usize) -> std::path::PathBuf {
    use sha2::{Digest, Sha256};
    write_table(&root.join("data"), rows);
    write_policy(&root.join("policy"));
    std::fs::write(root.join("hash.key"), [7_u8; 32]).unwrap();
    let digest = hex::encode(Sha256::digest(TOKEN));
    std::fs::write(root.join("users.toml"), format!("[[users]]\nname = \"bench\"\ntoken_sha256 = \"{digest}\"\n"))
        .unwrap();
    let config = root.join("lockgate.toml");
    std::fs::write(
        &config,
        "[server]\nhttp = \"127.0.0.1:0\"\nsite = \"eu\"\n\n[policy]\ndir = \"policy\"\n\n[users]\nfile = \"users.toml\"\n\n\
         [keys]\nhash = { file = \"hash.key\" }\n\n[ledger]\ndir = \"ledger\"\n\n[log]\nfilter = \"warn\"\n\n\
         [sources.a]\nconnector = \"files\"\nroot = \"data\"\n",
    )
    .unwrap();
    config
}
