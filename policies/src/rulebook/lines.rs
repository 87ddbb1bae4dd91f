//! `policy.csv`, line by line.

use std::collections::HashMap;

use crate::Treatment;
use crate::condition::Condition;
use crate::folder::POLICY;
use crate::name_check;
use crate::problem::{Place, Problems, visible};
use crate::rulebook::{Effect, Link, Rule, Shows};

/// Everything that `policy.csv` says, before it is checked against the classification.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) rules: Vec<Rule>,
    pub(super) roles: Vec<Link>,
    pub(super) tags: Vec<Link>,
    pub(super) purposes: Vec<Link>,
}

const ROW_HINT: &str = "a line is `p, ID, WHO, purpose:NAME, tag:NAME, TREATMENT, CONDITION, allow|deny`, or `g`, `g2`, `g3` with child and parent";

/// Reads all lines; whatever is not exactly a rule, a link, a comment or blank is a problem.
pub(super) fn read(text: &str, problems: &mut Problems) -> Lines {
    let mut lines = Lines::default();
    for (index, raw) in text.split('\n').enumerate() {
        let line = raw.strip_suffix('\r').unwrap_or(raw).trim_start_matches('\u{feff}').trim_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        read_line(line, index + 1, &mut lines, problems);
    }
    refuse_twice(&lines, problems);
    lines
}

fn read_line(line: &str, number: usize, lines: &mut Lines, problems: &mut Problems) {
    let fields: Vec<&str> = line.split(',').map(|field| field.trim_matches([' ', '\t'])).collect();
    let (kind, rest) = fields.split_first().map_or(("", &[][..]), |(kind, rest)| (*kind, rest));
    let id = rest.first().copied().filter(|id| kind == "p" && !id.is_empty());
    let mut place = Place::file(POLICY).line(number);
    if let Some(id) = id {
        place = place.about(id);
    }
    if let Some((text, hint)) = foreign_syntax(line) {
        problems.error(place, text, hint);
        return;
    }
    match kind {
        "p" => lines.rules.extend(rule(rest, number, place, problems)),
        "g" => lines.roles.extend(link(rest, number, place, &["user:", "role:"], "role:", problems)),
        "g2" => lines.tags.extend(link(rest, number, place, &["tag:"], "tag:", problems)),
        "g3" => lines.purposes.extend(link(rest, number, place, &["purpose:"], "purpose:", problems)),
        other => problems.error(place, format!("unknown row type `{}`", visible(other)), ROW_HINT),
    }
}

/// Marks of another syntax, which casbin would read as part of a name and so lose the rule.
fn foreign_syntax(line: &str) -> Option<(&'static str, &'static str)> {
    if line.contains(['"', '\'', '`']) {
        return Some(("the line has a quote", "write names without quotes"));
    }
    if line.contains('#') {
        return Some((
            "a comment follows the rule on the same line",
            "put the comment on a line of its own, starting with `#`",
        ));
    }
    if line.contains(';') {
        return Some(("the line has a semicolon", "separate fields with commas, and start comments with `#`"));
    }
    None
}

fn rule(fields: &[&str], line: usize, place: Place<'_>, problems: &mut Problems) -> Option<Rule> {
    let [id, subject, purpose, tag, shows, condition, effect] = fields else {
        let text = format!("a rule has 7 fields after `p`, this one has {}", fields.len());
        problems.error(place, text, ROW_HINT);
        return None;
    };
    let id_is_good = match name_check::fault(id) {
        Some((text, hint)) => {
            problems.error(place, format!("rule id: {text}"), hint);
            false
        }
        None => true,
    };
    let subject = named(subject, &["user:", "role:"], place, problems);
    let purpose = named(purpose, &["purpose:"], place, problems);
    let tag = named(tag, &["tag:"], place, problems);
    let effect = match *effect {
        "allow" => Some(Effect::Allow),
        "deny" => Some(Effect::Deny),
        other => {
            let text = format!("`{}` is neither `allow` nor `deny`", visible(other));
            problems.error(
                place,
                text,
                "write `allow` or `deny`, in small letters; casbin would pass over the rule in silence",
            );
            None
        }
    };
    let shows = shown(shows, effect, place, problems);
    let condition = Condition::parse(condition).or_else(|| {
        let hint = "conditions are `always`, `dc=NAME`, `dc!=NAME` and `until=YYYY-MM-DD`";
        problems.error(place, format!("unknown condition `{}`", visible(condition)), hint);
        None
    });
    if !id_is_good {
        return None;
    }
    Some(Rule {
        id: (*id).to_owned(),
        subject: subject?,
        purpose: purpose?,
        tag: tag?,
        shows: shows?,
        condition: condition?,
        effect: effect?,
        line,
    })
}

fn shown(text: &str, effect: Option<Effect>, place: Place<'_>, problems: &mut Problems) -> Option<Shows> {
    if text == "*" {
        if effect == Some(Effect::Allow) {
            problems.error(place, "`*` stands in a rule that allows", "name one treatment; `*` is for rules that deny");
            return None;
        }
        return Some(Shows::Everything);
    }
    if let Some(name) = text.strip_prefix("rows:") {
        if let Some((fault, hint)) = name_check::fault(name) {
            problems.error(place, fault, hint);
            return None;
        }
        return Some(Shows::Rows(name.to_owned()));
    }
    if let Ok(treatment) = text.parse::<Treatment>() {
        return Some(Shows::Column(treatment));
    }
    let hint = "name a treatment of classification.yaml, or `rows:NAME` for a row rule";
    problems.error(place, format!("unknown treatment `{}`", visible(text)), hint);
    None
}

fn link(
    fields: &[&str],
    line: usize,
    place: Place<'_>,
    children: &[&str],
    parent: &str,
    problems: &mut Problems,
) -> Option<Link> {
    let [child_name, parent_name] = fields else {
        let text = format!("a link has 2 fields, child and parent; this one has {}", fields.len());
        problems.error(place, text, ROW_HINT);
        return None;
    };
    let child = named(child_name, children, place, problems);
    let parent = named(parent_name, &[parent], place, problems);
    Some(Link { child: child?, parent: parent?, line })
}

/// A name with one of `prefixes`, kept with it: casbin puts users, roles, tags and purposes into one graph.
fn named(text: &str, prefixes: &[&str], place: Place<'_>, problems: &mut Problems) -> Option<String> {
    let wanted = prefixes.iter().map(|prefix| format!("`{prefix}NAME`")).collect::<Vec<_>>().join(" or ");
    if text.is_empty() {
        problems.error(place, "a field is empty", format!("write {wanted}"));
        return None;
    }
    let Some(name) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) else {
        problems.error(
            place,
            format!("`{}` has not the prefix that belongs here", visible(text)),
            format!("write {wanted}"),
        );
        return None;
    };
    if let Some((fault, hint)) = name_check::fault(name) {
        problems.error(place, fault, hint);
        return None;
    }
    Some(text.to_owned())
}

fn refuse_twice(lines: &Lines, problems: &mut Problems) {
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for rule in &lines.rules {
        if let Some(first) = ids.get(rule.id.as_str()) {
            let text = format!("the id stands for the second time, first in line {first}");
            problems.error(
                Place::file(POLICY).line(rule.line).about(&rule.id),
                text,
                "give each rule an id of its own; the ledger names rules by id",
            );
        } else {
            ids.insert(&rule.id, rule.line);
        }
    }
    for links in [&lines.roles, &lines.tags, &lines.purposes] {
        let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
        for link in links {
            if let Some(first) = seen.get(&(link.child.as_str(), link.parent.as_str())) {
                let text = format!("the link stands for the second time, first in line {first}");
                problems.warning(Place::file(POLICY).line(link.line).about(&link.child), text, "keep one of the two");
            } else {
                seen.insert((&link.child, &link.parent), link.line);
            }
        }
    }
}
