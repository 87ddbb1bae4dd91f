//! `kill -9` at any moment: whatever a client saw a byte of stands in the ledger, and the gateway starts again.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lockgate_server::ledger::{self, Filter, QueryOutcome};
use lockgate_wire::audit::{AuditRecord, WriterEvent};
use rand::Rng;
use uuid::Uuid;

use crate::world::{World, send};

const N_ROUNDS: usize = 24;
const N_CLIENTS: usize = 8;
/// Long and short results, with and without work before the first row.
const STATEMENTS: [&str; 4] = [
    "SELECT id, note FROM lab.readings.samples",
    "SELECT id, station FROM lab.readings.samples LIMIT 3",
    "SELECT station, count(*) FROM lab.readings.samples GROUP BY station",
    "SELECT note FROM lab.readings.samples ORDER BY note DESC",
];

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// Ids of results of which at least one byte of the body came.
    ids: Mutex<Vec<Uuid>>,
    n_ids: AtomicUsize,
    stop: AtomicBool,
    /// Whether a gateway listens; clients rest meanwhile.
    is_up: Mutex<bool>,
    changed: Condvar,
}

impl Seen {
    fn note(&self, id: Uuid) {
        self.ids.lock().unwrap().push(id);
        self.n_ids.fetch_add(1, Ordering::SeqCst);
    }

    fn set_up(&self, is_up: bool) {
        *self.is_up.lock().unwrap() = is_up;
        self.changed.notify_all();
    }

    fn wait_until_up(&self) {
        let is_up = self.is_up.lock().unwrap();
        drop(self.changed.wait_while(is_up, |is_up| !*is_up).unwrap());
    }
}

/// Reads an answer; notes its id as soon as the first byte of the body is there. Errors are the point of the test.
fn read_answer(socket: TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(1 << 16, socket);
    let (mut id, mut line) = (None, String::new());
    reader.read_line(&mut line)?;
    assert!(line.is_empty() || line.starts_with("HTTP/1.1 200 "), "{line}");
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("query-id:") {
            id = value.trim().parse::<Uuid>().ok();
        }
    }
    // The length of the first chunk is not yet a byte of the result.
    let mut size = String::new();
    reader.read_line(&mut size)?;
    if reader.read(&mut [0; 1])? == 1 && !size.starts_with('0') {
        seen.note(id.expect("every result has a Query-Id"));
    }
    std::io::copy(&mut reader, &mut std::io::sink()).map(drop)
}

fn client(world: &Arc<World>, seen: &Arc<Seen>, first: usize) -> JoinHandle<()> {
    let (world, seen) = (Arc::clone(world), Arc::clone(seen));
    std::thread::spawn(move || {
        let accepts = ["application/vnd.apache.arrow.stream", "text/csv"];
        for turn in first.. {
            if seen.stop.load(Ordering::SeqCst) {
                return;
            }
            let sql = STATEMENTS[turn % STATEMENTS.len()];
            let answered = send(world.address, accepts[turn % 2], sql).and_then(|socket| read_answer(socket, &seen));
            if answered.is_err() {
                seen.wait_until_up();
            }
        }
    })
}

/// Lets the clients see a random number of results, then a random while more.
fn wait_for_a_moment(seen: &Seen) {
    let mut random = rand::rng();
    let wanted = seen.n_ids.load(Ordering::SeqCst) + random.random_range(0..12);
    while seen.n_ids.load(Ordering::SeqCst) < wanted {
        std::thread::yield_now();
    }
    let moment = Instant::now() + Duration::from_micros(random.random_range(0..30_000));
    while Instant::now() < moment {
        std::thread::yield_now();
    }
}

/// After a kill, nothing but an unfinished last line may be wrong.
fn check_after_kill(world: &World) -> bool {
    let breaks = ledger::verify(&world.ledger(), None).unwrap().breaks;
    assert!(breaks.iter().all(|broken| broken.what.starts_with("the last line is not whole")), "{breaks:?}");
    !breaks.is_empty()
}

#[test]
fn no_byte_leaves_without_its_durable_open_record_however_often_the_gateway_is_killed() {
    let world = Arc::new(World::new(40_000));
    let seen = Arc::new(Seen::default());
    let mut gateway = world.serve();
    seen.set_up(true);
    let clients: Vec<_> = (0..N_CLIENTS).map(|first| client(&world, &seen, first)).collect();
    let mut n_torn = 0;
    for _ in 0..N_ROUNDS {
        wait_for_a_moment(&seen);
        gateway.kill();
        seen.set_up(false);
        n_torn += usize::from(check_after_kill(&world));
        gateway = world.serve();
        seen.set_up(true);
    }
    wait_for_a_moment(&seen);
    seen.stop.store(true, Ordering::SeqCst);
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert_eq!(gateway.stop(), Some(0));

    let verification = ledger::verify(&world.ledger(), None).unwrap();
    assert_eq!(verification.breaks, []);
    let (mut opened, mut n_starts) = (HashSet::new(), 0);
    for entry in ledger::entries(&world.ledger()).unwrap() {
        match entry.unwrap().record.expect("a known kind") {
            AuditRecord::Open(open) => drop(opened.insert(open.query_id)),
            AuditRecord::Writer(writer) => n_starts += usize::from(writer.event == WriterEvent::Started),
            AuditRecord::Close(_) | AuditRecord::Refused(_) | AuditRecord::Policy(_) => {}
        }
    }
    let seen = seen.ids.lock().unwrap();
    let missing: Vec<_> = seen.iter().filter(|id| !opened.contains(id)).collect();
    assert!(missing.is_empty(), "{} of {} results left without an open record: {missing:?}", missing.len(), seen.len());
    assert_eq!(n_starts, N_ROUNDS + 1);
    // Else the kills hit nothing and the test would prove nothing.
    assert!(seen.len() > N_ROUNDS, "only {} results were seen", seen.len());
    let filter = Filter { outcome: Some(QueryOutcome::Unfinished), ..Filter::default() };
    let n_unfinished = ledger::search(&world.ledger(), filter).unwrap().filter(Result::is_ok).count();
    assert!(n_unfinished > 0, "no kill hit a running query");
    println!(
        "{N_ROUNDS} kills: {} results seen, {} opened, {n_unfinished} unfinished, {n_torn} torn lines",
        seen.len(),
        opened.len()
    );
}
