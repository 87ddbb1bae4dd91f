//! What people wrote beside tables and columns at the source.

use std::collections::BTreeMap;
use std::fmt;

/// Comments on a table and on its columns, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comments {
    /// On the table; it may name any of its columns.
    pub table: Option<Comment>,
    /// On columns.
    pub columns: BTreeMap<String, Comment>,
}

/// A text of the source in one line: not empty, at most [`Comment::MOST_CHARS`] long, and without characters that control
/// what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment(String);

impl Comment {
    /// Characters that are kept.
    pub const MOST_CHARS: usize = 1_000;

    /// What is kept of `text`; `None` when that is nothing.
    pub fn of(text: &str) -> Option<Self> {
        let visible = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
        let plain: String = text.chars().filter(|c| !turns_text(*c)).map(visible).collect();
        let kept: String = plain.trim().chars().take(Self::MOST_CHARS).collect();
        (!kept.is_empty()).then(|| Self(kept.trim_end().to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Marks that turn the direction of the text behind them.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_one_line_of_bounded_length_without_control_characters() {
        let of = |text: &str| Comment::of(text).map(|comment| comment.as_str().to_owned());
        assert_eq!(of("the rider's id").as_deref(), Some("the rider's id"));
        assert_eq!(of(" a\tb\r\nc\u{1b}[31m\u{85}d ").as_deref(), Some("a b  c [31m d"));
        assert_eq!(of("a\u{202e}b\u{2067}c").as_deref(), Some("abc"));
        assert_eq!(of("\u{0} \n").as_deref(), None);
        assert_eq!(of("").as_deref(), None);
        let long = of(&"\u{fc}".repeat(5_000)).unwrap();
        assert_eq!(long.chars().count(), Comment::MOST_CHARS);
    }
}
