//! An asker, compiled: roles and purposes are resolved once, tags are asked once each, tables are decided once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::SchemaRef;
use parking_lot::RwLock;

use crate::cache::Cache;
use crate::decide::TagAnswer;
use crate::rulebook::Rule;
use crate::rules::{Standpoint, Verdict, env_text};
use crate::{Asker, PolicySet, TableDecision, TableName};

/// Tables that one asker's decisions are kept for, twice.
const MAX_TABLES: usize = 1_024;
/// Schemas of one table that decisions are kept for.
const MAX_SCHEMAS: usize = 4;

/// Rules by their tag, for one subject and one purpose.
pub(crate) type RulesByTag = HashMap<String, Vec<usize>>;

type Decided = Arc<[(SchemaRef, Arc<TableDecision>)]>;

/// What is known about one asker under one policy version.
pub(crate) struct CompiledAsker {
    pub(crate) asker: Asker,
    pub(crate) standpoint: Standpoint,
    /// Rules of the asker's subjects and purposes.
    rules: Vec<Arc<RulesByTag>>,
    tags: RwLock<HashMap<String, Arc<TagAnswer>>>,
    tables: Cache<TableName, Decided>,
}

impl CompiledAsker {
    pub(crate) fn new(set: &PolicySet, asker: &Asker) -> Self {
        let subject = format!("user:{}", asker.principal.name);
        let purpose = format!("purpose:{}", asker.purpose);
        let roles: Vec<String> = asker.principal.roles.iter().map(|role| format!("role:{role}")).collect();
        let subjects = set.book.roles.with_ancestors(roles.iter().map(String::as_str).chain([subject.as_str()]));
        let purposes = set.book.purposes.with_ancestors([purpose.as_str()]);
        // A parent such as `purpose:any` is no purpose that somebody may declare.
        let rules =
            if set.knows_purpose(&asker.purpose) { set.index.rules_of(&subjects, &purposes) } else { Vec::new() };
        let standpoint = Standpoint {
            subject,
            subjects: Arc::new(subjects),
            purpose,
            purposes: Arc::new(purposes),
            env: env_text(&asker.env.dc, asker.env.today),
        };
        Self { asker: asker.clone(), standpoint, rules, tags: RwLock::default(), tables: Cache::new(MAX_TABLES) }
    }

    /// The decision for a table, made once for each schema.
    pub(crate) fn decide(&self, set: &PolicySet, table: &TableName, schema: &SchemaRef) -> Arc<TableDecision> {
        let known = self.tables.get(table);
        if let Some(decided) = &known {
            let same = decided.iter().find(|(other, _)| Arc::ptr_eq(other, schema));
            let equal = || decided.iter().find(|(other, _)| other.fields() == schema.fields());
            if let Some((_, decision)) = same.or_else(equal) {
                return Arc::clone(decision);
            }
        }
        let decision = Arc::new(crate::decide::decide(set, self, table, schema));
        let mut decided = vec![(Arc::clone(schema), Arc::clone(&decision))];
        decided.extend(known.iter().flat_map(|decided| decided.iter().cloned()).take(MAX_SCHEMAS - 1));
        self.tables.put(table.clone(), decided.into());
        decision
    }

    /// What the asker may do with a tag (without prefix), treatment by treatment.
    pub(crate) fn tag(&self, set: &PolicySet, tag: &str) -> Arc<TagAnswer> {
        if let Some(answer) = self.tags.read().get(tag) {
            return Arc::clone(answer);
        }
        let answer = Arc::new(TagAnswer::ask(set, self, tag));
        // Tags come from the classification, so their number is bounded by it; what tests and explanations name is not.
        if set.carries(tag) {
            self.tags.write().insert(tag.to_owned(), Arc::clone(&answer));
        }
        answer
    }

    /// Gathers the rules that can match questions about a tag (with prefix).
    pub(crate) fn about<'a>(&'a self, set: &'a PolicySet, tag: &str) -> Question<'a> {
        let above = set.above(tag);
        let mut numbers: Vec<usize> = Vec::new();
        for by_tag in &self.rules {
            for tag in above.iter() {
                numbers.extend(by_tag.get(tag).into_iter().flatten().copied());
            }
        }
        numbers.sort_unstable();
        let rules = numbers.into_iter().filter_map(|number| Some((number, set.book.rules.get(number)?))).collect();
        Question { set, asker: self, tag: tag.to_owned(), above, rules }
    }
}

/// A tag that casbin can be asked about.
pub(crate) struct Question<'a> {
    set: &'a PolicySet,
    asker: &'a CompiledAsker,
    tag: String,
    above: Arc<HashSet<String>>,
    rules: Vec<(usize, &'a Rule)>,
}

impl Question<'_> {
    /// Asks casbin whether the tag may be seen so, such as `hash` or `rows:all`.
    pub(crate) fn ask(&self, shows: &str) -> Verdict {
        let rules: Vec<_> = self.rules.iter().copied().filter(|(_, rule)| rule.shows.may_match(shows)).collect();
        self.set.judge.ask(&self.asker.standpoint, &self.tag, &self.above, shows, &rules)
    }
}
