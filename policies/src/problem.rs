//! What is wrong with a policy folder, and where.

use std::fmt;

/// Whether a problem keeps a policy from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The folder is refused.
    Error,
    /// The folder is used; somebody should look.
    Warning,
}

/// One problem of a policy folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it keeps the policy from being used.
    pub severity: Severity,
    /// File within the folder.
    pub file: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// Rule id, table or other name that the problem is about.
    pub rule: Option<String>,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Problem {
    /// `FILE:LINE: rule: problem; hint`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ": {rule}")?;
        }
        write!(f, ": {}; {}", self.text, self.hint)
    }
}

/// Where a problem stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    file: &'a str,
    line: Option<usize>,
    rule: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(crate) fn file(file: &'a str) -> Self {
        Self { file, line: None, rule: None }
    }

    pub(crate) fn line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    pub(crate) fn about(self, rule: &'a str) -> Self {
        Self { rule: Some(rule), ..self }
    }
}

/// Collects problems, so that all of them are told at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn error(&mut self, place: Place<'_>, text: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, place, text.into(), hint.into());
    }

    pub(crate) fn warning(&mut self, place: Place<'_>, text: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, place, text.into(), hint.into());
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// All problems, by file and line.
    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.0.sort_by(|a, b| (&a.file, a.line, &a.rule, &a.text).cmp(&(&b.file, b.line, &b.rule, &b.text)));
        self.0.dedup();
        self.0
    }

    fn push(&mut self, severity: Severity, place: Place<'_>, text: String, hint: String) {
        self.0.push(Problem {
            severity,
            file: place.file.to_owned(),
            line: place.line,
            rule: place.rule.map(visible),
            text,
            hint,
        });
    }
}

/// A piece of a file, as a problem quotes it.
pub(crate) fn visible(text: &str) -> String {
    one_line(text, MAX_SHOWN)
}

/// `text` on one line, without characters that a terminal would act on or not show, and at most so many of them.
pub fn one_line(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().take(most) {
        if character.is_control() || !is_plain(character) {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// Longest piece of a file that a problem quotes, in characters.
const MAX_SHOWN: usize = 120;

/// Whether a character shows and does not change the direction of the text around it.
fn is_plain(character: char) -> bool {
    !matches!(
        u32::from(character),
        0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb
            | 0xe0000..=0xe0fff
    )
}
