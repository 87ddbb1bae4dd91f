//! Cases that must hold, as `policy_tests.yaml` lists them.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::classification::Classification;
use crate::condition::parse_date;
use crate::folder::TESTS;
use crate::name_check;
use crate::problem::{Place, Problems, visible};
use crate::rulebook::RuleBook;
use crate::yaml::{Node, Value};
use crate::yaml_reader::{Fields, Reader, quoted};
use crate::{TableName, Treatment, yaml};

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct TestCase {
    pub(crate) line: usize,
    pub(crate) who: Any,
    /// Roles that the credentials give on top.
    pub(crate) roles: BTreeSet<String>,
    pub(crate) purpose: Any,
    pub(crate) dc: Any,
    /// The day that it is asked on; today when absent.
    pub(crate) today: Option<NaiveDate>,
    pub(crate) target: Target,
    pub(crate) is: Option<Expected>,
    pub(crate) never: Option<Treatment>,
    /// The id of a rule that must be among those that decided, or a reason such as `no rule`.
    pub(crate) because: Option<String>,
}

/// A name, or `*` for all that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Any {
    All,
    One(String),
}

/// What a case is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Table(TableName),
    /// Table and path of the column.
    Column(TableName, String),
    Tag(String),
    Rows(TableName),
}

impl Target {
    /// The table that it is about.
    pub(crate) fn table(&self) -> Option<&TableName> {
        match self {
            Self::Table(table) | Self::Column(table, _) | Self::Rows(table) => Some(table),
            Self::Tag(_) => None,
        }
    }
}

/// What must come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Denied,
    Hidden,
    /// For tables: some rows may be read.
    Visible,
    Treated(Treatment),
    /// Names of row rules.
    Rows(BTreeSet<String>),
}

const KEYS: [&str; 13] =
    ["who", "roles", "purpose", "dc", "today", "table", "column", "tag", "rows", "is", "never", "because", "note"];
const TARGETS: [&str; 4] = ["table", "column", "tag", "rows"];

/// Reasons that `because` may name instead of a rule.
const REASONS: [&str; 8] =
    ["no rule", "no row grant", "unclassified", "denied", "does not fit", "retyped", "unreadable", "residency"];

/// Reads the text of `policy_tests.yaml`.
pub(crate) fn read(text: &str, class: &Classification, problems: &mut Problems) -> Vec<TestCase> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#')) {
        return Vec::new();
    }
    let Some(root) = yaml::read(TESTS, text, problems) else {
        return Vec::new();
    };
    let mut reader = Reader { file: TESTS, problems };
    reader.list(&root, "").iter().filter_map(|node| case(&mut reader, node, class)).collect()
}

/// Reports a `because` that is neither a rule nor a reason.
pub(crate) fn check_reasons(cases: &[TestCase], book: &RuleBook, problems: &mut Problems) {
    let ids: BTreeSet<&str> = book.rules.iter().map(|rule| rule.id.as_str()).collect();
    for case in cases {
        let Some(because) = &case.because else { continue };
        if !ids.contains(because.as_str()) && !REASONS.contains(&because.as_str()) {
            let text = format!("`{}` is neither a rule of policy.csv nor a reason", visible(because));
            problems.error(Place::file(TESTS).line(case.line), text, format!("reasons are {}", quoted(&REASONS)));
        }
    }
}

fn case(reader: &mut Reader<'_>, node: &Node, class: &Classification) -> Option<TestCase> {
    let fields = reader.fields(node, "", &KEYS);
    let who = any(reader, node, &fields, "who");
    let purpose = any(reader, node, &fields, "purpose");
    let dc = any(reader, node, &fields, "dc");
    if let Some(Any::One(name)) = &purpose
        && !class.purposes.contains_key(name)
    {
        reader.error(
            node.line,
            "",
            format!("unknown purpose `{}`", visible(name)),
            "name a purpose of classification.yaml, or `*` in quotes",
        );
    }
    let roles = fields.get("roles").map(|roles| names(reader, roles)).unwrap_or_default();
    let today = fields.get("today").and_then(|node| {
        let text = reader.text(node, "")?;
        let date = parse_date(text);
        if date.is_none() {
            reader.error(node.line, "", format!("`{}` is not a date", visible(text)), "write \"YYYY-MM-DD\"");
        }
        date
    });
    let target = target(reader, node, &fields, class);
    let is = fields.get("is").and_then(|is| expected(reader, is, target.as_ref()?));
    let never = fields.get("never").and_then(|never| treatment(reader, never));
    if fields.get("is").is_none() && fields.get("never").is_none() {
        reader.error(node.line, "", "the case expects nothing", "add `is` or `never`");
    }
    let because = fields.get("because").and_then(|because| reader.text(because, "")).map(str::to_owned);
    Some(TestCase {
        line: node.line,
        who: who?,
        roles,
        purpose: purpose?,
        dc: dc?,
        today,
        target: target?,
        is,
        never,
        because,
    })
}

fn any(reader: &mut Reader<'_>, owner: &Node, fields: &Fields<'_>, key: &str) -> Option<Any> {
    let Some(node) = fields.get(key) else {
        reader.error(
            owner.line,
            "",
            format!("the case has no `{key}`"),
            "write a name, or `\"*\"` for all that are known",
        );
        return None;
    };
    let text = reader.text(node, "")?;
    if text == "*" {
        return Some(Any::All);
    }
    if let Some((fault, hint)) = name_check::fault(text) {
        reader.error(node.line, "", fault, hint);
        return None;
    }
    Some(Any::One(text.to_owned()))
}

fn names(reader: &mut Reader<'_>, node: &Node) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in reader.list(node, "") {
        if let Some(name) = reader.text(item, "") {
            names.insert(name.to_owned());
        }
    }
    names
}

fn target(reader: &mut Reader<'_>, node: &Node, fields: &Fields<'_>, class: &Classification) -> Option<Target> {
    let given: Vec<(&str, &Node)> = TARGETS.iter().filter_map(|key| Some((*key, fields.get(key)?))).collect();
    let [(key, value)] = given.as_slice() else {
        reader.error(
            node.line,
            "",
            format!("the case is about {} things", given.len()),
            format!("name exactly one of {}", quoted(&TARGETS)),
        );
        return None;
    };
    let text = reader.text(value, "")?;
    if *key == "tag" {
        if let Some((fault, hint)) = name_check::fault(text) {
            reader.error(value.line, "", fault, hint);
            return None;
        }
        return Some(Target::Tag(text.to_owned()));
    }
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    let (table, path) = match parts.as_slice() {
        [catalog, schema, table] if *key != "column" => (TableName::new(*catalog, *schema, *table), ""),
        [catalog, schema, table, path] if *key == "column" => (TableName::new(*catalog, *schema, *table), *path),
        _ => {
            let hint =
                if *key == "column" { "write `catalog.schema.table.column`" } else { "write `catalog.schema.table`" };
            reader.error(value.line, "", format!("`{}` is not a full {key} name", visible(text)), hint);
            return None;
        }
    };
    if !class.tables.contains_key(&table) {
        let hint = "name a table of classification.yaml; others look as if they did not exist";
        reader.error(value.line, "", format!("table `{}` is not classified", visible(&table.to_string())), hint);
        return None;
    }
    Some(match *key {
        "column" => Target::Column(table, path.to_owned()),
        "rows" => Target::Rows(table),
        _ => Target::Table(table),
    })
}

fn expected(reader: &mut Reader<'_>, node: &Node, target: &Target) -> Option<Expected> {
    if let (Value::List(_), Target::Rows(_)) = (&node.value, target) {
        return Some(Expected::Rows(names(reader, node)));
    }
    let text = match &node.value {
        Value::Text(text) => text.as_str(),
        Value::Null => {
            reader.error(node.line, "", "an unquoted null is nothing", "write `is: \"null\"` in quotes");
            return None;
        }
        Value::Bool(_) | Value::Int(_) | Value::Float | Value::List(_) | Value::Map(_) => {
            reader.mismatch(node, "", "a treatment, `denied`, `hidden` or the name of a row rule");
            return None;
        }
    };
    match (text, target) {
        ("denied", _) => Some(Expected::Denied),
        ("hidden", Target::Table(_) | Target::Column(..)) => Some(Expected::Hidden),
        ("visible", Target::Table(_)) => Some(Expected::Visible),
        (_, Target::Rows(_)) => Some(Expected::Rows(BTreeSet::from([text.to_owned()]))),
        (_, Target::Column(..) | Target::Tag(_)) => treatment(reader, node).map(Expected::Treated),
        (_, Target::Table(_)) => {
            reader.error(
                node.line,
                "",
                format!("`{}` is not an answer about a table", visible(text)),
                "write `visible`, `denied` or `hidden`",
            );
            None
        }
    }
}

fn treatment(reader: &mut Reader<'_>, node: &Node) -> Option<Treatment> {
    if let Value::Null = node.value {
        reader.error(node.line, "", "an unquoted null is nothing", "write `\"null\"` in quotes");
        return None;
    }
    let text = reader.text(node, "")?;
    let treatment = text.parse().ok();
    if treatment.is_none() {
        let known: Vec<&str> = Treatment::ALL.iter().map(|treatment| treatment.name()).collect();
        reader.error(
            node.line,
            "",
            format!("unknown treatment `{}`", visible(text)),
            format!("write `denied` or one of {}", quoted(&known)),
        );
    }
    treatment
}
