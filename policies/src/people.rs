//! Everybody that a policy knows of: who `*` stands for in cases, in the matrix and in comparisons.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::cases::Any;
use crate::classification::Residency;
use crate::{Asker, Env, PolicySet, Principal, TableName};

/// Who and where `*` stands for.
pub(crate) struct World {
    /// Users of policy.csv.
    pub(crate) users: Vec<String>,
    /// Roles of policy.csv.
    pub(crate) roles: Vec<String>,
    pub(crate) purposes: Vec<String>,
    /// Data centres of conditions, residencies and cases, and one that nothing names.
    pub(crate) dcs: Vec<String>,
    pub(crate) today: NaiveDate,
}

/// A data centre that no rule names, for rules with `dc!=`.
const ELSEWHERE: &str = "elsewhere";

impl World {
    /// What a policy knows; conditions with a date are asked for `today`.
    pub(crate) fn of(set: &PolicySet, today: NaiveDate) -> Self {
        let names = set.book.roles.names();
        let with =
            |prefix: &str| names.iter().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect();
        let mut dcs: BTreeSet<String> = BTreeSet::from([ELSEWHERE.to_owned()]);
        dcs.extend(set.class.conditions.listed.iter().filter_map(|condition| condition.dc()).map(str::to_owned));
        for table in set.class.tables.values() {
            if let Some(Residency::Site(site)) = &table.residency {
                dcs.insert(site.clone());
            }
        }
        for case in &set.cases {
            if let Any::One(dc) = &case.dc {
                dcs.insert(dc.clone());
            }
        }
        Self {
            users: with("user:"),
            roles: with("role:"),
            purposes: set.class.purposes.keys().cloned().collect(),
            dcs: dcs.into_iter().collect(),
            today,
        }
    }

    /// What either of two policies knows.
    pub(crate) fn joined(self, other: Self) -> Self {
        let join =
            |a: Vec<String>, b: Vec<String>| a.into_iter().chain(b).collect::<BTreeSet<_>>().into_iter().collect();
        Self {
            users: join(self.users, other.users),
            roles: join(self.roles, other.roles),
            purposes: join(self.purposes, other.purposes),
            dcs: join(self.dcs, other.dcs),
            today: self.today,
        }
    }

    /// Everybody: each user, and for each role somebody whose credentials give that role alone.
    pub(crate) fn everybody(&self) -> Vec<Principal> {
        let users = self.users.iter().map(|name| Principal { name: name.clone(), roles: BTreeSet::new() });
        users.chain(self.roles.iter().map(|role| with_role(role))).collect()
    }
}

/// Somebody without a name in policy.csv who has one role.
pub(crate) fn with_role(role: &str) -> Principal {
    Principal { name: format!("anybody with role {role}"), roles: BTreeSet::from([role.to_owned()]) }
}

/// The asker, at the gateway where the table may be read.
pub(crate) fn asker(
    set: &PolicySet,
    principal: &Principal,
    purpose: &str,
    dc: &str,
    today: NaiveDate,
    table: Option<&TableName>,
) -> Asker {
    let residency = table.and_then(|table| set.table_class(table)?.residency.as_ref());
    let site = match residency {
        Some(Residency::Site(site)) => site.clone(),
        Some(Residency::Column(_)) | None => dc.to_owned(),
    };
    Asker { principal: principal.clone(), purpose: purpose.to_owned(), env: Env { dc: dc.to_owned(), site, today } }
}
