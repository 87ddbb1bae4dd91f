//! How a raw table becomes the table that the asker sees: which columns, in which treatment, with which types.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
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
            let treatment = treatment_name(&shape);
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

    /// Whether the column at `index` is shown as it is.
    pub(crate) fn is_clear(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name && column.shape == ColumnShape::Clear)
    }
}

/// Name of a column's treatment for metadata and catalogue; `mixed` for a struct whose fields differ.
pub(crate) fn treatment_name(shape: &ColumnShape) -> &'static str {
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
            Some((ColumnShape::Nested(shape), plain(field, data_type, true)))
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
            let mut shapes = Vec::new();
            let mut shown_fields = Vec::new();
            for (index, field) in fields.iter().enumerate() {
                let Some(decision) = children.iter().find(|child| child.name == *field.name()) else { continue };
                let Some((shape, shown)) = shape_of(field, &decision.shown) else { continue };
                shapes.push(NestedShape { index, shape });
                shown_fields.push(shown);
            }
            if shapes.is_empty() { None } else { Some((shapes, DataType::Struct(shown_fields.into()))) }
        }
        DataType::List(item) => {
            nested(item.data_type(), children).map(|(shapes, inner)| (shapes, DataType::List(plain(item, inner, true))))
        }
        DataType::LargeList(item) => nested(item.data_type(), children)
            .map(|(shapes, inner)| (shapes, DataType::LargeList(plain(item, inner, true)))),
        DataType::FixedSizeList(item, size) => nested(item.data_type(), children)
            .map(|(shapes, inner)| (shapes, DataType::FixedSizeList(plain(item, inner, true), *size))),
        DataType::Map(entries, sorted) => {
            let (shapes, inner) = nested(entries.data_type(), children)?;
            // A map needs both its keys, not null, and its values; one that lost either is withheld as a whole.
            let [key, _value] = shapes.as_slice() else { return None };
            if matches!(key.shape, ColumnShape::Treated(Treatment::Null)) {
                return None;
            }
            let DataType::Struct(fields) = inner else { return None };
            let fields: Vec<FieldRef> = fields
                .iter()
                .enumerate()
                .map(|(i, f)| if i == 0 { plain(f, f.data_type().clone(), false) } else { Arc::clone(f) })
                .collect();
            Some((
                shapes,
                DataType::Map(Arc::new(Field::new(entries.name(), DataType::Struct(fields.into()), false)), *sorted),
            ))
        }
        _ => None,
    }
}
