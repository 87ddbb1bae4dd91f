//! A real gateway, asked by the real command line.

use std::fs;
use std::process::Command;

use crate::world::{PURPOSE, TOKEN, World, answer};
use crate::{lockgate, run};

fn query(world: &World, args: &[&str]) -> Command {
    let mut command = lockgate(["query", "--url", &world.url(), "--purpose", PURPOSE]);
    command.args(args).env("LOCKGATE_TOKEN", TOKEN);
    command
}

/// The body of an answer that comes in chunks.
fn body(answer: &str) -> String {
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_ascii_lowercase().contains("transfer-encoding: chunked"), "{head}");
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
}

#[test]
fn query_shows_a_table_writes_every_form_and_tells_what_was_treated() {
    let world = World::new(2_500);
    let gateway = world.serve();
    let table =
        run(&mut query(&world, &["SELECT id, station, note FROM lab.readings.samples ORDER BY id LIMIT 2"])).expect(0);
    assert!(
        table.stdout.contains("| 0  | ") && table.stdout.contains(" | note 1 of a plain sort |"),
        "{}",
        table.stdout
    );
    assert!(
        table.stderr.contains("2 rows\n") && table.stderr.contains("`station` is shown as `hash`"),
        "{}",
        table.stderr
    );

    let dir = tempfile::tempdir().unwrap();
    for (name, least) in
        [("a.arrow", 50_000), ("a.csv", 50_000), ("a.json", 50_000), ("a.ndjson", 50_000), ("a.parquet", 5_000)]
    {
        let saved =
            run(query(&world, &["-o", name, "SELECT id, note FROM lab.readings.samples"]).current_dir(dir.path()))
                .expect(0);
        assert!(saved.stderr.starts_with("2,500 rows, "), "{name}: {}", saved.stderr);
        let len = fs::metadata(dir.path().join(name)).unwrap().len();
        assert!(len > least, "{name} has {len} bytes");
    }
    let csv = fs::read_to_string(dir.path().join("a.csv")).unwrap();
    assert_eq!((csv.lines().count(), csv.lines().next()), (2_501, Some("id,note")));
    let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.path().join("a.json")).unwrap()).unwrap();
    assert_eq!((&json["row_count"], &json["truncated"]), (&2_500.into(), &false.into()));

    let cut =
        run(&mut query(&world, &["--max-rows", "5", "--rows", "2", "SELECT id FROM lab.readings.samples"])).expect(0);
    assert!(
        cut.stderr.contains("5 rows, 3 of them not shown") && cut.stderr.contains("a row limit cut this result"),
        "{}",
        cut.stderr
    );
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn form_written_by_the_command_is_the_form_that_the_door_writes() {
    let world = World::new(2_500);
    let gateway = world.serve();
    let sql = "SELECT id, station, note FROM lab.readings.samples ORDER BY id";
    let whole = run(&mut query(&world, &["--format", "csv", sql])).expect(0);
    assert_eq!(whole.stdout, body(&answer(&world, sql)));
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn refusals_are_told_with_their_reason_and_end_with_two() {
    let world = World::new(10);
    let gateway = world.serve();
    let denied = run(&mut query(&world, &["SELECT diary FROM lab.readings.samples"])).expect(2);
    assert!(
        denied.stderr.starts_with("error: POLICY_DENIED: ") && denied.stderr.contains("query id: "),
        "{}",
        denied.stderr
    );
    let syntax = run(&mut query(&world, &["SELECT id FROM lab.readings.samples WHERE"])).expect(2);
    assert!(syntax.stderr.starts_with("error: SQL_SYNTAX: "), "{}", syntax.stderr);
    let stranger = run(query(&world, &["SELECT 1"]).env("LOCKGATE_TOKEN", "lg_stranger")).expect(2);
    assert!(stranger.stderr.starts_with("error: UNAUTHENTICATED: "), "{}", stranger.stderr);
    assert_eq!(gateway.stop(), Some(0));
    let ledger = world.ledger();
    let refused =
        run(&mut lockgate(["audit", "search", "--dir", ledger.to_str().unwrap(), "--outcome", "refused"])).expect(0);
    assert!(refused.stdout.contains("POLICY_DENIED") && refused.stdout.contains("SQL_SYNTAX"), "{}", refused.stdout);
}

#[test]
fn ledger_tells_who_saw_what_while_the_gateway_runs() {
    let world = World::new(10);
    let gateway = world.serve();
    run(&mut query(&world, &["SELECT id, station FROM lab.readings.samples"])).expect(0);
    let config = world.config();
    let place = ["--config", config.to_str().unwrap()];
    let second = run(&mut lockgate(["serve"].into_iter().chain(place))).expect(1);
    assert!(second.stderr.contains("already written by another process"), "{}", second.stderr);
    assert_eq!(gateway.stop(), Some(0));
    let saw =
        run(&mut lockgate(["audit", "who-saw", "lab.readings.samples.station"].into_iter().chain(place))).expect(0);
    assert!(
        saw.stdout.contains("kim") && saw.stdout.contains("hash") && saw.stdout.contains("finished"),
        "{}",
        saw.stdout
    );
    let note = run(&mut lockgate(["audit", "who-saw", "lab.readings.samples.note"].into_iter().chain(place))).expect(0);
    assert_eq!(note.stdout.lines().count(), 1, "{}", note.stdout);
    run(&mut lockgate(["audit", "verify"].into_iter().chain(place))).expect(0);
}

#[test]
fn sources_are_listed_and_checked_without_a_gateway() {
    let world = World::new(10);
    let config = world.config();
    let source = |args: &[&str]| {
        run(&mut lockgate(
            ["source"].into_iter().chain(args.iter().copied()).chain(["--config", config.to_str().unwrap()]),
        ))
    };
    let all = "lab.readings.samples\nlockgate.audit.columns\nlockgate.audit.queries\n";
    assert_eq!(source(&["list"]).expect(0).stdout, all);
    let columns = source(&["list", "--columns", "--source", "lab"]).expect(0).stdout;
    assert_eq!(columns, "lab.readings.samples\n  id  Int64\n  station  Utf8\n  note  Utf8\n  diary  Utf8\n");
    let ledger = source(&["list", "--columns", "--source", "lockgate"]).expect(0).stdout;
    assert!(ledger.contains("  at  Timestamp(µs, \"UTC\")\n") && ledger.contains("  rules  List(Utf8)\n"), "{ledger}");
    let checked = "ok      lab (files): 1 table\nok      lockgate (ledger): 2 tables\n";
    assert_eq!(source(&["check"]).expect(0).stdout, checked);
    source(&["check", "--source", "elsewhere"]).expect(2);
    fs::write(world.config().with_file_name("data").join("readings/broken.parquet"), "no parquet").unwrap();
    let checked = source(&["check"]).expect(1);
    assert!(checked.stdout.contains("FAILED  lab.readings.broken: "), "{}", checked.stdout);
    source(&["list", "--columns"]).expect(1);
}

#[test]
fn every_problem_keeps_a_gateway_from_starting_with_two() {
    let world = World::new(10);
    let config = fs::read_to_string(world.config()).unwrap();
    fs::write(world.config(), config.replace("site = \"eu\"", "site = \"e u\"\ncolour = \"red\"")).unwrap();
    let refused = run(&mut lockgate(["serve", "--config", world.config().to_str().unwrap()])).expect(2);
    assert!(refused.stderr.contains("server.site") && refused.stderr.contains("server.colour"), "{}", refused.stderr);
    fs::write(world.config(), config).unwrap();
    fs::write(world.config().with_file_name("users.toml"), "[[users]]\nname = \"kim\"\n").unwrap();
    let policy = world.config().with_file_name("policy/policy.csv");
    fs::write(&policy, "p, broken\n").unwrap();
    let refused = run(&mut lockgate(["serve", "--config", world.config().to_str().unwrap()])).expect(2);
    assert!(
        refused.stderr.contains("policy.csv:1: ") && refused.stderr.contains("users.toml:1: "),
        "{}",
        refused.stderr
    );
}
