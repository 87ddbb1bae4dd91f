//! What stands in the manifests: versions and lints have one home, the root manifest.

use crate::{files, none, text};

fn members() -> Vec<String> {
    files().into_iter().filter(|name| name.ends_with("/Cargo.toml")).collect()
}

fn manifest(name: &str) -> toml::Table {
    text(name).expect("a manifest is UTF-8").parse().expect("a manifest is TOML")
}

#[test]
fn versions_stand_in_the_root_manifest_only() {
    let mut offences = Vec::new();
    for name in members() {
        let manifest = manifest(&name);
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(dependencies) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
            for (dependency, value) in dependencies {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                if !inherited || value.get("version").is_some() {
                    offences.push(format!(
                        "{name}: {dependency} has its own version; write `{dependency}.workspace = true`"
                    ));
                }
            }
        }
        if let Some(targets) = manifest.get("target") {
            offences.push(format!("{name}: {targets} is per platform; put it into the root manifest and say why"));
        }
    }
    none(&offences);
}

#[test]
fn every_crate_inherits_lints_version_and_licence() {
    let mut offences = Vec::new();
    for name in members() {
        let manifest = manifest(&name);
        let inherits = |table: &str, key: &str| {
            let value = manifest.get(table).and_then(|table| table.get(key));
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            if !inherits("package", key) {
                offences.push(format!("{name}: write `{key}.workspace = true`"));
            }
        }
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if lints != Some(true) {
            offences.push(format!("{name}: write `[lints] workspace = true`"));
        }
        if manifest.contains_key("features") {
            offences.push(format!("{name}: cargo features multiply what must be tested; do without"));
        }
    }
    none(&offences);
}

#[test]
fn every_crate_is_a_member_and_no_version_is_unused() {
    let root = manifest("Cargo.toml");
    let listed: Vec<&str> =
        root["workspace"]["members"].as_array().expect("members").iter().filter_map(toml::Value::as_str).collect();
    let mut offences: Vec<String> = members()
        .iter()
        .filter(|name| !listed.contains(&name.trim_end_matches("/Cargo.toml")))
        .map(|name| format!("{name}: not a member of the workspace"))
        .collect();
    let texts: Vec<toml::Table> = members().iter().map(|name| manifest(name)).collect();
    for dependency in root["workspace"]["dependencies"].as_table().expect("dependencies").keys() {
        let used = texts.iter().any(|manifest| {
            ["dependencies", "dev-dependencies", "build-dependencies"]
                .iter()
                .any(|section| manifest.get(*section).and_then(|table| table.get(dependency)).is_some())
        });
        if !used {
            offences.push(format!("Cargo.toml: {dependency} is used by no crate"));
        }
    }
    none(&offences);
}

#[test]
fn the_toolchain_is_pinned_to_the_stated_rust_version() {
    let toolchain = manifest("rust-toolchain.toml");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("channel").to_owned();
    let stated =
        manifest("Cargo.toml")["workspace"]["package"]["rust-version"].as_str().expect("rust-version").to_owned();
    assert!(channel.starts_with(&stated), "rust-toolchain.toml pins {channel}, Cargo.toml states {stated}");
}
