//! Every setting outside `[sources]`, declared once: checked, defaulted and printed into the docs from this list.

/// The type of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// A text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A path; relative ones start at the configuration file's folder.
    Path,
    /// `true` or `false`.
    Bool,
    /// A whole number of at least 1.
    Count,
    /// A size: a number of bytes, or a text such as `"512 MiB"`.
    Bytes,
    /// A length of time, such as `"30s"` or `"10m"`.
    Duration,
    /// `IP:PORT`.
    Address,
    /// A secret: `{ env = "NAME" }` or `{ file = "PATH" }`.
    Secret,
}

impl SettingKind {
    /// What to write, for hints and docs.
    pub fn form(self) -> String {
        match self {
            Self::Text => "a text in quotes".to_owned(),
            Self::Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::Path => "a path in quotes".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Count => "a whole number of at least 1".to_owned(),
            Self::Bytes => "a size such as \"512 MiB\"".to_owned(),
            Self::Duration => "a length of time such as \"30s\"".to_owned(),
            Self::Address => "an address such as \"127.0.0.1:8815\"".to_owned(),
            Self::Secret => "{ env = \"NAME\" } or { file = \"PATH\" }".to_owned(),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `section.key`.
    pub key: &'static str,
    /// Type of its value.
    pub kind: SettingKind,
    /// Whether the gateway does not start without it.
    pub required: bool,
    /// The default, as it would be written in TOML.
    pub default: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
}

const fn required(key: &'static str, kind: SettingKind, help: &'static str) -> Setting {
    Setting { key, kind, required: true, default: None, help }
}

const fn optional(key: &'static str, kind: SettingKind, default: Option<&'static str>, help: &'static str) -> Setting {
    Setting { key, kind, required: false, default, help }
}

use SettingKind::{Address, Bool, Bytes, Choice, Count, Duration, Path, Secret, Text};

/// Every setting, in the order of the docs.
pub const SETTINGS: &[Setting] = &[
    optional(
        "server.http",
        Address,
        Some("\"127.0.0.1:8815\""),
        "Where the HTTP door listens. Without TLS only loopback addresses are taken; port 0 picks a free port.",
    ),
    required(
        "server.site",
        Text,
        "Name of the site (data centre) that this gateway runs in, as policy names it in `dc=` and `residency`.",
    ),
    optional(
        "server.max_body",
        Bytes,
        Some("\"1 MiB\""),
        "Largest request body; a larger one is answered with BODY_TOO_LARGE.",
    ),
    optional(
        "server.max_connections",
        Count,
        Some("1024"),
        "Most connections at once; further ones wait to be accepted.",
    ),
    optional(
        "server.drain",
        Duration,
        Some("\"30s\""),
        "How long running queries may go on after SIGTERM or SIGINT before they are cut off.",
    ),
    optional(
        "server.metrics_open",
        Bool,
        Some("false"),
        "Whether `/metrics` answers without a token. The figures name no user, table or SQL text.",
    ),
    required("policy.dir", Path, "The policy folder."),
    required("users.file", Path, "The users file: who may sign in, with which token."),
    required(
        "keys.hash",
        Secret,
        "Key of the `hash` treatment, at least 32 bytes. Another key gives other tokens for the same values.",
    ),
    optional(
        "keys.hash_id",
        Text,
        Some("\"k1\""),
        "Name of that key in the ledger and in plans; change it together with the key.",
    ),
    required("ledger.dir", Path, "Folder of the audit ledger; made when it is absent."),
    optional("limits.memory", Bytes, Some("\"2 GiB\""), "Memory that all queries together may use."),
    optional(
        "limits.query_memory",
        Bytes,
        Some("\"1 GiB\""),
        "Memory that one query may use before it spills to disk or fails with MEMORY_LIMIT.",
    ),
    optional("limits.spill", Bytes, Some("\"16 GiB\""), "Temporary disk space that queries may use."),
    optional("limits.spill_dir", Path, None, "Folder for temporary files; by default the system's."),
    optional(
        "limits.time",
        Duration,
        Some("\"10m\""),
        "Longest time that one query may run; a request can ask for less.",
    ),
    optional(
        "limits.max_rows",
        Count,
        None,
        "Most rows of one result; by default there is no such limit. A request can ask for less.",
    ),
    optional("limits.slots", Count, Some("16"), "Queries that run at once."),
    optional(
        "limits.queue",
        Count,
        Some("256"),
        "Queries that may wait for a slot; more are answered with QUEUE_FULL.",
    ),
    optional("limits.queue_wait", Duration, Some("\"30s\""), "Longest time that a query waits for a slot."),
    optional(
        "limits.threads",
        Count,
        None,
        "Partitions that one query is cut into; by default the number of processor cores.",
    ),
    optional("limits.batch_rows", Count, Some("4096"), "Rows of one batch inside the engine."),
    optional("log.format", Choice(&["text", "json"]), Some("\"text\""), "Form of the log on standard error."),
    optional(
        "log.filter",
        Text,
        Some("\"info\""),
        "What is logged, such as `info` or `lockgate_engine=debug,info`. SQL texts appear from `debug` on only; of libraries, whose lines \
         can hold values, warnings and errors alone are logged.",
    ),
];

/// The setting of that `section.key`.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}
