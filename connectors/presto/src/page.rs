//! One page of an answer: JSON -> what the server says of the query, and rows appended to the columns.

mod binary;

use std::collections::VecDeque;
use std::fmt;

use arrow::datatypes::SchemaRef;
use lockgate_contract::StatementProgress;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use self::binary::BinaryPages;
use crate::column::{Column, Value};
use crate::fault::Trouble;
use crate::serialized::Rows as Held;
use crate::types::SqlType;

/// What a page says beside its rows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Where the next page is; absent at the end. A secret: who knows it reads the rows.
    pub(crate) next_uri: Option<String>,
    /// How far the query is.
    pub(crate) stats: Stats,
    /// Why it failed.
    pub(crate) error: Option<Failure>,
}

/// A column's name and type, as the server writes them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Head {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) sql_type: String,
}

/// How far a query is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Stats {
    pub(crate) state: String,
    pub(crate) completed_splits: u64,
    pub(crate) total_splits: u64,
    pub(crate) processed_rows: u64,
    pub(crate) processed_bytes: u64,
}

impl Stats {
    /// The same, as the contract has it.
    pub(crate) fn progress(&self) -> StatementProgress {
        StatementProgress {
            is_queued: matches!(self.state.as_str(), "QUEUED" | "WAITING_FOR_RESOURCES" | "WAITING_FOR_PREREQUISITES"),
            parts_done: self.completed_splits,
            parts: self.total_splits,
            rows: self.processed_rows,
            bytes: self.processed_bytes,
        }
    }
}

/// Why a query failed. The message may hold values and names: it is for nobody but the connector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Failure {
    pub(crate) error_name: String,
    pub(crate) error_type: String,
    pub(crate) error_code: i64,
}

/// Why a page could not be read. Tells nothing of what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    /// It is no JSON, or ends early.
    #[error("the answer is no whole page of JSON (byte {0})")]
    Broken(usize),
    /// Its rows came in their binary form, which cannot be read; what is wrong with it.
    #[error("the binary form of the rows cannot be read: {0}; the source's option `binary_results` turns it off")]
    Damaged(&'static str),
    /// A value does not fit its column.
    #[error("column `{0}` holds a value that does not fit its type `{1}`")]
    Misfit(String, String),
    /// The columns are others than those of the page before, or than were asked for.
    #[error("the columns changed between two pages")]
    Changed,
    /// The columns are not of the types that were asked for.
    #[error("column {0} is of another type than when the table was looked up")]
    Types(usize),
    /// Rows came before their columns, or more or fewer values in a row than columns.
    #[error("rows do not fit the columns")]
    Rows,
}

/// Reads the pages of one answer.
pub(crate) struct Reader {
    /// What was asked for.
    schema: SchemaRef,
    /// What the server says that the columns are, once it does.
    heads: Vec<Head>,
    /// The rows so far.
    columns: Vec<Column>,
    n_rows: usize,
    /// Rows that came in their binary form, page by page.
    held: VecDeque<Held>,
}

impl Reader {
    /// A reader of an answer with these columns, by position.
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        Self {
            schema: SchemaRef::clone(schema),
            heads: Vec::new(),
            columns: Vec::new(),
            n_rows: 0,
            held: VecDeque::new(),
        }
    }

    /// The rows that were read since.
    ///
    /// # Errors
    /// When columns do not fit together.
    pub(crate) fn finish(&mut self) -> Result<VecDeque<Held>, Trouble> {
        if std::mem::take(&mut self.n_rows) > 0 {
            let arrays = self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>, _>>();
            self.held.push_back(Held::of_arrays(arrays.map_err(|error| Trouble::Arrow(error.to_string()))?));
        }
        Ok(std::mem::take(&mut self.held))
    }

    /// Takes the columns of a page: the first ones must be of the types that were asked for, later ones the same.
    fn take_heads(&mut self, heads: Vec<Head>) -> Result<(), PageError> {
        if !self.heads.is_empty() {
            return if self.heads == heads { Ok(()) } else { Err(PageError::Changed) };
        }
        if heads.len() != self.schema.fields().len() {
            return Err(PageError::Types(heads.len()));
        }
        for (position, (head, field)) in heads.iter().zip(self.schema.fields()).enumerate() {
            let column = Column::new(&SqlType::parse(&head.sql_type));
            let fitting = column.ok().filter(|column| column.data_type() == field.data_type());
            self.columns.push(fitting.ok_or(PageError::Types(position))?);
        }
        self.heads = heads;
        Ok(())
    }

    /// Appends the rows of a page, and gives what else stands in it.
    ///
    /// # Errors
    /// When the page is damaged or does not fit; rows of it may have been appended then.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<Page, PageError> {
        let mut trouble = None;
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let seed = PageSeed { reader: self, trouble: &mut trouble };
        let page = seed.deserialize(&mut json).and_then(|page| json.end().map(|()| page));
        // The parser's own text may quote what it could not read. A page that ends early may end within a value, of which the
        // parser does not always say that it is no more than the end.
        let has_end = bytes.trim_ascii_end().ends_with(b"}");
        page.map_err(|error| match trouble {
            Some(trouble) if has_end && error.is_data() => trouble,
            _ => PageError::Broken(error.column()),
        })
    }
}

/// Where the next page is, read off the front of a page without decoding it: it stands before the rows.
pub(crate) fn next_uri(page: &[u8]) -> Option<String> {
    member(page, b"\"nextUri\":\"")
}

/// The server's id of the query, which stands there too.
pub(crate) fn query_id(page: &[u8]) -> Option<String> {
    let id = member(page, b"\"id\":\"")?;
    id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(id)
}

fn member(page: &[u8], name: &[u8]) -> Option<String> {
    const FRONT: usize = 8 << 10;
    let front = page.get(..FRONT).unwrap_or(page);
    let start = front.windows(name.len()).position(|bytes| bytes == name)?.checked_add(name.len())?;
    let rest = front.get(start..)?;
    let uri = std::str::from_utf8(rest.get(..rest.iter().position(|byte| *byte == b'"')?)?).ok()?;
    (!uri.contains('\\')).then(|| uri.to_owned())
}

/// Whether what the server says of a query tells that it has ended.
pub(crate) fn is_over(query: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Query {
        state: String,
    }
    serde_json::from_slice::<Query>(query).is_ok_and(|query| matches!(query.state.as_str(), "FINISHED" | "FAILED"))
}

struct PageSeed<'a> {
    reader: &'a mut Reader,
    trouble: &'a mut Option<PageError>,
}

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        while let Some(member) = members.next_key::<String>()? {
            match member.as_str() {
                "nextUri" => page.next_uri = members.next_value()?,
                "stats" => page.stats = members.next_value()?,
                "error" => page.error = members.next_value()?,
                "columns" => {
                    if let Some(heads) = members.next_value::<Option<Vec<Head>>>()?
                        && let Err(error) = self.reader.take_heads(heads)
                    {
                        *self.trouble = Some(error);
                        return Err(de::Error::custom("columns"));
                    }
                }
                "data" => {
                    let rows = Rows { reader: self.reader, trouble: self.trouble };
                    members.next_value_seed(rows)?;
                }
                "binaryData" => {
                    let pages = BinaryPages { reader: self.reader, trouble: self.trouble };
                    members.next_value_seed(pages)?;
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(page)
    }
}

/// All rows of a page.
struct Rows<'a> {
    reader: &'a mut Reader,
    trouble: &'a mut Option<PageError>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row { reader: self.reader, trouble: self.trouble })?.is_some() {
            self.reader.n_rows = self.reader.n_rows.saturating_add(1);
        }
        Ok(())
    }
}

struct Row<'a> {
    reader: &'a mut Reader,
    trouble: &'a mut Option<PageError>,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let odd = || de::Error::custom("a row");
        if self.reader.heads.is_empty() || !self.reader.held.is_empty() {
            *self.trouble = Some(PageError::Rows);
            return Err(odd());
        }
        for (index, column) in self.reader.columns.iter_mut().enumerate() {
            match values.next_element_seed(Value(column)) {
                Ok(Some(())) => {}
                Ok(None) => {
                    *self.trouble = Some(PageError::Rows);
                    return Err(odd());
                }
                Err(error) => {
                    if let Some(head) = self.reader.heads.get(index) {
                        *self.trouble = Some(PageError::Misfit(head.name.clone(), head.sql_type.clone()));
                    }
                    return Err(error);
                }
            }
        }
        if values.next_element::<IgnoredAny>()?.is_some() {
            *self.trouble = Some(PageError::Rows);
            return Err(odd());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
