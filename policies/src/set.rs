//! A policy: everything a folder says, checked, and the decisions that follow.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use chrono::{NaiveDate, Utc};

use crate::cache::Cache;
use crate::cases::{self, TestCase};
use crate::classification::{Classification, PurposeSpec, TableClass};
use crate::decide::CompiledAsker;
use crate::diff::{self, PolicyDiff};
use crate::erasures::Erasures;
use crate::explain::{self, Explanation};
use crate::folder::{CLASSIFICATION, ERASURES, Folder, MODEL, POLICY, Stamp, TESTS};
use crate::index::RuleIndex;
use crate::matrix::{self, Matrix};
use crate::problem::Problems;
use crate::rulebook::{self, RuleBook};
use crate::rules::Judge;
use crate::testing::{self, TestReport};
use crate::{Asker, Problem, TableDecision, TableName, model};

/// Askers that decisions are kept for, twice.
const MAX_ASKERS: usize = 1_024;

/// One version of a policy. Decisions are kept, so share one set among all queries.
pub struct PolicySet {
    pub(crate) version: Arc<str>,
    pub(crate) class: Classification,
    pub(crate) book: RuleBook,
    pub(crate) index: RuleIndex,
    pub(crate) erasures: Erasures,
    pub(crate) cases: Vec<TestCase>,
    pub(crate) judge: Judge,
    /// Tags of the classification (with prefix), each with itself and all tags above.
    above: HashMap<String, Arc<HashSet<String>>>,
    askers: Cache<Asker, Arc<CompiledAsker>>,
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySet").field("version", &self.version).finish_non_exhaustive()
    }
}

impl PolicySet {
    /// Reads a policy folder and reports all its problems at once, sorted by file and line. There is a set unless a
    /// problem is an error; warnings may come with one.
    pub fn load(dir: &Path) -> (Option<Self>, Vec<Problem>) {
        let (set, problems, _) = Self::load_stamped(dir);
        (set, problems)
    }

    /// Like [`PolicySet::load`], with the state of the files that was read.
    pub(crate) fn load_stamped(dir: &Path) -> (Option<Self>, Vec<Problem>, (Stamp, String)) {
        let mut problems = Problems::default();
        let folder = Folder::read(dir, &mut problems);
        let stamp = (folder.stamp.clone(), folder.digest.clone());
        let set = Self::from_folder(&folder, &mut problems);
        let set = if problems.has_errors() { None } else { Some(set) };
        (set, problems.into_sorted(), stamp)
    }

    /// Reads a folder that is not on disk.
    #[cfg(test)]
    pub(crate) fn of_texts(texts: &[(&'static str, &[u8])]) -> (Option<Self>, Vec<Problem>) {
        let mut problems = Problems::default();
        let folder = Folder::of_texts(texts, &mut problems);
        let set = Self::from_folder(&folder, &mut problems);
        (if problems.has_errors() { None } else { Some(set) }, problems.into_sorted())
    }

    fn from_folder(folder: &Folder, problems: &mut Problems) -> Self {
        if folder.has(MODEL) {
            model::check(folder.text(MODEL), problems);
        }
        // Without a classification every name of policy.csv would be unknown, which is no news.
        let class = if folder.has(CLASSIFICATION) {
            Classification::read(folder.text(CLASSIFICATION), problems)
        } else {
            Classification::default()
        };
        let book = rulebook::check(folder.text(POLICY), &class, problems);
        let erasures = if folder.has(ERASURES) {
            Erasures::read(folder.text(ERASURES), &class, problems)
        } else {
            Erasures::default()
        };
        let cases = if folder.has(TESTS) { cases::read(folder.text(TESTS), &class, problems) } else { Vec::new() };
        cases::check_reasons(&cases, &book, problems);
        let digest = folder.digest.get(..12).unwrap_or_default();
        let version = Arc::from(format!("{}+{digest}", class.label));
        let above = class.carried_tags().into_iter().map(|tag| format!("tag:{tag}")).map(|tag| {
            let above = Arc::new(book.tags.with_ancestors([tag.as_str()]));
            (tag, above)
        });
        let above = above.collect();
        let index = RuleIndex::new(&book.rules);
        Self {
            version,
            class,
            book,
            index,
            erasures,
            cases,
            judge: Judge::default(),
            above,
            askers: Cache::new(MAX_ASKERS),
        }
    }

    /// Label of the owners and the first 12 hex digits of the SHA-256 of all files: `2026-11-23.1+ab12cd34ef56`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the classification lists the purpose (without prefix).
    pub fn knows_purpose(&self, purpose: &str) -> bool {
        self.class.purposes.contains_key(purpose)
    }

    /// All purposes by name.
    pub fn purposes(&self) -> impl Iterator<Item = &PurposeSpec> {
        self.class.purposes.values()
    }

    /// What a table is classified as.
    pub fn table_class(&self, table: &TableName) -> Option<&TableClass> {
        self.class.tables.get(table)
    }

    /// All classified tables by name.
    pub fn tables(&self) -> impl Iterator<Item = (&TableName, &TableClass)> {
        self.class.tables.iter()
    }

    /// What `asker` may see of a table whose columns are `schema`.
    ///
    /// - Unknown table, column, tag, role or purpose: not shown.
    /// - A deny wins over every allow; the order of rules never matters.
    /// - The same question gives the same decision for the life of the set; a repeated one is a look-up.
    pub fn decide(&self, asker: &Asker, table: &TableName, schema: &SchemaRef) -> Arc<TableDecision> {
        self.compiled(asker).decide(self, table, schema)
    }

    /// Tells how the decision about a table, or about one of its columns, comes about. Without `schema` it is explained
    /// as classified.
    pub fn explain(
        &self,
        asker: &Asker,
        table: &TableName,
        column: Option<&str>,
        schema: Option<&SchemaRef>,
    ) -> Explanation {
        explain::explain(self, asker, table, column, schema)
    }

    /// Runs the cases of `policy_tests.yaml`; `*` stands for all users, purposes and data centres that are known.
    pub fn run_tests(&self) -> TestReport {
        testing::run(self)
    }

    /// Who sees what today: every role and user, purpose, data centre and column.
    pub fn matrix(&self) -> Matrix {
        self.matrix_on(Utc::now().date_naive())
    }

    /// Like [`PolicySet::matrix`] for another day, since rules may end.
    pub fn matrix_on(&self, today: NaiveDate) -> Matrix {
        matrix::matrix(self, today)
    }

    /// Who gains or loses which columns and rows from `old` to `new`, as of today.
    pub fn diff(old: &Self, new: &Self) -> PolicyDiff {
        Self::diff_on(old, new, Utc::now().date_naive())
    }

    /// Like [`PolicySet::diff`] for another day, since rules may end.
    pub fn diff_on(old: &Self, new: &Self, today: NaiveDate) -> PolicyDiff {
        diff::diff(old, new, today)
    }

    pub(crate) fn compiled(&self, asker: &Asker) -> Arc<CompiledAsker> {
        if let Some(compiled) = self.askers.get(asker) {
            return compiled;
        }
        let compiled = Arc::new(CompiledAsker::new(self, asker));
        self.askers.put(asker.clone(), Arc::clone(&compiled));
        compiled
    }

    /// A tag (with prefix) and all tags above it.
    pub(crate) fn above(&self, tag: &str) -> Arc<HashSet<String>> {
        self.above.get(tag).map(Arc::clone).unwrap_or_else(|| Arc::new(self.book.tags.with_ancestors([tag])))
    }

    /// Whether a column or table carries the tag (without prefix).
    pub(crate) fn carries(&self, tag: &str) -> bool {
        self.above.contains_key(&format!("tag:{tag}"))
    }
}
