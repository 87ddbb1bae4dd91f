//! The casbin model: one fixed text. A folder carries it so that it can be read, but may not change it.

use crate::folder::MODEL;
use crate::problem::{Place, Problems};

/// The only model there is.
pub(crate) const FIXED: &str = include_str!("model.conf");

/// Checks that `text` is the fixed model; comments, blank lines and spaces do not count.
pub(crate) fn check(text: &str, problems: &mut Problems) {
    let hint = "the model is fixed; take the one of the sample policy and write rules in policy.csv";
    let mut expected = meaning(FIXED).into_iter();
    for (line, found) in meaning(text) {
        if expected.next().is_none_or(|(_, wanted)| wanted != found) {
            problems.error(
                Place::file(MODEL).line(line),
                "the line is not part of the fixed model, or not in its place",
                hint,
            );
            return;
        }
    }
    if let Some((_, missing)) = expected.next() {
        problems.error(Place::file(MODEL), format!("`{missing}` is missing"), hint);
    }
}

/// Lines that mean something, without spaces.
fn meaning(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        lines.push((index + 1, line.split_whitespace().collect::<String>()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<crate::Problem> {
        let mut problems = Problems::default();
        check(text, &mut problems);
        problems.into_sorted()
    }

    #[test]
    fn comments_and_spaces_do_not_count_but_anything_else_does() {
        assert_eq!(problems(FIXED), []);
        assert_eq!(problems(&format!("# mine\n\n{}", FIXED.replace(" = ", "="))), []);
        for (from, to) in [
            ("&& cond(p.cond, r.env)", ""),
            ("!some(where (p.eft == deny))", "some(where (p.eft == allow))"),
            ("g2 = _, _", "g2 = _, _, _"),
            ("[matchers]", "[matchers]\nm2 = true"),
            ("g3 = _, _", ""),
        ] {
            let changed = FIXED.replace(from, to);
            assert_ne!(changed, FIXED);
            assert_eq!(problems(&changed).len(), 1, "{from}");
        }
        assert_eq!(problems("").len(), 1);
    }
}
