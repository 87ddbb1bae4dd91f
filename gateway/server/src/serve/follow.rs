//! Follows the policy folder and the users file, and tells what came of a change.

use std::sync::Arc;
use std::time::Duration;

use lockgate_engine::LedgerError;
use lockgate_policies::{PolicyStore, Severity};
use lockgate_wire::audit::PolicyRecord;
use parking_lot::Mutex;

use crate::auth::UserStore;
use crate::ledger::FileLedger;

/// How often the files are looked at when there are no requests.
const INTERVAL: Duration = Duration::from_secs(1);

/// Follows policy and users.
///
/// Requests look at the files by themselves, so a change holds from the next request on; this makes it hold without one, ends running
/// queries of withdrawn tokens, and writes to log and ledger what happened.
pub(super) struct Follower {
    policies: Arc<PolicyStore>,
    users: Arc<UserStore>,
    ledger: Arc<FileLedger>,
    told: Mutex<Told>,
}

/// What was told last.
#[derive(Default)]
struct Told {
    version: String,
    policy_failures: u64,
    users_failures: u64,
    users_loads: u64,
}

/// What there is to tell.
struct News {
    version: Option<String>,
}

impl Follower {
    pub(super) fn new(policies: Arc<PolicyStore>, users: Arc<UserStore>, ledger: Arc<FileLedger>) -> Self {
        let told = Told { users_loads: users.status().loads, ..Told::default() };
        Self { policies, users, ledger, told: Mutex::new(told) }
    }

    /// Writes to the ledger which policy is in force at the start.
    pub(super) async fn begin(&self) -> Result<(), LedgerError> {
        let version = self.policies.status().version;
        self.told.lock().version.clone_from(&version);
        self.ledger.policy(PolicyRecord { at: chrono::Utc::now(), policy: version }).await
    }

    /// Looks at the files again and again, for ever.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.step(Step::Look).await;
        }
    }

    /// Reads everything again, changed or not.
    pub(super) async fn reload(self: &Arc<Self>) {
        self.step(Step::Reload).await;
    }

    async fn step(self: &Arc<Self>, step: Step) {
        let this = Arc::clone(self);
        // Reading a large policy takes a while and must not keep requests waiting.
        let Ok(news) = tokio::task::spawn_blocking(move || this.look(step)).await else {
            tracing::error!("following policy and users failed");
            return;
        };
        let Some(policy) = news.version else { return };
        if let Err(error) = self.ledger.policy(PolicyRecord { at: chrono::Utc::now(), policy }).await {
            tracing::error!(cause = %error.0, "the ledger could not note the new policy version");
        }
    }

    fn look(&self, step: Step) -> News {
        match step {
            Step::Look => {
                self.policies.current();
                self.users.follow();
            }
            Step::Reload => {
                self.policies.refresh();
                self.users.refresh();
            }
        }
        let (policy, users) = (self.policies.status(), self.users.status());
        let mut told = self.told.lock();
        if policy.failures > told.policy_failures {
            for problem in policy.last_error.iter().flatten().filter(|problem| problem.severity == Severity::Error) {
                tracing::error!(%problem, "the changed policy is refused; the one before it stays in force");
            }
        }
        if users.failures > told.users_failures {
            for problem in users.last_error.iter().flatten() {
                tracing::error!(%problem, "the changed users file is refused; the one before it stays in force");
            }
        }
        if users.loads > told.users_loads {
            tracing::info!("the changed users file is in force");
        }
        let version = (policy.version != told.version).then(|| policy.version.clone());
        if let Some(version) = &version {
            tracing::info!(policy = version, "the changed policy is in force");
        }
        *told = Told {
            version: policy.version,
            policy_failures: policy.failures,
            users_failures: users.failures,
            users_loads: users.loads,
        };
        News { version }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Look,
    Reload,
}
