//! A world that can be queried: its files, the files connector, the real judge, and the real engine.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lockgate_connector_files::FilesConnector;
use lockgate_contract::{Connector, Options, Source};
use lockgate_engine::{Engine, EngineConfig, Ledger, LedgerError, Session, Standing};
use lockgate_policies::{Asker, Env, KeyRing, PolicyStore, Principal};
use lockgate_wire::audit::{AuditRecord, CloseRecord, OpenRecord, RefusedRecord};
use tempfile::TempDir;

use super::data::Data;
use super::files;
use super::how::SECRET;
use super::oracle::BATCH_SIZE;
use super::people::Person;

/// Catalogues of a world, one files source each.
pub const CATALOGS: [&str; 4] = ["hive", "vertica", "presto", "hdfs"];

/// A world with an engine over it. Its files vanish when it is dropped.
pub struct World {
    /// The engine.
    pub engine: Engine,
    /// What the engine wrote down.
    pub ledger: Arc<MemoryLedger>,
    _files: TempDir,
}

/// The policy folder of the test worlds.
pub fn policy_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policy")
}

/// The policy of the test worlds, loaded.
///
/// # Panics
/// When the folder is refused.
pub fn policies() -> Arc<PolicyStore> {
    match PolicyStore::open(&policy_dir()) {
        Ok(store) => Arc::new(store),
        Err(problems) => panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

impl World {
    /// Writes `data` to a folder of its own and opens an engine over it.
    ///
    /// # Panics
    /// When that fails.
    pub async fn open(data: &Data, policies: Arc<PolicyStore>) -> Self {
        Self::open_with(data, policies, Vec::new(), true).await
    }

    /// The same, with some of the catalogues in other sources, and with or without parts of queries that these answer.
    ///
    /// # Panics
    /// When that fails.
    pub async fn open_with(
        data: &Data,
        policies: Arc<PolicyStore>,
        elsewhere: Vec<Arc<dyn Source>>,
        pushdown: bool,
    ) -> Self {
        let root = tempfile::tempdir().expect("a folder for the world");
        files::write(data, root.path());
        let ledger = Arc::new(MemoryLedger::default());
        let engine = open_engine(root.path(), policies, Arc::<MemoryLedger>::clone(&ledger), elsewhere, pushdown).await;
        Self { engine, ledger, _files: root }
    }
}

/// An engine over the files below `root`: one partition and small batches, so that answers are the same each time.
async fn open_engine(
    root: &Path,
    policies: Arc<PolicyStore>,
    ledger: Arc<dyn Ledger>,
    elsewhere: Vec<Arc<dyn Source>>,
    pushdown: bool,
) -> Engine {
    let mut sources = elsewhere;
    for catalog in CATALOGS {
        if sources.iter().any(|source| source.name() == catalog) {
            continue;
        }
        let options = Options(files::options(catalog, root));
        sources.push(FilesConnector.open(catalog, &options).await.expect("the options are right"));
    }
    let (secret, key_id) = SECRET;
    let keys = Arc::new(KeyRing::from_secret(secret, key_id));
    let config =
        EngineConfig { target_partitions: 1, batch_size: BATCH_SIZE, slots: 16, pushdown, ..EngineConfig::default() };
    Engine::new(config, sources, policies, keys, ledger).expect("an engine")
}

/// The session of a person, as a door would make it.
pub fn session(person: &Person) -> Session {
    let principal = Principal { name: person.name.to_owned(), roles: BTreeSet::new() };
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    let env = Env { dc: "eu".to_owned(), site: "eu".to_owned(), today };
    Session {
        asker: Asker { principal, purpose: person.purpose.to_owned(), env },
        door: "test",
        standing: Standing::default(),
    }
}

/// Keeps what the engine records. The ledger on disk is tested where it lives; here an fsync for each of many thousand
/// queries would prove nothing more.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Vec<AuditRecord>>);

impl MemoryLedger {
    /// Takes out all records so far.
    pub fn take(&self) -> Vec<AuditRecord> {
        std::mem::take(&mut *self.0.lock().expect("no panic while it was held"))
    }

    fn push(&self, record: AuditRecord) {
        self.0.lock().expect("no panic while it was held").push(record);
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn open(&self, record: OpenRecord) -> Result<(), LedgerError> {
        self.push(AuditRecord::Open(record));
        Ok(())
    }

    async fn refused(&self, record: RefusedRecord) -> Result<(), LedgerError> {
        self.push(AuditRecord::Refused(record));
        Ok(())
    }

    fn close(&self, record: CloseRecord) {
        self.push(AuditRecord::Close(record));
    }
}
