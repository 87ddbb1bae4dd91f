//! Which comments of a source reach whom.

use lockgate_contract::Comment;
use lockgate_policies::{Withheld, WithheldReason};

use super::*;

fn decision(name: &str, shown: Shown) -> ColumnDecision {
    ColumnDecision { name: name.to_owned(), shown, rules: Vec::new(), tags: Vec::new() }
}

fn withheld() -> Shown {
    Shown::Withheld(Withheld { reason: WithheldReason::NoRule, rule: None, remedy: "ask".to_owned() })
}

fn clear() -> Shown {
    Shown::Treated(Treatment::Clear)
}

/// A column `id`, a column `mail` and a struct `place` with the parts `city` and `door`, each said to be something.
fn comments() -> Comments {
    let columns = ["id", "mail", "place"];
    let columns = columns.map(|name| (name.to_owned(), Comment::of(&format!("says {name}")).unwrap()));
    Comments { table: Comment::of("says all"), columns: columns.into() }
}

/// The comments in a catalogue of the table: on the table, and each column with its own.
fn told(mail: Shown, door: Shown) -> (Option<String>, Vec<String>) {
    let parts: Fields = ["city", "door"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec().into();
    let raw = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("mail", DataType::Utf8, true),
        Field::new("place", DataType::Struct(parts), true),
    ]);
    let place = Shown::Nested(vec![decision("city", clear()), decision("door", door)]);
    let columns = [decision("id", clear()), decision("mail", mail), decision("place", place)];
    let shape = TableShape::new(&raw, &columns, "a.b.t");
    let leaves = columns.iter().flat_map(ColumnDecision::told_leaves);
    let listed = leaves.filter_map(|leaf| list_leaf(&leaf, shape.schema.fields(), &comments()));
    let listed = listed.map(|column| format!("{}: {}", column.name, column.comment.unwrap_or_default()));
    (table_comment(&comments(), &columns), listed.collect())
}

#[test]
fn comments_reach_whom_the_column_is_shown_and_a_table_s_whom_all_are() {
    let all = Some("says all".to_owned());
    assert_eq!(
        told(clear(), clear()),
        (all.clone(), ["id: says id", "mail: says mail", "place: says place"].map(str::to_owned).to_vec())
    );
    let parts = |mail: &str| ["id: says id", mail, "place.city: ", "place.door: "].map(str::to_owned).to_vec();
    let treated = Shown::Treated(Treatment::Hash);
    assert_eq!(told(treated.clone(), treated), (all, parts("mail: says mail")));
    // A withheld column is listed, without what is said of it.
    assert_eq!(told(withheld(), withheld()), (None, parts("mail: ")));
    // A hidden part leaves no trace, nor what is said of the column that it is in.
    assert_eq!(told(Shown::Hidden, Shown::Hidden), (None, ["id: says id", "place: "].map(str::to_owned).to_vec()));
}
