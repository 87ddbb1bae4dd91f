//! `lockgate demo`: an invented ride company to try the gateway on, without any server.
//!
//! A demo is a folder: data files of four "systems" ([`world`]), the sample policy ([`policy`]), and a configuration with
//! users whose tokens are new at each start ([`config`]). It is served by the same code as any other configuration. All
//! four catalogues are read by the files connector; nothing here imitates a Hive, Presto, Vertica or HDFS server.

pub mod config;
mod folder;
pub mod policy;
#[cfg(test)]
mod tests;
pub mod world;

pub use folder::{Demo, prepare};

/// Somebody in the demo, whom the sample policy knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Name, as in `policy.csv`.
    pub name: &'static str,
    /// A purpose that suits the person's work.
    pub purpose: &'static str,
    /// Who it is, in some words.
    pub is: &'static str,
}

/// The people of the demo. Their roles stand in the policy, not in the users file.
pub fn people() -> [Person; 5] {
    let person = |name, purpose, is| Person { name, purpose, is };
    [
        person("alice", "analytics", "data scientist"),
        person("bob", "fraud", "head of the fraud team"),
        person("carl", "fraud", "contractor in the fraud team"),
        person("mia", "marketing", "marketing"),
        person("zoe", "analytics", "new, without any role yet"),
    ]
}

/// Data centre and site of everything in the demo, as the sample policy names it.
pub const SITE: &str = "eu";
