//! Figures for Prometheus. No label names a user, a table or a piece of SQL.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use lockgate_engine::Engine;
use lockgate_wire::ErrorCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::auth::UserStore;
use crate::ledger::FileLedger;

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    path: &'static str,
    status: u16,
}

/// Labels of a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueryLabels {
    outcome: &'static str,
    code: &'static str,
}

/// All figures of the gateway.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    queries: Family<QueryLabels, Counter>,
    first_byte: Histogram,
    seconds: Histogram,
    rows: Counter,
    bytes: Counter,
    sign_in_failures: Counter,
}

impl Metrics {
    /// Figures of a gateway made of these parts.
    pub fn new(engine: Engine, users: Arc<UserStore>, ledger: Arc<FileLedger>) -> Self {
        // 1 ms to about 17 minutes.
        let latency = || Histogram::new(exponential_buckets(0.001, 2.0, 21));
        let mut metrics = Self {
            registry: Registry::with_prefix("lockgate"),
            requests: Family::default(),
            queries: Family::default(),
            first_byte: latency(),
            seconds: latency(),
            rows: Counter::default(),
            bytes: Counter::default(),
            sign_in_failures: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("http_requests", "Answers of the HTTP door", metrics.requests.clone());
        registry.register("queries", "Queries that ended, by outcome and error code", metrics.queries.clone());
        registry.register("first_byte_seconds", "Time until a result began to leave", metrics.first_byte.clone());
        registry.register("query_seconds", "Time until a result had left", metrics.seconds.clone());
        registry.register("rows_sent", "Rows of results", metrics.rows.clone());
        registry.register("bytes_sent", "Bytes of results", metrics.bytes.clone());
        registry.register("sign_in_failures", "Requests without a valid token", metrics.sign_in_failures.clone());
        registry.register_collector(Box::new(Parts { engine, users, ledger }));
        metrics
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, method: &'static str, path: &'static str, status: u16) {
        self.requests.get_or_create(&RequestLabels { method, path, status }).inc();
    }

    /// Counts a request without a valid token.
    pub(crate) fn sign_in_failed(&self) {
        self.sign_in_failures.inc();
    }

    /// Counts a query that was refused before it gave a row.
    pub(crate) fn refused(&self, code: ErrorCode) {
        self.queries.get_or_create(&QueryLabels { outcome: "refused", code: code.name() }).inc();
    }

    /// The figures in the Prometheus text format.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts one result while it leaves.
pub(crate) struct Meter {
    metrics: Arc<Metrics>,
    started: Instant,
    bytes: u64,
    ended: bool,
}

impl Meter {
    /// A meter for a query that came in at `started`.
    pub(crate) fn new(metrics: Arc<Metrics>, started: Instant) -> Self {
        Self { metrics, started, bytes: 0, ended: false }
    }

    /// Bytes went out.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if self.bytes == 0 {
            self.metrics.first_byte.observe(self.started.elapsed().as_secs_f64());
        }
        self.bytes += bytes as u64;
        self.metrics.bytes.inc_by(bytes as u64);
    }

    /// The whole result went out.
    pub(crate) fn finished(&mut self, rows: u64) {
        self.end("finished", "", rows);
    }

    /// The caller went away.
    pub(crate) fn cancelled(&mut self, rows: u64) {
        self.end("cancelled", "", rows);
    }

    /// An error cut the result off.
    pub(crate) fn failed(&mut self, code: ErrorCode, rows: u64) {
        self.end("failed", code.name(), rows);
    }

    fn end(&mut self, outcome: &'static str, code: &'static str, rows: u64) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.metrics.queries.get_or_create(&QueryLabels { outcome, code }).inc();
        self.metrics.seconds.observe(self.started.elapsed().as_secs_f64());
        self.metrics.rows.inc_by(rows);
    }
}

/// Figures that the parts keep themselves.
struct Parts {
    engine: Engine,
    users: Arc<UserStore>,
    ledger: Arc<FileLedger>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

impl Collector for Parts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let engine = self.engine.status();
        let users = self.users.status();
        let ledger = self.ledger.counters();
        gauge(&mut encoder, "queries_running", "Queries that run", count(engine.running))?;
        gauge(&mut encoder, "queries_queued", "Queries that wait for a slot", count(engine.queued))?;
        gauge(&mut encoder, "memory_used_bytes", "Memory that running queries hold", count(engine.memory_used))?;
        let policy = &engine.policy;
        let loaded = policy.loaded_at.timestamp();
        gauge(&mut encoder, "policy_loaded_timestamp_seconds", "When the policy in force was read", loaded)?;
        let outdated = i64::from(policy.last_error.is_some());
        gauge(&mut encoder, "policy_outdated", "1 when a changed policy folder is refused", outdated)?;
        counter(&mut encoder, "policy_reloads", "Policies taken over from a changed folder", policy.reloads)?;
        counter(&mut encoder, "policy_reload_failures", "Changed policy folders that were refused", policy.failures)?;
        let loaded = users.loaded_at.timestamp();
        gauge(&mut encoder, "users_loaded_timestamp_seconds", "When the users in force were read", loaded)?;
        let outdated = i64::from(users.last_error.is_some());
        gauge(&mut encoder, "users_outdated", "1 when a changed users file is refused", outdated)?;
        counter(&mut encoder, "users_reload_failures", "Changed users files that were refused", users.failures)?;
        let writable = i64::from(self.ledger.healthy());
        gauge(&mut encoder, "ledger_writable", "1 when the ledger can be written", writable)?;
        counter(&mut encoder, "ledger_records", "Ledger records made durable", ledger.records)?;
        counter(&mut encoder, "ledger_groups", "Groups that ledger records were made durable in", ledger.groups)
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), fmt::Error> {
    ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
}
