//! Reads a TOML file by the list of settings and notes every problem with its line, instead of stopping at the first.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use lockgate_policies::{Problem, Severity, one_line};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::secret::{Secret, SecretPlace};
use super::settings::{SETTINGS, Setting, setting};
use crate::auth::looks_like_token;

/// Longest name of a setting that a problem shows, in characters.
const MAX_KEY: usize = 120;
/// Longest text and longest hint of a problem, in characters.
const MAX_TEXT: usize = 800;

/// A key as a problem shows it: somebody may have put a token in the place of a name.
fn shown(key: &str) -> String {
    let holds_token = |part: &str| part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(looks_like_token);
    let parts = key.split('.').map(|part| if holds_token(part) { "***" } else { part });
    one_line(&parts.collect::<Vec<_>>().join("."), MAX_KEY)
}

/// Why a value does not fit its setting.
pub(super) enum Misfit {
    /// It has another type.
    Type,
    /// As the text says.
    Because(String),
}

impl Misfit {
    /// The problem in words; a value that could be a secret is never quoted.
    pub(super) fn text(self, value: &DeValue<'_>) -> String {
        match self {
            Self::Type => format!("is of type {}", value.type_str()),
            Self::Because(text) => text,
        }
    }
}

impl From<&str> for Misfit {
    fn from(text: &str) -> Self {
        Self::Because(text.to_owned())
    }
}

impl From<String> for Misfit {
    fn from(text: String) -> Self {
        Self::Because(text)
    }
}

/// A parsed TOML file and the problems found in it so far.
pub(crate) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    folder: &'a Path,
    table: DeTable<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Parses `text`; syntax errors become problems.
    ///
    /// `file` is the name that problems show; relative paths start at `folder`.
    pub(crate) fn parse(file: &'a str, text: &'a str, folder: &'a Path) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self { file, text, folder, table: table.into_inner(), problems: Vec::new() };
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            // INVARIANT: the message never quotes the text, which may hold a secret.
            reader.problem(at, "", error.message().to_owned(), "mend the TOML syntax");
        }
        reader
    }

    /// The top-level entries.
    pub(crate) fn table(&self) -> &DeTable<'a> {
        &self.table
    }

    /// The folder that relative paths start at.
    pub(crate) fn folder(&self) -> &'a Path {
        self.folder
    }

    /// Notes a problem at a byte position.
    pub(crate) fn problem(&mut self, at: usize, key: &str, text: impl Into<String>, hint: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Problem {
            severity: Severity::Error,
            file: self.file.to_owned(),
            line: Some(line),
            rule: (!key.is_empty()).then(|| shown(key)),
            text: one_line(&text.into(), MAX_TEXT),
            hint: one_line(&hint.into(), MAX_TEXT),
        });
    }

    /// The line of a byte position, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    /// All problems, in the order of the file.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.line);
        self.problems
    }

    /// Notes every section and key that no setting declares; `open` sections are left to others.
    pub(crate) fn refuse_unknown(&mut self, open: &[&str]) {
        let mut unknown = Vec::new();
        for (section, value) in &self.table {
            let name: &str = section.get_ref();
            if open.contains(&name) {
                continue;
            }
            let keys = keys_of(name);
            if keys.is_empty() {
                let sections = sections().into_iter().chain(open.iter().copied());
                unknown.push((
                    section.span().start,
                    name.to_owned(),
                    "is no section".to_owned(),
                    suggest(name, sections),
                ));
                continue;
            }
            let DeValue::Table(entries) = value.get_ref() else {
                unknown.push((
                    section.span().start,
                    name.to_owned(),
                    "is not a section".to_owned(),
                    "write it as `[NAME]`".to_owned(),
                ));
                continue;
            };
            for (key, _) in entries {
                let word: &str = key.get_ref();
                if !keys.contains(&word) {
                    let full = format!("{name}.{word}");
                    unknown.push((
                        key.span().start,
                        full,
                        "is no setting".to_owned(),
                        suggest(word, keys.iter().copied()),
                    ));
                }
            }
        }
        for (at, key, text, hint) in unknown {
            self.problem(at, &key, text, hint);
        }
    }

    /// Whether the file gives `key` itself.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// A text setting.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, |value, _| value.as_str().map(str::to_owned).ok_or(Misfit::Type))
    }

    /// A path setting, made absolute against the file's folder.
    pub(crate) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.read(key, |value, folder| value.as_str().map(|path| folder.join(path)).ok_or(Misfit::Type))
    }

    /// A `true` or `false` setting.
    pub(crate) fn bool(&mut self, key: &str) -> Option<bool> {
        self.read(key, |value, _| value.as_bool().ok_or(Misfit::Type))
    }

    /// A setting that is a whole number of at least 1.
    pub(crate) fn count(&mut self, key: &str) -> Option<usize> {
        self.read(key, |value, _| match integer(value)? {
            0 => Err("is zero, so nothing could run".into()),
            count => usize::try_from(count).map_err(|_| "is too large".into()),
        })
    }

    /// A size setting, in bytes.
    pub(crate) fn bytes(&mut self, key: &str) -> Option<u64> {
        self.read(key, |value, _| {
            let bytes = match value.as_str() {
                Some(text) => text.trim().parse::<ByteSize>().map_err(|_| "is not a size")?.as_u64(),
                None => integer(value)?,
            };
            if bytes == 0 { Err("is zero, so nothing could run".into()) } else { Ok(bytes) }
        })
    }

    /// A setting that is a length of time.
    pub(crate) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.read(key, |value, _| {
            let text = value.as_str().ok_or(Misfit::Type)?;
            let duration = humantime::parse_duration(text).map_err(|_| "is not a length of time")?;
            if duration.is_zero() { Err("is zero, so nothing could run".into()) } else { Ok(duration) }
        })
    }

    /// An address setting.
    pub(crate) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.read(key, |value, _| {
            value.as_str().ok_or(Misfit::Type)?.parse().map_err(|_| "is not an address with a port".into())
        })
    }

    /// A setting that is one of a few words; gives the word's place in the list.
    pub(crate) fn choice(&mut self, key: &str, words: &[&str]) -> Option<usize> {
        self.read(key, |value, _| {
            let text = value.as_str().ok_or(Misfit::Type)?;
            words.iter().position(|word| *word == text).ok_or_else(|| "is not one of the known words".into())
        })
    }

    /// A secret setting, read from where the file says.
    pub(crate) fn secret(&mut self, key: &str) -> Option<Secret> {
        self.read(key, read_secret)
    }

    /// Byte position of a key, of its section, or of the file's start: the best place for a problem with it.
    pub(crate) fn position(&self, key: &str) -> usize {
        let (section, name) = key.split_once('.').unwrap_or((key, ""));
        let Some((section_key, value)) = self.table.get_key_value(section) else { return 0 };
        value
            .get_ref()
            .as_table()
            .and_then(|entries| entries.get_key_value(name))
            .map_or(section_key.span().start, |(key, _)| key.span().start)
    }

    /// Finds the value of `key` (or its default), converts it, and notes what is wrong with it.
    fn read<T>(&mut self, key: &str, convert: impl Fn(&DeValue<'_>, &Path) -> Result<T, Misfit>) -> Option<T> {
        let spec = setting(key)?;
        let (result, at) = match self.find(key) {
            Some(value) => (
                convert(value.get_ref(), self.folder).map_err(|misfit| misfit.text(value.get_ref())),
                value.span().start,
            ),
            None => {
                let at = self.position(key);
                let Some(default) = spec.default else {
                    if spec.required {
                        self.problem(
                            at,
                            key,
                            "is missing",
                            format!("write {}: {}", spec.kind.form(), first_sentence(spec.help)),
                        );
                    }
                    return None;
                };
                let value = DeValue::parse(default).ok()?;
                (convert(value.get_ref(), self.folder).map_err(|misfit| misfit.text(value.get_ref())), at)
            }
        };
        match result {
            Ok(value) => Some(value),
            Err(text) => {
                self.problem(at, key, text, format!("write {}", spec.kind.form()));
                None
            }
        }
    }

    fn find(&self, key: &str) -> Option<&Spanned<DeValue<'a>>> {
        let (section, name) = key.split_once('.')?;
        self.table.get(section)?.get_ref().as_table()?.get(name)
    }
}

/// Reads a secret from `{ env = ".." }` or `{ file = ".." }`; refuses one in the open without quoting it.
pub(super) fn read_secret(value: &DeValue<'_>, folder: &Path) -> Result<Secret, Misfit> {
    let DeValue::Table(entries) = value else {
        return Err(if value.is_str() { "is a secret given in the open".into() } else { Misfit::Type });
    };
    let mut places = entries.iter().map(|(key, value)| (key.get_ref().as_ref(), value.get_ref().as_str()));
    let place = match (places.next(), places.next()) {
        (Some(("env", Some(name))), None) => SecretPlace::Env(name),
        (Some(("file", Some(name))), None) => SecretPlace::File(name),
        (Some(_) | None, Some(_) | None) => return Err("does not say where the secret is kept".into()),
    };
    Ok(place.read(folder)?)
}

/// A whole number that is not negative.
fn integer(value: &DeValue<'_>) -> Result<u64, Misfit> {
    let integer = value.as_integer().ok_or(Misfit::Type)?;
    u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| "is out of range".into())
}

/// The nearest known word, or all of them.
pub(super) fn suggest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate)).min();
    match nearest {
        Some((distance, candidate)) if distance <= 2 => format!("did you mean `{candidate}`?"),
        Some(_) => format!("known are {}", known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")),
        None => "remove it".to_owned(),
    }
}

/// The first sentence of a help text, in the form of a hint.
pub(super) fn first_sentence(help: &str) -> String {
    let sentence = help.split_once(". ").map_or(help, |(first, _)| first).trim_end_matches('.');
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

fn sections() -> Vec<&'static str> {
    let mut sections: Vec<&str> = SETTINGS.iter().filter_map(section_of).collect();
    sections.dedup();
    sections
}

fn section_of(setting: &Setting) -> Option<&'static str> {
    setting.key.split_once('.').map(|(section, _)| section)
}

fn keys_of(section: &str) -> Vec<&'static str> {
    SETTINGS
        .iter()
        .filter_map(|setting| setting.key.split_once('.'))
        .filter(|(name, _)| *name == section)
        .map(|(_, key)| key)
        .collect()
}
