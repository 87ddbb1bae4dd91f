//! Real servers, started by `tests/servers` and named by environment variables.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::runtime::Runtime;

/// Whose protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Presto.
    Presto,
    /// Trino.
    Trino,
}

impl Dialect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Presto, Self::Trino];

    /// Lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Presto => "presto",
            Self::Trino => "trino",
        }
    }

    fn header(self, name: &str) -> String {
        match self {
            Self::Presto => format!("X-Presto-{name}"),
            Self::Trino => format!("X-Trino-{name}"),
        }
    }
}

/// A coordinator. Its client is a small one of the tests' own.
#[derive(Debug, Clone)]
pub struct Server {
    /// Whose protocol it speaks.
    pub dialect: Dialect,
    /// Its address.
    pub url: String,
}

impl Server {
    /// The server whose address stands in `LOCKGATE_PRESTO` or `LOCKGATE_TRINO`.
    pub fn of_environment(dialect: Dialect) -> Option<Self> {
        let url = std::env::var(format!("LOCKGATE_{}", dialect.name().to_uppercase())).ok()?;
        (!url.is_empty()).then_some(Self { dialect, url })
    }

    /// Runs a statement to its end.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn run(&self, sql: &str) {
        let _ = self.rows(sql);
    }

    /// The rows of a statement, as the server's JSON has them.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        // A thread of its own, since a check that changes a table already runs on a runtime.
        let fetched = std::thread::scope(|scope| scope.spawn(|| runtime().block_on(self.fetch(sql))).join());
        fetched.expect("no panic").unwrap_or_else(|error| panic!("{error}: {sql:.300}"))
    }

    /// The rows of a statement, or what the server says.
    ///
    /// # Errors
    /// The server's message.
    pub async fn fetch(&self, sql: &str) -> Result<Vec<Vec<Value>>, String> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(120)).build().map_err(text)?;
        let request = |request: reqwest::RequestBuilder| {
            request
                .header(self.dialect.header("User"), "tests")
                .header(self.dialect.header("Time-Zone"), "UTC")
                .header(self.dialect.header("Client-Capabilities"), "PARAMETRIC_DATETIME")
        };
        let post = request(client.post(format!("{}/v1/statement", self.url)).body(sql.to_owned()));
        let mut page: Value = post.send().await.map_err(text)?.json().await.map_err(text)?;
        let mut rows = Vec::new();
        loop {
            if let Some(message) = page.pointer("/error/message") {
                return Err(message.to_string());
            }
            for row in page["data"].as_array().into_iter().flatten() {
                rows.push(row.as_array().cloned().unwrap_or_default());
            }
            let Some(next) = page["nextUri"].as_str() else { return Ok(rows) };
            page = request(client.get(next)).send().await.map_err(text)?.json().await.map_err(text)?;
        }
    }
}

/// What a server says of a query.
#[derive(Debug)]
pub struct QueryInfo {
    /// Its state.
    pub state: String,
    /// Seconds since it was taken, by the server's clock.
    pub elapsed: f64,
}

impl Server {
    /// What it says of a query. Asking does not count as waiting for rows.
    ///
    /// # Errors
    /// When it does not know the query.
    pub async fn query_info(&self, id: &str) -> anyhow::Result<QueryInfo> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let request = client.get(format!("{}/v1/query/{id}", self.url)).header(self.dialect.header("User"), "tests");
        let info: Value = request.send().await?.error_for_status()?.json().await?;
        let state = info["state"].as_str().context("a state")?.to_owned();
        let elapsed = info["queryStats"]["elapsedTime"].as_str().context("a time")?;
        Ok(QueryInfo { state, elapsed: seconds(elapsed).with_context(|| elapsed.to_owned())? })
    }
}

/// `1.53m` in seconds.
fn seconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

/// How a server knows who asks over TLS; see `tests/servers/identity.py`.
#[derive(Debug)]
pub struct Identity {
    folder: PathBuf,
}

impl Identity {
    /// That of the server whose folder lies in `LOCKGATE_SERVERS`.
    pub fn of_environment(dialect: Dialect) -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("LOCKGATE_SERVERS")?).join(dialect.name()).join("tls");
        folder.is_dir().then_some(Self { folder })
    }

    /// The path of one of its files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What stands in one of its files.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file of the server's identity")
    }
}

fn text(error: reqwest::Error) -> String {
    format!("{error:?}")
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("threads"))
}
