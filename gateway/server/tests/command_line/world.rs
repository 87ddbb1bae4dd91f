//! A small gateway on files of its own: one table, one reader.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::lockgate;

/// Token of the only user.
pub(crate) const TOKEN: &str = "lg_kim";
/// Purpose that the policy knows.
pub(crate) const PURPOSE: &str = "load";
/// Longest wait for an answer; a test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(120);

const POLICY: &str = "\
p, KR-01, role:reader, purpose:load, tag:public, clear, always, allow
p, KR-02, role:reader, purpose:load, tag:internal, hash, always, allow
p, KR-03, role:reader, purpose:load, tag:rows.samples, rows:all, always, allow
g, user:kim, role:reader
";

const CLASSIFICATION: &str = r#"
version: world.1
treatments:
  clear: {does: "as it is"}
  hash: {sql_type: [Utf8, Int64], does: "a token"}
row_filters:
  all: {tables: any, sql: "true"}
conditions: [always]
purposes:
  load: {ropa: TEST-1, basis: "6(1)(f)", owner: tests, retention_days: 1}
tables:
  lab.readings.samples:
    rows: rows.samples
    columns:
      id: [public]
      station: [internal]
      note: [public]
      diary: [special.health]
"#;

/// Folders and files of a gateway.
pub(crate) struct World {
    dir: TempDir,
    /// Where it listens, the same after each start.
    pub(crate) address: SocketAddr,
}

impl World {
    /// Writes everything that a gateway needs, with a table of `n_rows`.
    pub(crate) fn new(n_rows: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/policy/model.conf");
        write("policy/model.conf", &fs::read_to_string(model).unwrap());
        write("policy/policy.csv", POLICY);
        write("policy/classification.yaml", CLASSIFICATION);
        write(
            "policy/policy_tests.yaml",
            "- {who: kim, purpose: load, dc: eu, column: lab.readings.samples.note, is: clear}\n",
        );
        write(
            "users.toml",
            &format!("[[users]]\nname = \"kim\"\ntoken_sha256 = \"{}\"\n", hex::encode(Sha256::digest(TOKEN))),
        );
        write("key", &"k".repeat(64));
        write(
            "lockgate.toml",
            &format!(
                "[server]\nhttp = \"{address}\"\nsite = \"eu\"\n[policy]\ndir = \"policy\"\n[users]\nfile = \"users.toml\"\n[keys]\nhash = {{ file = \"key\" }}\n\
             [ledger]\ndir = \"ledger\"\n[sources.lab]\nconnector = \"files\"\nroot = \"data\"\n"
            ),
        );
        let mut table = String::from("id,station,note,diary\n");
        for id in 0..n_rows {
            table.push_str(&format!("{id},station-{},note {id} of a plain sort,diary {id}\n", id % 97));
        }
        write("data/readings/samples.csv", &table);
        Self { dir, address }
    }

    /// Writes one of its files anew.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    /// What its gateways have logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("lockgate.toml")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    /// A file of the world.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts the gateway and waits until it says that it listens.
    pub(crate) fn serve(&self) -> Gateway {
        self.serve_with(&mut lockgate(["serve", "--config", self.config().to_str().unwrap()]))
    }

    /// Starts the gateway with a command.
    pub(crate) fn serve_with(&self, command: &mut Command) -> Gateway {
        let stderr = fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, format!("listening on {}\n", self.url()), "{}", self.log());
        Gateway { child }
    }
}

/// A running gateway; killed when the test ends before it.
pub(crate) struct Gateway {
    child: Child,
}

impl Gateway {
    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to end, as a service manager does; gives its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a statement over a plain socket; the answer is the caller's to read.
pub(crate) fn send(address: SocketAddr, accept: &str, sql: &str) -> std::io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(
        socket,
        "POST /v1/query HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {TOKEN}\r\nLockgate-Purpose: {PURPOSE}\r\nAccept: {accept}\r\n\
         Content-Type: application/sql\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sql}",
        sql.len()
    )?;
    Ok(socket)
}

/// What a `GET` with the user's token answers, head and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// What a statement answers as CSV, head and body.
pub(crate) fn answer(world: &World, sql: &str) -> String {
    let mut text = Vec::new();
    send(world.address, "text/csv", sql).unwrap().read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}
