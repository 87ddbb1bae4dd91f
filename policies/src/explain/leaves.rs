//! The columns of a table down to the fields of structs, each with its decision.

use arrow_schema::{DataType, SchemaRef};

use crate::decide::{Case, classified_outcome, parts_of, path_segment};
use crate::explain::Leaf;
use crate::{ColumnDecision, Shown};

/// Leaves of the data's schema; `decided` are its columns.
pub(super) fn of_schema(case: Case<'_>, schema: &SchemaRef, decided: &[ColumnDecision]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let above = Above { tags: &[], is_hidden: false };
    for (field, column) in schema.fields().iter().zip(decided) {
        collect(case, path_segment(field.name()), field.data_type(), &column.shown, above, &mut leaves);
    }
    leaves
}

/// Classified columns, where the data is not at hand.
pub(super) fn as_classified(case: Case<'_>) -> Vec<Leaf> {
    let leaf = |(path, entry): (&String, &crate::ColumnClass)| {
        let (outcome, is_hidden) = classified_outcome(case, path);
        let shown = match outcome.shown {
            Ok(treatment) => Shown::Treated(treatment),
            Err(_) if is_hidden => Shown::Hidden,
            Err(withheld) => Shown::Withheld(withheld),
        };
        let data_type = entry.declared.as_ref().and_then(|declared| declared.example());
        Leaf { path: path.clone(), tags: entry.tags.clone(), data_type, shown }
    };
    case.class.columns.iter().map(leaf).collect()
}

/// What the structs around a field say about it.
#[derive(Clone, Copy)]
struct Above<'a> {
    tags: &'a [String],
    is_hidden: bool,
}

fn collect(
    case: Case<'_>,
    path: String,
    data_type: &DataType,
    shown: &Shown,
    above: Above<'_>,
    leaves: &mut Vec<Leaf>,
) {
    let entry = case.class.columns.get(&path);
    let is_hidden = above.is_hidden || entry.is_some_and(|entry| entry.hidden);
    let mut tags = above.tags.to_vec();
    for tag in entry.into_iter().flat_map(|entry| &entry.tags) {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let Some(parts) = parts_of(data_type) else {
        // A struct that is withheld as a whole may hold a part that nobody is to know of.
        let shown = match shown {
            Shown::Withheld(_) if is_hidden => Shown::Hidden,
            shown => shown.clone(),
        };
        leaves.push(Leaf { path, tags, data_type: Some(data_type.clone()), shown });
        return;
    };
    let above = Above { tags: &tags, is_hidden };
    for (index, (name, data_type)) in parts.into_iter().enumerate() {
        // A column that is shown or withheld as a whole says the same about each of its parts.
        let shown = match shown {
            Shown::Nested(decided) => decided.get(index).map_or(&Shown::Hidden, |part| &part.shown),
            Shown::Treated(_) | Shown::Withheld(_) | Shown::Hidden => shown,
        };
        collect(case, format!("{path}.{}", path_segment(name)), data_type, shown, above, leaves);
    }
}
