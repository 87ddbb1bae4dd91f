//! The engine: what all queries share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use lockgate_contract::{Source, SourceError};
use lockgate_policies::{KeyRing, PolicyStore, StoreStatus};
use lockgate_wire::ErrorCode;
use parking_lot::Mutex;
use tokio::runtime::{Handle, Runtime};

use crate::admit::{Admission, GlobalMemory};
use crate::progress::Asked;
use crate::scan::FileStores;
use crate::{EngineConfig, Error, Ledger, rules};

/// The governed query engine; clones are cheap and share everything. See [`Engine::query`].
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    config: EngineConfig,
    sources: BTreeMap<String, Arc<dyn Source>>,
    policies: Arc<PolicyStore>,
    keys: Arc<KeyRing>,
    ledger: Arc<dyn Ledger>,
    base: SessionState,
    runtime_env: Arc<RuntimeEnv>,
    files: FileStores,
    admission: Admission,
    memory: Arc<GlobalMemory>,
    asked: Asked,
    tasks: Tasks,
}

/// What the engine is doing now.
#[derive(Debug, Clone)]
pub struct EngineStatus {
    /// Queries that run.
    pub running: usize,
    /// Queries that wait for a slot.
    pub queued: usize,
    /// Bytes that running queries hold.
    pub memory_used: usize,
    /// State of the policy folder.
    pub policy: StoreStatus,
}

impl Engine {
    /// An engine over `sources`, which keep one catalogue name each.
    ///
    /// # Errors
    /// `INTERNAL` when two sources have one name or the runtime cannot be made.
    pub fn new(
        config: EngineConfig,
        sources: Vec<Arc<dyn Source>>,
        policies: Arc<PolicyStore>,
        keys: Arc<KeyRing>,
        ledger: Arc<dyn Ledger>,
    ) -> Result<Self, Error> {
        let broken = |text: &str, cause: String| Error::new(ErrorCode::Internal, text.to_owned()).with_internal(cause);
        let mut by_name = BTreeMap::new();
        for source in sources {
            if let Some(twin) = by_name.insert(source.name().to_owned(), source) {
                return Err(broken("two sources have one name", twin.name().to_owned()));
            }
        }
        let mode = match &config.spill_dir {
            Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(config.spill_bytes);
        let runtime_env = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| broken("the query runtime could not be made", error.to_string()))?;
        let base = SessionStateBuilder::new()
            .with_default_features()
            .with_config(session_config(&config))
            .with_runtime_env(Arc::clone(&runtime_env))
            .with_table_functions(std::collections::HashMap::new())
            .with_optimizer_rules(rules::logical())
            .with_physical_optimizer_rules(rules::physical())
            .build();
        let tasks = Tasks::new(config.target_partitions)
            .map_err(|error| broken("the query threads could not be started", error.to_string()))?;
        let shared = Shared {
            admission: Admission::new(&config),
            memory: Arc::new(GlobalMemory::new(config.memory_bytes)),
            files: FileStores::new(Arc::clone(&runtime_env)),
            config,
            sources: by_name,
            policies,
            keys,
            ledger,
            base,
            runtime_env,
            asked: Asked::default(),
            tasks,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the engine is doing now.
    pub fn status(&self) -> EngineStatus {
        EngineStatus {
            running: self.shared.admission.running(),
            queued: self.shared.admission.queued(),
            memory_used: self.shared.memory.used(),
            policy: self.shared.policies.status(),
        }
    }

    /// Asks every source whether it can be used; errors carry a text for operators.
    pub async fn check_sources(&self) -> Vec<(String, Result<(), SourceError>)> {
        let mut checks = Vec::with_capacity(self.shared.sources.len());
        for (name, source) in &self.shared.sources {
            checks.push((name.clone(), source.check().await));
        }
        checks
    }

    /// Has every source forget what it remembers of its tables.
    pub fn refresh_sources(&self) {
        self.shared.sources.values().for_each(|source| source.refresh());
    }

    /// The policy folder that decides.
    pub fn policies(&self) -> &Arc<PolicyStore> {
        &self.shared.policies
    }

    pub(crate) fn config(&self) -> &EngineConfig {
        &self.shared.config
    }

    pub(crate) fn source(&self, catalog: &str) -> Option<&Arc<dyn Source>> {
        self.shared.sources.get(catalog)
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.shared.keys
    }

    pub(crate) fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.shared.ledger
    }

    pub(crate) fn runtime_env(&self) -> &RuntimeEnv {
        &self.shared.runtime_env
    }

    pub(crate) fn file_stores(&self) -> &FileStores {
        &self.shared.files
    }

    pub(crate) fn admission(&self) -> &Admission {
        &self.shared.admission
    }

    pub(crate) fn memory(&self) -> &Arc<GlobalMemory> {
        &self.shared.memory
    }

    pub(crate) fn asked(&self) -> &Asked {
        &self.shared.asked
    }

    pub(crate) fn tasks(&self) -> &Handle {
        &self.shared.tasks.handle
    }

    /// A session state for one query: the shared functions and rules with this query's start time.
    pub(crate) fn state(&self) -> SessionState {
        let mut state = self.shared.base.clone();
        state.mark_start_execution();
        state
    }
}

fn session_config(config: &EngineConfig) -> SessionConfig {
    let mut session =
        SessionConfig::new().with_target_partitions(config.target_partitions).with_batch_size(config.batch_size);
    let options = session.options_mut();
    // Text stays `Utf8` all the way: clients differ in reading views, and a view's shared buffers can hold hidden rows.
    options.execution.parquet.schema_force_view_types = false;
    // Spark's old timestamps reach further than nanoseconds in 64 bits do; the files connector shows them so.
    options.execution.parquet.coerce_int96 = Some("us".to_owned());
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".to_owned());
    options.execution.collect_statistics = false;
    // The check also compares metadata of fields, which simplifying an expression may change (`CASE WHEN true ..`).
    options.execution.skip_physical_aggregate_schema_check = true;
    options.catalog.information_schema = false;
    // Keys of a join's one side narrow what is read of the other, also in the statement that a source is sent.
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = 2_000;
    session
}

/// Stack of a query thread. Planning and dropping a deep expression recurses; `parse` bounds how deep. Only what is used
/// of it is ever backed by memory.
const STACK_BYTES: usize = 64 << 20;

/// How long query threads may take to end with their engine.
const ENDED_WITHIN: Duration = Duration::from_secs(10);

/// Threads of their own for queries, so that a busy query does not keep the doors from answering.
struct Tasks {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Tasks {
    fn new(threads: usize) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("lockgate-query")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // A runtime must not be dropped inside another one, so a thread of its own ends it. The threads are waited for: glibc
        // may read a thread's stack after it was given back when the thread ends while it is let go, and stacks of this size
        // are given back at once.
        let runtime = Arc::new(Mutex::new(self.runtime.take()));
        let ending = Arc::clone(&runtime);
        let end = move || {
            if let Some(runtime) = ending.lock().take() {
                runtime.shutdown_timeout(ENDED_WITHIN);
            }
        };
        if std::thread::Builder::new().name("lockgate-end".to_owned()).spawn(end).is_err()
            && let Some(runtime) = runtime.lock().take()
        {
            runtime.shutdown_background();
        }
    }
}
