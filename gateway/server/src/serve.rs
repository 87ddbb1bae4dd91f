//! The gateway as a process: start, follow changed files, stop.

mod follow;
mod listen;
mod logging;

use std::net::SocketAddr;
use std::sync::Arc;

use lockgate_engine::{Engine, EngineConfig};
use lockgate_policies::{KeyRing, PolicyStore, Problem};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::auth::UserStore;
use crate::config::{Config, Limits};
use crate::doors::{Door, DoorParts};
use crate::ledger::{FileLedger, LedgerOptions};
use crate::metrics::Metrics;
use crate::sources::open_sources;
use follow::Follower;

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Policy, users or sources have problems; all of them.
    #[error("{} problems keep the gateway from starting", .0.len())]
    Problems(Vec<Problem>),
    /// Something else failed; the text says what to do.
    #[error("{0}")]
    Failed(String),
}

/// A running gateway. Dropping it stops it at once; [`Gateway::stop`] lets running queries end.
pub struct Gateway {
    address: SocketAddr,
    door: Door,
    follower: Arc<Follower>,
    drain: std::time::Duration,
    stopping: CancellationToken,
    listening: AbortOnDropHandle<()>,
    following: AbortOnDropHandle<()>,
}

impl Gateway {
    /// Opens policy, users, ledger and sources, and begins to listen. An error lists every problem of all of them.
    pub async fn start(config: Config) -> Result<Self, ServeError> {
        let mut problems = Vec::new();
        let policies = PolicyStore::open(&config.policy_dir).map_err(|found| problems.extend(found)).ok();
        let users = UserStore::open(&config.users_file).map_err(|found| problems.extend(found)).ok();
        let sources = open_sources(&config.file, &config.sources).await.map_err(|found| problems.extend(found)).ok();
        let (Some(policies), Some(users), Some(mut sources)) = (policies, users, sources) else {
            return Err(ServeError::Problems(problems));
        };
        let (policies, users) = (Arc::new(policies), Arc::new(users));
        let ledger = FileLedger::open(&config.ledger_dir, LedgerOptions::default())
            .map_err(|error| ServeError::Failed(error.to_string()))?;
        let names = sources.iter().map(|source| source.name().to_owned()).collect();
        sources.push(Arc::new(ledger.source()));
        let keys = Arc::new(KeyRing::from_secret(config.hash_key.expose(), config.hash_key_id.as_str()));
        let engine =
            Engine::new(engine_config(&config.limits), sources, Arc::clone(&policies), keys, Arc::clone(&ledger) as _)
                .map_err(|error| {
                    ServeError::Failed(format!("the engine does not start: {error} {}", error.internal))
                })?;
        let follower = Arc::new(Follower::new(Arc::clone(&policies), Arc::clone(&users), Arc::clone(&ledger)));
        follower.begin().await.map_err(|error| ServeError::Failed(format!("{error}: {}", error.0)))?;

        let bound = TcpListener::bind(config.server.http).await;
        let listener =
            bound.map_err(|error| ServeError::Failed(format!("cannot listen on {}: {error}", config.server.http)))?;
        let address = listener.local_addr().map_err(|error| ServeError::Failed(error.to_string()))?;
        let door = Door::new(DoorParts {
            metrics: Arc::new(Metrics::new(engine.clone(), Arc::clone(&users), Arc::clone(&ledger))),
            engine,
            policies,
            users,
            ledger,
            sources: names,
            site: config.server.site.clone(),
            max_body: config.server.max_body,
            metrics_open: config.server.metrics_open,
        });
        let stopping = CancellationToken::new();
        let listening = listen::listen(listener, door.router(), config.server.max_connections, stopping.clone());
        let listening = AbortOnDropHandle::new(tokio::spawn(listening));
        let following = AbortOnDropHandle::new(tokio::spawn(Arc::clone(&follower).follow()));
        tracing::info!(%address, policy = door.policies().status().version, "gateway is open");
        Ok(Self { address, door, follower, drain: config.server.drain, stopping, listening, following })
    }

    /// Where the HTTP door listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The HTTP door.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// Reads policy and users again, changed or not, and has tables looked up anew, as SIGHUP does.
    pub async fn reload(&self) {
        self.door.engine().refresh_sources();
        self.follower.reload().await;
        tracing::info!("policy and users were read again; tables will be looked up anew");
    }

    /// Takes no more requests, lets running ones end for as long as `server.drain` says, then cuts the rest off.
    pub async fn stop(self) {
        self.stopping.cancel();
        if tokio::time::timeout(self.drain, self.listening).await.is_err() {
            tracing::warn!("queries were cut off, because they ran longer than `server.drain`");
        }
        drop(self.following);
    }
}

/// Runs a gateway until SIGTERM or SIGINT; SIGHUP makes it read policy and users again and look tables up anew. `ready` is called
/// with the door's address once it listens.
pub async fn serve(config: Config, ready: impl FnOnce(SocketAddr) + Send) -> Result<(), ServeError> {
    logging::begin(&config.log);
    let on = |kind| signal(kind).map_err(|error| ServeError::Failed(format!("cannot wait for signals: {error}")));
    // From here on a signal does not end the process by itself.
    let (mut hangup, mut terminate, mut interrupt) =
        (on(SignalKind::hangup())?, on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let gateway = Gateway::start(config).await?;
    ready(gateway.address());
    loop {
        tokio::select! {
            _ = hangup.recv() => gateway.reload().await,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tracing::info!("gateway is closing");
    tokio::select! {
        () = gateway.stop() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn engine_config(limits: &Limits) -> EngineConfig {
    EngineConfig {
        memory_bytes: limits.memory,
        query_memory_bytes: limits.query_memory,
        spill_bytes: limits.spill,
        spill_dir: limits.spill_dir.clone(),
        time_limit: limits.time,
        max_rows: limits.max_rows.map(|rows| rows as u64),
        slots: limits.slots,
        queue: limits.queue,
        queue_wait: limits.queue_wait,
        target_partitions: limits.threads,
        batch_size: limits.batch_rows,
        pushdown: true,
    }
}
