//! Rules by who, why and what, so that an asker is compiled from the few rules that can concern him.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::decide::RulesByTag;
use crate::rulebook::Rule;

/// Numbers of rules in the rule book.
#[derive(Debug, Default)]
pub(crate) struct RuleIndex {
    by_subject: HashMap<String, HashMap<String, Arc<RulesByTag>>>,
    by_tag: HashMap<String, Vec<usize>>,
}

impl RuleIndex {
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut by_subject: HashMap<String, HashMap<String, RulesByTag>> = HashMap::new();
        let mut by_tag: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, rule) in rules.iter().enumerate() {
            let of_subject = by_subject.entry(rule.subject.clone()).or_default();
            of_subject.entry(rule.purpose.clone()).or_default().entry(rule.tag.clone()).or_default().push(number);
            by_tag.entry(rule.tag.clone()).or_default().push(number);
        }
        let shared = |by_purpose: HashMap<String, RulesByTag>| {
            by_purpose.into_iter().map(|(purpose, rules)| (purpose, Arc::new(rules))).collect()
        };
        Self {
            by_subject: by_subject.into_iter().map(|(subject, by_purpose)| (subject, shared(by_purpose))).collect(),
            by_tag,
        }
    }

    /// Rules whose subject and purpose are among these.
    pub(crate) fn rules_of(&self, subjects: &HashSet<String>, purposes: &HashSet<String>) -> Vec<Arc<RulesByTag>> {
        let mut found = Vec::new();
        for by_purpose in subjects.iter().filter_map(|subject| self.by_subject.get(subject)) {
            found.extend(purposes.iter().filter_map(|purpose| by_purpose.get(purpose)).map(Arc::clone));
        }
        found
    }

    /// Whether a rule is for exactly this subject.
    pub(crate) fn has_subject(&self, subject: &str) -> bool {
        self.by_subject.contains_key(subject)
    }

    /// Rules on exactly this tag (with prefix).
    pub(crate) fn rules_on(&self, tag: &str) -> &[usize] {
        self.by_tag.get(tag).map(Vec::as_slice).unwrap_or_default()
    }
}
