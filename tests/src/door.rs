//! A gateway over a test world, asked over a real socket.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::path::Path;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::record_batch::RecordBatch;
use lockgate_server::config::Config;
use lockgate_server::serve::{Gateway, ServeError};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use crate::worlds::data::Data;
use crate::worlds::files;
use crate::worlds::how::SECRET;
use crate::worlds::open::{CATALOGS, policy_dir};
use crate::worlds::oracle::BATCH_SIZE;
use crate::worlds::people::{OTHERS, PEOPLE, Person};

/// Media type of an Arrow stream.
pub const ARROW: &str = "application/vnd.apache.arrow.stream";

/// A running gateway with a folder of its own.
pub struct Door {
    /// The gateway.
    pub gateway: Gateway,
    /// Its folder: `lockgate.toml`, `users.toml`, `policy/`, `ledger/`, and one folder for each catalogue.
    pub folder: TempDir,
    client: reqwest::Client,
}

/// An answer, without what differs each time: the date and the query's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The token of somebody in a test world.
pub fn token(name: &str) -> String {
    format!("lg_token-of-{name}")
}

impl Door {
    /// Opens a gateway over `data`, with the policy of the test worlds.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open(data: &Data) -> Self {
        Self::open_with(data, &BTreeMap::new()).await
    }

    /// The same, with some of the catalogues in other sources: their options, `connector` included.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open_with(data: &Data, elsewhere: &BTreeMap<&str, Map<String, Value>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the world");
        files::write(data, folder.path());
        settings(folder.path(), elsewhere);
        Self::start(folder).await
    }

    /// Starts the gateway that the `lockgate.toml` in `folder` describes.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(folder: TempDir) -> Self {
        let config =
            Config::load(&folder.path().join("lockgate.toml")).unwrap_or_else(|problems| panic!("{problems:?}"));
        let gateway = match Gateway::start(config).await {
            Ok(gateway) => gateway,
            Err(ServeError::Problems(problems)) => panic!("{problems:?}"),
            Err(ServeError::Failed(text)) => panic!("{text}"),
        };
        Self { gateway, folder, client: reqwest::Client::new() }
    }

    /// A request to `path` with the token of `name` and a purpose; more headers can be added.
    pub fn request(&self, method: reqwest::Method, path: &str, name: &str, purpose: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.gateway.address());
        self.client.request(method, url).bearer_auth(token(name)).header("Lockgate-Purpose", purpose)
    }

    /// Sends a statement as `person` and reads the whole answer.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn query(&self, person: &Person, sql: &str, accept: &str) -> Reply {
        self.query_as(person, sql, accept, Uuid::now_v7()).await
    }

    /// The same, by an id that is known before.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn query_as(&self, person: &Person, sql: &str, accept: &str, query_id: Uuid) -> Reply {
        let request = self.request(reqwest::Method::POST, "/v1/query", person.name, person.purpose);
        reply(request.header("Accept", accept).header("Query-Id", query_id.to_string()).body(sql.to_owned())).await
    }

    /// Gets a path as `person`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn get(&self, person: &Person, path: &str) -> Reply {
        reply(self.request(reqwest::Method::GET, path, person.name, person.purpose)).await
    }
}

/// Sends a request and reads the whole answer.
///
/// # Panics
/// When there is no answer.
pub async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let headers = response.headers().iter().filter(|(name, _)| *name != "date" && *name != "query-id");
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    match response.bytes().await {
        Ok(body) => Reply { status, headers, body: body.to_vec() },
        // A result that failed half-way is cut off; what came before does not count.
        Err(_) => Reply { status: 0, headers, body: Vec::new() },
    }
}

fn settings(folder: &Path, elsewhere: &BTreeMap<&str, Map<String, Value>>) {
    std::fs::create_dir(folder.join("policy")).expect("a folder for the policy");
    for entry in std::fs::read_dir(policy_dir()).expect("the policy of the test worlds") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, folder.join("policy").join(path.file_name().expect("a name")))
            .expect("a copy of the policy");
    }
    let (secret, key_id) = SECRET;
    std::fs::write(folder.join("key"), secret).expect("the key");
    let mut config = format!(
        "[server]\nhttp = \"127.0.0.1:0\"\nsite = \"eu\"\n\n[policy]\ndir = \"policy\"\n\n[users]\nfile = \"users.toml\"\n\n\
         [keys]\nhash = {{ file = \"key\" }}\nhash_id = \"{key_id}\"\n\n[ledger]\ndir = \"ledger\"\n\n\
         [limits]\nthreads = 1\nbatch_rows = {BATCH_SIZE}\n"
    );
    for catalog in CATALOGS {
        let files = || {
            let mut options = files::options(catalog, folder);
            options.insert("connector".to_owned(), "files".into());
            options
        };
        let options = elsewhere.get(catalog).cloned().unwrap_or_else(files);
        let options: toml::Table =
            options.into_iter().map(|(key, value)| (key, toml::Value::try_from(value).expect("TOML"))).collect();
        let section: toml::Table = [(catalog.to_owned(), toml::Value::Table(options))].into_iter().collect();
        let section: toml::Table = [("sources".to_owned(), toml::Value::Table(section))].into_iter().collect();
        write!(config, "\n{section}").expect("a text");
    }
    std::fs::write(folder.join("lockgate.toml"), config).expect("the configuration");
    let mut names: Vec<&str> = PEOPLE.iter().chain(&OTHERS).map(|person| person.name).collect();
    names.sort_unstable();
    names.dedup();
    // Somebody like bob, whose results are delivered elsewhere.
    let more = |name| if name == "bob_us" { "roles = [\"fraud_lead\"]\ndc = \"us\"\n" } else { "" };
    write_users(folder, names.into_iter().map(|name| (name, more(name))));
}

/// Writes `users.toml` into `folder`: each user's name and the lines that their entry has besides the token.
///
/// # Panics
/// When it cannot be written.
pub fn write_users<'a>(folder: &Path, users: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut text = String::new();
    for (name, more) in users {
        let digest = hex::encode(Sha256::digest(token(name)));
        write!(text, "[[users]]\nname = \"{name}\"\n{more}token_sha256 = \"{digest}\"\n\n").expect("a text");
    }
    std::fs::write(folder.join("users.toml"), text).expect("the users");
}

impl Reply {
    /// The Arrow stream in the body.
    ///
    /// # Panics
    /// When the body is none.
    pub fn arrow(&self) -> (SchemaRef, Vec<RecordBatch>) {
        let reader = StreamReader::try_new(Cursor::new(&self.body), None)
            .unwrap_or_else(|error| panic!("{} {}: {error}", self.status, String::from_utf8_lossy(&self.body)));
        let schema = reader.schema();
        let batches = reader.collect::<Result<_, _>>().expect("whole batches");
        (schema, batches)
    }

    /// The problem document in the body, without the query's id.
    pub fn problem(&self) -> Option<serde_json::Value> {
        let mut problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem.as_object_mut()?.remove("query_id");
        Some(problem)
    }

    /// The body without the query's id.
    pub fn plain_body(&self) -> Vec<u8> {
        let is_json = self.headers.get("content-type").is_some_and(|content_type| content_type.contains("json"));
        match self.problem().filter(|_| is_json) {
            Some(problem) => problem.to_string().into_bytes(),
            None => self.body.clone(),
        }
    }

    /// How two answers differ; `None` when a caller can tell nothing apart. Without `ordered`, rows may come in any order.
    pub fn differs(&self, other: &Reply, ordered: bool) -> Option<String> {
        let length = |reply: &Reply| {
            let mut headers = reply.headers.clone();
            // A problem document holds the query's id, whose length is always the same; a result's length counts.
            headers.remove("content-length").filter(|_| false);
            headers
        };
        if self.status != other.status {
            return Some(format!("status {} and {}: {} and {}", self.status, other.status, self.text(), other.text()));
        }
        if length(self) != length(other) {
            return Some(format!("headers {:?} and {:?}", self.headers, other.headers));
        }
        if !ordered && self.status == 200 {
            return crate::noninterference::compare::same_rows(&self.arrow().1, &other.arrow().1);
        }
        (self.plain_body() != other.plain_body()).then(|| format!("bodies {} and {}", self.text(), other.text()))
    }

    /// The body as text, cut to a readable length.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().filter(|c| !c.is_control()).take(600).collect()
    }
}
