//! The judge: who may see which column, for which purpose, in which treatment, and which rows.
//!
//! A policy is a folder of plain files; [`PolicySet::load`] reads it strictly, casbin decides tags, and we combine the
//! answers per table ([`PolicySet::decide`]). This crate is *not* an enforcer: it never sees a query. No DataFusion, no
//! tokio, no network.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod decision;
pub mod keys;
pub mod names;
pub mod problem;
pub mod treatments;

#[cfg(test)]
mod fixtures;
mod folder;
#[cfg(test)]
mod hostile;
mod name_check;
mod yaml;
mod yaml_reader;

mod cases;
pub mod classification;
mod condition;
mod erasures;
mod model;
mod rulebook;

mod cache;
mod decide;
pub mod explain;
mod index;
mod rules;
mod set;
mod store;

pub mod diff;
pub mod matrix;
mod people;
mod testing;
mod view;

pub use classification::{ColumnClass, DeclaredType, PurposeSpec, Residency, SubjectKey, TableClass};
pub use decide::UNREADABLE_TYPE;
pub use decision::{
    ColumnDecision, Erased, Leaf, Region, Retention, RowFilter, RowRule, Shown, TableAccess, TableDecision, Withheld,
    WithheldReason,
};
pub use diff::PolicyDiff;
pub use explain::Explanation;
pub use keys::{KeyRing, PurposeKey};
pub use matrix::Matrix;
pub use names::{Asker, Env, Principal, TableName};
pub use problem::{Problem, Severity, one_line};
pub use set::PolicySet;
pub use store::{PolicyStore, Reload, StoreStatus};
pub use testing::{CaseResult, TestReport};
pub use treatments::{TreatError, Treatment};
