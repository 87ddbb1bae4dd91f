//! How a raw table becomes the table that the asker sees: which columns, in which treatment, with which types.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use lockgate_policies::{ColumnDecision, Shown, Treatment};

/// Key of the field metadata that names a column's treatment.
pub(crate) const TREATMENT_KEY: &str = "lockgate.treatment";
/// Key of the field metadata that names the governed column a value comes from.
pub(crate) const COLUMN_KEY: &str = "lockgate.column";

/// How one column, or one nested field, is shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ColumnShape {
    /// As it is.
    Clear,
    /// In one treatment.
    Treated(Treatment),
    /// A struct (or list or map of one), rebuilt from these children; a child that is missing is withheld.
    Nested(Vec<NestedShape>),
}

/// A child of a nested column that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NestedShape {
    /// Position among the raw fields.
    pub(crate) index: usize,
    /// How it is shown.
    pub(crate) shape: ColumnShape,
}

/// A column of the governed table.
#[derive(Debug, Clone)]
pub(crate) struct ShownColumn {
    /// Name, the same as in the raw table.
    pub(crate) name: String,
    /// How it is shown.
    pub(crate) shape: ColumnShape,
}

/// The whole table as the asker sees it.
#[derive(Debug, Clone)]
pub(crate) struct TableShape {
    /// Shown columns in table order.
    pub(crate) columns: Vec<ShownColumn>,
    /// Schema of those columns.
    pub(crate) schema: SchemaRef,
}

impl TableShape {
    /// Builds the shape of `raw` from one decision for each of its fields, in order.
    ///
    /// Fields without a decision are withheld, so that a mismatch can only show less.
    pub(crate) fn new(raw: &Schema, decisions: &[ColumnDecision], table: &str) -> Self {
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for (field, decision) in raw.fields().iter().zip(decisions) {
            if *field.name() != decision.name {
                continue;
            }
            let Some((shape, shown)) = shape_of(field, &decision.shown) else { continue };
            let treatment = if decision.shown.looks_clear() { Treatment::Clear.name() } else { treatment_name(&shape) };
            let metadata = [
                (TREATMENT_KEY.to_owned(), treatment.to_owned()),
                (COLUMN_KEY.to_owned(), format!("{table}.{}", field.name())),
            ]
            .into();
            fields.push(Arc::new(shown.as_ref().clone().with_metadata(metadata)));
            columns.push(ShownColumn { name: field.name().clone(), shape });
        }
        Self { columns, schema: Arc::new(Schema::new(fields)) }
    }

    /// How the column is shown.
    pub(crate) fn of(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.shape)
    }
}

/// Name of a column's treatment for metadata; `mixed` for a struct whose fields differ.
fn treatment_name(shape: &ColumnShape) -> &'static str {
    match shape {
        ColumnShape::Clear => Treatment::Clear.name(),
        ColumnShape::Treated(treatment) => treatment.name(),
        ColumnShape::Nested(_) => "mixed",
    }
}

fn shape_of(field: &FieldRef, shown: &Shown) -> Option<(ColumnShape, FieldRef)> {
    match shown {
        Shown::Withheld(_) | Shown::Hidden => None,
        Shown::Treated(Treatment::Clear) => {
            Some((ColumnShape::Clear, plain(field, field.data_type().clone(), field.is_nullable())))
        }
        Shown::Treated(treatment) => {
            Some((ColumnShape::Treated(*treatment), plain(field, field.data_type().clone(), true)))
        }
        Shown::Nested(children) => {
            let (shape, data_type) = nested(field.data_type(), children)?;
            // Where hidden fields alone are missing, nothing else may differ from a struct that has none.
            let nullable = field.is_nullable() || !shown.looks_clear();
            Some((ColumnShape::Nested(shape), plain(field, data_type, nullable)))
        }
    }
}

/// The field without its metadata, which may name what is hidden.
fn plain(field: &FieldRef, data_type: DataType, nullable: bool) -> FieldRef {
    Arc::new(Field::new(field.name(), data_type, nullable))
}

fn nested(data_type: &DataType, children: &[ColumnDecision]) -> Option<(Vec<NestedShape>, DataType)> {
    match data_type {
        DataType::Struct(fields) => {
            let names = fields.iter().map(|field| field.name());
            if names.ne(children.iter().map(|child| &child.name)) {
                return None;
            }
            let (shapes, shown) = parts(fields, children);
            if shapes.is_empty() { None } else { Some((shapes, DataType::Struct(shown.into()))) }
        }
        DataType::List(item) => {
            nested(item.data_type(), children).map(|(shapes, inner)| (shapes, DataType::List(plain(item, inner, true))))
        }
        DataType::LargeList(item) => nested(item.data_type(), children)
            .map(|(shapes, inner)| (shapes, DataType::LargeList(plain(item, inner, true)))),
        DataType::FixedSizeList(item, size) => nested(item.data_type(), children)
            .map(|(shapes, inner)| (shapes, DataType::FixedSizeList(plain(item, inner, true), *size))),
        DataType::Map(entries, sorted) => {
            // Policy knows the two parts as `key` and `value`, whatever they are called in the data.
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let (shapes, shown) = parts(fields, children);
            // A map needs both its keys, not null, and its values; one that lost either is withheld as a whole.
            let ([key_shape, _], [key, value]) = (shapes.as_slice(), shown.as_slice()) else { return None };
            if matches!(key_shape.shape, ColumnShape::Treated(Treatment::Null)) {
                return None;
            }
            let shown = vec![plain(key, key.data_type().clone(), false), Arc::clone(value)];
            let entries = Field::new(entries.name(), DataType::Struct(shown.into()), false);
            Some((shapes, DataType::Map(Arc::new(entries), *sorted)))
        }
        _ => None,
    }
}

/// The shown ones of `fields`, by one decision for each, in order.
fn parts(fields: &Fields, decisions: &[ColumnDecision]) -> (Vec<NestedShape>, Vec<FieldRef>) {
    let decided = fields.iter().zip(decisions).enumerate();
    let part = |(index, (field, decision)): (usize, (&FieldRef, &ColumnDecision))| {
        let (shape, shown) = shape_of(field, &decision.shown)?;
        Some((NestedShape { index, shape }, shown))
    };
    decided.filter_map(part).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(name: &str, shown: Shown) -> ColumnDecision {
        ColumnDecision { name: name.to_owned(), shown, rules: Vec::new(), tags: Vec::new() }
    }

    #[test]
    fn parts_of_a_map_are_known_by_their_place_and_not_by_their_names() {
        for names in [["key", "value"], ["keys", "values"], ["value", "key"]] {
            let [key, value] = names.map(|name| Field::new(name, DataType::Utf8, name.starts_with("value")));
            let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
            let map = Field::new("labels", DataType::Map(Arc::new(entries), false), true);
            let treated = vec![
                decision("key", Shown::Treated(Treatment::Clear)),
                decision("value", Shown::Treated(Treatment::Null)),
            ];
            let shape =
                TableShape::new(&Schema::new(vec![map]), &[decision("labels", Shown::Nested(treated))], "a.b.t");
            let parts = [(0, ColumnShape::Clear), (1, ColumnShape::Treated(Treatment::Null))];
            let parts = parts.map(|(index, shape)| NestedShape { index, shape }).to_vec();
            assert_eq!(
                shape.columns.first().map(|column| &column.shape),
                Some(&ColumnShape::Nested(parts)),
                "{names:?}"
            );
        }
    }

    /// The metadata of every field below, at any depth.
    fn inner_metadata(data_type: &DataType) -> Vec<String> {
        let of = |field: &Field| {
            let own = field.metadata().keys().cloned();
            own.chain(inner_metadata(field.data_type())).collect::<Vec<_>>()
        };
        match data_type {
            DataType::Struct(fields) => fields.iter().flat_map(|field| of(field)).collect(),
            DataType::List(item) => of(item),
            _ => Vec::new(),
        }
    }

    #[test]
    fn no_metadata_of_the_source_is_kept_at_any_depth() {
        let noted = |name: &str, data_type: DataType| {
            let note = [("comment".to_owned(), "beside `secret`".to_owned())];
            Field::new(name, data_type, true).with_metadata(note.into())
        };
        let inner = DataType::Struct(vec![noted("x", DataType::Int64), noted("y", DataType::Int64)].into());
        let list = DataType::List(Arc::new(noted("item", inner)));
        let raw = Schema::new(vec![noted("n", DataType::Int64), noted("list", list)])
            .with_metadata([("table comment".to_owned(), String::new())].into());
        let parts =
            vec![decision("x", Shown::Treated(Treatment::Clear)), decision("y", Shown::Treated(Treatment::Null))];
        let decisions = [decision("n", Shown::Treated(Treatment::Clear)), decision("list", Shown::Nested(parts))];
        let shape = TableShape::new(&raw, &decisions, "a.b.t");
        assert!(shape.schema.metadata().is_empty());
        for field in shape.schema.fields() {
            let mut keys: Vec<&str> = field.metadata().keys().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, [COLUMN_KEY, TREATMENT_KEY], "{field}");
            assert_eq!(inner_metadata(field.data_type()), [""; 0], "{field}");
        }
    }
}
