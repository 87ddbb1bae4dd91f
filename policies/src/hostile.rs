//! The loader against bytes that nobody wrote for it.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fixtures::{RIDERS, decide, sample_dir, small, try_small, world};
use crate::folder::{CLASSIFICATION, ERASURES, MODEL, POLICY, TESTS};
use crate::rulebook::Effect;
use crate::{PolicySet, Problem, Severity};

const FILES: [&str; 5] = [MODEL, POLICY, CLASSIFICATION, TESTS, ERASURES];

fn sample_bytes(file: &str) -> Vec<u8> {
    std::fs::read(sample_dir().join(file)).unwrap()
}

/// The sample with one file replaced.
fn load_with(file: &str, content: &[u8]) -> (Option<PolicySet>, Vec<Problem>) {
    let files: Vec<(&'static str, Vec<u8>)> =
        FILES.iter().map(|name| (*name, if *name == file { content.to_vec() } else { sample_bytes(name) })).collect();
    let texts: Vec<(&'static str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    PolicySet::of_texts(&texts)
}

/// Whatever came in: problems say where and what to do, and a set is one that can be asked.
fn check(file: &str, content: &[u8]) -> Result<(), TestCaseError> {
    let (set, problems) = load_with(file, content);
    for problem in &problems {
        prop_assert!(!problem.file.is_empty() && !problem.text.is_empty() && !problem.hint.is_empty(), "{problem:?}");
        let line = problem.to_string();
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(line.len() < 2_000, "{line}");
    }
    prop_assert_eq!(set.is_none(), problems.iter().any(|problem| problem.severity == Severity::Error));
    if let Some(set) = set {
        decide(&set, "bob/fraud/eu", RIDERS, &world(RIDERS));
        if file == TESTS {
            set.run_tests();
        }
    }
    Ok(())
}

/// Pieces that mean something to one of the files.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = select(
        &[
            "\n",
            ",",
            "#",
            ";",
            ":",
            "\"",
            "'",
            "{",
            "}",
            "[",
            "]",
            "-",
            "*",
            "&a",
            "*a",
            "<<: ",
            "!!binary ",
            "? ",
            "| ",
            "> ",
            "---\n",
            "p, ",
            "g2, ",
            "null",
            "~",
            "true",
            "0x10",
            "1e999",
            ".nan",
            "allow",
            "deny",
            "rows:",
            "tag:",
            "purpose:any",
            "\u{feff}",
            "\r\n",
            "\t",
            "\u{0}",
            "\u{202e}",
            "\u{430}",
            "(((((((((",
            "sql: \"SELECT\"",
            "9999999999999999999",
            "    ",
        ][..],
    );
    prop_oneof![3 => known.prop_map(|text| text.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 1..8)]
}

#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, Vec<u8>),
    Delete(Index, usize),
    Swap(Index, Index),
    Cut(Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<Index>(), piece()).prop_map(|(place, piece)| Edit::Insert(place, piece)),
        3 => (any::<Index>(), 1..40_usize).prop_map(|(place, length)| Edit::Delete(place, length)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        1 => any::<Index>().prop_map(Edit::Cut),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match edit {
            Edit::Insert(place, piece) => {
                let at = place.index(length);
                bytes.splice(at..at, piece.iter().copied());
            }
            Edit::Delete(place, count) => {
                let at = place.index(length);
                bytes.drain(at..(at + count).min(length));
            }
            Edit::Swap(a, b) => bytes.swap(a.index(length), b.index(length)),
            Edit::Cut(place) => bytes.truncate(place.index(length)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_refused_or_read_but_never_panic(file in select(&FILES[..]), content in prop::collection::vec(any::<u8>(), 0..400)) {
        check(file, &content)?;
    }

    #[test]
    fn random_pieces_are_refused_or_read_but_never_panic(file in select(&FILES[..]), pieces in prop::collection::vec(piece(), 0..40)) {
        check(file, &pieces.concat())?;
    }

    #[test]
    fn a_changed_sample_is_refused_or_read_but_never_panics(file in select(&FILES[..]), edits in prop::collection::vec(edit(), 1..4)) {
        check(file, &edited(sample_bytes(file), &edits))?;
    }

    #[test]
    fn a_policy_that_is_cut_short_is_refused(place in any::<Index>()) {
        let whole = sample_bytes(POLICY);
        let mut cut = whole.clone();
        cut.truncate(place.index(whole.len()));
        prop_assume!(!cut.is_empty() && !cut.ends_with(b"\n"));
        prop_assert!(load_with(POLICY, &cut).0.is_none());
    }
}

/// Every slip of one key on a line that denies is refused, or leaves the deny. Only a `#` at the start of the line takes
/// the rule away, which is what it is for.
#[test]
fn no_single_slip_loses_a_deny_in_silence() {
    const DENY: &str = "p, NO-02, role:base, purpose:any, tag:top, clear, dc!=eu, deny";
    let n_denies = |set: &PolicySet| set.book.rules.iter().filter(|rule| rule.effect == Effect::Deny).count();
    assert_eq!(n_denies(&small("c: [a]", "", DENY)), 1);
    let mut n_refused = 0;
    for at in 0..=DENY.len() {
        let (head, tail) = DENY.split_at(at);
        let without = tail.get(1..).unwrap_or_default();
        let mut slips: Vec<String> = vec![format!("{head}{without}")];
        for key in
            [",", ";", "#", " ", "\n", "\t", "x", "D", "0", ":", ".", "=", "\"", "\u{430}", "\u{feff}", "\u{200b}"]
        {
            slips.push(format!("{head}{key}{tail}"));
            slips.push(format!("{head}{key}{without}"));
        }
        for slip in slips.iter().filter(|slip| !slip.trim_start().starts_with('#')) {
            match try_small("c: [a]", "", slip).0 {
                Some(set) => assert_eq!(n_denies(&set), 1, "{slip:?}"),
                None => n_refused += 1,
            }
        }
    }
    assert!(n_refused > 1_000, "{n_refused}");
}
