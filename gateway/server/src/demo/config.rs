//! The configuration of a demo: `lockgate.toml`, `users.toml` and the key of the `hash` treatment.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{SITE, people};
use crate::auth::Token;

/// The configuration file within a demo's folder.
pub const CONFIG_FILE: &str = "lockgate.toml";
/// The users file within a demo's folder.
pub const USERS_FILE: &str = "users.toml";
const KEY_FILE: &str = "hash.key";

const SOURCES: &str = r#"
# All four catalogues are folders of files here. For real systems change the connectors, and nothing else.
[sources.hive]
connector = "files"
root = "hive"

[sources.vertica]
connector = "files"
root = "vertica"

[sources.vertica.tables."crm.riders"]
path = "crm/riders.csv"
schema = { rider_id = "Utf8", name = "Utf8", email = "Utf8", phone = "Utf8", birth_date = "Date32", home_country = "Utf8", consent_marketing = "Boolean", created_at = "Timestamp(us, UTC)" }

[sources.vertica.tables."crm.assistance"]
path = "crm/assistance.csv"
schema = { rider_id = "Utf8", need = "Utf8", created_at = "Timestamp(us, UTC)" }

[sources.vertica.tables."hr.salaries"]
path = "hr/salaries.csv"
schema = { employee_id = "Utf8", salary = "Int64" }

[sources.presto]
connector = "files"
root = "presto"

[sources.hdfs]
connector = "files"
root = "hdfs"

[sources.hdfs.tables."raw.events"]
path = "raw/events"
schema = { event_id = "Utf8", rider_id = "Utf8", event_type = "Utf8", ts = "Timestamp(us, UTC)", body = "Utf8" }
"#;

/// Writes `lockgate.toml` and gives its path. It is written anew at each start; the key is made once, so that
/// pseudonyms outlive a restart.
///
/// # Errors
/// What the file system or the source of random bytes says.
pub fn write(dir: &Path, http: SocketAddr) -> io::Result<PathBuf> {
    write_key(&dir.join(KEY_FILE))?;
    let path = dir.join(CONFIG_FILE);
    let text = format!(
        "# Written by `lockgate demo` at each start; copy it before you change it.\n\
         [server]\nhttp = \"{http}\"\nsite = \"{SITE}\"\n\n\
         [policy]\ndir = \"policy\"\n\n\
         [users]\nfile = \"{USERS_FILE}\"\n\n\
         [keys]\nhash = {{ file = \"{KEY_FILE}\" }}\n\n\
         [ledger]\ndir = \"ledger\"\n\n\
         [log]\nfilter = \"warn\"\n{SOURCES}"
    );
    fs::write(&path, text)?;
    Ok(path)
}

/// Writes `users.toml` with a new token for each of the [`people`], and gives the tokens in their order. The file holds
/// only digests.
///
/// # Errors
/// What the file system or the source of random bytes says.
pub fn write_users(dir: &Path) -> io::Result<Vec<(&'static str, Token)>> {
    let mut text =
        String::from("# Written by `lockgate demo` at each start, with new tokens. Only their digests stand here.\n");
    let mut tokens = Vec::new();
    for person in people() {
        let token = Token::generate()?;
        text += &format!(
            "\n[[users]]\nname = \"{}\"\ndc = \"{SITE}\"\ntoken_sha256 = \"{}\"\n",
            person.name,
            token.digest()
        );
        tokens.push((person.name, token));
    }
    fs::write(dir.join(USERS_FILE), text)?;
    Ok(tokens)
}

/// Makes the key unless it is there.
fn write_key(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let text = Zeroizing::new(hex::encode(bytes.as_slice()));
    options.open(path)?.write_all(text.as_bytes())
}
