//! A YAML file as a tree that knows the line of each value, so that one reading finds all problems of the file.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, Spanned};

use crate::problem::{Place, Problems, visible};

/// One value of a YAML file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Line, from 1.
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text, quoted or not.
    Text(String),
    /// An unquoted `true` or `false`.
    Bool(bool),
    /// An unquoted whole number.
    Int(i64),
    /// Unquoted `null`, `~` or nothing at all.
    Null,
    /// An unquoted number with a fraction.
    Float,
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) line: usize,
    pub(crate) name: String,
}

/// Reads `text`; a syntax error becomes a problem of `file`.
pub(crate) fn read(file: &'static str, text: &str, problems: &mut Problems) -> Option<Node> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_events: 20_000_000, max_nodes: 10_000_000, max_aliases: 0, max_documents: 1 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Some(node(raw)),
        Err(error) => {
            let mut place = Place::file(file);
            if let Some(location) = error.location() {
                place = place.line(usize::try_from(location.line()).unwrap_or_default());
            }
            let first = error.without_snippet().to_string();
            problems.error(
                place,
                visible(first.lines().next().unwrap_or_default()),
                "mend the YAML; anchors, aliases and merges are not used here",
            );
            None
        }
    }
}

impl Value {
    /// What a problem calls a value of this kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a number",
            Self::Null => "nothing (an unquoted `null` is nothing)",
            Self::Float => "a number with a fraction",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// What serde hands over, before lines are put in.
enum Raw {
    Text(String),
    Bool(bool),
    Int(i64),
    Null,
    Float,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>) -> Node {
    let line = line_of(&raw);
    let value = match raw.value {
        Raw::Text(text) => Value::Text(text),
        Raw::Bool(value) => Value::Bool(value),
        Raw::Int(value) => Value::Int(value),
        Raw::Null => Value::Null,
        Raw::Float => Value::Float,
        Raw::List(items) => Value::List(items.into_iter().map(node).collect()),
        Raw::Map(entries) => Value::Map(entries.into_iter().map(|(key, value)| (key_of(key), node(value))).collect()),
    };
    Node { line, value }
}

fn key_of(raw: Spanned<Raw>) -> Key {
    let line = line_of(&raw);
    let name = match raw.value {
        Raw::Text(text) => text,
        Raw::Bool(value) => value.to_string(),
        Raw::Int(value) => value.to_string(),
        // An unquoted `null:` among the treatments would otherwise be lost; the reader reports the odd name.
        Raw::Null => "null (unquoted)".to_owned(),
        Raw::Float => "a number".to_owned(),
        Raw::List(_) => "a list".to_owned(),
        Raw::Map(_) => "a mapping".to_owned(),
    };
    Key { line, name }
}

fn line_of(raw: &Spanned<Raw>) -> usize {
    usize::try_from(raw.referenced.line()).unwrap_or_default()
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::Float, Raw::Int))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
