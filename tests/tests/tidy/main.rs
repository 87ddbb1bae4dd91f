//! Rules of the repository that no compiler checks: arrows between crates, one room for each big dependency, file
//! sizes, words that do not belong into a commit, versions in one place, and docs that link to each other.
//!
//! Every test collects all offences before it fails, each with its file and what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrows;
mod lock;
mod manifests;
mod pages;
mod sources;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies in the root folder").to_owned()
}

/// Every file of the repository that is committed or would be, relative to the root, sorted.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(
        output.status.success(),
        "tidy reads the list of files from git: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut names: Vec<String> = String::from_utf8(output.stdout)
        .expect("file names are UTF-8")
        .split('\0')
        .filter(|name| !name.is_empty() && root().join(name).is_file())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    assert!(names.iter().any(|name| name == "Cargo.toml"), "git lists the root manifest");
    names
}

/// The text of a file of the repository; `None` when it is not UTF-8 (a data file).
fn text(name: &str) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(name)).expect("the file can be read")).ok()
}

/// Fails with all offences, one a line.
#[track_caller]
fn none(offences: &[String]) {
    assert!(offences.is_empty(), "{} offence(s):\n{}", offences.len(), offences.join("\n"));
}
