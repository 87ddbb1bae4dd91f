//! Version label, treatments and conditions: short lists with a fixed vocabulary.

use crate::Treatment;
use crate::classification::Conditions;
use crate::condition::Condition;
use crate::name_check;
use crate::problem::visible;
use crate::yaml::Node;
use crate::yaml_reader::{Reader, quoted};

pub(crate) fn version(reader: &mut Reader<'_>, node: &Node) -> String {
    let Some(text) = reader.text(node, "version") else {
        return String::new();
    };
    if let Some((fault, hint)) = name_check::fault(text) {
        reader.error(node.line, "version", fault, hint);
    }
    text.to_owned()
}

/// Treatments in the order of asking. `article`, `sql_type` and `does` are notes for the reader of the file.
pub(crate) fn treatments(reader: &mut Reader<'_>, node: &Node) -> Vec<Treatment> {
    let known: Vec<&str> = Treatment::ALL.iter().map(|treatment| treatment.name()).collect();
    let mut treatments: Vec<Treatment> = Vec::new();
    for (key, notes) in reader.map(node, "treatments") {
        reader.fields(notes, &key.name, &["article", "sql_type", "does"]);
        let Ok(treatment) = key.name.parse::<Treatment>() else {
            let hint = format!("known treatments are {}; write `\"null\"` in quotes", quoted(&known));
            reader.error(key.line, "treatments", format!("unknown treatment `{}`", visible(&key.name)), hint);
            continue;
        };
        if let Some(stricter) =
            treatments.iter().find(|earlier| treatment.at_least_as_revealing(**earlier) && **earlier != treatment)
        {
            let text =
                format!("`{}` reveals more than `{}`, which stands before it", treatment.name(), stricter.name());
            reader.error(
                key.line,
                "treatments",
                text,
                "list treatments from most to least revealing; they are asked in this order",
            );
        }
        treatments.push(treatment);
    }
    treatments
}

pub(crate) fn conditions(reader: &mut Reader<'_>, node: &Node) -> Conditions {
    let mut conditions = Conditions::default();
    for item in reader.list(node, "conditions") {
        let Some(text) = reader.text(item, "conditions") else { continue };
        if text == "until=DATE" {
            conditions.any_date = true;
        } else if let Some(condition) = Condition::parse(text) {
            conditions.listed.push(condition);
        } else {
            let hint =
                "conditions are `always`, `dc=NAME`, `dc!=NAME`, `until=YYYY-MM-DD` and, for any date, `until=DATE`";
            reader.error(item.line, "conditions", format!("unknown condition `{}`", visible(text)), hint);
        }
    }
    conditions
}
