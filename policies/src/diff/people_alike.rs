//! People whom both versions treat alike are compared once.

use std::collections::BTreeMap;

use crate::people::World;
use crate::{PolicySet, Principal};

/// People whom no rule tells apart.
pub(super) struct Group {
    /// One of them, to ask for.
    pub(super) principal: Principal,
    /// All of them, such as `user alice`.
    pub(super) names: Vec<String>,
}

/// Groups everybody by the roles they have before and after, apart from those whom a rule names.
pub(super) fn groups(old: &PolicySet, new: &PolicySet, world: &World) -> Vec<Group> {
    let mut groups: BTreeMap<[Vec<String>; 2], Group> = BTreeMap::new();
    for principal in world.everybody() {
        let key = [subjects(old, new, &principal, old), subjects(old, new, &principal, new)];
        let name = match principal.roles.first() {
            Some(role) => format!("role {role}"),
            None => format!("user {}", principal.name),
        };
        groups.entry(key).or_insert_with(|| Group { principal, names: Vec::new() }).names.push(name);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|a, b| a.names.cmp(&b.names));
    groups
}

/// Subjects under which `set` knows somebody, without the own name unless a rule of either version uses it.
fn subjects(old: &PolicySet, new: &PolicySet, principal: &Principal, set: &PolicySet) -> Vec<String> {
    let own = format!("user:{}", principal.name);
    let roles: Vec<String> = principal.roles.iter().map(|role| format!("role:{role}")).collect();
    let start = roles.iter().map(String::as_str).chain([own.as_str()]);
    let is_named = old.index.has_subject(&own) || new.index.has_subject(&own);
    let mut subjects: Vec<String> =
        set.book.roles.with_ancestors(start).into_iter().filter(|name| is_named || *name != own).collect();
    subjects.sort_unstable();
    subjects
}
