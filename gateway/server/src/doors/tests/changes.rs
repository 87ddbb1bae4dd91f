use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{CLASSES, MANY, RULES, World, policy, send, until, users};

async fn health(world: &World) -> Value {
    send(world.client.get(world.url("/healthz")).bearer_auth("lg_bob")).await.json()
}

#[tokio::test]
async fn a_removed_token_is_refused_at_once_and_ends_what_runs() {
    let world = World::new().await;
    let response = world.query("ann", "SELECT id, text FROM lake.big.numbers").send().await.unwrap();
    let mut stream = response.bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    std::fs::write(world.folder.path().join("users.toml"), users(&["bob"])).unwrap();
    send(world.query("ann", "SELECT 1")).await.is_problem("UNAUTHENTICATED");
    let mut last = Ok(());
    while let Some(bytes) = stream.next().await {
        last = bytes.map(drop);
    }
    assert!(last.is_err(), "the result ended as if it were whole");
    until(|| world.ledger().iter().any(|record| record["code"] == "ACCESS_REVOKED")).await;
    assert_eq!(send(world.query("bob", "SELECT 1")).await.status, 200);
}

/// Bytes of results that the door has handed to sockets.
fn bytes_sent(world: &World) -> u64 {
    let text = world.gateway.door().parts().metrics.text().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("lockgate_bytes_sent_total "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_a_slow_caller_has_not_fetched_when_access_is_taken_away_never_leaves() {
    type Deed = fn(&World);
    let taken_away: [(&str, Deed); 3] = [
        ("the rows", |world| policy(world.folder.path(), &RULES.replace("p, R-01", "# p, R-01"), CLASSES)),
        ("a column", |world| {
            policy(world.folder.path(), RULES, &CLASSES.replace("text: {tags: [public]", "text: {tags: [pii.x]"))
        }),
        ("the token", |world| std::fs::write(world.folder.path().join("users.toml"), users(&["bob"])).unwrap()),
    ];
    for (what, take_away) in taken_away {
        for accept in ["application/vnd.apache.arrow.stream", "text/csv"] {
            let world = World::new().await;
            let sql = "SELECT id, text FROM lake.big.numbers";
            let request = format!(
                "POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lg_ann\r\nLockgate-Purpose: analytics\r\n\
                 Accept: {accept}\r\nContent-Length: {}\r\n\r\n{sql}",
                sql.len()
            );
            let mut socket = TcpStream::connect(world.gateway.address()).await.unwrap();
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut begun = [0; 4096];
            socket.read_exact(&mut begun).await.unwrap();
            assert!(begun.starts_with(b"HTTP/1.1 200 OK\r\n"));
            let door = world.gateway.door();
            let (epoch, loads) = (door.policies().epoch(), door.parts().users.status().loads);
            take_away(&world);
            // No request tells the gateway: it follows the files by itself.
            until(|| (door.policies().epoch(), door.parts().users.status().loads) != (epoch, loads)).await;
            let sent = bytes_sent(&world);
            let mut rest = Vec::new();
            let ended = socket.read_to_end(&mut rest).await;
            assert!(ended.is_err() || !rest.ends_with(b"0\r\n\r\n"), "{what}, {accept}: it ended as if it were whole");
            assert_eq!(bytes_sent(&world), sent, "{what}, {accept}: more was sent");
            assert!(sent < 20_000_000, "{what}, {accept}: the sockets took nearly everything");
            until(|| world.ledger().iter().any(|record| record["kind"] == "close")).await;
            let close = world.ledger().into_iter().find(|record| record["kind"] == "close").unwrap();
            assert_eq!((&close["outcome"], &close["code"]), (&"failed".into(), &"ACCESS_REVOKED".into()), "{what}");
            assert!(close["rows"].as_i64().unwrap() < MANY, "{close}");
        }
    }
}

/// How a long result ends when the policy gets one more rule in mid-stream.
async fn ends_well_under(rule: &str) -> bool {
    let world = World::new().await;
    let response = world.query("ann", "SELECT id, text FROM lake.big.numbers").send().await.unwrap();
    let mut stream = response.bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    policy(world.folder.path(), &format!("{RULES}{rule}\n"), CLASSES);
    world.gateway.reload().await;
    let mut last = Ok(());
    while let Some(bytes) = stream.next().await {
        last = bytes.map(drop);
    }
    let closed = || world.ledger().into_iter().find(|record| record["kind"] == "close");
    until(|| closed().is_some()).await;
    assert_eq!(closed().unwrap()["code"] == "ACCESS_REVOKED", last.is_err());
    last.is_ok()
}

#[tokio::test]
async fn a_result_ends_when_its_table_or_a_column_that_it_reads_is_withdrawn_and_else_goes_on() {
    assert!(!ends_well_under("p, X-01, role:analyst, purpose:any, tag:rows.big, *, always, deny").await);
    assert!(!ends_well_under("p, X-01, role:analyst, purpose:any, tag:public, *, always, deny").await);
    assert!(ends_well_under("p, X-01, role:analyst, purpose:any, tag:pii, *, always, deny").await);
}

#[tokio::test]
async fn a_changed_policy_holds_for_the_next_query() {
    let world = World::with("", 10).await;
    let sql = "SELECT mail FROM lake.crm.people ORDER BY id LIMIT 1";
    let token = world.rows("ann", sql).await;
    policy(world.folder.path(), &RULES.replace("tag:pii, hash", "tag:pii, clear"), CLASSES);
    assert_eq!(world.rows("ann", sql).await[0][0], "ann@example.org");
    policy(world.folder.path(), &RULES.replace("p, A-02", "#"), CLASSES);
    send(world.query("ann", sql)).await.is_problem("POLICY_DENIED");
    policy(world.folder.path(), RULES, CLASSES);
    assert_eq!(world.rows("ann", sql).await, token);
}

#[tokio::test]
async fn an_erased_subject_is_gone_from_every_table_that_knows_it_with_the_next_query() {
    let world = World::with("", 10).await;
    let subject = |rows: &str| format!("    rows: {rows}\n    subject_key: {{column: id, subject: person}}\n");
    let classes = ["rows.people", "rows.big"]
        .iter()
        .fold(CLASSES.to_owned(), |classes, rows| classes.replace(&format!("    rows: {rows}\n"), &subject(rows)));
    policy(world.folder.path(), RULES, &classes);
    let count = async |table: &str| world.rows("ann", &format!("SELECT count(*) FROM {table} WHERE id = 1")).await;
    assert_eq!((count("lake.crm.people").await, count("lake.big.numbers").await), (json!([[1]]), json!([[1]])));
    let erasures = "subject,key,requested_at,reference\nperson,1,2026-11-20,DSR-1\n";
    std::fs::write(world.folder.path().join("policy/erasures.csv"), erasures).unwrap();
    assert_eq!((count("lake.crm.people").await, count("lake.big.numbers").await), (json!([[0]]), json!([[0]])));
    assert_eq!(world.rows("ann", "SELECT count(*) FROM lake.crm.people").await, json!([[2]]));
}

#[tokio::test]
async fn a_bad_policy_or_users_file_keeps_the_old_one_and_says_so() {
    let world = World::with("", 10).await;
    assert_eq!(health(&world).await["status"], "ok");
    policy(world.folder.path(), &format!("{RULES}p, X-01, nonsense canary\n"), CLASSES);
    std::fs::write(world.folder.path().join("users.toml"), "[[users]]\nname = \"canary\"\n").unwrap();
    world.gateway.reload().await;
    assert_eq!(world.rows("ann", "SELECT count(*) FROM lake.crm.people").await[0][0], 3);
    let text = send(world.client.get(world.url("/healthz"))).await;
    assert_eq!((text.status.as_u16(), text.text().as_str()), (200, r#"{"status":"degraded"}"#));
    let health = health(&world).await;
    let line = RULES.lines().count() + 1;
    assert_eq!(health["policy"]["refused"]["places"][0], format!("policy.csv:{line}"), "{health}");
    assert_eq!(health["users"]["refused"]["errors"], 1);
    assert_eq!(health["users"]["refused"]["places"][0], "users.toml:1");
    assert!(!health.to_string().contains("canary"));
    let metrics = send(world.client.get(world.url("/metrics")).bearer_auth("lg_bob")).await.text();
    for line in ["lockgate_policy_outdated 1", "lockgate_users_outdated 1", "lockgate_users_reload_failures_total 1"] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("lockgate_policy_reload_failures_total 0"), "{metrics}");
    policy(world.folder.path(), RULES, CLASSES);
    std::fs::write(world.folder.path().join("users.toml"), users(&["ann", "bob"])).unwrap();
    until(|| world.gateway.door().engine().status().policy.last_error.is_none()).await;
}

#[tokio::test]
async fn a_new_version_reaches_ledger_and_health_without_a_request() {
    let world = World::with("", 10).await;
    let versions = |world: &World| -> Vec<Value> {
        let records = world.ledger().into_iter().filter(|record| record["kind"] == "policy");
        records.map(|record| record["policy"].clone()).collect()
    };
    assert_eq!(versions(&world).len(), 1);
    policy(world.folder.path(), RULES, &CLASSES.replace("test.1", "test.2"));
    until(|| versions(&world).len() == 2).await;
    assert!(versions(&world)[1].as_str().unwrap().starts_with("test.2+"));
}

#[tokio::test]
async fn under_load_every_result_is_wholly_of_the_version_it_names() {
    let world = std::sync::Arc::new(World::with("", 10).await);
    let clear = RULES.replace("tag:pii, hash", "tag:pii, clear");
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let world = world.clone();
        askers.spawn(async move {
            let mut seen = std::collections::BTreeMap::new();
            for _ in 0..40 {
                let sql = "SELECT mail FROM lake.crm.people ORDER BY id LIMIT 1";
                let answer = send(world.query("ann", sql).header("Accept", "application/json")).await;
                assert_eq!(answer.status, 200, "{}", answer.text());
                let document = answer.json();
                let is_clear = document["rows"][0][0] == "ann@example.org";
                let known = *seen.entry(document["policy"].to_string()).or_insert(is_clear);
                assert_eq!(known, is_clear, "{document}");
            }
            seen
        });
    }
    let mut flips = 0;
    while !askers.is_empty() {
        // Replaced by renaming, as an operator should.
        let rules = if flips % 2 == 0 { &clear } else { RULES };
        let file = world.folder.path().join("policy/new");
        std::fs::write(&file, rules).unwrap();
        std::fs::rename(&file, world.folder.path().join("policy/policy.csv")).unwrap();
        flips += 1;
        while let Some(done) = askers.try_join_next() {
            assert!(!done.unwrap().is_empty());
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn stopping_lets_a_running_result_end_and_takes_no_new_one() {
    let world = World::new().await;
    let address = world.gateway.address();
    let response = world.query("ann", "SELECT id, text FROM lake.big.numbers").send().await.unwrap();
    let mut stream = response.bytes_stream();
    assert!(stream.next().await.unwrap().is_ok());
    let stopping = tokio::spawn(world.gateway.stop());
    until(|| std::net::TcpStream::connect(address).is_err()).await;
    let mut bytes = 0;
    while let Some(piece) = stream.next().await {
        bytes += piece.unwrap().len();
    }
    assert!(bytes > 20_000_000, "{bytes}");
    stopping.await.unwrap();
}
