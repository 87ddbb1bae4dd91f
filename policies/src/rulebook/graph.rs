//! Which roles, tags and purposes include which others.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::folder::POLICY;
use crate::problem::{Place, Problems};
use crate::rulebook::Link;

/// A graph of names, each with its parents; has no cycle and is less deep than [`MAX_DEPTH`] once checked.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    parents: HashMap<String, Vec<String>>,
}

/// Steps from a name up to its furthest ancestor must be fewer: casbin does not look further than ten.
pub(crate) const MAX_DEPTH: usize = 8;

impl Graph {
    pub(super) fn new(links: &[Link]) -> Self {
        let mut parents: HashMap<String, Vec<String>> = HashMap::new();
        for link in links {
            let known = parents.entry(link.child.clone()).or_default();
            if !known.contains(&link.parent) {
                known.push(link.parent.clone());
            }
            parents.entry(link.parent.clone()).or_default();
        }
        Self { parents }
    }

    /// Whether a link names it.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.parents.contains_key(name)
    }

    /// All names, sorted.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.parents.keys().map(String::as_str).collect()
    }

    /// The names of `start` and all their ancestors.
    pub(crate) fn with_ancestors<'a>(&self, start: impl IntoIterator<Item = &'a str>) -> HashSet<String> {
        let mut found: HashSet<String> = HashSet::new();
        let mut waiting: Vec<&str> = Vec::new();
        for name in start {
            if found.insert(name.to_owned()) {
                waiting.extend(self.parents_of(name));
            }
        }
        while let Some(name) = waiting.pop() {
            if found.insert(name.to_owned()) {
                waiting.extend(self.parents_of(name));
            }
        }
        found
    }

    fn parents_of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parents.get(name).into_iter().flatten().map(String::as_str)
    }

    /// Reports cycles, and chains that are too long.
    pub(super) fn check(&self, links: &[Link], problems: &mut Problems) {
        let depths = self.depths();
        let in_cycle = self.in_cycle(&depths);
        for link in links {
            if in_cycle.contains(link.child.as_str()) && in_cycle.contains(link.parent.as_str()) {
                let text = format!("`{}` and `{}` are part of a cycle", link.child, link.parent);
                problems.error(
                    Place::file(POLICY).line(link.line).about(&link.child),
                    text,
                    "remove one of the links of the cycle",
                );
            }
            if depths.get(link.child.as_str()) == Some(&MAX_DEPTH)
                && depths.get(link.parent.as_str()) == Some(&(MAX_DEPTH - 1))
            {
                let text = format!("`{}` stands {MAX_DEPTH} steps below its furthest ancestor", link.child);
                let hint = format!("keep chains shorter than {MAX_DEPTH} steps; far away rules are overlooked");
                problems.error(Place::file(POLICY).line(link.line).about(&link.child), text, hint);
            }
        }
    }

    /// Steps to the furthest ancestor, for all names that are neither in a cycle nor below one.
    fn depths(&self) -> HashMap<&str, usize> {
        let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut open: HashMap<&str, usize> = HashMap::new();
        let mut ready: Vec<&str> = Vec::new();
        for (child, parents) in &self.parents {
            open.insert(child, parents.len());
            if parents.is_empty() {
                ready.push(child);
            }
            for parent in parents {
                children.entry(parent).or_default().push(child);
            }
        }
        let mut depths: HashMap<&str, usize> = HashMap::new();
        while let Some(name) = ready.pop() {
            let depth =
                self.parents_of(name).filter_map(|parent| depths.get(parent)).max().map_or(0, |deepest| deepest + 1);
            depths.insert(name, depth);
            for child in children.get(name).into_iter().flatten() {
                if let Some(count) = open.get_mut(child) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(child);
                    }
                }
            }
        }
        depths
    }

    /// Names on a cycle, or between two cycles.
    fn in_cycle<'a>(&'a self, depths: &HashMap<&str, usize>) -> BTreeSet<&'a str> {
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.parents.keys().filter(|name| !depths.contains_key(name.as_str())) {
            left.entry(name).or_default();
            for parent in self.parents_of(name).filter(|parent| !depths.contains_key(parent)) {
                *left.entry(parent).or_default() += 1;
            }
        }
        // What no name left is a child of only hangs below a cycle.
        let mut loose: Vec<&str> = left.iter().filter(|(_, children)| **children == 0).map(|(name, _)| *name).collect();
        while let Some(name) = loose.pop() {
            left.remove(name);
            for parent in self.parents_of(name) {
                if let Some(children) = left.get_mut(parent) {
                    *children -= 1;
                    if *children == 0 {
                        loose.push(parent);
                    }
                }
            }
        }
        left.into_keys().collect()
    }
}
