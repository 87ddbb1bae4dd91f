//! Tables of a server that answers SQL.
//!
//! The engine writes the statements and decides what stands in them; a connector says what its server's SQL can express
//! with the gateway's own meaning ([`SqlDialect`]), and runs them.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use futures::stream::BoxStream;

use crate::SourceError;

/// Key of the metadata of a field that stands for a column which no Arrow type holds exactly; its value is the type as the
/// source writes it. Such a field is of type `Null` and is never read.
pub const UNREADABLE_TYPE: &str = "lockgate.unreadable_type";

/// A table that is read by statements.
#[derive(Debug, Clone)]
pub struct SqlAccess {
    /// The server that holds it.
    pub server: Arc<dyn SqlServer>,
    /// What the server's SQL can express.
    pub dialect: &'static SqlDialect,
    /// The table's full name as it stands in a statement, quoted.
    pub relation: String,
    /// How each column of the table's schema stands in a statement, in the schema's order.
    pub columns: Vec<SqlColumn>,
}

/// A column as it stands in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its name, quoted.
    pub name: String,
    /// What gives its values exactly as the table's schema has them: the name, or an expression over it that never fails.
    pub value: String,
    /// Whether two of its values compare at the server as those of its Arrow type do in the gateway.
    pub comparable: bool,
}

/// A server that answers SQL.
pub trait SqlServer: Send + Sync + fmt::Debug {
    /// Says which server, asked as whom. Tables of servers with the same id may stand in one statement. Holds no secret.
    fn id(&self) -> &str;

    /// Runs a statement that only reads.
    ///
    /// - Nothing is sent before the stream is polled. Dropping the stream ends the statement at the server.
    /// - Batches have the statement's schema and at most its `batch_rows` rows; anything else the server gives is an error.
    /// - A stream that ends without an error was whole.
    fn run(&self, statement: SqlStatement) -> BoxStream<'static, Result<RecordBatch, SourceError>>;
}

/// One statement.
#[derive(Debug, Clone)]
pub struct SqlStatement {
    /// Its text, in the server's dialect.
    pub sql: String,
    /// Names and types of its columns, by position; the server's own names do not count.
    pub schema: SchemaRef,
    /// Most rows in a batch.
    pub batch_rows: usize,
    /// The query that it is part of.
    pub query: Arc<QueryContext>,
    /// Who is told how it fares. It is dropped when the server has nothing more to do for the statement, or nobody knows.
    pub watch: Arc<dyn StatementWatch>,
}

/// Who is told how a statement fares.
pub trait StatementWatch: Send + Sync + fmt::Debug {
    /// How far the server is; told as often as it tells.
    fn progress(&self, progress: StatementProgress);

    /// The statement was given up before its end; `has_ended` says whether the server confirmed that it no longer works on it.
    fn given_up(&self, has_ended: bool);
}

/// Nobody is told.
impl StatementWatch for () {
    fn progress(&self, _: StatementProgress) {}

    fn given_up(&self, _: bool) {}
}

/// How far a server is with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatementProgress {
    /// Whether it has not begun yet.
    pub is_queued: bool,
    /// Pieces of work that are done.
    pub parts_done: u64,
    /// Pieces of work as far as they are known.
    pub parts: u64,
    /// Rows that the server has read.
    pub rows: u64,
    /// Bytes that the server has read.
    pub bytes: u64,
}

/// What a server may be told of the query that a statement is part of, for its own log and for running as the asker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryContext {
    /// The gateway's id of the query, as in the ledger.
    pub query_id: String,
    /// Who asks.
    pub principal: String,
    /// Why.
    pub purpose: String,
}

/// What a server's SQL can express with the same meaning as the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlDialect {
    /// Name of the dialect, for people.
    pub name: &'static str,
    /// Literals that it can write: every value of the kind, unless said otherwise there.
    pub literals: &'static [(LiteralKind, &'static str)],
    /// Digits behind the second in its literals of times; a value with more is not written.
    pub second_digits: usize,
    /// Whether texts of columns that are comparable are compared by code points: for equality and for order.
    pub texts_by_code_points: bool,
    /// Whether `LIKE` without `ESCAPE` knows no escape character and matches whole characters, as the gateway's does for
    /// patterns without a backslash.
    pub like: bool,
    /// How to ask whether a floating point number `{}` is not a number, which the server takes for neither smaller nor
    /// greater than others; in the gateway it is the greatest.
    pub is_nan: Option<&'static str>,
    /// The SHA-256 of a text `{}` in UTF-8, as upper-case hexadecimal digits: how the server leaves out rows of erased
    /// people without being told who they are.
    pub sha256: Option<&'static str>,
    /// A whole number `{}` as its decimal digits.
    pub digits: Option<&'static str>,
    /// Treatments without a key, by name and the kind of value (none for every kind), that it can write: what is made of `{}`
    /// is what the gateway makes of it, also of null, and never fails.
    pub treatments: &'static [(&'static str, Option<LiteralKind>, &'static str)],
    /// Functions that it can compute.
    pub functions: &'static [SqlFunction],
}

/// A function that a server computes with the gateway's result: for every argument, null for null, and without failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlFunction {
    /// The gateway's name of it.
    pub name: &'static str,
    /// What it is called with; a function of several forms stands in the list several times.
    pub arguments: &'static [SqlArgument],
    /// What it gives.
    pub gives: LiteralKind,
    /// How the server writes it; `{0}`, `{1}`, ... stand for the arguments.
    pub sql: &'static str,
}

/// What a function is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlArgument {
    /// A value of this kind. Texts are of columns that are comparable.
    Value(LiteralKind),
    /// This constant word, in upper or lower case.
    Word(&'static str),
    /// A constant whole number from one to another; it is written in digits.
    Whole(i64, i64),
}

/// Kinds of values that have literals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralKind {
    /// `true` or `false` for `{}`.
    Boolean,
    /// Eight bits, signed.
    Int8,
    /// 16 bits, signed.
    Int16,
    /// 32 bits, signed.
    Int32,
    /// 64 bits, signed.
    Int64,
    /// Single precision; finite values only.
    Float32,
    /// Double precision; finite values only.
    Float64,
    /// Up to 38 digits; `{precision}` and `{scale}` stand for the type's.
    Decimal,
    /// Text; `{}` stands for it with quotes doubled.
    Text,
    /// Bytes; `{}` stands for them in hexadecimal.
    Binary,
    /// `{}` is `YYYY-MM-DD`; the years 1 to 9999 only.
    Date,
    /// `{}` is `YYYY-MM-DD HH:MM:SS.fff`; the years 1 to 9999 only.
    Timestamp,
    /// The same, in UTC.
    Instant,
}

impl SqlDialect {
    /// The template of a kind of literal; `None` when the dialect cannot write it.
    pub fn literal(&self, kind: LiteralKind) -> Option<&'static str> {
        self.literals.iter().find(|(known, _)| *known == kind).map(|(_, template)| *template)
    }
}
