//! The barrier: a governed table that hidden rows and raw values cannot leak through.
//!
//! [`PolicyTable`] is what a query's namespace holds. Its scan plans rows and treatments by itself, over the raw scan, and
//! seals the result ([`sealed`]): nothing of a user's plan reaches below except leakproof conjuncts ([`leakproof`]).

mod dynamic;
mod leakproof;
mod masked;
mod rows;
mod sealed;
mod shape;
mod table;
mod treat;

#[cfg(test)]
mod tests;

pub(crate) use rows::{RowPredicate, erased_keys, may_hide_rows};
pub(crate) use sealed::SealedExec;
pub(crate) use shape::{ColumnShape, TREATMENT_KEY, TableShape};
pub(crate) use table::{PolicyTable, SqlView};
