//! `policy.csv` against the classification: every name a rule uses must mean something.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::TableName;
use crate::classification::Classification;
use crate::folder::{CLASSIFICATION, POLICY};
use crate::problem::{Place, Problems};
use crate::rulebook::lines::{self, Lines};
use crate::rulebook::{Graph, Rule, RuleBook, Shows};

/// Reads `policy.csv` and checks it against the classification.
pub(crate) fn check(text: &str, class: &Classification, problems: &mut Problems) -> RuleBook {
    let lines = lines::read(text, problems);
    let roles = Graph::new(&lines.roles);
    let tags = Graph::new(&lines.tags);
    let purposes = Graph::new(&lines.purposes);
    roles.check(&lines.roles, problems);
    tags.check(&lines.tags, problems);
    purposes.check(&lines.purposes, problems);
    let carried = class.carried_tags();
    let carried_names: Vec<String> = carried.iter().map(|tag| format!("tag:{tag}")).collect();
    let carried_or_above = tags.with_ancestors(carried_names.iter().map(String::as_str));
    let mut tables_below: HashMap<String, Vec<&TableName>> = HashMap::new();
    for (name, table) in &class.tables {
        for tag in tags.with_ancestors([format!("tag:{}", table.rows).as_str()]) {
            tables_below.entry(tag).or_default().push(name);
        }
    }
    let names = Names {
        class,
        roles: &roles,
        tags: &tags,
        purposes: &purposes,
        carried_or_above: &carried_or_above,
        tables_below: &tables_below,
    };
    for rule in &lines.rules {
        names.check_rule(rule, problems);
    }
    names.check_purpose_links(&lines, problems);
    names.check_carried_tags(&lines.rules, &carried, problems);
    let mut rules = lines.rules;
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    RuleBook { rules, roles, tags, purposes }
}

struct Names<'a> {
    class: &'a Classification,
    roles: &'a Graph,
    tags: &'a Graph,
    purposes: &'a Graph,
    /// Tags of columns and tables, and their ancestors, with prefix.
    carried_or_above: &'a HashSet<String>,
    /// Tables by the tag of their rows and the ancestors of that tag.
    tables_below: &'a HashMap<String, Vec<&'a TableName>>,
}

impl Names<'_> {
    fn check_rule(&self, rule: &Rule, problems: &mut Problems) {
        let place = Place::file(POLICY).line(rule.line).about(&rule.id);
        if !self.roles.knows(&rule.subject) {
            let hint = "check the spelling, or link it with a `g` line (`g, role:NAME, role:everyone`)";
            problems.error(place, format!("no `g` line knows `{}`", rule.subject), hint);
        }
        let purpose = rule.purpose.strip_prefix("purpose:").unwrap_or_default();
        if !self.purposes.knows(&rule.purpose) && !self.class.purposes.contains_key(purpose) {
            let hint = "check the spelling, or add the purpose to classification.yaml";
            problems.error(place, format!("unknown purpose `{}`", rule.purpose), hint);
        }
        if !self.tags.knows(&rule.tag) && !self.carried_or_above.contains(&rule.tag) {
            problems.error(
                place,
                format!("unknown tag `{}`", rule.tag),
                "check the spelling; tags are those of classification.yaml and of `g2` lines",
            );
        } else if !self.carried_or_above.contains(&rule.tag) {
            let text = format!("no column or table carries `{}` or a tag below it", rule.tag);
            problems.warning(place, text, "the rule has no effect today; check that this is meant");
        }
        if !self.class.conditions.allows(&rule.condition) {
            let text = format!("condition `{}` is not on the list of classification.yaml", rule.condition);
            problems.error(place, text, "add it to `conditions`, or use one that is listed");
        }
        self.check_shows(rule, place, problems);
    }

    fn check_shows(&self, rule: &Rule, place: Place<'_>, problems: &mut Problems) {
        match &rule.shows {
            Shows::Everything => {}
            Shows::Column(treatment) => {
                if !self.class.treatments.contains(treatment) {
                    let text = format!("treatment `{}` is not on the list of classification.yaml", treatment.name());
                    problems.error(place, text, "add it to `treatments`, or use one that is listed");
                }
            }
            Shows::Rows(name) => {
                let Some(row_rule) = self.class.row_rules.iter().find(|row_rule| row_rule.name == *name) else {
                    problems.error(
                        place,
                        format!("unknown row rule `{name}`"),
                        "name one of `row_filters` in classification.yaml",
                    );
                    return;
                };
                let below = self.tables_below.get(&rule.tag).map(Vec::as_slice).unwrap_or_default();
                if !below.is_empty() && !below.iter().any(|table| row_rule.is_for(table)) {
                    let text = format!("row rule `{name}` is for none of the tables that `{}` covers", rule.tag);
                    problems.error(place, text, "grant it on the rows tag of a table that its `tables` lists");
                }
                if below.is_empty() && self.carried_or_above.contains(&rule.tag) {
                    let text = format!("`{}` is the tag of columns, not of rows", rule.tag);
                    problems.error(place, text, "grant row rules on the `rows` tag of a table");
                }
            }
        }
    }

    fn check_purpose_links(&self, lines: &Lines, problems: &mut Problems) {
        let mut parents: BTreeSet<&str> = BTreeSet::new();
        for link in &lines.purposes {
            parents.insert(&link.parent);
        }
        for link in &lines.purposes {
            let name = link.child.strip_prefix("purpose:").unwrap_or_default();
            if !self.class.purposes.contains_key(name) && !parents.contains(link.child.as_str()) {
                let text = format!("`{}` is no purpose of classification.yaml", link.child);
                problems.error(
                    Place::file(POLICY).line(link.line).about(&link.child),
                    text,
                    "check the spelling, or add the purpose with its legal basis",
                );
            }
        }
    }

    fn check_carried_tags(&self, rules: &[Rule], carried: &BTreeSet<&str>, problems: &mut Problems) {
        let ruled: HashSet<&str> = rules.iter().map(|rule| rule.tag.as_str()).collect();
        for tag in carried {
            let name = format!("tag:{tag}");
            let above = self.tags.with_ancestors([name.as_str()]);
            if !above.iter().any(|tag| ruled.contains(tag.as_str())) {
                let text = format!("no rule speaks of tag `{tag}` or a tag above it");
                problems.warning(
                    Place::file(CLASSIFICATION).about(tag),
                    text,
                    "what carries it is withheld from everybody; check the spelling",
                );
            }
        }
    }
}
