//! Files that cannot be read faithfully: an error that names the file in the log and the source to the user, and never an answer
//! that looks whole.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use lockgate_engine::Error;
use lockgate_wire::ErrorCode;

use super::super::data;
use super::super::files::Kind;
use super::super::fixture::Fixture;
use super::super::{Check, Need};
use super::changes;

pub(super) const CHECKS: &[Check] = &[
    changes("a_corrupt_parquet_footer_is_refused", &[Need::Files(Kind::Parquet)], |f| {
        Box::pin(damaged(f, |bytes| {
            let end = bytes.len() - 20;
            bytes[end..end + 10].fill(0xff);
        }))
    }),
    changes("a_cut_parquet_file_is_refused", &[Need::Files(Kind::Parquet)], |f| Box::pin(damaged(f, halve))),
    changes("a_corrupt_parquet_page_is_refused", &[Need::Files(Kind::Parquet)], |f| {
        Box::pin(damaged(f, |bytes| bytes[4..400].fill(0xff)))
    }),
    changes("a_cut_arrow_file_is_refused", &[Need::Files(Kind::Arrow)], |f| Box::pin(damaged(f, halve))),
    changes("a_corrupt_arrow_batch_is_refused", &[Need::Files(Kind::Arrow)], |f| {
        Box::pin(damaged(f, |bytes| {
            let at = bytes.len() / 2;
            bytes[at..at + 4000].fill(0xff);
        }))
    }),
    changes("a_cut_arrow_stream_is_refused", &[Need::Files(Kind::ArrowStream)], |f| Box::pin(damaged(f, halve))),
    changes("a_csv_row_of_another_width_is_refused", &[Need::Files(Kind::Csv)], |f| {
        Box::pin(damaged(f, |bytes| bytes.extend_from_slice(b"CANARY\n1,x\n")))
    }),
    changes("a_csv_row_that_is_too_wide_is_refused", &[Need::Files(Kind::Csv)], |f| {
        Box::pin(damaged(f, |bytes| bytes.extend_from_slice(b"1,x,CANARY\n")))
    }),
    changes("a_csv_value_behind_the_sample_that_does_not_fit_is_refused", &[Need::Files(Kind::Csv)], |f| {
        Box::pin(damaged(f, |bytes| bytes.extend_from_slice(b"CANARY,x\n")))
    }),
    changes("a_csv_text_that_is_not_utf8_is_refused", &[Need::Files(Kind::Csv)], |f| {
        Box::pin(damaged(f, |bytes| bytes.extend_from_slice(b"1,CANARY\xff\n")))
    }),
    changes("an_ndjson_line_that_is_no_json_is_refused", &[Need::Files(Kind::NdJson)], |f| {
        Box::pin(damaged(f, |bytes| bytes.extend_from_slice(b"{\"id\": 1, CANARY}\n{\"id\": 2}\n")))
    }),
    changes("an_ndjson_value_that_does_not_fit_is_refused", &[Need::Files(Kind::NdJson)], |f| {
        Box::pin(damaged(f, |bytes| bytes.extend_from_slice(b"{\"id\": \"CANARY\"}\n")))
    }),
    changes("an_ndjson_file_cut_in_mid_line_is_refused", &[Need::Files(Kind::NdJson)], |f| {
        Box::pin(damaged(f, |bytes| bytes.truncate(bytes.len() - 5)))
    }),
    changes("cut_gzip_text_is_refused_csv", &[Need::Files(Kind::CsvGz)], |f| Box::pin(damaged(f, halve))),
    changes("cut_gzip_text_is_refused_ndjson", &[Need::Files(Kind::NdJsonGz)], |f| Box::pin(damaged(f, halve))),
    changes("a_zero_byte_file_is_refused_parquet", &[Need::Files(Kind::Parquet)], |f| Box::pin(damaged(f, Vec::clear))),
    changes("a_zero_byte_file_is_refused_arrow", &[Need::Files(Kind::Arrow)], |f| Box::pin(damaged(f, Vec::clear))),
];

fn halve(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() / 2);
}

/// Damages the last file of `scratch` and reads the table.
async fn damaged(fixture: &Fixture, damage: impl Fn(&mut Vec<u8>)) -> anyhow::Result<()> {
    fixture.put("scratch", Some(&data::scratch(0..8_000)));
    let place = fixture.files.as_ref().context("files")?;
    let file = place.files("scratch").pop().context("a file")?;
    let mut bytes = fs::read(&file)?;
    damage(&mut bytes);
    fs::write(&file, bytes)?;
    for sql in
        ["SELECT id, name FROM src.suite.scratch", "SELECT count(name) AS n, max(id) AS m FROM src.suite.scratch"]
    {
        let error = fixture.query(sql).await.err().with_context(|| format!("an answer to {sql}"))?;
        check(fixture, &error, &file).with_context(|| sql.to_owned())?;
    }
    // The other tables are not affected.
    ensure!(fixture.query("SELECT id FROM src.suite.orders").await?.n_rows() == data::ORDERS);
    Ok(())
}

fn check(fixture: &Fixture, error: &Error, file: &Path) -> anyhow::Result<()> {
    ensure!(error.code() == ErrorCode::SourceData, "{error} [{}]", error.internal);
    let public = serde_json::to_string(&error.problem)?;
    ensure!(public.contains("source `src`"), "the source is not named: {public}");
    let below = file.strip_prefix(fixture.root())?.to_string_lossy().into_owned();
    ensure!(error.internal.contains(&below), "the log does not name {below}: {}", error.internal);
    for secret in ["CANARY", "suite/", "part-", &*fixture.root().to_string_lossy()] {
        ensure!(!public.contains(secret), "`{secret}` is told: {public}");
    }
    ensure!(!error.internal.contains("CANARY"), "a value is logged: {}", error.internal);
    Ok(())
}
