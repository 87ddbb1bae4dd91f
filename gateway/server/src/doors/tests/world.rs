//! A small gateway for tests: two people, one source, one policy.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::auth::Digest;
use crate::config::Config;
use crate::serve::Gateway;
use crate::sources::connectors;

pub(super) const MODEL: &str = include_str!("../../../../../samples/policy/model.conf");

pub(super) const RULES: &str = "\
p, A-01, role:analyst, purpose:any, tag:public, clear, always, allow
p, A-02, role:analyst, purpose:any, tag:pii, hash, always, allow
p, L-01, role:lead, purpose:fraud, tag:pii, clear, always, allow
p, R-01, role:analyst, purpose:any, tag:rows.any, rows:all, always, allow
p, R-02, role:lead, purpose:fraud, tag:rows.secret, rows:all, always, allow
g, role:lead, role:analyst
g, user:ann, role:analyst
g, user:bob, role:lead
g2, tag:rows.people, tag:rows.any
g2, tag:rows.big, tag:rows.any
g2, tag:rows.secret, tag:rows.locked
g3, purpose:analytics, purpose:any
g3, purpose:fraud, purpose:any
";

pub(super) const CLASSES: &str = r#"
version: test.1
treatments:
  clear: {article: none}
  hash: {sql_type: [Utf8, Int64], does: "token"}
  "null": {sql_type: any, does: "nothing"}
row_filters:
  all: {tables: any, sql: "true"}
conditions: [always]
purposes:
  analytics: {ropa: R-1, basis: "6(1)(f)", owner: o, retention_days: 90}
  fraud: {ropa: R-2, basis: "6(1)(c)", owner: o, retention_days: 90}
tables:
  lake.crm.people:
    comment: Everybody
    rows: rows.people
    columns:
      id: {tags: [public], type: Int64}
      mail: {tags: [pii], type: Utf8}
      note: {tags: [unheard], type: Utf8}
      memo: {tags: [unheard], type: Utf8, hidden: true}
  lake.crm.secret:
    hidden: true
    rows: rows.secret
    columns:
      id: {tags: [public], type: Int64}
  lake.big.numbers:
    rows: rows.big
    columns:
      id: {tags: [public], type: Int64}
      text: {tags: [public], type: Utf8}
  lake.big.broken:
    rows: rows.big
    columns:
      id: {tags: [public], type: Int64}
      text: {tags: [public], type: Utf8}
"#;

/// Rows of `lake.big.numbers`: far more than what sockets and channels hold.
pub(super) const MANY: i64 = 600_000;

/// Part of the policy folder that a test changes.
pub(super) fn policy(folder: &Path, rules: &str, classes: &str) {
    let dir = folder.join("policy");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("model.conf"), MODEL).unwrap();
    std::fs::write(dir.join("policy.csv"), rules).unwrap();
    std::fs::write(dir.join("classification.yaml"), classes).unwrap();
    std::fs::write(dir.join("policy_tests.yaml"), "[]\n").unwrap();
}

/// The users file with these people; the token of `ann` is `lg_ann`.
pub(super) fn users(names: &[&str]) -> String {
    let entries = names.iter().map(|name| {
        format!("[[users]]\nname = \"{name}\"\ntoken_sha256 = \"{}\"\n", Digest::of(&format!("lg_{name}")))
    });
    entries.collect()
}

pub(super) struct World {
    pub(super) gateway: Gateway,
    pub(super) folder: tempfile::TempDir,
    pub(super) client: reqwest::Client,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a problem document with this code.
    #[track_caller]
    pub(super) fn is_problem(&self, code: &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let problem: lockgate_wire::Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.code.name(), code, "{}", self.text());
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with("", MANY).await
    }

    /// A gateway with more settings in `[server]`, and so many rows in `lake.big.numbers`.
    pub(super) async fn with(server: &str, rows: i64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        policy(path, RULES, CLASSES);
        std::fs::write(path.join("users.toml"), users(&["ann", "bob"])).unwrap();
        std::fs::write(path.join("key"), "0123456789abcdef0123456789abcdef").unwrap();
        data(&path.join("data"), rows);
        let text = format!(
            "[server]\nhttp = \"127.0.0.1:0\"\nsite = \"eu\"\ndrain = \"20s\"\n{server}\n[policy]\ndir = \"policy\"\n\
             [users]\nfile = \"users.toml\"\n[keys]\nhash = {{ file = \"key\" }}\n[ledger]\ndir = \"ledger\"\n\
             [limits]\nthreads = 2\n[sources.lake]\nconnector = \"files\"\nroot = \"data\"\n"
        );
        let config = Config::parse(&text, "lockgate.toml", path, &connectors()).unwrap();
        let gateway = Gateway::start(config).await.unwrap_or_else(|error| panic!("{error:?}"));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { gateway, folder, client }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address())
    }

    /// A request with the token of `name` and a purpose.
    pub(super) fn request(&self, method: Method, path: &str, name: &str, purpose: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, self.url(path)).bearer_auth(format!("lg_{name}"));
        request.header("Lockgate-Purpose", purpose)
    }

    /// A query of `name` for analytics.
    pub(super) fn query(&self, name: &str, sql: &str) -> reqwest::RequestBuilder {
        self.request(Method::POST, "/v1/query", name, "analytics").body(sql.to_owned())
    }

    /// Rows of a query of `name`, as the JSON document has them.
    pub(super) async fn rows(&self, name: &str, sql: &str) -> Value {
        let answer = send(self.query(name, sql).header("Accept", "application/json")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["rows"].clone()
    }

    /// Sends bytes as they are and reads until the gateway closes the connection, or until `enough` says so.
    pub(super) async fn raw(&self, bytes: &[u8], enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.gateway.address()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut read = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        while !enough(&read) {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(n) => read.extend_from_slice(&buffer[..n]),
            }
        }
        read
    }

    /// The ledger's records.
    pub(super) fn ledger(&self) -> Vec<Value> {
        let mut records = Vec::new();
        for entry in crate::ledger::entries(&self.folder.path().join("ledger")).unwrap() {
            records.push(serde_json::to_value(&entry.unwrap().record).unwrap());
        }
        records
    }
}

/// Sends a request and reads the whole answer.
pub(super) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

/// Waits for a fact, for as long as a test may take.
pub(super) async fn until(mut fact: impl FnMut() -> bool) {
    let wait = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("the fact never came about");
}

fn data(root: &Path, rows: i64) {
    for folder in ["crm", "big"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let people = "id,mail,note,memo\n1,ann@example.org,x,p\n2,bob@example.org,y,q\n3,,z,r\n";
    std::fs::write(root.join("crm/people.csv"), people).unwrap();
    std::fs::write(root.join("crm/secret.csv"), "id\n1\n").unwrap();
    let mut broken = String::from("id,text\n");
    for row in 0..200_000 {
        broken.push_str(&format!("{row},text{row}\n"));
    }
    broken.push_str("1,2,3,4\n");
    std::fs::write(root.join("big/broken.csv"), broken).unwrap();
    let texts: StringArray = (0..rows).map(|row| Some(format!("text number {row:030}"))).collect();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
        ("text", Arc::new(texts) as ArrayRef),
    ]);
    let batch = batch.unwrap();
    let file = std::fs::File::create(root.join("big/numbers.parquet")).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(50_000)).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}
