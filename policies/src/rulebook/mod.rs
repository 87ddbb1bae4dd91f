//! Who may see what: the rules and links of `policy.csv`, read by us and strictly, because casbin's own reader passes
//! over a misspelled deny in silence.

mod check;
mod graph;
mod lines;

use crate::Treatment;
use crate::condition::Condition;

pub(crate) use check::check;
pub(crate) use graph::Graph;

/// A read `policy.csv`.
#[derive(Debug, Default)]
pub(crate) struct RuleBook {
    /// Rules by id.
    pub(crate) rules: Vec<Rule>,
    /// user -> role -> role; names with prefix.
    pub(crate) roles: Graph,
    /// tag -> parent tag.
    pub(crate) tags: Graph,
    /// purpose -> parent purpose.
    pub(crate) purposes: Graph,
}

/// One `p` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// `user:NAME` or `role:NAME`.
    pub(crate) subject: String,
    /// `purpose:NAME`.
    pub(crate) purpose: String,
    /// `tag:NAME`.
    pub(crate) tag: String,
    pub(crate) shows: Shows,
    pub(crate) condition: Condition,
    pub(crate) effect: Effect,
    pub(crate) line: usize,
}

/// What a rule allows or denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shows {
    /// `*`: every treatment and every row rule.
    Everything,
    /// A treatment of columns.
    Column(Treatment),
    /// `rows:NAME`: the rows that a row rule keeps.
    Rows(String),
}

impl Shows {
    /// As in `policy.csv`.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Everything => "*".to_owned(),
            Self::Column(treatment) => treatment.name().to_owned(),
            Self::Rows(name) => format!("rows:{name}"),
        }
    }

    /// Whether a rule with this can match a question about `asked`; casbin decides whether it does.
    pub(crate) fn may_match(&self, asked: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Column(treatment) => treatment.name() == asked,
            Self::Rows(name) => asked.strip_prefix("rows:") == Some(name),
        }
    }
}

/// Whether a rule allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// One `g`, `g2` or `g3` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) child: String,
    pub(crate) parent: String,
    pub(crate) line: usize,
}

#[cfg(test)]
mod tests;
