//! The checks, by what they are about.

mod catalogue;
mod changes;
mod damage;
mod evolution;
mod partitions;
mod queries;
mod text;
mod types;

use super::Check;

/// Every check.
pub const ALL: &[&[Check]] = &[
    catalogue::CHECKS,
    types::CHECKS,
    queries::CHECKS,
    partitions::CHECKS,
    changes::CHECKS,
    evolution::CHECKS,
    text::CHECKS,
    damage::CHECKS,
];

/// A check that leaves its fixture as it is.
const fn reads(
    name: &'static str,
    needs: &'static [super::Need],
    run: for<'a> fn(&'a super::fixture::Fixture) -> super::Outcome<'a>,
) -> Check {
    Check { name, needs, changes: false, run }
}

/// A check that gets a fixture of its own.
const fn changes(
    name: &'static str,
    needs: &'static [super::Need],
    run: for<'a> fn(&'a super::fixture::Fixture) -> super::Outcome<'a>,
) -> Check {
    Check { name, needs, changes: true, run }
}
