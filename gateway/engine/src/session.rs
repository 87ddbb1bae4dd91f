//! Who asks, why, and through which door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lockgate_policies::Asker;

/// A signed-in caller with a declared purpose. Made by a door from verified credentials only.
#[derive(Debug, Clone)]
pub struct Session {
    /// Principal, purpose and environment, as policy asks for them.
    pub asker: Asker,
    /// Door through which the request came, such as `http`; stands in the ledger.
    pub door: &'static str,
    /// Whether the credentials still hold; running queries look at it between batches.
    pub standing: Standing,
}

/// Whether credentials still hold. Cloned freely; once withdrawn it stays so.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<AtomicBool>);

impl Standing {
    /// Withdraws the credentials: queries of every session that shares this standing end at their next batch.
    pub fn withdraw(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the credentials were withdrawn.
    pub fn is_withdrawn(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
