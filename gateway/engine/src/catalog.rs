//! What one caller may see: the catalogue, SHOW TABLES and DESCRIBE, all from the same decisions as a query's.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::ObjectName;
use lockgate_contract::Comments;
use lockgate_policies::{
    ColumnDecision, Explanation, Leaf, PolicySet, Shown, TableAccess, TableDecision, TableName, Treatment,
};
use lockgate_wire::{CatalogColumn, CatalogTable};

use crate::barrier::{TREATMENT_KEY, TableShape};
use crate::bind::{bind_table, not_found};
use crate::engine::Engine;
use crate::query::Ticket;
use crate::running::{Running, Start};
use crate::{Error, Session, denial, rewrite};

impl Engine {
    /// Every table that the caller may query, with each column's treatment. Tables of a source that is down are left out.
    ///
    /// # Errors
    /// None today; sources that fail are logged.
    pub async fn catalog(&self, session: &Session) -> Result<Vec<CatalogTable>, Error> {
        let policy = self.policies().current();
        let mut tables = Vec::new();
        for (name, _class) in policy.tables() {
            match self.catalog_table(session, &policy, name).await {
                Ok(Some(table)) => tables.push(table),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(table = %name, code = %error.code(), cause = %error.internal, "a table is left out of the catalogue")
                }
            }
        }
        tables.sort_by(|a, b| (&a.catalog, &a.schema, &a.table).cmp(&(&b.catalog, &b.schema, &b.table)));
        Ok(tables)
    }

    async fn catalog_table(
        &self,
        session: &Session,
        policy: &PolicySet,
        name: &TableName,
    ) -> Result<Option<CatalogTable>, Error> {
        let bound = match bind_table(self, &session.asker, policy, name.clone()).await {
            Ok(bound) => bound,
            Err(error) if error.code() == lockgate_wire::ErrorCode::TableNotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let decision = policy.decide(&session.asker, &bound.name, &bound.table.schema);
        let TableAccess::Visible { columns, rows } = &decision.access else { return Ok(None) };
        let shape = TableShape::new(&bound.table.schema, columns, &bound.name.to_string());
        let leaves = columns.iter().flat_map(ColumnDecision::told_leaves);
        let comments = &bound.table.comments;
        let listed = leaves.filter_map(|leaf| list_leaf(&leaf, shape.schema.fields(), comments)).collect();
        let classified = policy.table_class(&bound.name).and_then(|class| class.comment.clone());
        let is_whole = shape.columns.len() == bound.table.schema.fields().len();
        let comment = classified.or_else(|| table_comment(comments, columns).filter(|_| is_whole));
        Ok(Some(CatalogTable {
            catalog: bound.name.catalog.clone(),
            schema: bound.name.schema.clone(),
            table: bound.name.table.clone(),
            comment,
            rows: rows.granted.iter().map(|rule| rule.name.clone()).collect(),
            columns: listed,
        }))
    }

    /// Why the caller sees a table, or one of its columns, as they do.
    ///
    /// # Errors
    /// `TABLE_NOT_FOUND` for what does not exist or must look so; the source's errors.
    pub async fn explain_policy(
        &self,
        session: &Session,
        table: &str,
        column: Option<&str>,
    ) -> Result<Explanation, Error> {
        let policy = self.policies().current();
        let name: TableName = table.parse().map_err(|_| not_found(table))?;
        let bound = bind_table(self, &session.asker, &policy, name).await?;
        let explanation = policy.explain(&session.asker, &bound.name, column, Some(&bound.table.schema));
        match column.filter(|_| explanation.access == "visible" && explanation.columns.is_empty()) {
            Some(column) => Err(Error::new(
                lockgate_wire::ErrorCode::ColumnNotFound,
                format!("no column `{column}` is visible in `{}`", bound.name),
            )),
            None => Ok(explanation),
        }
    }

    pub(crate) async fn show_tables(
        &self,
        session: &Session,
        ticket: &Ticket,
        policy: &PolicySet,
    ) -> Result<Running, Error> {
        let tables = self.catalog(session).await?;
        let columns: Vec<(&str, Vec<String>)> = vec![
            ("table_catalog", tables.iter().map(|table| table.catalog.clone()).collect()),
            ("table_schema", tables.iter().map(|table| table.schema.clone()).collect()),
            ("table_name", tables.iter().map(|table| table.table.clone()).collect()),
        ];
        Ok(Running::of_batch(Start::plain(ticket, policy.version(), session), text_batch(columns)?))
    }

    pub(crate) async fn describe(
        &self,
        session: &Session,
        ticket: &Ticket,
        policy: &PolicySet,
        name: &ObjectName,
    ) -> Result<Running, Error> {
        let name = folded(name);
        let spelled: TableName = name.parse().map_err(|_| not_found(&name))?;
        let bound = bind_table(self, &session.asker, policy, spelled).await?;
        let decision: Arc<TableDecision> = policy.decide(&session.asker, &bound.name, &bound.table.schema);
        let columns = match &decision.access {
            TableAccess::Visible { columns, .. } => columns,
            TableAccess::Withheld(withheld) => return Err(denial::table(&bound.name, withheld)),
            TableAccess::Hidden => return Err(not_found(&name)),
        };
        let shape = TableShape::new(&bound.table.schema, columns, &bound.name.to_string());
        let treatment = |field: &FieldRef| field.metadata().get(TREATMENT_KEY).cloned().unwrap_or_default();
        let fields = shape.schema.fields().iter();
        let rows: Vec<(String, String, String)> =
            fields.map(|field| (field.name().clone(), field.data_type().to_string(), treatment(field))).collect();
        let batch = text_batch(vec![
            ("column_name", rows.iter().map(|row| row.0.clone()).collect()),
            ("data_type", rows.iter().map(|row| row.1.clone()).collect()),
            ("treatment", rows.iter().map(|row| row.2.clone()).collect()),
        ])?;
        Ok(Running::of_batch(Start::plain(ticket, policy.version(), session), batch))
    }
}

fn folded(name: &ObjectName) -> String {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| match part.as_ident() {
            Some(ident) if ident.quote_style.is_none() => ident.value.to_ascii_lowercase(),
            Some(ident) => ident.value.clone(),
            None => part.to_string(),
        })
        .collect();
    parts.join(".")
}

/// What the source says of a table, which may name any of its columns: so only to whom all of them are shown.
fn table_comment(comments: &Comments, columns: &[ColumnDecision]) -> Option<String> {
    let is_whole = columns.iter().all(|column| is_shown_whole(&column.shown));
    comments.table.as_ref().filter(|_| is_whole).map(ToString::to_string)
}

/// Whether a column is shown with all its parts, in whatever treatment.
fn is_shown_whole(shown: &Shown) -> bool {
    match shown {
        Shown::Treated(_) => true,
        Shown::Nested(parts) => parts.iter().all(|part| is_shown_whole(&part.shown)),
        Shown::Withheld(_) | Shown::Hidden => false,
    }
}

fn list_leaf(leaf: &Leaf<'_>, shown: &Fields, comments: &Comments) -> Option<CatalogColumn> {
    let data_type = type_of(&leaf.names, shown).map(|data_type| data_type.to_string());
    let (treatment, remedy) = match &leaf.decision.shown {
        looks if looks.looks_clear() && data_type.is_some() => (Treatment::Clear.name().to_owned(), None),
        Shown::Treated(treatment) if data_type.is_some() => (treatment.name().to_owned(), None),
        Shown::Withheld(withheld) => ("withheld".to_owned(), Some(withheld.remedy.clone())),
        Shown::Treated(_) | Shown::Nested(_) | Shown::Hidden => return None,
    };
    // A source says something of columns only, not of their parts; what it says of a column may name any part.
    let said = comments.columns.get(&leaf.path()).filter(|_| leaf.names.len() == 1);
    let comment = said.filter(|_| is_shown_whole(&leaf.decision.shown)).map(ToString::to_string);
    Some(CatalogColumn { name: leaf.path(), data_type, comment, treatment, rules: leaf.decision.rules.clone(), remedy })
}

/// The type of the field that `names` lead to, if it is shown.
fn type_of(names: &[&str], shown: &Fields) -> Option<DataType> {
    let (name, rest) = names.split_first()?;
    let field = shown.iter().find(|field| field.name() == name)?;
    if rest.is_empty() { Some(field.data_type().clone()) } else { type_of(rest, &struct_fields(field)) }
}

fn struct_fields(field: &Field) -> Fields {
    match field.data_type() {
        DataType::Struct(fields) => fields.clone(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => struct_fields(item),
        // Policy knows the parts of a map by these names, whatever they are called in the data.
        DataType::Map(entries, _) => struct_fields(entries)
            .iter()
            .zip(["key", "value"])
            .map(|(part, name)| part.as_ref().clone().with_name(name))
            .collect(),
        _ => Fields::empty(),
    }
}

fn text_batch(columns: Vec<(&str, Vec<String>)>) -> Result<RecordBatch, Error> {
    let fields: Vec<Field> = columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, false)).collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let arrays: Vec<ArrayRef> =
        columns.into_iter().map(|(_, values)| Arc::new(StringArray::from(values)) as ArrayRef).collect();
    RecordBatch::try_new(schema, arrays).map_err(|error| rewrite::run_error(&error.into()))
}

#[cfg(test)]
mod tests;
