//! The `[sources.NAME]` sections, checked against what each connector declares.

use std::fmt;
use std::path::Path;

use lockgate_contract::{Connector, OptionKind, OptionSpec, Options};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::reader::{Misfit, Reader, first_sentence, read_secret, suggest};

/// One configured source: options checked, secrets resolved, paths absolute.
#[derive(Clone, PartialEq)]
pub struct SourceConfig {
    /// Catalogue name.
    pub name: String,
    /// Kind of its connector.
    pub connector: String,
    /// Its options.
    pub options: Options,
    /// Line of the section in the configuration file.
    pub line: usize,
}

impl fmt::Debug for SourceConfig {
    /// Names options and leaves their values out: some are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceConfig")
            .field("name", &self.name)
            .field("connector", &self.connector)
            .field("options", &self.options.0.keys().collect::<Vec<_>>())
            .field("line", &self.line)
            .finish()
    }
}

/// Names that no source may have, because the gateway's own tables use them.
const RESERVED: &[&str] = &[crate::ledger::CATALOG, "information_schema"];

/// Reads every source; problems go to the reader.
pub(super) fn read_sources(reader: &mut Reader<'_>, connectors: &[&dyn Connector]) -> Vec<SourceConfig> {
    let Some((key, value)) = reader.table().get_key_value("sources") else {
        reader.problem(
            0,
            "sources",
            "no source is configured",
            "add a section `[sources.NAME]` with `connector = \"...\"`",
        );
        return Vec::new();
    };
    let at = key.span().start;
    let DeValue::Table(sections) = value.get_ref().clone() else {
        reader.problem(at, "sources", "is not a section", "write `[sources.NAME]`");
        return Vec::new();
    };
    if sections.is_empty() {
        reader.problem(
            at,
            "sources",
            "no source is configured",
            "add a section `[sources.NAME]` with `connector = \"...\"`",
        );
    }
    sections.iter().filter_map(|(name, section)| read_source(reader, connectors, name, section)).collect()
}

fn read_source(
    reader: &mut Reader<'_>,
    connectors: &[&dyn Connector],
    name: &Spanned<DeString<'_>>,
    section: &Spanned<DeValue<'_>>,
) -> Option<SourceConfig> {
    let at = name.span().start;
    let name: &str = name.get_ref();
    let key = format!("sources.{name}");
    check_name(reader, at, &key, name);
    let DeValue::Table(entries) = section.get_ref() else {
        reader.problem(at, &key, "is not a section", "write it as `[sources.NAME]`");
        return None;
    };
    let kinds = || connectors.iter().map(|connector| connector.kind());
    let Some(kind) = entries.get("connector") else {
        let known = kinds().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
        reader.problem(at, &key, "`connector` is missing", format!("write `connector = \"...\"` with one of {known}"));
        return None;
    };
    let found = kind.get_ref().as_str().and_then(|word| connectors.iter().find(|connector| connector.kind() == word));
    let Some(connector) = found else {
        let word = kind.get_ref().as_str().unwrap_or("");
        reader.problem(kind.span().start, &format!("{key}.connector"), "is no connector", suggest(word, kinds()));
        return None;
    };
    let options = read_options(reader, at, &key, connector.options(), entries);
    Some(SourceConfig { name: name.to_owned(), connector: connector.kind().to_owned(), options, line: reader.line(at) })
}

fn check_name(reader: &mut Reader<'_>, at: usize, key: &str, name: &str) {
    let first_fits = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if !first_fits || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        reader.problem(
            at,
            key,
            "is no name for a catalogue",
            "use lower-case letters, digits and `_`, so that SQL needs no quotes",
        );
    } else if RESERVED.contains(&name) {
        reader.problem(at, key, "is a name that the gateway keeps for itself", "choose another");
    }
}

fn read_options(reader: &mut Reader<'_>, at: usize, key: &str, specs: &[OptionSpec], entries: &DeTable<'_>) -> Options {
    let mut options = Map::new();
    for (word, value) in entries {
        let (at, word): (usize, &str) = (word.span().start, word.get_ref());
        if word == "connector" {
            continue;
        }
        let full = format!("{key}.{word}");
        let Some(spec) = specs.iter().find(|spec| spec.name == word) else {
            reader.problem(
                at,
                &full,
                "is no option of this connector",
                suggest(word, specs.iter().map(|spec| spec.name)),
            );
            continue;
        };
        match convert(value.get_ref(), spec.kind, reader.folder()) {
            Ok(json) => {
                options.insert(word.to_owned(), json);
            }
            Err(misfit) => {
                let text = misfit.text(value.get_ref());
                reader.problem(
                    value.span().start,
                    &full,
                    text,
                    format!("write {}: {}", form(spec.kind), first_sentence(spec.help)),
                );
            }
        }
    }
    for spec in specs.iter().filter(|spec| spec.required && !entries.contains_key(spec.name)) {
        reader.problem(
            at,
            &format!("{key}.{}", spec.name),
            "is missing",
            format!("write {}: {}", form(spec.kind), first_sentence(spec.help)),
        );
    }
    Options(options)
}

fn convert(value: &DeValue<'_>, kind: OptionKind, folder: &Path) -> Result<Value, Misfit> {
    match kind {
        OptionKind::Text => value.as_str().map(Value::from).ok_or(Misfit::Type),
        OptionKind::Path => {
            let path = folder.join(value.as_str().ok_or(Misfit::Type)?);
            path.to_str().map(Value::from).ok_or_else(|| "is not valid UTF-8 together with the file's folder".into())
        }
        OptionKind::Bool => value.as_bool().map(Value::from).ok_or(Misfit::Type),
        OptionKind::Integer => match json(value)? {
            number @ Value::Number(_) if value.is_integer() => Ok(number),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                Err(Misfit::Type)
            }
        },
        OptionKind::Table if value.is_table() => json(value),
        OptionKind::Table => Err(Misfit::Type),
        OptionKind::Secret => {
            let secret = read_secret(value, folder)?;
            let text = std::str::from_utf8(secret.expose()).map_err(|_| "the secret is not UTF-8 text")?;
            Ok(Value::from(text))
        }
    }
}

fn json(value: &DeValue<'_>) -> Result<Value, Misfit> {
    Ok(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(integer) => {
            Value::from(i64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| "is out of range")?)
        }
        DeValue::Float(float) => Value::from(float.as_str().parse::<f64>().map_err(|_| "is out of range")?),
        DeValue::Boolean(bool) => Value::from(*bool),
        DeValue::Datetime(datetime) => Value::from(datetime.to_string()),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| json(item.get_ref())).collect::<Result<_, _>>()?),
        DeValue::Table(entries) => {
            // As written: a connector may read an order out of it, such as that of columns.
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| key.span().start);
            let pairs = entries.into_iter().map(|(key, value)| Ok((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(pairs.collect::<Result<_, Misfit>>()?)
        }
    })
}

fn form(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Text => "a text in quotes",
        OptionKind::Path => "a path in quotes",
        OptionKind::Bool => "true or false",
        OptionKind::Integer => "a whole number",
        OptionKind::Table => "a table",
        OptionKind::Secret => "{ env = \"NAME\" } or { file = \"PATH\" }",
    }
}
