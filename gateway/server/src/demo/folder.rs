//! A demo's folder: made once, reused after that.

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::world::{self, Scale};
use super::{config, policy};
use crate::auth::Token;

/// A demo that is ready to be served.
#[derive(Debug)]
pub struct Demo {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Name and token of each person.
    pub tokens: Vec<(&'static str, Token)>,
    /// Whether the data was there already.
    pub reused: bool,
    /// The day before which everything in the data happens.
    pub as_of: NaiveDate,
    /// Keeps other demos out of the folder for as long as this one lives.
    _lock: File,
}

/// Written last, so a folder with it is complete.
const MARKER: &str = "world.json";
/// Rises when the same day gives other data.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    as_of: NaiveDate,
}

/// Makes the demo below `dir`, or renews the configuration and the tokens of one that is there.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when the folder holds something else, [`io::ErrorKind::ResourceBusy`] when another demo
/// runs in it; what the file system says otherwise.
pub fn prepare(dir: &Path, as_of: NaiveDate, scale: Scale, http: SocketAddr) -> io::Result<Demo> {
    fs::create_dir_all(dir)?;
    let known = marker(dir);
    if known.is_none() && fs::read_dir(dir)?.next().is_some() {
        let text = "the folder holds something else than a demo; give an empty or a new one with --dir";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    // From here on the folder is ours, also if this run is cut short.
    if known.is_none() {
        write_marker(dir, &Marker { format: 0, as_of })?;
    }
    // The tokens of a demo that runs must not change under it.
    let lock = lock(dir)?;
    let found = known.filter(|marker| marker.format == FORMAT);
    let written = match &found {
        Some(marker) => marker.as_of,
        None => {
            world::write_scaled(dir, as_of, scale)?;
            as_of
        }
    };
    policy::write(&dir.join("policy"))?;
    let config_file = config::write(dir, http)?;
    let tokens = config::write_users(dir)?;
    if found.is_none() {
        write_marker(dir, &Marker { format: FORMAT, as_of })?;
    }
    Ok(Demo { config_file, tokens, reused: found.is_some(), as_of: written, _lock: lock })
}

fn marker(dir: &Path) -> Option<Marker> {
    serde_json::from_slice(&fs::read(dir.join(MARKER)).ok()?).ok()
}

fn write_marker(dir: &Path, marker: &Marker) -> io::Result<()> {
    fs::write(dir.join(MARKER), serde_json::to_vec(marker)?)
}

fn lock(dir: &Path) -> io::Result<File> {
    let file = File::options().write(true).open(dir.join(MARKER))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let text = "another demo runs in this folder; stop it, or give another one with --dir";
            Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
