//! The configuration file `lockgate.toml`: read strictly, all problems at once with file, line and hint.
//!
//! Settings stand in one list ([`SETTINGS`]); connectors bring the options of their sources. Nothing in here opens a
//! source, a policy or a socket.

mod reader;
mod secret;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lockgate_contract::Connector;
use lockgate_policies::{Problem, Severity};

pub(crate) use reader::Reader;
pub use secret::Secret;
pub use settings::{SETTINGS, Setting, SettingKind};
pub use sources::SourceConfig;

/// Shortest key of the `hash` treatment, in bytes.
const MIN_KEY_BYTES: usize = 32;

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that it came from, as problems name it.
    pub file: String,
    /// `[server]`.
    pub server: ServerConfig,
    /// `policy.dir`.
    pub policy_dir: PathBuf,
    /// `users.file`.
    pub users_file: PathBuf,
    /// `keys.hash`.
    pub hash_key: Secret,
    /// `keys.hash_id`.
    pub hash_key_id: String,
    /// `ledger.dir`.
    pub ledger_dir: PathBuf,
    /// `[limits]`.
    pub limits: Limits,
    /// `[log]`.
    pub log: LogConfig,
    /// `[sources.NAME]`, sorted by name.
    pub sources: Vec<SourceConfig>,
}

/// `[server]`.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where the HTTP door listens; always a loopback address.
    pub http: SocketAddr,
    /// Site of this gateway.
    pub site: String,
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Most connections at once.
    pub max_connections: usize,
    /// How long running queries may go on at shutdown.
    pub drain: Duration,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
}

/// `[limits]`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory of all queries together, in bytes.
    pub memory: usize,
    /// Memory of one query, in bytes.
    pub query_memory: usize,
    /// Temporary disk space, in bytes.
    pub spill: u64,
    /// Folder for temporary files.
    pub spill_dir: Option<PathBuf>,
    /// Longest time of one query.
    pub time: Duration,
    /// Most rows of one result.
    pub max_rows: Option<usize>,
    /// Queries that run at once.
    pub slots: usize,
    /// Queries that may wait.
    pub queue: usize,
    /// Longest wait for a slot.
    pub queue_wait: Duration,
    /// Partitions of one query.
    pub threads: usize,
    /// Rows of one batch inside the engine.
    pub batch_rows: usize,
}

/// `[log]`.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Form of the log.
    pub format: LogFormat,
    /// What is logged.
    pub filter: String,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads and checks a file; an error lists every problem in it.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let (file, text, folder) = read(path)?;
        Self::parse(&text, &file, &folder, &crate::sources::connectors())
    }

    /// Checks a configuration text; relative paths start at `folder`. An error lists every problem.
    pub fn parse(text: &str, file: &str, folder: &Path, connectors: &[&dyn Connector]) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::parse(file, text, folder);
        reader.refuse_unknown(&["sources"]);
        let server = read_server(&mut reader);
        let policy_dir = existing(&mut reader, "policy.dir", Path::is_dir, "is not a folder");
        let users_file = existing(&mut reader, "users.file", Path::is_file, "is not a file");
        let hash_key = read_key(&mut reader);
        let hash_key_id = reader.text("keys.hash_id");
        let ledger_dir = reader.path("ledger.dir");
        let limits = read_limits(&mut reader);
        let log = read_log(&mut reader);
        let sources = sources::read_sources(&mut reader, connectors);
        let problems = reader.into_problems();
        let parts = (server, policy_dir, users_file, hash_key, hash_key_id, ledger_dir, limits, log);
        let (
            Some(server),
            Some(policy_dir),
            Some(users_file),
            Some(hash_key),
            Some(hash_key_id),
            Some(ledger_dir),
            Some(limits),
            Some(log),
        ) = parts
        else {
            return Err(problems);
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let file = file.to_owned();
        Ok(Self { file, server, policy_dir, users_file, hash_key, hash_key_id, ledger_dir, limits, log, sources })
    }
}

/// What `[sources.NAME]` sections say.
#[derive(Debug, Clone)]
pub struct SourcesConfig {
    /// The configuration file, as problems name it.
    pub file: String,
    /// One for each section.
    pub sources: Vec<SourceConfig>,
}

impl SourcesConfig {
    /// Reads and checks the sources of a file, and no more: one may look at what they hold before there is a policy, a users file or
    /// a key. An error lists every problem.
    pub fn load(path: &Path) -> Result<Self, Vec<Problem>> {
        let (file, text, folder) = read(path)?;
        let mut reader = Reader::parse(&file, &text, &folder);
        reader.refuse_unknown(&["sources"]);
        let sources = sources::read_sources(&mut reader, &crate::sources::connectors());
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(Self { file, sources }) } else { Err(problems) }
    }
}

/// Name, text and folder of a configuration file.
fn read(path: &Path) -> Result<(String, String, PathBuf), Vec<Problem>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let text = format!("cannot be read: {}", error.kind());
        let hint = "give the path of a configuration file with --config".to_owned();
        vec![Problem { severity: Severity::Error, file: file.clone(), line: None, rule: None, text, hint }]
    })?;
    let folder =
        std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_path_buf)).unwrap_or_default();
    Ok((file, text, folder))
}

fn read_server(reader: &mut Reader<'_>) -> Option<ServerConfig> {
    let http = reader.address("server.http");
    if let Some(address) = http.filter(|address| !address.ip().is_loopback()) {
        let text = format!("`{address}` is not a loopback address, and this door has no TLS");
        reader.problem(
            reader.position("server.http"),
            "server.http",
            text,
            "listen on 127.0.0.1 or [::1] and put a proxy that ends TLS on this machine in front",
        );
    }
    let site = reader.text("server.site");
    if site.as_deref().is_some_and(|site| !is_word(site)) {
        let at = reader.position("server.site");
        reader.problem(at, "server.site", "is no name for a site", "use letters, digits, `-`, `_` and `.`");
    }
    let max_body = bytes(reader, "server.max_body");
    let max_connections = reader.count("server.max_connections");
    let drain = reader.duration("server.drain");
    let metrics_open = reader.bool("server.metrics_open");
    Some(ServerConfig {
        http: http?,
        site: site?,
        max_body: max_body?,
        max_connections: max_connections?,
        drain: drain?,
        metrics_open: metrics_open?,
    })
}

fn read_key(reader: &mut Reader<'_>) -> Option<Secret> {
    let key = reader.secret("keys.hash")?;
    if key.expose().len() < MIN_KEY_BYTES {
        let at = reader.position("keys.hash");
        let hint = "make one with `openssl rand -hex 32`";
        reader.problem(at, "keys.hash", format!("the key is shorter than {MIN_KEY_BYTES} bytes"), hint);
    }
    Some(key)
}

fn read_limits(reader: &mut Reader<'_>) -> Option<Limits> {
    let memory = bytes(reader, "limits.memory");
    let query_memory = bytes(reader, "limits.query_memory");
    let query_memory = match reader.is_given("limits.query_memory") {
        true => query_memory,
        false => query_memory.min(memory),
    };
    if let (Some(all), Some(one)) = (memory, query_memory)
        && one > all
    {
        let at = reader.position("limits.query_memory");
        reader.problem(at, "limits.query_memory", "is larger than `limits.memory`", "make it at most as large");
    }
    let spill = reader.bytes("limits.spill");
    let spill_dir = reader.path("limits.spill_dir");
    let time = reader.duration("limits.time");
    let max_rows = reader.count("limits.max_rows");
    let slots = reader.count("limits.slots");
    let queue = reader.count("limits.queue");
    let queue_wait = reader.duration("limits.queue_wait");
    let threads =
        reader.count("limits.threads").unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let batch_rows = reader.count("limits.batch_rows");
    Some(Limits {
        memory: memory?,
        query_memory: query_memory?,
        spill: spill?,
        spill_dir,
        time: time?,
        max_rows,
        slots: slots?,
        queue: queue?,
        queue_wait: queue_wait?,
        threads,
        batch_rows: batch_rows?,
    })
}

fn read_log(reader: &mut Reader<'_>) -> Option<LogConfig> {
    let format = match reader.choice("log.format", &["text", "json"]) {
        Some(0) => Some(LogFormat::Text),
        Some(_) => Some(LogFormat::Json),
        None => None,
    };
    let filter = reader.text("log.filter");
    if let Some(Err(error)) = filter.as_deref().map(tracing_subscriber::EnvFilter::try_new) {
        let at = reader.position("log.filter");
        reader.problem(at, "log.filter", format!("is no log filter: {error}"), "write a level such as \"info\"");
    }
    Some(LogConfig { format: format?, filter: filter? })
}

fn existing(reader: &mut Reader<'_>, key: &str, there: fn(&Path) -> bool, text: &str) -> Option<PathBuf> {
    let path = reader.path(key)?;
    if !there(&path) {
        let at = reader.position(key);
        reader.problem(
            at,
            key,
            format!("`{}` {text}", path.display()),
            "mend the path; relative ones start at the configuration file's folder",
        );
    }
    Some(path)
}

fn bytes(reader: &mut Reader<'_>, key: &str) -> Option<usize> {
    reader.bytes(key).map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Whether a name can stand in policy conditions.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
