//! Which crate may name which: the arrows of ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::{files, none, root, text};

/// A crate of ours, the crates of ours that it may name, and dependencies that must never be named in it.
struct Room {
    name: &'static str,
    may_name: &'static [&'static str],
    never: &'static [&'static str],
}

const EVERYTHING: &[&str] = &[
    "lockgate-policies",
    "lockgate-contract",
    "lockgate-connector-files",
    "lockgate-connector-presto",
    "lockgate-wire",
    "lockgate-engine",
    "lockgate-server",
];

/// The table of arrows. A new arrow is a change of its own, with its reason in ARCHITECTURE.md.
const ROOMS: &[Room] = &[
    Room {
        name: "lockgate-policies",
        may_name: &[],
        never: &["datafusion", "tokio", "axum", "hyper", "reqwest", "object_store"],
    },
    Room {
        name: "lockgate-wire",
        may_name: &[],
        never: &["datafusion", "tokio", "axum", "hyper", "reqwest", "casbin"],
    },
    Room { name: "lockgate-contract", may_name: &[], never: &["datafusion", "axum", "hyper", "casbin"] },
    Room {
        name: "lockgate-connector-files",
        may_name: &["lockgate-contract"],
        never: &["datafusion", "axum", "hyper", "casbin"],
    },
    Room {
        name: "lockgate-connector-presto",
        may_name: &["lockgate-contract"],
        never: &["datafusion", "axum", "hyper", "casbin"],
    },
    Room {
        name: "lockgate-engine",
        may_name: &["lockgate-policies", "lockgate-contract", "lockgate-wire"],
        never: &["axum", "hyper", "reqwest", "casbin", "clap"],
    },
    Room {
        name: "lockgate-server",
        may_name: &[
            "lockgate-policies",
            "lockgate-contract",
            "lockgate-connector-files",
            "lockgate-connector-presto",
            "lockgate-wire",
            "lockgate-engine",
        ],
        never: &["casbin"],
    },
    Room { name: "lockgate-tests", may_name: EVERYTHING, never: &["casbin"] },
    Room { name: "lockgate-benches", may_name: EVERYTHING, never: &[] },
];

/// A dependency that exactly these files (or folders, ending in `/`) may name in code.
const ONE_FILE: &[(&str, &[&str])] =
    &[("casbin", &["policies/src/rules.rs", "policies/src/rules/"]), ("notify", &["gateway/server/src/"])];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn packages() -> Vec<(String, BTreeSet<String>)> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let names = dependencies.iter().map(|dependency| dependency["name"].as_str().expect("name").to_owned());
            // A test may use the room's own kind of thing from another room (dev-dependencies are judged alike): an
            // arrow that only a test draws still ties two rooms together.
            (package["name"].as_str().expect("name").to_owned(), names.collect())
        })
        .collect()
}

#[test]
fn crates_name_only_what_the_table_of_arrows_allows() {
    let mut offences = Vec::new();
    for (package, dependencies) in packages() {
        let Some(room) = ROOMS.iter().find(|room| room.name == package) else {
            offences.push(format!("{package}: not in the table of arrows; add it to tests/tests/tidy/arrows.rs"));
            continue;
        };
        for dependency in dependencies {
            if dependency.starts_with("lockgate-") && !room.may_name.contains(&dependency.as_str()) {
                offences.push(format!("{package} names {dependency}: this arrow does not exist"));
            }
            if room.never.contains(&dependency.as_str()) {
                offences.push(format!("{package} names {dependency}: that belongs to another room"));
            }
        }
    }
    none(&offences);
}

#[test]
fn every_room_of_the_table_exists() {
    let packages = packages();
    let missing = ROOMS.iter().filter(|room| !packages.iter().any(|(name, _)| name == room.name));
    none(
        &missing
            .map(|room| format!("{}: in the table of arrows, but not in the workspace", room.name))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn a_dependency_with_one_home_is_named_there_only() {
    let mut offences = Vec::new();
    for name in files().iter().filter(|name| name.ends_with(".rs")) {
        let Some(text) = text(name) else { continue };
        for (dependency, homes) in ONE_FILE {
            let at_home = homes.iter().any(|home| name == home || (home.ends_with('/') && name.starts_with(home)));
            let path = format!("{dependency}::");
            let named = text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                code.match_indices(&path)
                    .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            if named && !at_home {
                offences.push(format!("{name}: names {dependency}; only {} may", homes.join(", ")));
            }
        }
    }
    none(&offences);
}
