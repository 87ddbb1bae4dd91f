//! Takes a YAML tree apart and says, with the line, where it is not what was expected.

use std::collections::BTreeMap;

use crate::problem::{Place, Problems, visible};
use crate::yaml::{Key, Node, Value};

/// Reads nodes of one file; what is wrong goes to `problems`.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'static str,
    pub(crate) problems: &'a mut Problems,
}

/// The entries of a mapping with known keys.
pub(crate) struct Fields<'n> {
    entries: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Fields<'n> {
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.get(name).copied()
    }
}

impl Reader<'_> {
    pub(crate) fn error(&mut self, line: usize, about: &str, text: impl Into<String>, hint: impl Into<String>) {
        self.problems.error(place(self.file, line, about), text, hint);
    }

    pub(crate) fn warning(&mut self, line: usize, about: &str, text: impl Into<String>, hint: impl Into<String>) {
        self.problems.warning(place(self.file, line, about), text, hint);
    }

    /// The entries of a mapping, in file order; a key that stands twice is reported and its first value taken.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, about: &str) -> Vec<(&'n Key, &'n Node)> {
        let Value::Map(entries) = &node.value else {
            self.mismatch(node, about, "a mapping");
            return Vec::new();
        };
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut unique = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(first) = seen.get(key.name.as_str()) {
                let text = format!("`{}` stands here for the second time, first in line {first}", visible(&key.name));
                self.error(key.line, about, text, "keep one of the two");
                continue;
            }
            seen.insert(&key.name, key.line);
            unique.push((key, value));
        }
        unique
    }

    /// A mapping whose keys are among `known`; others are reported.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, about: &str, known: &[&str]) -> Fields<'n> {
        let mut entries = BTreeMap::new();
        for (key, value) in self.map(node, about) {
            if known.contains(&key.name.as_str()) {
                entries.insert(key.name.as_str(), value);
            } else {
                let text = format!("unknown key `{}`", visible(&key.name));
                self.error(key.line, about, text, format!("known keys are {}", quoted(known)));
            }
        }
        Fields { entries }
    }

    /// The items of a list.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, about: &str) -> &'n [Node] {
        if let Value::List(items) = &node.value {
            items
        } else {
            self.mismatch(node, about, "a list such as `[a, b]`");
            &[]
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, about: &str) -> Option<&'n str> {
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        self.mismatch(node, about, "text; put it in quotes if it is meant as text");
        None
    }

    pub(crate) fn bool(&mut self, node: &Node, about: &str) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.mismatch(node, about, "`true` or `false`");
        None
    }

    /// A number of days from 1.
    pub(crate) fn days(&mut self, node: &Node, about: &str) -> Option<u32> {
        if let Value::Int(value) = node.value
            && let Ok(days @ 1..=MAX_DAYS) = u32::try_from(value)
        {
            return Some(days);
        }
        self.mismatch(node, about, &format!("a whole number of days from 1 to {MAX_DAYS}"));
        None
    }

    pub(crate) fn mismatch(&mut self, node: &Node, about: &str, expected: &str) {
        let text = format!("{} does not belong here", node.value.kind());
        self.error(node.line, about, text, format!("write {expected}"));
    }
}

/// A thousand years.
const MAX_DAYS: u32 = 365_250;

fn place<'a>(file: &'a str, line: usize, about: &'a str) -> Place<'a> {
    let mut place = Place::file(file);
    if line > 0 {
        place = place.line(line);
    }
    if about.is_empty() { place } else { place.about(about) }
}

/// `a`, `b`, `c`
pub(crate) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}
