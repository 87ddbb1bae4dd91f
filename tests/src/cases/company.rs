//! The gateway that the `.slt` cases are asked of: the sample policy with a few additions, over tables of a dozen rows that
//! can be read in `tests/cases/slt/world/`.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use lockgate_server::demo::policy;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tokio::sync::OnceCell;

use crate::door::{Door, write_users};
use crate::worlds::how::SECRET;

/// Who may sign in, and what their entry in the users file says besides the token: all people of the sample policy, two
/// whose results are delivered to the United States, and somebody who has a role from the credentials alone.
const USERS: [(&str, &str); 13] = [
    ("alice", ""),
    ("bob", ""),
    ("carl", ""),
    ("mia", ""),
    ("sam", ""),
    ("pia", ""),
    ("nina", ""),
    ("ada", ""),
    ("hugo", ""),
    ("zoe", ""),
    ("alice-us", "roles = [\"data_scientist\"]\ndc = \"us\"\n"),
    ("bob-us", "roles = [\"fraud_lead\"]\ndc = \"us\"\n"),
    ("temp", "roles = [\"fraud_analyst\"]\n"),
];

/// Rows in a Parquet row group: so few that every filter has something to prune.
const ROW_GROUP: usize = 2;

/// The gateway, started when it is asked for first.
///
/// # Panics
/// When it does not start.
pub async fn company() -> &'static Door {
    static COMPANY: OnceCell<Door> = OnceCell::const_new();
    COMPANY.get_or_init(open).await
}

/// The folder of the cases and of what they are asked about.
fn slt_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/slt")
}

async fn open() -> Door {
    let folder = tempfile::tempdir().expect("a folder for the world");
    copy(&slt_dir().join("world"), folder.path());
    convert(folder.path());
    add_sample_policy(&folder.path().join("policy"));
    fs::write(folder.path().join("key"), SECRET.0).expect("the key");
    write_users(folder.path(), USERS);
    Door::start(folder).await
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder of the world") {
        let path = entry.expect("an entry").path();
        let copied = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).expect("a copy");
        }
    }
}

/// Puts the sample policy before the additions in `dir`.
fn add_sample_policy(dir: &Path) {
    for (name, sample) in policy::FILES {
        let path = dir.join(name);
        let additions = fs::read_to_string(&path).unwrap_or_default();
        // The rules of the sample's audit end one day, and its cases say so; the cases here must hold on any day.
        let sample = sample.replace("until=2027-06-30", "until=2999-12-31");
        if name != "policy_tests.yaml" {
            fs::write(path, format!("{sample}{additions}")).expect("a file of the policy");
        }
    }
}

/// Turns the NDJSON files of tables that are to be Parquet or Arrow into such.
fn convert(root: &Path) {
    let config = fs::read_to_string(root.join("lockgate.toml")).expect("the configuration");
    let config: toml::Table = config.parse().expect("TOML");
    let sources = config["sources"].as_table().expect("sources");
    for (catalog, source) in sources {
        for table in source["tables"].as_table().expect("tables").values() {
            let format = table.get("format").and_then(toml::Value::as_str).unwrap_or_default();
            if matches!(format, "parquet" | "arrow") {
                let path = root.join(catalog).join(table["path"].as_str().expect("a path"));
                convert_below(&path, format, &schema(&table["schema"]));
            }
        }
    }
}

fn schema(declared: &toml::Value) -> SchemaRef {
    let columns = declared.as_table().expect("columns").iter();
    let field = |(name, declared): (&String, &toml::Value)| {
        let data_type: DataType = declared.as_str().expect("a type").parse().expect("a type of Arrow");
        Field::new(name, data_type, true)
    };
    Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
}

fn convert_below(dir: &Path, format: &str, schema: &SchemaRef) {
    for entry in fs::read_dir(dir).expect("a folder of the table") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            convert_below(&path, format, schema);
            continue;
        }
        let lines = BufReader::new(File::open(&path).expect("a file of the table"));
        let reader = ReaderBuilder::new(Arc::clone(schema)).build(lines).expect("a reader");
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("rows of the declared types");
        let file = File::create(path.with_extension(format)).expect("a new file");
        write(&batches, file, format, schema);
        fs::remove_file(&path).expect("the text is not needed any more");
    }
}

fn write(batches: &[RecordBatch], file: File, format: &str, schema: &SchemaRef) {
    if format == "arrow" {
        let mut writer = arrow::ipc::writer::FileWriter::try_new(file, schema).expect("an Arrow writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.finish().expect("closed");
        return;
    }
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(ROW_GROUP)).build();
    let mut writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties)).expect("a Parquet writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("written"));
    writer.close().expect("closed");
}
