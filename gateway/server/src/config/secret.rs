//! Secrets: named in the configuration, kept elsewhere.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

/// Bytes that no log line, error or `Debug` text shows. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes; hand them to the code that needs them and to nothing else.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretPlace<'a> {
    Env(&'a str),
    File(&'a str),
}

impl SecretPlace<'_> {
    /// Reads the secret; line ends after it do not count. The error says what is wrong and never shows a part of it.
    pub(super) fn read(&self, folder: &Path) -> Result<Secret, String> {
        let bytes = match self {
            Self::Env(name) => match std::env::var_os(name) {
                Some(value) => value.into_encoded_bytes(),
                None => return Err(format!("environment variable `{name}` is not set")),
            },
            Self::File(name) => match std::fs::read(folder.join(name)) {
                Ok(bytes) => bytes,
                Err(error) => return Err(format!("file `{name}` cannot be read: {}", error.kind())),
            },
        };
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |position| position + 1);
        let secret = Secret::new(bytes.into_iter().take(end).collect());
        if secret.expose().is_empty() { Err("the secret is empty".to_owned()) } else { Ok(secret) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        assert_eq!(format!("{:?}", Secret::new(b"canary".to_vec())), "Secret(***)");
    }

    #[test]
    fn line_ends_after_a_secret_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "abc\r\n").unwrap();
        assert_eq!(SecretPlace::File("key").read(folder.path()).unwrap().expose(), b"abc");
    }

    #[test]
    fn an_absent_or_empty_secret_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "\n").unwrap();
        assert!(SecretPlace::File("key").read(folder.path()).unwrap_err().contains("empty"));
        assert!(SecretPlace::File("none").read(folder.path()).unwrap_err().contains("cannot be read"));
        assert!(SecretPlace::Env("LOCKGATE_NO_SUCH_VARIABLE").read(folder.path()).unwrap_err().contains("not set"));
    }
}
