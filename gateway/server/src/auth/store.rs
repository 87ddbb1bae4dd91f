//! The users file in force, which follows the file on disk.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use lockgate_policies::{Problem, Severity};
use parking_lot::Mutex;

use super::users::Users;

/// A file that changed this recently may change again without a new time stamp, so it is read again.
const TIMESTAMP_GRAIN: Duration = Duration::from_millis(50);

/// Users that follow their file: a change holds from the next request on.
pub struct UserStore {
    path: PathBuf,
    current: ArcSwap<Users>,
    state: Mutex<State>,
}

struct State {
    stamp: Option<Stamp>,
    loaded_at: DateTime<Utc>,
    last_error: Option<Vec<Problem>>,
    failures: u64,
    loads: u64,
}

/// What is known about the file in force and the attempts to replace it.
#[derive(Debug, Clone)]
pub struct UserStatus {
    /// When the users in force were read.
    pub loaded_at: DateTime<Utc>,
    /// Why the file on disk is not in force, if so.
    pub last_error: Option<Vec<Problem>>,
    /// How often a file was refused.
    pub failures: u64,
    /// How often a changed file was taken over.
    pub loads: u64,
}

impl UserStore {
    /// Reads the file; an error lists every problem in it.
    pub fn open(path: &Path) -> Result<Self, Vec<Problem>> {
        let (stamp, users) = read(path);
        let state = State { stamp, loaded_at: Utc::now(), last_error: None, failures: 0, loads: 0 };
        Ok(Self { path: path.to_owned(), current: ArcSwap::from_pointee(users?), state: Mutex::new(state) })
    }

    /// The users in force. Looks whether the file has changed and reads it again if so; one caller reads, others wait.
    ///
    /// A file with problems is not taken: the users before it stay in force, and [`UserStore::status`] says so.
    pub fn current(&self) -> Arc<Users> {
        self.follow();
        self.current.load_full()
    }

    /// Takes over a changed file, without a request; whether it was read.
    pub fn follow(&self) -> bool {
        // Under the lock, so that a request that starts after the file was changed never sees the old users.
        let mut state = self.state.lock();
        let unchanged = state.stamp.is_some_and(Stamp::is_settled) && state.stamp == Stamp::of(&self.path);
        if !unchanged {
            self.reload(&mut state);
        }
        !unchanged
    }

    /// Reads the file whether it has changed or not.
    pub fn refresh(&self) {
        self.reload(&mut self.state.lock());
    }

    /// What is in force, and why the file on disk is not, if so.
    pub fn status(&self) -> UserStatus {
        let state = self.state.lock();
        let State { loaded_at, failures, loads, .. } = *state;
        UserStatus { loaded_at, last_error: state.last_error.clone(), failures, loads }
    }

    fn reload(&self, state: &mut State) {
        let (stamp, users) = read(&self.path);
        let first_sight = state.stamp.map(Stamp::identity) != stamp.map(Stamp::identity);
        state.stamp = stamp;
        match users {
            Ok(mut users) => {
                users.take_over(&self.current.load());
                self.current.store(Arc::new(users));
                state.loaded_at = Utc::now();
                if first_sight || state.last_error.is_some() {
                    state.loads += 1;
                }
                state.last_error = None;
            }
            Err(problems) => {
                if first_sight || state.last_error.as_ref() != Some(&problems) {
                    state.failures += 1;
                }
                state.last_error = Some(problems);
            }
        }
    }
}

/// Inode, size, and the times of the last change of content and of anything, in seconds and nanoseconds.
type Identity = (u64, u64, i64, i64, i64, i64);

/// What tells one state of the file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    identity: Identity,
    /// Whether the file was old enough when it was read that a later change must show in its time stamp.
    settled: bool,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Metadata) -> Self {
        let identity = (
            metadata.ino(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        );
        let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
        let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
        let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        Self { identity, settled: age.is_ok_and(|age| age > TIMESTAMP_GRAIN) }
    }

    fn identity(self) -> Identity {
        self.identity
    }

    fn is_settled(self) -> bool {
        self.settled
    }
}

fn read(path: &Path) -> (Option<Stamp>, Result<Users, Vec<Problem>>) {
    let stamp = Stamp::of(path);
    let file = path.display().to_string();
    let users = match std::fs::read_to_string(path) {
        Ok(text) => Users::parse(&text, &file),
        Err(error) => Err(vec![Problem {
            severity: Severity::Error,
            file,
            line: None,
            rule: None,
            text: format!("cannot be read: {}", error.kind()),
            hint: "put a users file there".to_owned(),
        }]),
    };
    (stamp, users)
}

#[cfg(test)]
mod tests {
    use super::super::token::Digest;
    use super::*;

    fn entry(name: &str, token: &str, rest: &str) -> String {
        format!("[[users]]\nname = \"{name}\"\ntoken_sha256 = \"{}\"\n{rest}\n", Digest::of(token))
    }

    fn store(text: &str) -> (tempfile::TempDir, PathBuf, UserStore) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        std::fs::write(&path, text).unwrap();
        let store = UserStore::open(&path).unwrap();
        (folder, path, store)
    }

    #[test]
    fn a_changed_file_holds_from_the_next_look_on() {
        let (_folder, path, store) = store(&entry("ann", "a", ""));
        assert!(store.current().find(&Digest::of("b")).is_none());
        // Same length and perhaps the same time stamp: it is still seen.
        std::fs::write(&path, entry("bob", "b", "")).unwrap();
        let users = store.current();
        assert_eq!(users.find(&Digest::of("b")).unwrap().principal.name, "bob");
        assert!(users.find(&Digest::of("a")).is_none());
    }

    #[test]
    fn a_removed_token_withdraws_its_standing_and_others_keep_theirs() {
        let (_folder, path, store) = store(&format!("{}{}", entry("ann", "a", ""), entry("bob", "b", "")));
        let standing = |token: &str| store.current().find(&Digest::of(token)).unwrap().standing.clone();
        let (ann, bob) = (standing("a"), standing("b"));
        std::fs::write(&path, entry("bob", "b", "roles = \"more\"")).unwrap();
        assert!(store.follow());
        assert!(ann.is_withdrawn());
        assert!(!bob.is_withdrawn());
        std::fs::write(&path, entry("bob", "b", "roles = \"other\"")).unwrap();
        assert!(!standing("b").is_withdrawn());
        assert!(bob.is_withdrawn(), "a token that lost a role is as good as removed for what runs");
    }

    #[test]
    fn a_bad_or_vanished_file_keeps_the_users_before_it_and_says_so() {
        let (_folder, path, store) = store(&entry("ann", "a", ""));
        let ann = store.current().find(&Digest::of("a")).unwrap().standing.clone();
        for bad in ["", "[[users]]\nname = 1\n"] {
            std::fs::write(&path, bad).unwrap();
            assert!(store.current().find(&Digest::of("a")).is_some());
            assert!(store.status().last_error.is_some());
        }
        std::fs::remove_file(&path).unwrap();
        assert!(store.current().find(&Digest::of("a")).is_some());
        let status = store.status();
        assert_eq!(status.failures, 3);
        assert!(status.last_error.unwrap()[0].text.starts_with("cannot be read"));
        assert!(!ann.is_withdrawn());
        std::fs::write(&path, entry("ann", "a", "")).unwrap();
        store.follow();
        assert!(store.status().last_error.is_none());
        assert!(!ann.is_withdrawn());
    }

    #[test]
    fn a_file_at_rest_is_read_once() {
        let (_folder, path, store) = store(&entry("ann", "a", ""));
        let long_ago = std::fs::metadata(&path).unwrap();
        let mut stamp = Stamp::from_metadata(&long_ago);
        stamp.settled = true;
        store.state.lock().stamp = Some(stamp);
        while !Stamp::of(&path).unwrap().settled {
            std::thread::yield_now();
        }
        assert!(!store.follow());
    }
}
