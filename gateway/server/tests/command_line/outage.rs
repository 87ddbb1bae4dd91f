//! What a running gateway does while its ledger cannot be written, and when its policy folder is bad.

use std::fs;

use crate::world::{Gateway, World, answer, get};
use crate::{lockgate, run};

const SQL: &str = "SELECT note FROM lab.readings.samples";

fn is_answered(world: &World) -> bool {
    answer(world, SQL).contains("note 3 of a plain sort")
}

/// Whatever is asked that would be recorded is refused, and health says so.
#[track_caller]
fn everything_is_refused(world: &World) {
    let asked = [SQL, "EXPLAIN ANALYZE SELECT id FROM lab.readings.samples", "SELECT 1", "SELECT nonsense", "nonsense"];
    for sql in asked {
        let refused = answer(world, sql);
        assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("LEDGER_UNAVAILABLE"), "{sql}: {refused}");
        assert!(!refused.contains("plain sort") && !refused.contains("ledger/"), "{refused}");
    }
    let health = get(world.address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 503 ") && health.contains(r#""status":"unavailable""#), "{health}");
    assert!(get(world.address, "/metrics").contains("\nlockgate_ledger_writable 0\n"));
}

/// The gateway tries again every second.
fn wait_until_answered(world: &World) {
    while !is_answered(world) {
        std::thread::yield_now();
    }
    let health = get(world.address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200 ") && health.contains(r#""writable":true"#), "{health}");
}

/// Stops it; whatever happened, the chain holds.
fn stop_and_verify(world: &World, gateway: Gateway) {
    assert_eq!(gateway.stop(), Some(0));
    let verified = run(&mut lockgate(["audit", "verify", "--dir", world.ledger().to_str().unwrap()])).expect(0);
    assert!(verified.stdout.contains("chain    holds"), "{}", verified.stdout);
}

#[test]
fn nothing_is_answered_while_a_segment_the_lock_or_the_whole_folder_is_away() {
    for name in ["ledger/00000001.ledger", "ledger/lock", "ledger"] {
        let world = World::new(10);
        let gateway = world.serve();
        assert!(is_answered(&world));
        let (path, away) = (world.file(name), world.file("away"));
        fs::rename(&path, &away).unwrap();
        everything_is_refused(&world);
        fs::rename(&away, &path).unwrap();
        wait_until_answered(&world);
        stop_and_verify(&world, gateway);
    }
}

#[test]
fn a_folder_that_was_deleted_is_never_written_again_by_the_same_process_and_a_new_start_begins_anew() {
    let world = World::new(10);
    let gateway = world.serve();
    assert!(is_answered(&world));
    fs::remove_dir_all(world.ledger()).unwrap();
    everything_is_refused(&world);
    fs::create_dir(world.ledger()).unwrap();
    everything_is_refused(&world);
    assert_eq!(gateway.stop(), Some(0));
    let gateway = world.serve();
    assert!(is_answered(&world));
    stop_and_verify(&world, gateway);
}

/// A limit on the size of files is what a full disk is without privileges: writes are cut short, then fail.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_answered_while_the_disk_takes_no_byte_and_all_is_well_when_it_does_again() {
    let world = World::new(10);
    let config = world.config();
    let mut command = std::process::Command::new("sh");
    // The signal that comes with the error would end the process; a full disk sends none.
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve --config \"$1\"", env!("CARGO_BIN_EXE_lockgate")]).arg(config);
    let gateway = world.serve_with(&mut command);
    assert!(is_answered(&world));
    let limit = |bytes: &str| {
        let (pid, limit) = (gateway.id().to_string(), format!("--fsize={bytes}:unlimited"));
        assert!(std::process::Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    };
    let segment = world.ledger().join("00000001.ledger");
    while !fs::read_to_string(&segment).unwrap().contains(r#""kind":"close""#) {
        std::thread::yield_now();
    }
    let len = fs::metadata(segment).unwrap().len();
    // In the middle of a record, then before the first byte of any new segment.
    for bytes in [len + 100, 0] {
        limit(&bytes.to_string());
        if bytes > 0 {
            let refused = answer(&world, SQL);
            assert!(refused.contains("LEDGER_UNAVAILABLE"), "{refused}");
        } else {
            everything_is_refused(&world);
        }
        limit("unlimited");
        wait_until_answered(&world);
    }
    let torn = fs::read_dir(world.ledger()).unwrap().filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "torn"))
    });
    assert!(torn.count() > 0, "no record was cut short");
    stop_and_verify(&world, gateway);
}

#[test]
fn a_bad_policy_folder_keeps_the_old_one_and_log_metric_and_health_say_so_until_sighup_finds_it_mended() {
    let world = World::new(10);
    let gateway = world.serve();
    let rules = world.file("policy/policy.csv");
    let good = fs::read_to_string(&rules).unwrap();
    let line = good.lines().count() + 1;
    fs::write(&rules, format!("{good}p, KR-09, role:reader, purpose:load, tag:internal, clear, always, Deny\n"))
        .unwrap();
    gateway.signal("HUP");
    while !world.log().contains("the changed policy is refused") {
        std::thread::yield_now();
    }
    assert!(world.log().contains(&format!("policy.csv:{line}: KR-09: ")), "{}", world.log());
    assert!(is_answered(&world));
    let health = get(world.address, "/healthz");
    assert!(health.contains(r#""status":"degraded""#) && health.contains(&format!("policy.csv:{line}")), "{health}");
    let metrics = get(world.address, "/metrics");
    assert!(metrics.contains("\nlockgate_policy_outdated 1\n"), "{metrics}");

    fs::write(&rules, good.replace("tag:internal, hash", "tag:internal, clear")).unwrap();
    gateway.signal("HUP");
    while !world.log().contains("the changed policy is in force") {
        std::thread::yield_now();
    }
    let health = get(world.address, "/healthz");
    assert!(health.contains(r#""status":"ok""#), "{health}");
    assert!(answer(&world, "SELECT station FROM lab.readings.samples").contains("station-3"));
    stop_and_verify(&world, gateway);
}
