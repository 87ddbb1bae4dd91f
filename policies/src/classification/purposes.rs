//! Purposes with their legal basis.

use std::collections::BTreeMap;

use crate::name_check;
use crate::yaml::{Node, Value};
use crate::yaml_reader::Reader;

/// Why data may be asked for, and on which legal basis.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PurposeSpec {
    /// Name, without the `purpose:` prefix.
    pub name: String,
    /// Entry in the record of processing activities.
    pub ropa: Option<String>,
    /// Legal basis, such as `6(1)(f)`.
    pub basis: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Days that results may be kept.
    pub retention_days: Option<u32>,
}

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, PurposeSpec> {
    let mut purposes = BTreeMap::new();
    for (key, entry) in reader.map(node, "purposes") {
        if let Some((fault, hint)) = name_check::fault(&key.name) {
            reader.error(key.line, "purposes", fault, hint);
            continue;
        }
        let fields = reader.fields(entry, &key.name, &["ropa", "basis", "owner", "retention_days"]);
        let text = |name: &str, reader: &mut Reader<'_>| {
            let value = fields.get(name).and_then(|node| note(reader, node, &key.name));
            if value.is_none() && fields.get(name).is_none() {
                reader.warning(
                    key.line,
                    &key.name,
                    format!("the purpose has no `{name}`"),
                    "add it, so that an auditor finds the legal basis",
                );
            }
            value
        };
        let ropa = text("ropa", reader);
        let basis = text("basis", reader);
        let owner = text("owner", reader);
        let retention_days = fields.get("retention_days").and_then(|node| reader.days(node, &key.name));
        purposes.insert(key.name.clone(), PurposeSpec { name: key.name.clone(), ropa, basis, owner, retention_days });
    }
    purposes
}

/// Free text; a bare number such as `17` is taken as text too.
fn note(reader: &mut Reader<'_>, node: &Node, about: &str) -> Option<String> {
    if let Value::Int(number) = node.value {
        return Some(number.to_string());
    }
    reader.text(node, about).map(str::to_owned)
}
