//! Text files as people write them.

use std::fs;

use anyhow::{Context, ensure};
use lockgate_wire::ErrorCode;

use super::super::data::SCHEMA;
use super::super::files::Kind;
use super::super::fixture::Fixture;
use super::super::oracle;
use super::super::{Check, Need};
use super::changes;

pub(super) const CHECKS: &[Check] = &[
    changes("marks_line_ends_and_quotes_of_other_systems_are_read", &[Need::Files(Kind::Csv)], |f| {
        Box::pin(dialects(f))
    }),
    changes("quoted_line_breaks_survive_in_a_big_file", &[Need::Files(Kind::Csv)], |f| Box::pin(big(f))),
    changes("zero_byte_text_files_hold_no_rows_csv", &[Need::Files(Kind::Csv)], |f| {
        Box::pin(zero_bytes(f, "id,name\n1,a\n"))
    }),
    changes("zero_byte_text_files_hold_no_rows_ndjson", &[Need::Files(Kind::NdJson)], |f| {
        Box::pin(zero_bytes(f, "{\"id\": 1, \"name\": \"a\"}\n"))
    }),
    changes("half_characters_of_two_fields_never_make_one", &[Need::Files(Kind::Csv)], |f| Box::pin(halves(f))),
    changes("numbers_beside_texts_come_out_as_they_are_written", &[Need::Files(Kind::NdJson)], |f| Box::pin(mixed(f))),
    changes("objects_lack_fields_and_have_others", &[Need::Files(Kind::NdJson)], |f| Box::pin(ragged(f))),
];

/// Writes one file of the table `late`, which policy knows with the columns `id` and `name`.
fn write(fixture: &Fixture, part: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let place = fixture.files.as_ref().context("files")?;
    let folder = place.root.join(SCHEMA).join("late");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{part}.{}", place.kind.extension())), bytes)?;
    Ok(())
}

async fn rows(fixture: &Fixture, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let answer = fixture.query(sql).await.map_err(|error| anyhow::anyhow!("{sql}: {error} [{}]", error.internal))?;
    oracle::rows(&answer.schema, &answer.batches)
}

async fn dialects(fixture: &Fixture) -> anyhow::Result<()> {
    let expected = [("1", Some("a\"b")), ("2", None), ("3", Some("x, y")), ("4", Some("ü"))];
    let expected: Vec<_> = expected.map(|(id, name)| vec![Some(id.to_owned()), name.map(str::to_owned)]).to_vec();
    for text in [
        "id,name\n1,\"a\"\"b\"\n2,\n3,\"x, y\"\n4,ü\n",
        "\u{feff}id,name\r\n1,\"a\"\"b\"\r\n2,\r\n3,\"x, y\"\r\n4,ü",
        "\"id\",\"name\"\n\"1\",\"a\"\"b\"\n\n2,\"\"\n3,\"x, y\"\n\n4,\"ü\"\n\n",
    ] {
        write(fixture, "part", text.as_bytes())?;
        let found = rows(fixture, "SELECT id, name FROM src.suite.late ORDER BY id").await?;
        ensure!(found == expected, "{text:?}: {found:?}");
    }
    Ok(())
}

/// Large enough that an engine would like to cut the file into ranges.
async fn big(fixture: &Fixture) -> anyhow::Result<()> {
    const ROWS: usize = 12_000;
    let mut text = "id,name\n".to_owned();
    for i in 0..ROWS {
        text += &format!("{i},\"{}\n{i},decoy\n{}\"\n", "x".repeat(500), "y".repeat(500));
    }
    ensure!(text.len() > 11 << 20, "{} bytes", text.len());
    write(fixture, "part", text.as_bytes())?;
    let found =
        rows(fixture, "SELECT count(*) AS n, count(DISTINCT id) AS d, sum(length(name)) AS l FROM src.suite.late")
            .await?;
    let lengths: usize = (0..ROWS).map(|i| 500 + 1 + format!("{i},decoy\n").len() + 500).sum();
    ensure!(found == [[ROWS, ROWS, lengths].map(|n| Some(n.to_string()))], "{found:?}, expected {lengths}");
    Ok(())
}

/// Latin-1 `Ã` and `©` in two fields, behind the sample: one after the other they look like `é` in UTF-8.
async fn halves(fixture: &Fixture) -> anyhow::Result<()> {
    let mut text = b"id,name\n".to_vec();
    text.extend(b"x,y\n".repeat(2_000));
    text.extend(b"\xc3,\xa9\n");
    write(fixture, "part", &text)?;
    let error = fixture.query("SELECT id, name FROM src.suite.late").await.err().context("an answer")?;
    ensure!(error.code() == ErrorCode::SourceData, "{error} [{}]", error.internal);
    ensure!(error.internal.contains("line 2002 is not UTF-8"), "{}", error.internal);
    Ok(())
}

async fn zero_bytes(fixture: &Fixture, text: &str) -> anyhow::Result<()> {
    write(fixture, "a", b"")?;
    write(fixture, "b", text.as_bytes())?;
    write(fixture, "c", b"")?;
    ensure!(
        rows(fixture, "SELECT id, name FROM src.suite.late").await? == [[Some("1".to_owned()), Some("a".to_owned())]]
    );
    Ok(())
}

async fn ragged(fixture: &Fixture) -> anyhow::Result<()> {
    write(
        fixture,
        "a",
        b"{\"name\": \"x\", \"more\": {\"deep\": [1]}}\n\n{\"id\": 7}\n{}\n{\"id\": null, \"name\": \"\"}\n",
    )?;
    let found = rows(fixture, "SELECT id, name FROM src.suite.late").await?;
    let text = |text: &str| Some(text.to_owned());
    let expected = [[None, text("x")], [text("7"), None], [None, None], [None, text("")]];
    ensure!(found == expected, "{found:?}");
    Ok(())
}

async fn mixed(fixture: &Fixture) -> anyhow::Result<()> {
    let texts = ["1", "2.50", "1e3", "12345678901234567890123", "true", "x"];
    for (i, text) in texts.iter().enumerate() {
        let value = if *text == "x" { "\"x\"".to_owned() } else { (*text).to_owned() };
        write(fixture, &format!("part-{i}"), format!("{{\"id\": {i}, \"name\": {value}}}\n").as_bytes())?;
    }
    let found = rows(fixture, "SELECT name FROM src.suite.late ORDER BY id").await?;
    ensure!(found.concat() == texts.map(|text| Some(text.to_owned())), "{found:?}");
    Ok(())
}
