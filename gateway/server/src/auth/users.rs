//! The users file: who may sign in, with which token.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use lockgate_engine::session::Standing;
use lockgate_policies::{Principal, Problem};
use toml::de::{DeTable, DeValue};

use super::token::{Digest, looks_like_token};
use crate::config::{Reader, is_word};

/// A signed-in person, before a purpose is known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Name and roles.
    pub principal: Principal,
    /// Data centre that results are delivered to; the gateway's site when absent.
    pub dc: Option<String>,
    /// Whether the token still holds.
    pub standing: Standing,
}

impl Caller {
    /// Whether a running query of `self` may go on now that the users file says `newer`.
    fn outlives(&self, newer: &Caller) -> bool {
        let same_person = self.principal.name == newer.principal.name && self.dc == newer.dc;
        same_person && self.principal.roles.is_subset(&newer.principal.roles)
    }
}

/// A checked users file: each token's digest and its owner, in buckets by the digest's first bytes.
#[derive(Debug, Default)]
pub struct Users {
    buckets: HashMap<u32, Vec<(Digest, Caller)>>,
}

impl Users {
    /// Checks a users file. An error lists every problem; none of them quotes a token.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::parse(file, text, Path::new(""));
        let mut users = Self::default();
        users.read(&mut reader);
        let problems = reader.into_problems();
        if problems.is_empty() { Ok(users) } else { Err(problems) }
    }

    /// The owner of a token. Candidates are compared in constant time each.
    pub fn find(&self, digest: &Digest) -> Option<&Caller> {
        let candidates = self.buckets.get(&digest.bucket())?;
        // Every candidate is looked at, whichever matches.
        candidates
            .iter()
            .fold(None, |found, (candidate, caller)| if candidate.matches(digest) { Some(caller) } else { found })
    }

    /// Takes over from `older`: tokens that still give as much keep their standing, the others' is withdrawn.
    pub(super) fn take_over(&mut self, older: &Users) {
        for (digest, caller) in older.buckets.values().flatten() {
            match self.find_mut(digest) {
                Some(newer) if caller.outlives(newer) => newer.standing = caller.standing.clone(),
                Some(_) | None => caller.standing.withdraw(),
            }
        }
    }

    fn find_mut(&mut self, digest: &Digest) -> Option<&mut Caller> {
        let candidates = self.buckets.get_mut(&digest.bucket())?;
        candidates.iter_mut().find(|(candidate, _)| candidate == digest).map(|(_, caller)| caller)
    }

    /// Adds a token; `false` when it is there already.
    fn insert(&mut self, digest: Digest, caller: Caller) -> bool {
        let new = self.find(&digest).is_none();
        if new {
            self.buckets.entry(digest.bucket()).or_default().push((digest, caller));
        }
        new
    }

    fn read(&mut self, reader: &mut Reader<'_>) {
        let keys = reader.table().keys().map(|key| (key.span().start, key.get_ref().to_string()));
        for (at, key) in keys.filter(|(_, key)| key != "users").collect::<Vec<_>>() {
            reader.problem(at, &key, "is not known", "a users file holds `[[users]]` entries only");
        }
        let Some(value) = reader.table().get("users") else {
            // A file that is cut short while somebody saves it must not sign everybody out.
            let hint = "add `[[users]]` entries, or write `users = []` to let nobody in";
            reader.problem(0, "users", "no user is listed", hint);
            return;
        };
        let (at, value) = (value.span().start, value.get_ref().clone());
        let DeValue::Array(entries) = value else {
            reader.problem(at, "users", "is not a list", "write `[[users]]` before each entry");
            return;
        };
        let mut names = HashSet::new();
        for entry in &entries {
            let at = entry.span().start;
            match entry.get_ref().as_table() {
                Some(table) => self.read_user(reader, at, table, &mut names),
                None => reader.problem(at, "users", "an entry is not a table", "write `[[users]]` before each entry"),
            }
        }
    }

    fn read_user(&mut self, reader: &mut Reader<'_>, at: usize, table: &DeTable<'_>, names: &mut HashSet<String>) {
        for (key, _) in table {
            if !KEYS.contains(&key.get_ref().as_ref()) {
                let hint = "known are `name`, `roles`, `dc` and `token_sha256`";
                reader.problem(key.span().start, &format!("users.{}", key.get_ref()), "is not known", hint);
            }
        }
        let name = read_name(reader, at, table);
        let roles = read_roles(reader, table);
        let dc = read_dc(reader, table);
        let digests = read_digests(reader, at, table);
        let Some(name) = name else { return };
        if !names.insert(name.clone()) {
            reader.problem(at, &name, "stands in the file twice", "give one entry several `token_sha256` instead");
        }
        for (at, digest) in digests {
            let principal = Principal { name: name.clone(), roles: roles.clone() };
            let caller = Caller { principal, dc: dc.clone(), standing: Standing::default() };
            if !self.insert(digest, caller) {
                let hint = "give each person a token of their own";
                reader.problem(at, &name, "the same token stands in the file twice", hint);
            }
        }
    }
}

const KEYS: &[&str] = &["name", "roles", "dc", "token_sha256"];

fn read_name(reader: &mut Reader<'_>, at: usize, table: &DeTable<'_>) -> Option<String> {
    let Some(value) = table.get("name") else {
        reader.problem(at, "users.name", "is missing", "write the name that policy uses, without `user:`");
        return None;
    };
    let name = value.get_ref().as_str().unwrap_or_default();
    let odd = |c: char| c == ':' || c == ',' || c.is_control();
    if name.is_empty() || name.trim() != name || name.contains(odd) || looks_like_token(name) {
        let hint = "write a text without `:`, `,`, control characters and blanks around it";
        reader.problem(value.span().start, "users.name", "is no name", hint);
        return None;
    }
    Some(name.to_owned())
}

fn read_roles(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeSet<String> {
    let mut roles = BTreeSet::new();
    for (at, role) in texts(reader, table, "roles") {
        let word = role.strip_prefix("role:").unwrap_or(&role);
        if word.is_empty() || word != role || word.contains(|c: char| c == ':' || c == ',' || c.is_control()) {
            reader.problem(at, "users.roles", "is no role", "write the role's name without `role:`");
        }
        roles.insert(role);
    }
    roles
}

fn read_dc(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<String> {
    let value = table.get("dc")?;
    let dc = value.get_ref().as_str().filter(|dc| is_word(dc));
    if dc.is_none() {
        reader.problem(value.span().start, "users.dc", "is no data centre", "use letters, digits, `-`, `_` and `.`");
    }
    dc.map(str::to_owned)
}

fn read_digests(reader: &mut Reader<'_>, at: usize, table: &DeTable<'_>) -> Vec<(usize, Digest)> {
    const HINT: &str = "write the SHA-256 of the token in 64 hex digits";
    if !table.contains_key("token_sha256") {
        reader.problem(at, "users.token_sha256", "is missing", format!("{HINT}, or `[]` to lock the user out"));
    }
    let mut digests = Vec::new();
    for (at, text) in texts(reader, table, "token_sha256") {
        match Digest::from_hex(&text) {
            Some(digest) => digests.push((at, digest)),
            None if looks_like_token(&text) => {
                reader.problem(at, "users.token_sha256", "is a token given in the open", HINT);
            }
            None => reader.problem(at, "users.token_sha256", "is no digest", HINT),
        }
    }
    digests
}

/// A text, or a list of texts, each with its place.
fn texts(reader: &mut Reader<'_>, table: &DeTable<'_>, key: &str) -> Vec<(usize, String)> {
    let Some(value) = table.get(key) else { return Vec::new() };
    let one = std::slice::from_ref(value);
    let items = value.get_ref().as_array().map_or(one, |items| items.as_ref());
    let mut texts = Vec::new();
    for item in items {
        match item.get_ref().as_str() {
            Some(text) => texts.push((item.span().start, text.to_owned())),
            None => {
                let text = format!("is of type {}", item.get_ref().type_str());
                reader.problem(item.span().start, &format!("users.{key}"), text, "write a text, or a list of texts");
            }
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let problems = Users::parse(text, "users.toml").unwrap_err();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, part) in problems.iter().zip(expected) {
            assert!(problem.contains(part), "`{problem}` does not contain `{part}`");
            assert!(!problem.contains("canary"), "{problem}");
        }
    }

    #[test]
    fn every_token_of_a_user_finds_its_owner_with_roles_and_data_centre() {
        let text = format!(
            "[[users]]\nname = \"ann\"\nroles = [\"a\", \"b\"]\ndc = \"eu\"\ntoken_sha256 = [\"{}\", \"{}\"]\n\
             [[users]]\nname = \"bob\"\ntoken_sha256 = []\n",
            Digest::of("1"),
            Digest::of("2").to_string().to_uppercase()
        );
        let users = Users::parse(&text, "users.toml").unwrap();
        for token in ["1", "2"] {
            let caller = users.find(&Digest::of(token)).unwrap();
            assert_eq!(caller.principal.name, "ann");
            assert_eq!(caller.principal.roles, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
            assert_eq!(caller.dc.as_deref(), Some("eu"));
        }
        assert!(users.find(&Digest::of("3")).is_none());
    }

    #[test]
    fn all_problems_of_a_users_file_are_reported_at_once() {
        let digest = Digest::of("x");
        let text = format!(
            r#"usres = 1
[[users]]
name = "user:ann"
token_sha256 = "lg_canary"
[[users]]
name = "bob"
token = "lg_canary"
roles = ["role:x", 3]
dc = "e u"
token_sha256 = ["{digest}", "{digest}", "canary"]
[[users]]
name = "bob"
[[users]]
name = "a\u0007b"
token_sha256 = []
"#
        );
        check(
            &text,
            &[
                "users.toml:1: usres: is not known; a users file holds `[[users]]` entries only",
                "users.toml:3: users.name: is no name; write a text without `:`",
                "users.toml:4: users.token_sha256: is a token given in the open; write the SHA-256",
                "users.toml:7: users.token: is not known; known are",
                "users.toml:8: users.roles: is of type integer; write a text, or a list of texts",
                "users.toml:8: users.roles: is no role; write the role's name without `role:`",
                "users.toml:9: users.dc: is no data centre; ",
                "users.toml:10: users.token_sha256: is no digest; ",
                "users.toml:10: bob: the same token stands in the file twice; ",
                "users.toml:11: users.token_sha256: is missing; ",
                "users.toml:11: bob: stands in the file twice; ",
                "users.toml:14: users.name: is no name; ",
            ],
        );
    }

    #[test]
    fn a_file_cut_to_nothing_is_a_problem_and_an_empty_list_is_not() {
        check("", &["users: no user is listed; add `[[users]]` entries, or write `users = []`"]);
        assert!(Users::parse("users = []", "users.toml").is_ok());
        check("users = 1", &["users: is not a list"]);
        check("users = [1]", &["users: an entry is not a table"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_users_file_panic(text in "[\\[\\]a-z.=\"{}#\\n0-9 _:]{0,200}") {
            drop(Users::parse(&text, "users.toml"));
        }
    }
}
