//! The configuration and the users file: changed a little, they are read or refused, and every problem says where and what to do.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use lockgate_connector_files::FilesConnector;
use lockgate_policies::Problem;
use lockgate_server::auth::Users;
use lockgate_server::config::Config;
use proptest::prelude::*;

use super::edits::{Edit, edited, edits};
use super::fuzz;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("fuzz::changed_configurations_are_read_or_refused_with_place_and_hint", configurations),
        Trial::test("fuzz::changed_users_files_are_read_or_refused_with_place_and_hint", users),
    ]
}

/// A token that stands in the open where somebody put it by mistake: no problem may quote it.
const SECRET: &str = "lg_k9z0secret0k9z";

/// Pieces that mean something to TOML or to one of the files.
const PIECES: &[&str] = &[
    "\n",
    "=",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    ".",
    "#",
    "\\",
    "\\u0007",
    "\\ud800",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[31m",
    "\u{430}",
    "\t",
    "\r",
    "1",
    "-1",
    "0x10",
    "1e999",
    "nan",
    "inf",
    "true",
    "null",
    "1979-05-27T07:32:00Z",
    "99999999999999999999",
    "[users]\n",
    "[[users]]\n",
    "name = ",
    "roles = ",
    "dc = ",
    "token_sha256 = ",
    "lg_k9z0secret0k9z",
    "\"lg_k9z0secret0k9z\"",
    "[server]\n",
    "http = ",
    "\"0.0.0.0:1\"",
    "max_body = ",
    "\"9 EiB\"",
    "\"-1 MiB\"",
    "\"0s\"",
    "\"99999999999999 years\"",
    "[limits]\n",
    "threads = ",
    "[sources.x]\n",
    "connector = ",
    "root = ",
    "tables = ",
    "password = ",
    "env = ",
    "file = ",
    "../",
    "[log]\n",
    "filter = ",
    "format = ",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "a.b.c.d.e.f.g.h.i.j.k.l.m.n = 1\n",
];

const CONFIGURATION: &str = r#"
[server]
http = "127.0.0.1:0"
site = "eu"
max_body = "1 MiB"
max_connections = 100
drain = "20s"
metrics_open = false
[policy]
dir = "policy"
[users]
file = "users.toml"
[keys]
hash = { file = "key" }
hash_id = "k1"
[ledger]
dir = "ledger"
[limits]
memory = "512 MiB"
query_memory = "256 MiB"
spill = "1 GiB"
time = "90s"
max_rows = 0x10
slots = 4
queue = 8
queue_wait = "5s"
threads = 2
batch_rows = 8192
[log]
format = "json"
filter = "info,lockgate_server=debug"
[sources.hive]
connector = "files"
root = "data"
[sources.hdfs]
connector = "files"
root = "data"
[sources.hdfs.tables."raw.events"]
path = "raw/events.ndjson"
schema = { id = "Int64", note = "Utf8", at = "Timestamp(us)" }
"#;

const USERS: &str = r#"
[[users]]
name = "ann"
roles = ["analyst", "lead"]
dc = "eu"
token_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

[[users]]
name = "bob"
token_sha256 = [
  "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34",
  "248D6A61D20638B8E5C026930C3E6039A33CE45964FF2167F6ECEDD419DB06C1",
]
"#;

fn check(problems: &[Problem]) -> Result<(), TestCaseError> {
    prop_assert!(!problems.is_empty(), "refused without a word");
    for problem in problems {
        let has_place = !problem.file.is_empty() && problem.line.is_some_and(|line| line > 0);
        prop_assert!(has_place && !problem.text.is_empty() && !problem.hint.is_empty(), "{problem:?}");
        let line = problem.to_string();
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(line.len() < 2_000, "{} characters: {line}", line.len());
        // A path is shown, whatever it looks like; as a part of another word it is no token any more.
        let is_path = ["is not a file", "is not a folder", "cannot be read: entity not found"]
            .iter()
            .any(|end| problem.text.ends_with(end));
        let told = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == SECRET);
        prop_assert!(is_path || !told, "{line}");
    }
    Ok(())
}

fn text(original: &str, edits: &[Edit]) -> String {
    String::from_utf8_lossy(&edited(original.as_bytes(), edits)).into_owned()
}

fn configurations() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for name in ["policy", "data", "data/raw"] {
        std::fs::create_dir(folder.path().join(name))?;
    }
    std::fs::write(folder.path().join("users.toml"), USERS)?;
    std::fs::write(folder.path().join("key"), "k".repeat(64))?;
    let parse = |text: &str, folder: &Path| Config::parse(text, "lockgate.toml", folder, &[&FilesConnector]);
    parse(CONFIGURATION, folder.path()).map_err(|problems| format!("{problems:?}"))?;
    fuzz(1_500, &edits(PIECES), |edits| match parse(&text(CONFIGURATION, &edits), folder.path()) {
        Ok(_) => Ok(()),
        Err(problems) => check(&problems),
    })
}

fn users() -> Result<(), Failed> {
    Users::parse(USERS, "users.toml").map_err(|problems| format!("{problems:?}"))?;
    fuzz(3_000, &edits(PIECES), |edits| match Users::parse(&text(USERS, &edits), "users.toml") {
        Ok(_) => Ok(()),
        Err(problems) => check(&problems),
    })
}
