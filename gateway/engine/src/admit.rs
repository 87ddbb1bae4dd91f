//! admit: a slot for each running query, a bounded queue before it, and a memory account for each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::resources_datafusion_err;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use lockgate_wire::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::{EngineConfig, Error};

/// Slots and queue of the gateway.
#[derive(Debug)]
pub(crate) struct Admission {
    slots: Arc<Semaphore>,
    n_slots: usize,
    queued: AtomicUsize,
    queue: usize,
    wait: std::time::Duration,
}

/// A slot; the query runs while it is held.
#[derive(Debug)]
pub(crate) struct Slot(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Admission {
    /// Slots and queue as configured.
    pub(crate) fn new(config: &EngineConfig) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(config.slots)),
            n_slots: config.slots,
            queued: AtomicUsize::new(0),
            queue: config.queue,
            wait: config.queue_wait,
        }
    }

    /// Waits for a slot, first come, first served.
    ///
    /// # Errors
    /// `QUEUE_FULL` at once when too many wait, or after the longest wait; `TIME_LIMIT` at the query's own deadline.
    pub(crate) async fn slot(&self, deadline: Instant) -> Result<Slot, Error> {
        if let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() {
            return Ok(Slot(permit));
        }
        let waiting = Waiting::enter(&self.queued);
        if waiting.position > self.queue {
            return Err(full("too many queries wait already"));
        }
        let last = deadline.min(Instant::now() + self.wait);
        match tokio::time::timeout_at(last, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Slot(permit)),
            Ok(Err(_closed)) => Err(full("the gateway is shutting down")),
            Err(_elapsed) if last == deadline => {
                Err(Error::new(ErrorCode::TimeLimit, "the query ran into its time limit while it waited for a slot"))
            }
            Err(_elapsed) => Err(full("no slot became free in time")),
        }
    }

    /// Queries that hold a slot.
    pub(crate) fn running(&self) -> usize {
        self.n_slots.saturating_sub(self.slots.available_permits())
    }

    /// Queries that wait for one.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

fn full(text: &str) -> Error {
    Error::new(ErrorCode::QueueFull, text).with_hint("try again in a few seconds")
}

struct Waiting<'a> {
    queued: &'a AtomicUsize,
    position: usize,
}

impl<'a> Waiting<'a> {
    fn enter(queued: &'a AtomicUsize) -> Self {
        let position = queued.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Self { queued, position }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes that all queries hold together.
#[derive(Debug)]
pub(crate) struct GlobalMemory {
    used: AtomicUsize,
    limit: usize,
}

impl GlobalMemory {
    /// An account with a limit in bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { used: AtomicUsize::new(0), limit }
    }

    /// Bytes held now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn try_add(&self, bytes: usize) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.limit)
            })
            .is_ok()
    }

    fn add(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn remove(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One query's memory: fair among its spilling operators, within its own limit and the gateway's.
#[derive(Debug)]
pub(crate) struct QueryMemory {
    own: FairSpillPool,
    limit: usize,
    global: Arc<GlobalMemory>,
}

impl QueryMemory {
    /// An account of `limit` bytes within `global`.
    pub(crate) fn new(limit: usize, global: Arc<GlobalMemory>) -> Self {
        Self { own: FairSpillPool::new(limit), limit, global }
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.own.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.own.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.global.add(additional);
        self.own.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.own.shrink(reservation, shrink);
        self.global.remove(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> datafusion::error::Result<()> {
        if !self.global.try_add(additional) {
            return Err(resources_datafusion_err!("the gateway's memory is used up"));
        }
        if self.own.try_grow(reservation, additional).is_err() {
            self.global.remove(additional);
            return Err(resources_datafusion_err!("the query's memory is used up"));
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.own.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests;
