//! Results over HTTP to a Rust client, against serving the same pre-computed batches from memory; memory while
//! streaming; time to the first byte on the demo; point look-ups against ROAPI on the same file.
//!
//! `LOCKGATE_BENCH_ROWS` sets the size of the table (default 10,000,000), `LOCKGATE_BENCH_RUNS` the number of pairs;
//! `LOCKGATE_BENCH_ROAPI` names ROAPI's binary (`pip install roapi`), without which that part is left out. Every server is
//! a process of its own: this program, started again with other arguments.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use arrow::buffer::Buffer;
use arrow::ipc::reader::{StreamDecoder, StreamReader};
use arrow::ipc::writer::StreamEncoder;
use arrow::record_batch::RecordBatch;
use axum::body::{Body, Bytes};
use axum::routing::get;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use lockgate_benches::measure::{Limit, median, number, quantile};
use lockgate_benches::process::{Peer, Resident};
use lockgate_benches::world::{TABLE_FILE, TOKEN, write_gateway};

const ARROW: &str = "application/vnd.apache.arrow.stream";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("serve" | "demo") => lockgate_server::cli::main(),
        Some("from-memory") => {
            serve_from_memory(Path::new(&arguments[2]));
            ExitCode::SUCCESS
        }
        Some("from-file") => {
            serve_from_file(&arguments[2], &arguments[3]);
            ExitCode::SUCCESS
        }
        _ => {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(measure());
            ExitCode::SUCCESS
        }
    }
}

async fn measure() {
    let rows = number("LOCKGATE_BENCH_ROWS", 10_000_000);
    let root = tempfile::tempdir().unwrap();
    let config = write_gateway(root.path(), rows);
    let client = Client(reqwest::Client::new());
    println!("{rows} rows; medians of pairs run in turn");

    let gateway = Peer::of_myself(&["serve", "--config", config.to_str().unwrap()]);
    let url = gateway.greeting.rsplit(' ').next().unwrap().to_owned();
    let clear = "SELECT id, city, fare FROM a.b.t";
    throughput(&client, &gateway, &url, root.path(), "clear columns", clear, Limit::AtLeast(0.9)).await;
    let treated = "SELECT id, city, lat, born, email, rider FROM a.b.t";
    throughput(&client, &gateway, &url, root.path(), "treated columns", treated, Limit::None).await;

    match std::env::var("LOCKGATE_BENCH_ROAPI") {
        Ok(roapi) => point_queries(&client, &url, root.path(), rows, &roapi).await,
        Err(_) => println!("point query: left out, LOCKGATE_BENCH_ROAPI is not set"),
    }
    drop(gateway);
    first_byte(&client).await;
}

/// Asks as user `bench`, or whoever owns the token.
struct Client(reqwest::Client);

/// What one answer took.
struct Taken {
    rows: usize,
    bytes: usize,
    first_byte: f64,
    seconds: f64,
}

impl Client {
    fn governed(&self, url: &str, sql: &str) -> reqwest::RequestBuilder {
        let request = self.0.post(format!("{url}/v1/query")).bearer_auth(TOKEN);
        request.header("Lockgate-Purpose", "scan").header("Accept", ARROW).body(sql.to_owned())
    }

    /// Sends a request and decodes the whole Arrow stream.
    async fn read(&self, request: reqwest::RequestBuilder) -> Taken {
        let started = Instant::now();
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        let mut decoder = StreamDecoder::new();
        let mut taken = Taken { rows: 0, bytes: 0, first_byte: 0.0, seconds: 0.0 };
        let mut stream = response.bytes_stream();
        while let Some(bytes) = stream.next().await {
            let bytes = bytes.unwrap();
            if taken.bytes == 0 {
                taken.first_byte = started.elapsed().as_secs_f64();
            }
            taken.bytes += bytes.len();
            let mut buffer = Buffer::from(bytes);
            while !buffer.is_empty() {
                if let Some(batch) = decoder.decode(&mut buffer).unwrap() {
                    taken.rows += batch.num_rows();
                }
            }
        }
        decoder.finish().unwrap();
        taken.seconds = started.elapsed().as_secs_f64();
        taken
    }
}

/// The whole result from the gateway, the same batches from memory, and the same rows from the file by plain DataFusion.
async fn throughput(client: &Client, gateway: &Peer, url: &str, root: &Path, name: &str, sql: &str, limit: Limit) {
    let file = root.join("result.arrows");
    let answer = client.governed(url, sql).send().await.unwrap();
    std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
    let memory = Peer::of_myself(&["from-memory", file.to_str().unwrap()]);
    let table = root.join("data").join(TABLE_FILE);
    let plain = Peer::of_myself(&["from-file", table.to_str().unwrap(), &sql.replace("a.b.t", "t")]);
    gateway.reset_peak();
    let peers = [gateway, &memory, &plain];
    let (mut rates, mut cpu) = ([const { Vec::new() }; 3], [0.0; 3]);
    let (mut to_memory, mut to_plain) = (Vec::new(), Vec::new());
    let runs = number("LOCKGATE_BENCH_RUNS", 7);
    for run in 0..=runs {
        let before = peers.map(Peer::cpu_seconds);
        let our = client.read(client.governed(url, sql)).await;
        let theirs = client.read(client.0.get(&memory.greeting)).await;
        let plainly = client.read(client.0.get(&plain.greeting)).await;
        assert_eq!((our.rows, our.rows), (theirs.rows, plainly.rows), "not the same result");
        // Partitions come in another order each time, and pieces with them: padding differs by some bytes.
        assert!(our.bytes.abs_diff(theirs.bytes) < our.bytes / 1_000, "{} bytes and {}", our.bytes, theirs.bytes);
        if run > 0 {
            for (rates, taken) in rates.iter_mut().zip([&our, &theirs, &plainly]) {
                rates.push(taken.bytes as f64 / f64::from(1 << 20) / taken.seconds);
            }
            to_memory.push(theirs.seconds / our.seconds);
            to_plain.push(plainly.seconds / our.seconds);
            for ((cpu, peer), before) in cpu.iter_mut().zip(peers).zip(before) {
                *cpu += (peer.cpu_seconds() - before) / runs as f64;
            }
        }
    }
    let [ours, from_memory, from_file] = rates.map(|rates| median(&rates));
    let (to_memory, to_plain) = (median(&to_memory), median(&to_plain));
    println!("HTTP Arrow, {name}: gateway {ours:.0} MiB/s, {:.2} s of CPU a run", cpu[0]);
    println!(
        "  the same batches from memory {from_memory:.0} MiB/s, {:.2} s, ratio {to_memory:.3} {}",
        cpu[1],
        limit.verdict(to_memory)
    );
    println!(
        "  plain DataFusion over the file {from_file:.0} MiB/s, {:.2} s, ratio {to_plain:.3} {}",
        cpu[2],
        limit.verdict(to_plain)
    );
    let peak = gateway.resident_mib(Resident::Peak);
    println!("  gateway's peak memory while streaming: {peak:.0} MiB {}", Limit::AtMost(250.0).verdict(peak));
}

/// Serves an Arrow stream file on a free port: its batches are decoded once, and encoded anew for each request.
#[tokio::main]
async fn serve_from_memory(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let reader = StreamReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
    let schema = reader.schema();
    let batches: Arc<Vec<RecordBatch>> = Arc::new(reader.collect::<Result<_, _>>().unwrap());
    let answer = move || {
        let (schema, batches) = (Arc::clone(&schema), Arc::clone(&batches));
        async move {
            let mut encoder = Some(StreamEncoder::try_new_with_options(&schema, Default::default()).unwrap());
            let pieces = (0..=batches.len()).flat_map(move |at| match batches.get(at) {
                Some(batch) => encoder.as_mut().unwrap().encode(batch).unwrap(),
                None => encoder.take().unwrap().finish().unwrap(),
            });
            let bytes = pieces.map(|buffer| Ok::<_, std::convert::Infallible>(Bytes::from_owner(Owner(buffer))));
            Body::from_stream(futures::stream::iter(bytes))
        }
    };
    listen(axum::Router::new().route("/", get(answer))).await;
}

/// Serves the answer of plain DataFusion to a query over a Parquet file called `t`, as the gateway would without a policy.
#[tokio::main]
async fn serve_from_file(file: &str, sql: &str) {
    let mut config = SessionConfig::new();
    config.options_mut().execution.parquet.schema_force_view_types = false;
    let context = SessionContext::new_with_config(config);
    context.register_parquet("t", file, ParquetReadOptions::default()).await.unwrap();
    let sql = sql.to_owned();
    let answer = move || {
        let (context, sql) = (context.clone(), sql.clone());
        async move {
            let batches = context.sql(&sql).await.unwrap().execute_stream().await.unwrap();
            let mut encoder = StreamEncoder::try_new_with_options(&batches.schema(), Default::default()).unwrap();
            let pieces = batches.flat_map(move |batch| futures::stream::iter(encoder.encode(&batch.unwrap()).unwrap()));
            let bytes = pieces.map(|buffer| Ok::<_, std::convert::Infallible>(Bytes::from_owner(Owner(buffer))));
            Body::from_stream(bytes)
        }
    };
    listen(axum::Router::new().route("/", get(answer))).await;
}

async fn listen(router: axum::Router) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

struct Owner(Buffer);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// One row by its number, from the gateway and from ROAPI, over the same Parquet file.
async fn point_queries(client: &Client, url: &str, root: &Path, rows: usize, roapi: &str) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let table = format!("t={}", root.join("data").join(TABLE_FILE).display());
    let mut command = Command::new(roapi);
    // Their Flight SQL and PostgreSQL doors get free ports too.
    command.args(["--table", &table, "--addr-http", &format!("127.0.0.1:{port}")]);
    command.args(["--addr-postgres", "127.0.0.1:0", "--addr-flight-sql", "127.0.0.1:0"]);
    let peer = Peer::listening(&mut command, port);
    let their_url = format!("http://127.0.0.1:{port}/api/sql");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..number("LOCKGATE_BENCH_POINTS", 300) {
        let id = (run * 7_919 + 13) * 31 % rows;
        let sql = format!("SELECT id, city, fare FROM a.b.t WHERE id = {id}");
        let our = client.read(client.governed(url, &sql)).await;
        let request = client.0.post(&their_url).header("Accept", ARROW).body(sql.replace("a.b.t", "t"));
        let their = client.read(request).await;
        assert_eq!((our.rows, their.rows), (1, 1), "one row each");
        if run >= 20 {
            ours.push(our.seconds * 1e3);
            theirs.push(their.seconds * 1e3);
        }
    }
    let ratio = median(&ours) / median(&theirs);
    println!(
        "point query: gateway p50 {:.2} ms (p95 {:.2}), ROAPI p50 {:.2} ms (p95 {:.2}), ratio {ratio:.3} {}",
        median(&ours),
        quantile(&ours, 0.95),
        median(&theirs),
        quantile(&theirs, 0.95),
        Limit::AtMost(1.0).verdict(ratio),
    );
    drop(peer);
}

/// Time to the first byte of a whole table, asked by alice of a real demo.
async fn first_byte(client: &Client) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let demo = Peer::of_myself(&["demo", "--json", "--http", "127.0.0.1:0", "--dir", dir.to_str().unwrap()]);
    let told: serde_json::Value = serde_json::from_str(&demo.greeting).unwrap();
    let (url, token) = (told["url"].as_str().unwrap(), told["tokens"]["alice"].as_str().unwrap());
    for (name, sql) in [
        ("hive.rides.trips (Parquet)", "SELECT * FROM hive.rides.trips"),
        ("vertica.crm.riders (CSV)", "SELECT * FROM vertica.crm.riders"),
    ] {
        let mut times = Vec::new();
        for run in 0..number("LOCKGATE_BENCH_POINTS", 300).min(100) {
            let request = client.0.post(format!("{url}/v1/query")).bearer_auth(token);
            let request = request.header("Lockgate-Purpose", "analytics").header("Accept", ARROW).body(sql);
            let taken = client.read(request).await;
            assert!(taken.rows > 1_000, "vacuous");
            if run >= 5 {
                times.push(taken.first_byte * 1e3);
            }
        }
        println!(
            "first byte on the demo, {name}: p50 {:.2} ms, p95 {:.2} ms {}",
            median(&times),
            quantile(&times, 0.95),
            Limit::AtMost(10.0).verdict(quantile(&times, 0.95)),
        );
    }
}
