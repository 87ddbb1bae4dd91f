//! The policy in force: looks at the folder before each use and swaps in what is good.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::folder::{Folder, Stamp};
use crate::problem::Problems;
use crate::{PolicySet, Problem};

/// A policy folder and the last good set that was read from it.
///
/// - [`PolicyStore::current`] looks at the files each time it is called, so an erasure or a revocation holds from the
///   next query on.
/// - A folder with errors, or one that is gone, keeps the old set in force and is reported by [`PolicyStore::status`].
/// - One caller reloads at a time; others that saw the same change wait for it.
#[derive(Debug)]
pub struct PolicyStore {
    dir: PathBuf,
    current: ArcSwap<PolicySet>,
    /// What [`PolicyStore::current`] compares with before it takes a lock.
    seen: ArcSwap<Seen>,
    epoch: AtomicU64,
    state: Mutex<State>,
}

/// The state of the folder at the last load, good or bad.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    digest: String,
    /// Whether a later write could have left the same stamp; then the content is compared.
    is_fresh: bool,
}

#[derive(Debug)]
struct State {
    loaded_at: DateTime<Utc>,
    last_error: Option<Vec<Problem>>,
    reloads: u64,
    failures: u64,
}

/// How the policy in force is.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// Version in force.
    pub version: String,
    /// When it was read.
    pub loaded_at: DateTime<Utc>,
    /// Why the folder as it is now is not in force; `None` when it is.
    pub last_error: Option<Vec<Problem>>,
    /// Times that a new version was swapped in after the first.
    pub reloads: u64,
    /// Times that a changed folder was refused.
    pub failures: u64,
}

/// What a forced reload came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reload {
    /// The files say the same as what is in force.
    Unchanged,
    /// This version is in force now.
    Swapped {
        /// The new version.
        version: String,
    },
    /// The folder is refused; the old version stays in force.
    Refused(Vec<Problem>),
}

impl PolicyStore {
    /// Reads the folder for the first time.
    ///
    /// # Errors
    /// All problems of a folder that has an error; then there is no policy to keep.
    pub fn open(dir: &Path) -> Result<Self, Vec<Problem>> {
        let started = SystemTime::now();
        let (set, problems, (stamp, digest)) = PolicySet::load_stamped(dir);
        let set = set.ok_or(problems)?;
        let is_fresh = stamp.is_fresh(started);
        Ok(Self {
            dir: dir.to_owned(),
            current: ArcSwap::from_pointee(set),
            seen: ArcSwap::from_pointee(Seen { stamp, digest, is_fresh }),
            epoch: AtomicU64::new(1),
            state: Mutex::new(State { loaded_at: Utc::now(), last_error: None, reloads: 0, failures: 0 }),
        })
    }

    /// The policy in force, after a look at the files. Blocks while a changed folder is read.
    pub fn current(&self) -> Arc<PolicySet> {
        if self.may_have_changed() {
            let mut state = self.state.lock();
            // Somebody else may have read it while we waited.
            if self.may_have_changed() {
                self.reload(&mut state);
            }
        }
        self.in_force()
    }

    /// The policy in force as it was found last, without a look at the files. Never blocks.
    pub fn in_force(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// Reads the folder whether or not it looks changed.
    pub fn refresh(&self) -> Reload {
        self.reload(&mut self.state.lock())
    }

    /// How the policy in force is.
    pub fn status(&self) -> StoreStatus {
        let state = self.state.lock();
        StoreStatus {
            version: self.current.load().version().to_owned(),
            loaded_at: state.loaded_at,
            last_error: state.last_error.clone(),
            reloads: state.reloads,
            failures: state.failures,
        }
    }

    /// Grows with each swap; who kept something made under an earlier epoch must make it again.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn may_have_changed(&self) -> bool {
        let seen = self.seen.load();
        if Stamp::of(&self.dir) != seen.stamp {
            return true;
        }
        if !seen.is_fresh {
            return false;
        }
        let started = SystemTime::now();
        let folder = Folder::read(&self.dir, &mut Problems::default());
        if folder.digest != seen.digest || folder.stamp != seen.stamp {
            return true;
        }
        if !folder.stamp.is_fresh(started) {
            // The content was compared after the clock had moved on, so from now on the stamp tells.
            let settled = Arc::new(Seen { stamp: folder.stamp, digest: folder.digest, is_fresh: false });
            self.seen.compare_and_swap(&seen, settled);
        }
        false
    }

    fn reload(&self, state: &mut State) -> Reload {
        let started = SystemTime::now();
        let (set, problems, (stamp, digest)) = PolicySet::load_stamped(&self.dir);
        let is_fresh = stamp.is_fresh(started);
        let outcome = match set {
            None => {
                state.failures += 1;
                state.last_error = Some(problems.clone());
                Reload::Refused(problems)
            }
            Some(set) if set.version() == self.current.load().version() => {
                state.last_error = None;
                Reload::Unchanged
            }
            Some(set) => {
                let version = set.version().to_owned();
                self.current.store(Arc::new(set));
                self.epoch.fetch_add(1, Ordering::AcqRel);
                state.loaded_at = Utc::now();
                state.last_error = None;
                state.reloads += 1;
                Reload::Swapped { version }
            }
        };
        self.seen.store(Arc::new(Seen { stamp, digest, is_fresh }));
        outcome
    }
}

#[cfg(test)]
mod tests;
