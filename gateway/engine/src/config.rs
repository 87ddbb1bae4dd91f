//! Limits and sizes of the engine.

use std::path::PathBuf;
use std::time::Duration;

/// Limits and sizes of the engine; every limit is per gateway process unless it says per query.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Bytes that all running queries together may hold for sorts, joins and groups.
    pub memory_bytes: usize,
    /// Bytes that one query may hold; what is over spills to disk where the operator can.
    pub query_memory_bytes: usize,
    /// Bytes of temporary files, all queries together.
    pub spill_bytes: u64,
    /// Folder for temporary files; the system's when absent.
    pub spill_dir: Option<PathBuf>,
    /// Longest time that one query may take, waiting in the queue included.
    pub time_limit: Duration,
    /// Most rows that one query may return; no limit when absent.
    pub max_rows: Option<u64>,
    /// Queries that run at the same time.
    pub slots: usize,
    /// Queries that may wait for a slot.
    pub queue: usize,
    /// Longest time that a query waits for a slot.
    pub queue_wait: Duration,
    /// Partitions that one query's plan is spread over.
    pub target_partitions: usize,
    /// Rows in a batch.
    pub batch_size: usize,
    /// Whether sources answer whole parts of a query. Without, each table is read by itself; the answers are the same.
    pub pushdown: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            memory_bytes: 2 << 30,
            query_memory_bytes: 1 << 30,
            spill_bytes: 20 << 30,
            spill_dir: None,
            time_limit: Duration::from_secs(600),
            max_rows: None,
            slots: cores.saturating_mul(4),
            queue: 100,
            queue_wait: Duration::from_secs(60),
            target_partitions: cores,
            batch_size: 4_096,
            pushdown: true,
        }
    }
}
