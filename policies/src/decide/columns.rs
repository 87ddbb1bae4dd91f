//! Columns and the fields of structs: the strictest of all tags, and nothing without a tag.

use std::collections::BTreeSet;

use arrow_schema::{DataType, Field, SchemaRef};

use crate::decide::{Case, CompiledAsker, remedy};
use crate::{ColumnDecision, PolicySet, Shown, Treatment, Withheld};

/// Key of the metadata of a field that stands for a column without an exact Arrow type; its value is the source's type.
pub const UNREADABLE_TYPE: &str = "lockgate.unreadable_type";

/// One decision for each top-level column, in schema order.
pub(crate) fn columns(case: Case<'_>, schema: &SchemaRef) -> Vec<ColumnDecision> {
    let above = Above { tags: &[], is_hidden: false };
    schema
        .fields()
        .iter()
        .map(|field| match field.metadata().get(UNREADABLE_TYPE) {
            Some(source_type) => unreadable(case, field.name(), source_type),
            None => column(case, path_segment(field.name()), field.name(), field.data_type(), above),
        })
        .collect()
}

/// A column that the source has and nobody can be shown.
fn unreadable(case: Case<'_>, name: &str, source_type: &str) -> ColumnDecision {
    let (outcome, is_hidden) = classified_outcome(case, &path_segment(name));
    let shown = match outcome.shown {
        Ok(_) => Shown::Withheld(remedy::unreadable(source_type)),
        refused => shown(refused, is_hidden),
    };
    ColumnDecision { name: name.to_owned(), shown, rules: outcome.rules, tags: Vec::new() }
}

/// What the structs around a field say about it.
#[derive(Clone, Copy)]
struct Above<'a> {
    tags: &'a [String],
    is_hidden: bool,
}

/// How a field is named in a path: one with a dot stands in backticks, so that it cannot pass for a field of a struct.
pub(crate) fn path_segment(name: &str) -> String {
    if name.contains(['.', '`']) { format!("`{name}`") } else { name.to_owned() }
}

fn column(case: Case<'_>, path: String, name: &str, data_type: &DataType, above: Above<'_>) -> ColumnDecision {
    let entry = case.class.columns.get(&path);
    let is_hidden = above.is_hidden || entry.is_some_and(|entry| entry.hidden);
    let mut tags = above.tags.to_vec();
    for tag in entry.iter().flat_map(|entry| &entry.tags) {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    let declared = entry.and_then(|entry| entry.declared.as_ref());
    let outcome = match (declared, children(data_type), entry) {
        (Some(declared), _, _) if !declared.accepts(data_type) => {
            Outcome::withheld(remedy::retyped(declared.to_string(), data_type))
        }
        (_, Some(children), _) => return nested(case, &path, name, &children, tags, is_hidden),
        (_, None, None) => Outcome::withheld(remedy::unclassified()),
        (_, None, Some(_)) => outcome_of(case.set, case.asker, &tags, Some(data_type)),
    };
    let shown = shown(outcome.shown, is_hidden);
    ColumnDecision { name: name.to_owned(), shown, rules: outcome.rules, tags }
}

fn shown(outcome: Result<Treatment, Withheld>, is_hidden: bool) -> Shown {
    match outcome {
        Ok(treatment) => Shown::Treated(treatment),
        Err(_) if is_hidden => Shown::Hidden,
        Err(withheld) => Shown::Withheld(withheld),
    }
}

/// What a column comes to as it is classified, without the data at hand; and whether it is hidden when withheld.
pub(crate) fn classified_outcome(case: Case<'_>, path: &str) -> (Outcome, bool) {
    let mut tags: Vec<String> = Vec::new();
    let mut is_hidden = false;
    // A column inside a struct also carries what the struct carries.
    let parents =
        path.match_indices('.').filter_map(|(end, _)| path.get(..end)).filter_map(|path| case.class.columns.get(path));
    let entry = case.class.columns.get(path);
    for entry in parents.chain(entry) {
        tags.extend(entry.tags.iter().cloned());
        is_hidden |= entry.hidden;
    }
    let Some(entry) = entry else {
        return (Outcome::withheld(remedy::unclassified()), is_hidden);
    };
    let data_type = entry.declared.as_ref().and_then(|declared| declared.example());
    (outcome_of(case.set, case.asker, &tags, data_type.as_ref()), is_hidden)
}

/// What the tags of a column come to.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) shown: Result<Treatment, Withheld>,
    /// Ids of the rules that decided, sorted.
    pub(crate) rules: Vec<String>,
}

impl Outcome {
    fn withheld(withheld: Withheld) -> Self {
        Self { shown: Err(withheld), rules: Vec::new() }
    }
}

/// The strictest of what the tags give; without a type at hand, every treatment is taken to fit.
pub(crate) fn outcome_of(
    set: &PolicySet,
    asker: &CompiledAsker,
    tags: &[String],
    data_type: Option<&DataType>,
) -> Outcome {
    let fits = |treatment: Treatment| data_type.is_none_or(|data_type| treatment.fits(data_type));
    let mut numbers: BTreeSet<usize> = BTreeSet::new();
    let mut strictest: Option<Treatment> = None;
    let mut first_withheld: Option<Withheld> = None;
    for tag in tags {
        let choice = asker.tag(set, tag).choose(set, fits);
        numbers.extend(&choice.rules);
        match choice.treatment {
            Some(treatment) => strictest = Some(strictest.map_or(treatment, |other| other.meet(treatment))),
            None if first_withheld.is_none() => first_withheld = Some(remedy::for_tag(set, asker, tag, &choice, fits)),
            None => {}
        }
    }
    let rules = numbers.iter().filter_map(|number| Some(set.book.rules.get(*number)?.id.clone())).collect();
    let shown = match (first_withheld, strictest) {
        (Some(withheld), _) => Err(withheld),
        (None, Some(treatment)) if fits(treatment) => Ok(treatment),
        // The meet of treatments that fit is one of them or `null`, so this is for a table of treatments gone wrong.
        (None, Some(treatment)) => Err(remedy::does_not_fit(treatment, None)),
        (None, None) => Err(remedy::unclassified()),
    };
    Outcome { shown, rules }
}

/// The parts of a nested type.
struct Children<'a> {
    parts: Vec<(&'a str, &'a DataType)>,
    shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Parts can be treated or left out one by one.
    Parts,
    /// Both parts are needed, and the key can not be null.
    Map,
    /// It is shown as it is or not at all.
    Whole,
}

/// The fields of a struct, also inside lists; `None` for a leaf.
fn children(data_type: &DataType) -> Option<Children<'_>> {
    match data_type {
        DataType::Struct(fields) if !fields.is_empty() => {
            Some(Children { parts: fields.iter().map(|field| part(field)).collect(), shape: Shape::Parts })
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => children(item.data_type()),
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let [key, value] = fields.as_ref() else { return None };
            Some(Children { parts: vec![("key", key.data_type()), ("value", value.data_type())], shape: Shape::Map })
        }
        DataType::Dictionary(_, values) => children(values).map(|inner| Children { shape: Shape::Whole, ..inner }),
        DataType::RunEndEncoded(_, values) => {
            children(values.data_type()).map(|inner| Children { shape: Shape::Whole, ..inner })
        }
        DataType::Union(fields, _) if !fields.is_empty() => {
            Some(Children { parts: fields.iter().map(|(_, field)| part(field)).collect(), shape: Shape::Whole })
        }
        _ => None,
    }
}

/// Names and types of the parts of a nested type; `None` for a leaf.
pub(crate) fn parts_of(data_type: &DataType) -> Option<Vec<(&str, &DataType)>> {
    children(data_type).map(|children| children.parts)
}

fn part(field: &Field) -> (&str, &DataType) {
    (field.name(), field.data_type())
}

fn nested(
    case: Case<'_>,
    path: &str,
    name: &str,
    children: &Children<'_>,
    tags: Vec<String>,
    is_hidden: bool,
) -> ColumnDecision {
    let above = Above { tags: &tags, is_hidden };
    let mut parts = Vec::with_capacity(children.parts.len());
    for (part_name, data_type) in &children.parts {
        parts.push(column(case, format!("{path}.{}", path_segment(part_name)), part_name, data_type, above));
    }
    let is_whole_hidden = is_hidden || parts.iter().all(|part| part.shown == Shown::Hidden);
    // The rules about a hidden part would tell that it exists.
    let told = parts.iter().filter(|part| is_whole_hidden || part.shown != Shown::Hidden);
    let rules: BTreeSet<String> = told.flat_map(|part| part.rules.iter().cloned()).collect();
    let shown = whole(parts, children.shape);
    let shown = match shown {
        Shown::Withheld(_) if is_hidden => Shown::Hidden,
        other => other,
    };
    ColumnDecision { name: name.to_owned(), shown, rules: rules.into_iter().collect(), tags }
}

/// How the parts of a column make up the column.
fn whole(parts: Vec<ColumnDecision>, shape: Shape) -> Shown {
    if parts.iter().all(|part| part.shown == Shown::Treated(Treatment::Clear)) {
        return Shown::Treated(Treatment::Clear);
    }
    let withheld = parts.iter().find_map(|part| match &part.shown {
        Shown::Withheld(withheld) => Some(withheld.clone()),
        Shown::Treated(_) | Shown::Nested(_) | Shown::Hidden => None,
    });
    let n_visible = parts.iter().filter(|part| matches!(part.shown, Shown::Treated(_) | Shown::Nested(_))).count();
    let all_visible = n_visible == parts.len();
    let refused = match shape {
        Shape::Parts => n_visible == 0,
        Shape::Map => !all_visible,
        Shape::Whole => true,
    };
    if !refused
        && shape == Shape::Map
        && let Some(treatment) = parts.first().and_then(nulling_treatment)
    {
        return Shown::Withheld(remedy::does_not_fit(treatment, None));
    }
    match (refused, withheld) {
        (false, _) => Shown::Nested(parts),
        (true, Some(withheld)) => Shown::Withheld(withheld),
        (true, None) if n_visible == 0 => Shown::Hidden,
        (true, None) => {
            let treatment = parts.iter().find_map(not_clear).unwrap_or(Treatment::Null);
            Shown::Withheld(remedy::does_not_fit(treatment, None))
        }
    }
}

/// The treatment of a map's key, where it may give nulls, which a key must not be.
fn nulling_treatment(key: &ColumnDecision) -> Option<Treatment> {
    match key.shown {
        Shown::Treated(treatment @ (Treatment::Null | Treatment::Geo1km | Treatment::Geo10km)) => Some(treatment),
        Shown::Treated(_) | Shown::Nested(_) | Shown::Withheld(_) | Shown::Hidden => None,
    }
}

fn not_clear(part: &ColumnDecision) -> Option<Treatment> {
    match &part.shown {
        Shown::Treated(Treatment::Clear) | Shown::Withheld(_) | Shown::Hidden => None,
        Shown::Treated(treatment) => Some(*treatment),
        Shown::Nested(parts) => parts.iter().find_map(not_clear),
    }
}
