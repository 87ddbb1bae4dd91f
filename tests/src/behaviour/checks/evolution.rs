//! Files of one table that are not all alike.

use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray,
    StructArray,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use lockgate_wire::ErrorCode;
use parquet::data_type::{Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::data::SCHEMA;
use super::super::files::{Kind, write_file};
use super::super::fixture::Fixture;
use super::super::oracle;
use super::super::{Check, Need};
use super::changes;

pub(super) const CHECKS: &[Check] = &[
    changes("a_column_that_some_files_lack_is_null_there_parquet", &[Need::Files(Kind::Parquet)], |f| {
        Box::pin(lacking(f))
    }),
    changes("a_column_that_some_files_lack_is_null_there_arrow", &[Need::Files(Kind::Arrow)], |f| Box::pin(lacking(f))),
    changes("views_dictionaries_and_large_texts_come_out_plain_parquet", &[Need::Files(Kind::Parquet)], |f| {
        Box::pin(encoded(f))
    }),
    changes("views_dictionaries_and_large_texts_come_out_plain_arrow", &[Need::Files(Kind::Arrow)], |f| {
        Box::pin(encoded(f))
    }),
    changes("files_with_their_columns_in_another_order_keep_names_and_values_together", &[Need::AnyFiles], |f| {
        Box::pin(reordered(f))
    }),
    changes("old_parquet_timestamps_reach_the_year_9999", &[Need::Files(Kind::Parquet)], |f| Box::pin(int96(f))),
    changes("arrow_files_compressed_with_lz4_are_read", &[Need::Files(Kind::Arrow)], |f| Box::pin(lz4(f))),
    changes("types_that_conflict_are_refused", &[Need::Files(Kind::Parquet)], |f| Box::pin(conflicting(f))),
];

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("a batch")
}

fn names(texts: [&str; 2]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// Writes files of the table `late`, which policy knows with the columns `id` and `name`.
fn write(fixture: &Fixture, files: &[RecordBatch]) -> anyhow::Result<()> {
    let place = fixture.files.as_ref().context("files")?;
    for (i, file) in files.iter().enumerate() {
        let path = place.root.join(SCHEMA).join("late").join(format!("part-{i}.{}", place.kind.extension()));
        write_file(&path, place.kind, file);
    }
    Ok(())
}

async fn rows(fixture: &Fixture, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let answer = fixture.query(sql).await.map_err(|error| anyhow::anyhow!("{sql}: {error} [{}]", error.internal))?;
    for field in answer.schema.fields() {
        ensure!(!matches!(field.data_type(), DataType::Dictionary(..) | DataType::Utf8View), "{field}");
    }
    oracle::rows(&answer.schema, &answer.batches)
}

async fn lacking(fixture: &Fixture) -> anyhow::Result<()> {
    let ids = |from: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![from, from + 1])) };
    write(
        fixture,
        &[
            batch(vec![("id", ids(0))]),
            batch(vec![("name", names(["a", "b"])), ("id", ids(2))]),
            batch(vec![("name", names(["c", "d"]))]),
        ],
    )?;
    let found = rows(fixture, "SELECT id, name FROM src.suite.late").await?;
    let text = |text: &str| Some(text.to_owned());
    let expected = vec![
        vec![text("0"), None],
        vec![text("1"), None],
        vec![text("2"), text("a")],
        vec![text("3"), text("b")],
        vec![None, text("c")],
        vec![None, text("d")],
    ];
    ensure!(found == expected, "{found:?}");
    ensure!(rows(fixture, "SELECT name FROM src.suite.late WHERE id IS NULL").await?.len() == 2);
    ensure!(rows(fixture, "SELECT id FROM src.suite.late WHERE name = 'b'").await? == [[text("3")]]);
    ensure!(rows(fixture, "SELECT id FROM src.suite.late WHERE id > 1").await?.len() == 2);
    Ok(())
}

async fn encoded(fixture: &Fixture) -> anyhow::Result<()> {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let dictionary: DictionaryArray<Int32Type> = vec!["c", "d"].into_iter().collect();
    let texts: [ArrayRef; 4] = [
        names(["a", "b"]),
        Arc::new(dictionary),
        Arc::new(StringViewArray::from(vec!["e", "f"])),
        Arc::new(LargeStringArray::from(vec!["g", "h"])),
    ];
    for (i, text) in texts.iter().enumerate() {
        let place = fixture.files.as_ref().context("files")?;
        place.remove("late");
        write(fixture, &[batch(vec![("id", Arc::clone(&ids)), ("name", Arc::clone(text))])])?;
        let found = rows(fixture, "SELECT name FROM src.suite.late WHERE id = 2").await?;
        let expected = ["b", "d", "f", "h"][i];
        ensure!(found == [[Some(expected.to_owned())]], "{found:?}");
        let filtered = rows(fixture, &format!("SELECT id FROM src.suite.late WHERE name = '{expected}'")).await?;
        ensure!(filtered == [[Some("2".to_owned())]], "{expected}: {filtered:?}");
    }
    // All in one table: text is text.
    fixture.files.as_ref().context("files")?.remove("late");
    let files: Vec<_> =
        texts.iter().map(|text| batch(vec![("id", Arc::clone(&ids)), ("name", Arc::clone(text))])).collect();
    write(fixture, &files)?;
    let found = rows(fixture, "SELECT name FROM src.suite.late WHERE id = 1").await?;
    ensure!(found.concat() == ["a", "c", "e", "g"].map(|text| Some(text.to_owned())), "{found:?}");
    Ok(())
}

async fn conflicting(fixture: &Fixture) -> anyhow::Result<()> {
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let text = names(["a", "b"]);
    let nested: ArrayRef =
        Arc::new(StructArray::from(vec![(Arc::new(Field::new("x", DataType::Utf8, true)), names(["a", "b"]))]));
    for other in [narrow, text, nested] {
        fixture.files.as_ref().context("files")?.remove("late");
        write(fixture, &[batch(vec![("id", Arc::clone(&wide))]), batch(vec![("id", other)])])?;
        let error = fixture.query("SELECT id FROM src.suite.late").await.err().context("a guess")?;
        ensure!(error.code() == ErrorCode::SourceData, "{error}");
        ensure!(error.internal.contains("suite/late/part-1.parquet"), "{}", error.internal);
        ensure!(!error.problem.detail.contains("part-1"), "{}", error.problem.detail);
    }
    Ok(())
}

/// Reading by position would show one column's values under another's name, and with that one's policy.
async fn reordered(fixture: &Fixture) -> anyhow::Result<()> {
    let file = |order: [&'static str; 2], texts: [&str; 2]| {
        let named = order.map(|column| (column, names([texts[usize::from(column == "name")]; 2])));
        batch(named.to_vec())
    };
    write(fixture, &[file(["id", "name"], ["i1", "n1"]), file(["name", "id"], ["i2", "n2"])])?;
    let sql = "SELECT DISTINCT id, name FROM src.suite.late ORDER BY id";
    match fixture.query(sql).await {
        Ok(answer) => {
            let found = oracle::rows(&answer.schema, &answer.batches)?.concat();
            ensure!(found == ["i1", "n1", "i2", "n2"].map(|text| Some(text.to_owned())), "{found:?}");
        }
        // CSV is read by position: there it is refused.
        Err(error) => {
            let kind = fixture.files.as_ref().context("files")?.kind;
            ensure!(matches!(kind, Kind::Csv | Kind::CsvGz) && error.code() == ErrorCode::SourceData, "{error}");
        }
    }
    Ok(())
}

async fn int96(fixture: &Fixture) -> anyhow::Result<()> {
    let place = fixture.files.as_ref().context("files")?;
    let path = place.root.join(SCHEMA).join("late.parquet");
    let message = Arc::new(parse_message_type("message m { optional int96 id; }")?);
    let mut writer = SerializedFileWriter::new(std::fs::File::create(path)?, message, Arc::default())?;
    let mut group = writer.next_row_group()?;
    if let Some(mut column) = group.next_column()? {
        // Nanoseconds of the day in two halves, then the Julian day: 9999-12-31 and 1970-01-01 00:00:01.
        let values = [Int96::from(vec![0, 0, 5_373_484]), Int96::from(vec![1_000_000_000, 0, 2_440_588])];
        column.typed::<Int96Type>().write_batch(&values, Some(&[1, 1]), None)?;
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    let found = rows(fixture, "SELECT id FROM src.suite.late WHERE id > TIMESTAMP '1960-01-01 00:00:00'").await?;
    ensure!(
        found.concat() == ["9999-12-31T00:00:00", "1970-01-01T00:00:01"].map(|text| Some(text.to_owned())),
        "{found:?}"
    );
    Ok(())
}

async fn lz4(fixture: &Fixture) -> anyhow::Result<()> {
    let place = fixture.files.as_ref().context("files")?;
    let ids = batch(vec![("id", Arc::new(Int64Array::from_iter_values((0..5000).map(|i| i / 100))))]);
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let file = std::fs::File::create(place.root.join(SCHEMA).join("late.arrow"))?;
    let mut writer = FileWriter::try_new_with_options(file, &ids.schema(), options)?;
    writer.write(&ids)?;
    writer.finish()?;
    let found =
        rows(fixture, "SELECT count(*) AS n, count(DISTINCT id) AS d, sum(id) AS s FROM src.suite.late").await?;
    ensure!(found.concat() == ["5000", "50", "122500"].map(|text| Some(text.to_owned())), "{found:?}");
    Ok(())
}
