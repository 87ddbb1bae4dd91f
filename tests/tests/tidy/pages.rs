//! The pages for people: they link to each other, and no link is dead.

use std::path::Path;

use crate::{files, none, root, text};

/// Targets of Markdown links in a text, without those in code.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            if let Some(end) = line[at + 2..].find(')') {
                targets.push(line[at + 2..at + 2 + end].to_owned());
            }
        }
    }
    targets
}

fn pages() -> Vec<String> {
    files().into_iter().filter(|name| name.ends_with(".md")).collect()
}

#[test]
fn every_page_of_docs_is_linked_from_its_index() {
    let index = text("docs/README.md").expect("docs/README.md is the index of the docs");
    let linked = links(&index);
    let offences: Vec<String> = pages()
        .into_iter()
        .filter(|name| name.starts_with("docs/") && name != "docs/README.md")
        .filter(|name| !linked.iter().any(|link| format!("docs/{link}") == *name))
        .map(|name| format!("{name}: not linked from docs/README.md"))
        .collect();
    none(&offences);
}

#[test]
fn no_link_between_files_is_dead() {
    let mut offences = Vec::new();
    for name in pages() {
        // A text beside the code that a manual is printed from lies, for its links, where the manual does.
        let folder = match name.contains("/src/reference/") {
            true => root().join("docs/reference"),
            false => root().join(Path::new(&name).parent().expect("a file lies in a folder")),
        };
        for link in links(&text(&name).expect("a page is UTF-8")) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !folder.join(target).exists() {
                offences.push(format!("{name}: link to {target}, which does not exist"));
            }
        }
    }
    none(&offences);
}

#[test]
fn the_pages_that_people_look_for_first_exist() {
    let wanted = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "NOTICE", "docs/README.md"];
    let missing = wanted.iter().filter(|name| !root().join(name).is_file());
    none(&missing.map(|name| format!("{name}: missing")).collect::<Vec<_>>());
}
