use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

const AS_OF: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();

/// Paths below the folder, with the files' bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn small() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_scaled(dir.path(), AS_OF, Scale::SMALL).unwrap();
    dir
}

fn parquet(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn csv(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn one_day_gives_the_same_bytes_and_another_day_others() {
    let (left, right) = (contents(small().path()), contents(small().path()));
    assert_eq!(left.len(), 10);
    assert!(left == right);
    let dir = tempfile::tempdir().unwrap();
    write_scaled(dir.path(), AS_OF.succ_opt().unwrap(), Scale::SMALL).unwrap();
    assert!(left != contents(dir.path()));
}

#[test]
fn bytes_are_those_of_every_machine() {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    for (path, bytes) in contents(small().path()) {
        // Parquet files name the version of their writer.
        if path.extension().is_some_and(|extension| extension != "parquet") {
            digest.update(&bytes);
        }
    }
    assert_eq!(hex::encode(digest.finalize()), DIGEST);
}

/// Of the text files of the small world.
const DIGEST: &str = "e36de0c8f88ef7b9c3a68fbd731199d4895a392a759e9595225a20c982daeca3";

#[test]
fn tables_have_the_promised_rows() {
    let dir = small();
    for table in tables(Scale::SMALL) {
        let path = dir.path().join(table.path);
        let files =
            if path.is_dir() { contents(&path).into_keys().map(|name| path.join(name)).collect() } else { vec![path] };
        let n_rows: usize = files
            .iter()
            .map(|file| match file.extension().unwrap().to_str().unwrap() {
                "parquet" => parquet(file).num_rows(),
                "csv" => csv(file).len() - 1,
                _ => fs::read_to_string(file).unwrap().lines().count(),
            })
            .sum();
        assert_eq!(n_rows as u64, table.rows, "{}", table.name);
    }
    assert_eq!(tables(Scale::FULL).iter().map(|table| table.rows).sum::<u64>(), 820_260);
}

#[test]
fn retention_hides_a_third_of_the_trips_and_all_lie_before_the_day() {
    let dir = small();
    let trips = [0, 1].map(|part| parquet(&dir.path().join(format!("hive/rides/trips/part-{part}.parquet"))));
    let instants: Vec<i64> = trips
        .iter()
        .flat_map(|batch| batch["requested_at"].as_primitive::<TimestampMicrosecondType>().values().to_vec())
        .collect();
    let end = Calendar { as_of: AS_OF }.days_before(0);
    assert!(instants.is_sorted() && instants.iter().all(|instant| *instant < end));
    let kept = instants.iter().filter(|instant| **instant >= Calendar { as_of: AS_OF }.days_before(730)).count();
    assert!((1_200..1_450).contains(&kept), "{kept}");
    assert!(trips[0]["payload"].null_count() > 0);
    let latitudes = trips[0]["pickup_lat"].as_primitive::<Float64Type>();
    assert!(latitudes.values().iter().all(|degrees| (41.0..54.0).contains(degrees)));
}

#[test]
fn riders_are_as_the_policy_expects() {
    let dir = small();
    let riders = csv(&dir.path().join("vertica/crm/riders.csv"));
    assert_eq!(
        riders[0],
        ["rider_id", "name", "email", "phone", "birth_date", "home_country", "consent_marketing", "created_at"]
    );
    let anna = &riders[1];
    assert_eq!(anna[..3], ["1001", "Anna Petrov", "a.petrov@example.com"]);
    assert_eq!((anna[5].as_str(), anna[6].as_str()), ("NL", "true"));
    let rows = &riders[1..];
    assert!(rows.iter().all(|row| row.len() == 8));
    let residents = rows.iter().filter(|row| ["NL", "DE", "FR"].contains(&row[5].as_str())).count();
    assert!((70..110).contains(&residents), "{residents}");
    let distinct = |column: usize| rows.iter().map(|row| row[column].clone()).collect::<BTreeSet<_>>().len();
    assert_eq!((distinct(0), distinct(2)), (200, 200));
    assert!(rows.iter().all(|row| row[2].contains("@example.") && (row[3].is_empty() || row[3].starts_with('+'))));
}

#[test]
fn riders_trips_payments_and_events_belong_together() {
    let dir = small();
    let riders: BTreeSet<String> =
        csv(&dir.path().join("vertica/crm/riders.csv")).into_iter().skip(1).map(|row| row[0].clone()).collect();
    let ids = |batch: &RecordBatch| -> BTreeSet<String> {
        batch["rider_id"].as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    };
    let trips = ids(&parquet(&dir.path().join("hive/rides/trips/part-0.parquet")));
    let payments = ids(&parquet(&dir.path().join("presto/finance/payments.parquet")));
    assert!(trips.is_subset(&riders) && payments.is_subset(&riders));
    assert!(trips.contains("1001") && payments.contains("1001"));
    let events = fs::read_to_string(dir.path().join("hdfs/raw/events/part-3.ndjson")).unwrap();
    let mut n_anonymous = 0;
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        match event["rider_id"].as_str() {
            Some(rider_id) => assert!(riders.contains(rider_id)),
            None => n_anonymous += 1,
        }
        assert!(serde_json::from_str::<serde_json::Value>(event["body"].as_str().unwrap()).unwrap().is_object());
    }
    assert!(n_anonymous > 0);
}
