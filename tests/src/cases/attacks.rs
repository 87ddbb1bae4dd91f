//! The attack cases of `tests/cases/attacks/`: what is asked, by whom, and what must come of it, reason included.

use serde::Deserialize;

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Letter of the category and a number.
    pub id: String,
    /// `name/purpose`.
    pub asker: String,
    /// What is sent.
    pub sql: String,
    /// What must come of it.
    pub expect: Expect,
    /// Code of a refusal.
    #[serde(default)]
    pub code: Option<String>,
    /// Texts that the answer must hold (for a refusal: its detail, hint or rules).
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that the answer must not hold.
    #[serde(default)]
    pub never: Vec<String>,
    /// A column and the treatment that a notice must tell of.
    #[serde(default)]
    pub notice: Option<(String, String)>,
    /// Why it is tried.
    pub why: String,
}

/// What must come of a case. Whatever it is, it must be the same in all worlds that look alike to the asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// The rows that plain DataFusion gives over the policy view.
    View,
    /// A refusal with this code and no rows.
    Refused,
    /// Nothing more than that.
    Alike,
}

/// All cases, in the order of files and lines.
///
/// # Panics
/// When a file cannot be read, or does not make sense.
pub fn attacks() -> Vec<Case> {
    let cases: Vec<Case> = super::read_folder("attacks");
    for case in &cases {
        assert_eq!(case.code.is_some(), case.expect == Expect::Refused, "{}: a code belongs to a refusal", case.id);
    }
    super::check_ids(cases.iter().map(|case| &case.id));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_can_be_read_and_says_why() {
        let cases = attacks();
        assert!(cases.len() > 250, "{}", cases.len());
        assert!(cases.iter().all(|case| !case.why.is_empty()));
    }
}
