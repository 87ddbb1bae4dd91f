//! Options of a connector, declared once: checked, defaulted and printed into the docs from the same list.

use serde::{Deserialize, Serialize};

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// A text.
    Text,
    /// A path; relative ones start at the configuration file's folder.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A nested table of the configuration, explained in the help text.
    Table,
    /// A text that is a secret: given as `{ env = "NAME" }` or `{ file = "PATH" }`, never in the open.
    Secret,
}

/// One option of a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// Name in the configuration.
    pub name: &'static str,
    /// Type of its value.
    pub kind: OptionKind,
    /// Whether it must be given.
    pub required: bool,
    /// The default, as it would be written.
    pub default: Option<&'static str>,
    /// What it does, one or two sentences.
    pub help: &'static str,
}

/// Options of one source as the configuration gives them, secrets resolved and paths made absolute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub serde_json::Map<String, serde_json::Value>);
