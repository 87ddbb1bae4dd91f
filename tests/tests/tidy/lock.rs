//! What the committed lock file holds.

use crate::{none, text};

/// Packages that must not come in, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS is rustls with ring"),
    ("openssl-sys", "TLS is rustls with ring"),
    ("native-tls", "TLS is rustls with ring"),
    ("aws-lc-rs", "needs cmake; TLS is rustls with ring"),
    ("aws-lc-sys", "needs cmake; TLS is rustls with ring"),
    ("winit", "a gateway opens no windows"),
];

/// Packages of which only one version may be linked: their types cross crates.
const ONE_VERSION: &[&str] = &[
    "arrow",
    "arrow-array",
    "arrow-schema",
    "parquet",
    "datafusion",
    "object_store",
    "sqlparser",
    "tokio",
    "axum",
    "hyper",
];

fn locked() -> Vec<(String, String)> {
    let lock: toml::Table = text("Cargo.lock").expect("Cargo.lock is committed").parse().expect("Cargo.lock is TOML");
    let field = |package: &toml::Value, key: &str| package[key].as_str().expect("text").to_owned();
    lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (field(package, "name"), field(package, "version")))
        .collect()
}

#[test]
fn no_banned_package_is_locked() {
    let locked = locked();
    let found = BANNED.iter().filter(|(name, _)| locked.iter().any(|(package, _)| package == name));
    none(&found.map(|(name, reason)| format!("Cargo.lock: {name}: {reason}")).collect::<Vec<_>>());
}

#[test]
fn packages_whose_types_cross_crates_have_one_version() {
    let locked = locked();
    let mut offences = Vec::new();
    for name in ONE_VERSION {
        let versions: Vec<&str> =
            locked.iter().filter(|(package, _)| package == name).map(|(_, version)| version.as_str()).collect();
        if versions.len() != 1 {
            offences.push(format!("Cargo.lock: {name} has versions {versions:?}, exactly one is right"));
        }
    }
    none(&offences);
}
