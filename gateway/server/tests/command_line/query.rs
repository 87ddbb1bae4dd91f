//! `lockgate query` against peers that misbehave in ways that a gateway does not. What it does with a real gateway is
//! tested beside the demo.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::{Int64Array, RecordBatch};
use arrow::ipc::writer::StreamWriter;

use crate::{Done, lockgate, run};

/// A peer that takes one request, hands the socket to `answer`, and gives back the request's head and body.
fn peer(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let request = read_request(&mut socket);
        answer(&mut socket);
        request
    });
    (url, thread)
}

fn read_request(socket: &mut TcpStream) -> String {
    let mut reader = BufReader::new(socket);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    request + std::str::from_utf8(&body).unwrap()
}

fn query(url: &str, args: &[&str]) -> Command {
    let mut command = lockgate(["query", "--url", url, "--purpose", "analytics"]);
    command.args(args).env("LOCKGATE_TOKEN", "lg_secret");
    command
}

/// A stream of one batch; its end-of-stream marker is the last eight bytes.
fn stream() -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from_iter_values(0..150)) as _)]).unwrap();
    let schema = Arc::new(batch.schema().as_ref().clone().with_metadata(
        [("lockgate.notices".to_owned(), r#"[{"table":"a.b.c","column":"n","treatment":"null","rules":["DS-06"],"text":"`n` is shown as `null`"}]"#.to_owned())].into(),
    ));
    let batch = batch.with_schema(schema).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn head(socket: &mut TcpStream, more: &str) {
    write!(socket, "HTTP/1.1 200 OK\r\nQuery-Id: 0193a5c2-7d1e-7cc0-b0a1-3f8e2d9c4b5a\r\n{more}\r\n").unwrap();
}

fn chunk(socket: &mut TcpStream, bytes: &[u8]) {
    write!(socket, "{:x}\r\n", bytes.len()).unwrap();
    socket.write_all(bytes).unwrap();
    socket.write_all(b"\r\n").unwrap();
}

fn answer_with(body: Vec<u8>, ends: bool) -> impl FnOnce(&mut TcpStream) + Send + 'static {
    move |socket| {
        head(socket, "Transfer-Encoding: chunked\r\n");
        chunk(socket, &body);
        if ends {
            socket.write_all(b"0\r\n\r\n").unwrap();
        }
    }
}

/// Runs a query into a file of a folder of its own; gives how it ended and the names in the folder.
fn save(name: &str, answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> (Done, Vec<String>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (url, peer) = peer(answer);
    let done = run(query(&url, &["-o", name, "SELECT 1"]).current_dir(dir.path()));
    peer.join().unwrap();
    let names =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    (done, names, dir)
}

#[test]
fn request_carries_token_purpose_and_statement() {
    let (url, peer) = peer(answer_with(stream(), true));
    run(&mut query(&url, &["--max-rows", "7", "--timeout", "2", "SELECT 'ü'"])).expect(0);
    let request = peer.join().unwrap();
    assert!(request.starts_with("POST /v1/query HTTP/1.1\r\n"), "{request}");
    for part in [
        "authorization: Bearer lg_secret\r\n",
        "lockgate-purpose: analytics\r\n",
        "accept: application/vnd.apache.arrow.stream\r\n",
        "te: trailers\r\n",
    ] {
        assert!(request.contains(part), "{request}");
    }
    assert!(request.contains(r#"{"sql":"SELECT 'ü'","query_id":""#), "{request}");
    assert!(request.ends_with(r#"","timeout_ms":2000,"max_rows":7}"#), "{request}");
}

#[test]
fn table_shows_the_first_rows_and_counts_the_rest() {
    let (url, peer) = peer(answer_with(stream(), true));
    let done = run(&mut query(&url, &["--rows", "2", "SELECT n"])).expect(0);
    peer.join().unwrap();
    assert_eq!(done.stdout, "+---+\n| n |\n+---+\n| 0 |\n| 1 |\n+---+\n");
    assert_eq!(
        done.stderr,
        "150 rows, 148 of them not shown; -o FILE takes them all\nnotice: a.b.c: `n` is shown as `null` (DS-06)\n"
    );
}

/// An answer whose trailers tell `rows` and whether a limit cut it.
fn answer_with_trailers(rows: u64, truncated: bool) -> impl FnOnce(&mut TcpStream) + Send + 'static {
    move |socket| {
        head(socket, "Transfer-Encoding: chunked\r\nTrailer: Lockgate-Rows, Lockgate-Truncated\r\n");
        chunk(socket, &stream());
        write!(socket, "0\r\nLockgate-Rows: {rows}\r\nLockgate-Truncated: {truncated}\r\n\r\n").unwrap();
    }
}

#[test]
fn trailers_tell_of_a_row_limit_and_of_missing_rows() {
    let (done, names, _dir) = save("out.csv", answer_with_trailers(150, true));
    assert!(done.expect(0).stderr.contains("a row limit cut this result"));
    assert_eq!(names, ["out.csv"]);
    let (done, names, _dir) = save("out.csv", answer_with_trailers(151, false));
    assert!(done.expect(1).stderr.contains("cut off"));
    assert_eq!(names, [""; 0]);
}

#[test]
fn whole_result_gets_its_name_and_is_private() {
    let (done, names, dir) = save("out.arrow", answer_with(stream(), true));
    assert!(done.stderr.contains("150 rows, "), "{}", done.stderr);
    done.expect(0);
    assert_eq!(names, ["out.arrow"]);
    assert_eq!(fs::read(dir.path().join("out.arrow")).unwrap(), stream());
    assert_eq!(fs::metadata(dir.path().join("out.arrow")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn stream_without_its_marker_leaves_no_file_though_http_ended_well() {
    let bytes = stream();
    let cut = bytes[..bytes.len() - 8].to_vec();
    let (done, names, _dir) = save("out.arrow", answer_with(cut.clone(), true));
    assert!(done.expect(1).stderr.contains("cut off"));
    assert_eq!(names, [""; 0]);
    let (url, peer) = peer(answer_with(cut, true));
    assert!(run(&mut query(&url, &["SELECT n"])).expect(1).stderr.contains("cut off"));
    peer.join().unwrap();
}

#[test]
fn aborted_answer_leaves_no_file_and_names_the_query() {
    for name in ["out.arrow", "out.csv", "out.json", "out.ndjson", "out.parquet"] {
        let bytes = stream();
        let (done, names, _dir) = save(name, answer_with(bytes[..bytes.len() / 2].to_vec(), false));
        let stderr = done.expect(1).stderr;
        assert!(
            stderr.contains("cut off") && stderr.contains("0193a5c2-7d1e-7cc0-b0a1-3f8e2d9c4b5a"),
            "{name}: {stderr}"
        );
        assert_eq!(names, [""; 0], "{name}");
    }
}

#[test]
fn other_forms_are_made_of_an_arrow_answer_with_its_notices() {
    for (name, expect) in [("out.csv", "n\r\n0\r\n1\r\n"), ("out.ndjson", "{\"n\":0}\n{\"n\":1}\n")] {
        let (done, names, dir) = save(name, answer_with(stream(), true));
        let stderr = done.expect(0).stderr;
        assert!(
            stderr.starts_with("150 rows, ") && stderr.contains("notice: a.b.c: `n` is shown as `null` (DS-06)"),
            "{stderr}"
        );
        let content = fs::read_to_string(dir.path().join(name)).unwrap();
        assert!(content.starts_with(expect) && content.lines().count() >= 150, "{content}");
        assert_eq!(names, [name]);
    }
    let (done, _, dir) = save("out.json", answer_with_trailers(150, true));
    done.expect(0);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.path().join("out.json")).unwrap()).unwrap();
    assert_eq!(json["query_id"], "0193a5c2-7d1e-7cc0-b0a1-3f8e2d9c4b5a");
    assert_eq!(
        (&json["row_count"], &json["truncated"], &json["notices"][0]["column"]),
        (&150.into(), &true.into(), &"n".into())
    );
    let (done, _, dir) = save("out.parquet", answer_with(stream(), true));
    done.expect(0);
    let file = fs::File::open(dir.path().join("out.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 150);
}

#[test]
fn form_written_to_a_closed_pipe_ends_quietly() {
    let (url, peer) = peer(answer_with(stream(), true));
    let mut child =
        query(&url, &["--format", "csv", "SELECT n"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    peer.join().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn existing_file_survives_a_failed_query() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("out.arrow"), "old").unwrap();
    let (url, peer) = peer(answer_with(b"not arrow at all".to_vec(), true));
    run(query(&url, &["-o", "out.arrow", "SELECT 1"]).current_dir(dir.path())).expect(1);
    peer.join().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("out.arrow")).unwrap(), "old");
}

#[test]
fn problem_is_told_with_a_caret_and_ends_with_two() {
    let (url, peer) = peer(|socket| {
        let body = r#"{"code":"SQL_SYNTAX","detail":"expected an expression","hint":"look there","line":1,"column":8}"#;
        let kind = "application/problem+json";
        write!(
            socket,
            "HTTP/1.1 400 Bad Request\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    });
    let done = run(&mut query(&url, &["SELECT FROM t"])).expect(2);
    peer.join().unwrap();
    assert_eq!(
        done.stderr,
        "error: SQL_SYNTAX: expected an expression\n   1 | SELECT FROM t\n     |        ^\n  hint: look there\n"
    );
}

#[test]
fn redirect_is_not_followed_with_the_token() {
    let (url, peer) = peer(|socket| {
        socket
            .write_all(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    });
    run(&mut query(&url, &["SELECT 1"])).expect(1);
    peer.join().unwrap();
}

#[test]
fn interrupt_closes_the_connection_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (url, peer) = peer(move |socket| {
        head(socket, "Transfer-Encoding: chunked\r\n");
        chunk(socket, &stream()[..100]);
        begun.send(()).unwrap();
        // Returns when the client has closed the connection.
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
    });
    let mut child =
        query(&url, &["-o", "out.arrow", "SELECT 1"]).current_dir(dir.path()).stderr(Stdio::piped()).spawn().unwrap();
    has_begun.recv().unwrap();
    while fs::read_dir(dir.path()).unwrap().next().is_none() {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    peer.join().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn statement_comes_from_standard_input() {
    let (url, peer) = peer(answer_with(stream(), true));
    let mut child = query(&url, &["-q", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT\n2").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(peer.join().unwrap().contains(r#"{"sql":"SELECT\n2","query_id":""#));
}
