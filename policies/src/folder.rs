//! The files of a policy folder: read as a whole, with a stamp that tells when they have changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::problem::{Place, Problems, visible};

/// The fixed casbin model.
pub(crate) const MODEL: &str = "model.conf";
/// Who may see what.
pub(crate) const POLICY: &str = "policy.csv";
/// What data is.
pub(crate) const CLASSIFICATION: &str = "classification.yaml";
/// Cases that must hold.
pub(crate) const TESTS: &str = "policy_tests.yaml";
/// Keys of erased subjects.
pub(crate) const ERASURES: &str = "erasures.csv";

const FILES: [&str; 5] = [MODEL, POLICY, CLASSIFICATION, TESTS, ERASURES];
const REQUIRED: [&str; 3] = [MODEL, POLICY, CLASSIFICATION];

/// Largest file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// State of all files of a folder; equal stamps mean that nothing was written in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<FileStamp>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    device: u64,
    inode: u64,
}

impl Stamp {
    /// Looks at the files of `dir`; one that cannot be looked at counts as absent.
    pub(crate) fn of(dir: &Path) -> Self {
        Self(FILES.iter().map(|name| fs::metadata(dir.join(name)).ok().map(|meta| FileStamp::of(&meta))).collect())
    }

    /// Whether a file is so fresh that it may be written again within the same tick of the file system's clock.
    pub(crate) fn is_fresh(&self, now: SystemTime) -> bool {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.0.iter().flatten().any(|file| {
            let (seconds, nanos) = file.modified.max(file.changed);
            let written =
                Duration::new(u64::try_from(seconds).unwrap_or_default(), u32::try_from(nanos).unwrap_or_default());
            let tick = if nanos == 0 { COARSE_TICK } else { FINE_TICK };
            since_epoch < written + tick
        })
    }
}

/// File systems that keep fractions of a second step by at most the kernel's jiffy.
const FINE_TICK: Duration = Duration::from_millis(50);
/// File systems that keep whole seconds only.
const COARSE_TICK: Duration = Duration::from_millis(2_100);

impl FileStamp {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
            size: meta.size(),
            device: meta.dev(),
            inode: meta.ino(),
        }
    }
}

/// The text of all files of a folder.
#[derive(Debug)]
pub(crate) struct Folder {
    texts: BTreeMap<&'static str, String>,
    /// SHA-256 over names and contents, in hex.
    pub(crate) digest: String,
    /// Stamp of what was read.
    pub(crate) stamp: Stamp,
}

impl Folder {
    /// Reads all files; none of them changed meanwhile.
    pub(crate) fn read(dir: &Path, problems: &mut Problems) -> Self {
        for _ in 0..ATTEMPTS {
            let stamp = Stamp::of(dir);
            let mut attempt = Problems::default();
            let bytes = read_files(dir, &mut attempt);
            if Stamp::of(dir) == stamp {
                problems.append(attempt);
                look_for_strangers(dir, problems);
                return Self::from_bytes(bytes, stamp, problems);
            }
        }
        problems.error(
            Place::file(POLICY),
            "the files changed each time they were read",
            "write new files beside the old ones and rename them",
        );
        Self::from_bytes(BTreeMap::new(), Stamp(Vec::new()), problems)
    }

    /// A folder that is not on disk.
    #[cfg(test)]
    pub(crate) fn of_texts(texts: &[(&'static str, &[u8])], problems: &mut Problems) -> Self {
        let bytes = texts.iter().map(|(name, text)| (*name, text.to_vec())).collect();
        Self::from_bytes(bytes, Stamp(Vec::new()), problems)
    }

    /// The text of a file, empty when it is absent.
    pub(crate) fn text(&self, file: &str) -> &str {
        self.texts.get(file).map(String::as_str).unwrap_or_default()
    }

    /// Whether the file exists and is text.
    pub(crate) fn has(&self, file: &str) -> bool {
        self.texts.contains_key(file)
    }

    fn from_bytes(bytes: BTreeMap<&'static str, Vec<u8>>, stamp: Stamp, problems: &mut Problems) -> Self {
        let mut hasher = Sha256::new();
        let mut texts = BTreeMap::new();
        for (name, content) in bytes {
            hasher.update(name.as_bytes());
            hasher.update([0]);
            hasher.update(u64::try_from(content.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(&content);
            if let Some(text) = plain_text(name, content, problems) {
                texts.insert(name, text);
            }
        }
        Self { texts, digest: hex::encode(hasher.finalize()), stamp }
    }
}

const ATTEMPTS: usize = 5;

fn read_files(dir: &Path, problems: &mut Problems) -> BTreeMap<&'static str, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in FILES {
        match read_file(&dir.join(name)) {
            Ok(bytes) if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES => {
                problems.error(
                    Place::file(name),
                    format!("the file is larger than {} MiB", MAX_BYTES >> 20),
                    "split the policy",
                );
            }
            // What a file is for a moment while somebody writes it in place. As a policy it would be one without rules, and
            // without erasures everybody who asked to be forgotten would be back.
            Ok(bytes) if bytes.is_empty() && [POLICY, ERASURES].contains(&name) => problems.error(
                Place::file(name),
                "the file is empty",
                "write a comment into it if that is meant; write new files beside the old ones and rename them",
            ),
            Ok(bytes) => {
                files.insert(name, bytes);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if REQUIRED.contains(&name) {
                    problems.error(
                        Place::file(name),
                        "the file is missing",
                        "a policy folder has `model.conf`, `policy.csv` and `classification.yaml`",
                    );
                } else if name == TESTS {
                    problems.warning(
                        Place::file(name),
                        "the file is missing",
                        "write the cases that must hold, and run `policy test`",
                    );
                }
            }
            Err(error) => problems.error(
                Place::file(name),
                format!("the file cannot be read: {}", error.kind()),
                "check that it is a file and its permissions",
            ),
        }
    }
    files
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A misspelled `erasures.csv` would otherwise be passed over in silence.
fn look_for_strangers(dir: &Path, problems: &mut Problems) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let expected =
            FILES.contains(&name.as_str()) || name.starts_with('.') || name.to_lowercase().starts_with("readme");
        if !expected {
            problems.warning(
                Place::file(&visible(&name)),
                "the file is not part of a policy and is not read",
                "rename it if it was meant to be read, or remove it",
            );
        }
    }
}

/// The content as text in the one form that every reader of it understands alike.
fn plain_text(name: &str, content: Vec<u8>, problems: &mut Problems) -> Option<String> {
    let text = match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            problems.error(Place::file(name).line(line), "the file is not UTF-8 text", "save it as UTF-8");
            return None;
        }
    };
    if text.starts_with('\u{feff}') {
        problems.error(
            Place::file(name).line(1),
            "the file starts with a byte order mark",
            "save it as UTF-8 without a byte order mark",
        );
    }
    if let Some(line) = text.split('\n').position(|line| line.ends_with('\r')) {
        problems.error(Place::file(name).line(line + 1), "lines end with CR LF", "save it with Unix line ends (LF)");
    }
    for (index, line) in text.split('\n').enumerate() {
        let body = line.strip_suffix('\r').unwrap_or(line).trim_start_matches('\u{feff}');
        if body.chars().any(|character| (character.is_control() && character != '\t') || is_deceptive(character)) {
            let text = "the line has control characters or characters that do not show";
            problems.error(Place::file(name).line(index + 1), text, "type the line again");
        }
    }
    if name.ends_with(".csv") && !text.is_empty() && !text.ends_with('\n') {
        let line = text.split('\n').count();
        problems.error(
            Place::file(name).line(line),
            "the last line has no end, so the file may be cut short",
            "end the file with a line feed",
        );
    }
    Some(text)
}

/// Characters that hide or reorder the text around them.
fn is_deceptive(character: char) -> bool {
    matches!(u32::from(character), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
}

#[cfg(test)]
mod tests;
