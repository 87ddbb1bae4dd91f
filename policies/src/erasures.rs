//! Keys of data subjects whose rows must not be shown any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::classification::Classification;
use crate::condition::parse_date;
use crate::folder::ERASURES;
use crate::problem::{Place, Problems, visible};

/// Erased keys for each kind of subject.
#[derive(Debug, Default)]
pub(crate) struct Erasures(BTreeMap<String, Arc<[String]>>);

const HEADER: [&str; 4] = ["subject", "key", "requested_at", "reference"];
const HINT: &str = "a line is `SUBJECT,KEY,YYYY-MM-DD,REFERENCE` after the header `subject,key,requested_at,reference`";

impl Erasures {
    /// Reads the text of `erasures.csv`.
    pub(crate) fn read(text: &str, class: &Classification, problems: &mut Problems) -> Self {
        let subjects: BTreeSet<&str> =
            class.tables.values().filter_map(|table| Some(table.subject.as_ref()?.subject.as_str())).collect();
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut has_header = false;
        for (index, raw) in text.split('\n').enumerate() {
            let line = raw.strip_suffix('\r').unwrap_or(raw).trim_matches([' ', '\t']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = Place::file(ERASURES).line(index + 1);
            let fields: Vec<&str> = line.split(',').map(|field| field.trim_matches([' ', '\t'])).collect();
            if !has_header {
                has_header = true;
                if fields != HEADER {
                    problems.error(place, "the first line is not the header", HINT);
                }
                continue;
            }
            if let Some((subject, key)) = erased(&fields, &subjects, place, problems) {
                keys.entry(subject.to_owned()).or_default().insert(key.to_owned());
            }
        }
        Self(keys.into_iter().map(|(subject, keys)| (subject, keys.into_iter().collect())).collect())
    }

    /// Erased keys of a kind of subject; none when nobody asked for erasure.
    pub(crate) fn of(&self, subject: &str) -> Option<Arc<[String]>> {
        self.0.get(subject).map(Arc::clone)
    }
}

fn erased<'a>(
    fields: &[&'a str],
    subjects: &BTreeSet<&str>,
    place: Place<'_>,
    problems: &mut Problems,
) -> Option<(&'a str, &'a str)> {
    let [subject, key, requested_at, reference] = fields else {
        problems.error(place, format!("an erasure has 4 fields, this one has {}", fields.len()), HINT);
        return None;
    };
    if fields.iter().any(|field| field.contains(['"', '#', ';'])) {
        problems.error(place, "the line has a quote, a comment or a semicolon", HINT);
        return None;
    }
    let mut good = true;
    if !subjects.contains(subject) {
        let text = format!("no table has the subject `{}`", visible(subject));
        problems.error(place, text, "write the subject of a `subject_key` in classification.yaml");
        good = false;
    }
    if key.is_empty() || reference.is_empty() {
        problems.error(place, "a field is empty", HINT);
        good = false;
    }
    if parse_date(requested_at).is_none() {
        problems.error(place, format!("`{}` is not a date", visible(requested_at)), "write YYYY-MM-DD");
        good = false;
    }
    good.then_some((*subject, *key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Erasures, Vec<String>) {
        let mut problems = Problems::default();
        let class = Classification::read(
            "tables: {a.b.c: {rows: rows.c, subject_key: id, columns: {id: [internal]}}}",
            &mut Problems::default(),
        );
        let erasures = Erasures::read(text, &class, &mut problems);
        (erasures, problems.into_sorted().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_are_grouped_by_subject() {
        let (erasures, problems) = read(
            "subject,key,requested_at,reference\n# none\nid, 7, 2026-11-20, DSR-1\nid,5,2026-11-21,DSR-2\nid,7,2026-11-22,DSR-3\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(&*erasures.of("id").unwrap(), ["5", "7"]);
        assert_eq!(erasures.of("other"), None);
    }

    #[test]
    fn a_line_that_would_erase_nothing_is_an_error() {
        let (_, problems) = read(
            "subject,key,requested_at,reference\nrider,7,2026-11-20,X\nid,,2026-11-20,X\nid,7,yesterday,X\nid,7\nid,\"7\",2026-11-20,X\n",
        );
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(problems[0].starts_with("erasures.csv:2: no table has the subject `rider`; "), "{problems:?}");
        assert_eq!(read("id,7,2026-11-20,DSR-1\n").1.len(), 1);
    }
}
