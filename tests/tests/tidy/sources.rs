//! What stands in the source files.

use crate::{files, none, text};

/// Soft limit of a source file, in lines.
const SOFT: usize = 400;
/// Hard limit.
const HARD: usize = 800;

/// Files that are over the soft limit, each with the length it may have at most. This list only shrinks.
const OVER: &[(&str, usize)] = &[("tests/src/noninterference/queries.rs", 428)];

fn is_source(name: &str) -> bool {
    [".rs", ".py", ".sh"].iter().any(|suffix| name.ends_with(suffix)) || name == "tests/run"
}

#[test]
fn source_files_stay_short() {
    let mut offences = Vec::new();
    for name in files().iter().filter(|name| is_source(name)) {
        let n_lines = text(name).expect("source is UTF-8").lines().count();
        let limit = OVER.iter().find(|(over, _)| over == name).map_or(SOFT, |(_, limit)| *limit);
        if n_lines > limit.min(HARD) {
            offences.push(format!("{name}: {n_lines} lines, at most {limit}; split it by what it does"));
        }
    }
    for (name, limit) in OVER {
        let n_lines =
            files().iter().find(|file| file == name).and_then(|file| text(file)).map_or(0, |text| text.lines().count());
        if n_lines <= SOFT || n_lines < *limit {
            offences.push(format!("{name}: has {n_lines} lines; lower its entry in the list of long files"));
        }
    }
    none(&offences);
}

#[test]
fn every_crate_begins_with_a_page_that_says_what_it_is() {
    let mut offences = Vec::new();
    for name in files().iter().filter(|name| name.ends_with("src/lib.rs") || name.ends_with("src/main.rs")) {
        let text = text(name).expect("source is UTF-8");
        let page: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        if page.is_empty() {
            offences.push(format!("{name}: begins without `//!`; say what it is and what it is not"));
        }
    }
    none(&offences);
}

/// Words that must not stand in a file of the given kinds. Each is put together here, so that this file does not hold it.
fn forbidden() -> Vec<(String, &'static [&'static str], &'static str)> {
    let code: &[&str] = &[".rs"];
    let tests: &[&str] = &["tests.rs", "/tests/"];
    let all: &[&str] = &[""];
    vec![
        (format!("{}!(", "todo"), code, "finish it"),
        (format!("{}!(", "unimplemented"), code, "finish it"),
        (format!("{}!(", "dbg"), code, "remove it"),
        (format!("{}{}", "FIX", "ME"), code, "mend it, or say in words what is so"),
        (format!("{}{}:", "TO", "DO"), code, "do it, or say in words what is so"),
        (format!("#[{}]", "ignore"), code, "give a reason: #[ignore = \"...\"]"),
        (format!("thread::{}(", "sleep"), tests, "wait for a fact, not for time"),
        (format!("time::{}(", "sleep"), tests, "wait for a fact, not for time"),
        (format!("/{}/", "work"), all, "a path of one machine"),
        (format!("/{}/", "root"), all, "a path of one machine"),
        (format!("/tmp/{}", "wt"), all, "a path of one machine"),
        (format!("{}/", "shared"), all, "not part of this repository"),
    ]
}

/// A file and a word that it may hold after all, with the reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("policies/src/decide/tests/columns.rs", concat!("/wo", "rk/"), "an asker whose purpose is `work`"),
    ("policies/src/decide/tests/properties.rs", concat!("/wo", "rk/"), "an asker whose purpose is `work`"),
    ("policies/src/decide/tests/tables.rs", concat!("/wo", "rk/"), "an asker whose purpose is `work`"),
    ("policies/src/explain/tests.rs", concat!("/wo", "rk/"), "an asker whose purpose is `work`"),
];

#[test]
fn no_unfinished_business_and_no_machine_is_committed() {
    let forbidden = forbidden();
    let mut offences = Vec::new();
    for name in files() {
        let Some(text) = text(&name) else { continue };
        for (word, suffixes, advice) in &forbidden {
            let applies = suffixes.iter().any(|suffix| {
                name.ends_with(suffix)
                    || (suffix.starts_with('/') && name.ends_with(".rs") && format!("/{name}").contains(suffix))
            });
            let excused = ALLOWED.iter().any(|(file, allowed, _)| *file == name && allowed == word);
            if !applies || excused || !text.contains(word.as_str()) {
                continue;
            }
            for (line_idx, _) in text.lines().enumerate().filter(|(_, line)| line.contains(word.as_str())) {
                offences.push(format!("{name}:{}: `{word}`: {advice}", line_idx + 1));
            }
        }
    }
    none(&offences);
}

#[test]
fn no_file_is_a_grab_bag() {
    let bags = ["utils.rs", "util.rs", "helpers.rs", "helper.rs", "misc.rs", "common.rs"];
    let offences: Vec<String> = files()
        .into_iter()
        .filter(|name| bags.iter().any(|bag| name.rsplit('/').next() == Some(bag)))
        .map(|name| format!("{name}: name it by what it does"))
        .collect();
    none(&offences);
}

#[test]
fn sources_hold_no_invisible_characters() {
    let mut offences = Vec::new();
    for name in files().iter().filter(|name| is_source(name)) {
        let text = text(name).expect("source is UTF-8");
        for (line_idx, line) in text.lines().enumerate() {
            let invisible = |c: char| {
                (c.is_control() && c != '\t')
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            };
            if let Some(found) = line.chars().find(|c| invisible(*c)) {
                offences.push(format!("{name}:{}: {:?}; write it as an escape", line_idx + 1, found));
            }
        }
        if !text.ends_with('\n') && !text.is_empty() {
            offences.push(format!("{name}: does not end with a line feed"));
        }
    }
    none(&offences);
}
