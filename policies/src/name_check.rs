//! Which names a policy may use: what a reader sees must be what the judge compares.

use unicode_security::{GeneralSecurityProfile, MixedScript};

use crate::problem::visible;

/// Says why `name` must not be used, and what to do; `None` when it is fine.
///
/// Letters must be of one script, so that a Cyrillic `а` cannot pass for a Latin one; digits and `. _ - @ + /` are
/// allowed beside them. Spaces, quotes, control characters and characters that do not show are refused.
pub(crate) fn fault(name: &str) -> Option<(String, &'static str)> {
    if name.is_empty() {
        return Some(("a name is empty".to_owned(), "write a name"));
    }
    if name.len() > MAX_NAME {
        return Some((
            format!("the name `{}` is longer than {MAX_NAME} bytes", visible(name)),
            "choose a shorter name",
        ));
    }
    for character in name.chars() {
        let allowed = character.is_ascii_alphanumeric()
            || matches!(character, '.' | '_' | '-' | '@' | '+' | '/')
            || (!character.is_ascii() && character.identifier_allowed());
        if !allowed {
            let shown = visible(&character.to_string());
            return Some((
                format!("the name `{}` has the character `{shown}`", visible(name)),
                "use letters, digits and `. _ - @ + /` only",
            ));
        }
    }
    if !name.is_single_script() {
        return Some((
            format!("the name `{}` mixes letters of different scripts", visible(name)),
            "type the name again in one alphabet; letters that look alike are different letters",
        ));
    }
    None
}

/// Whether all letters of `name` are of one script.
pub(crate) fn is_single_script(name: &str) -> bool {
    name.is_single_script()
}

/// Longest name in bytes.
const MAX_NAME: usize = 256;

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn names_of_one_script_are_fine() {
        for name in ["alice", "data_scientist", "pii.contact.e-mail", "müller", "алиса", "a.petrov@example.com"] {
            assert_eq!(fault(name), None, "{name}");
        }
    }

    #[test]
    fn look_alikes_and_invisible_characters_are_refused() {
        for name in
            ["", "\u{430}dmin", "role x", "pii\u{200b}", "a\u{202e}b", "\"x\"", "a;b", "a:b", "x\u{0}", "a#b", "*"]
        {
            assert!(fault(name).is_some(), "{name:?}");
        }
    }
}
