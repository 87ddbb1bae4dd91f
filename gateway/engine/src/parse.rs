//! parse: SQL text -> one read-only statement. Everything else is refused here, by name.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    DescribeAlias, ObjectName, Query, Select, SelectItem, SetExpr, ShowStatementOptions, Statement, TableFactor, Visit,
    Visitor,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use lockgate_wire::ErrorCode;

use crate::Error;
use dialect::BoundedDialect;

mod dialect;

/// One statement that may be bound.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A query, to be run or only explained.
    Query {
        /// The query itself.
        statement: Box<DfStatement>,
        /// What to do with it.
        mode: Mode,
        /// Whether a `*` (or `FROM t` without SELECT) stands anywhere, so that withheld columns deserve a notice.
        wildcard: bool,
    },
    /// `SHOW TABLES`.
    ShowTables,
    /// `DESCRIBE t` or `SHOW COLUMNS FROM t`.
    Describe(ObjectName),
}

/// What to do with a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Run it and stream the rows.
    Run,
    /// Show the governed plan.
    Explain,
    /// Run it, drop the rows and show how many each operator above the barrier gave.
    Analyze,
}

/// Parses `sql` and refuses everything but one read-only statement.
///
/// # Errors
/// `SQL_SYNTAX` with line and column, `UNSUPPORTED_STATEMENT`, `UNSUPPORTED_FEATURE`.
pub(crate) fn parse(sql: &str) -> Result<Parsed, Error> {
    let dialect = BoundedDialect::new(check_depth(sql)?);
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&dialect)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| crate::rewrite::syntax_error(&error))?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => {
            return Err(
                Error::new(ErrorCode::SqlSyntax, "the SQL text is empty").with_hint("send one SELECT statement")
            );
        }
        (Some(_), false) => {
            return Err(Error::new(ErrorCode::UnsupportedStatement, "more than one statement was sent")
                .with_hint("send one statement per request"));
        }
    };
    match statement {
        DfStatement::Explain(explain) => {
            if explain.options.verbose || explain.options.format.is_some() {
                return Err(Error::new(
                    ErrorCode::UnsupportedFeature,
                    "EXPLAIN VERBOSE and EXPLAIN FORMAT are not offered",
                )
                .with_hint("use EXPLAIN or EXPLAIN ANALYZE"));
            }
            let mode = if explain.options.analyze { Mode::Analyze } else { Mode::Explain };
            match *explain.statement {
                DfStatement::Statement(inner) => query(*inner, mode),
                DfStatement::CreateExternalTable(_)
                | DfStatement::CopyTo(_)
                | DfStatement::Explain(_)
                | DfStatement::Reset(_) => Err(unsupported("EXPLAIN of that statement")),
            }
        }
        DfStatement::Statement(inner) => match *inner {
            Statement::ShowTables {
                terse: false,
                history: false,
                extended: false,
                full: false,
                external: false,
                show_options,
            } if is_plain(&show_options) => Ok(Parsed::ShowTables),
            Statement::ShowColumns { extended: false, full: false, show_options } => {
                match show_options.show_in.and_then(|show_in| show_in.parent_name) {
                    Some(name) => Ok(Parsed::Describe(name)),
                    None => Err(unsupported("SHOW COLUMNS without a table")),
                }
            }
            Statement::ExplainTable {
                describe_alias: DescribeAlias::Describe | DescribeAlias::Desc,
                table_name,
                ..
            } => Ok(Parsed::Describe(table_name)),
            other => query(other, Mode::Run),
        },
        DfStatement::CreateExternalTable(_) => Err(unsupported("CREATE EXTERNAL TABLE")),
        DfStatement::CopyTo(_) => Err(unsupported("COPY")),
        DfStatement::Reset(_) => Err(unsupported("RESET")),
    }
}

/// Most tokens that can nest a level deeper without a parenthesis: operators and keywords.
const MAX_CHAIN: usize = 5_000;

/// Refuses statements whose chains of operators would make a tree too deep for any stack. Lists are not chains, so
/// `x IN (...)` may be as long as the request allows. Gives the number of tokens.
fn check_depth(sql: &str) -> Result<usize, Error> {
    // A text that cannot be cut into tokens gets its error from the parser.
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return Ok(0) };
    let chained = tokens.iter().filter(|token| match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_) | Token::EOF => false,
        _ => true,
    });
    if chained.count() > MAX_CHAIN {
        return Err(Error::new(
            ErrorCode::SqlSyntax,
            format!("the statement chains more than {MAX_CHAIN} operators and keywords"),
        )
        .with_hint("use IN (...) or join a VALUES list instead of long AND, OR or UNION chains"));
    }
    Ok(tokens.len())
}

fn is_plain(options: &ShowStatementOptions) -> bool {
    options.show_in.is_none()
        && options.starts_with.is_none()
        && options.limit.is_none()
        && options.limit_from.is_none()
        && options.filter_position.is_none()
}

fn query(statement: Statement, mode: Mode) -> Result<Parsed, Error> {
    let Statement::Query(query) = statement else {
        return Err(unsupported(&kind_of(&statement)));
    };
    let mut shape = Shape { wildcard: false };
    if let ControlFlow::Break(what) = query.visit(&mut shape) {
        return Err(Error::new(ErrorCode::UnsupportedFeature, format!("{what} is not offered"))
            .with_hint("write the query without it"));
    }
    let statement = Box::new(DfStatement::Statement(Box::new(Statement::Query(query))));
    Ok(Parsed::Query { statement, mode, wildcard: shape.wildcard })
}

fn unsupported(what: &str) -> Error {
    Error::new(ErrorCode::UnsupportedStatement, format!("{what} is not accepted"))
        .with_hint("send one read-only query: SELECT, EXPLAIN, SHOW TABLES or DESCRIBE")
}

/// The first words of a statement, which are keywords; identifiers and literals never get into the text.
fn kind_of(statement: &Statement) -> String {
    let text = statement.to_string();
    let keyword = text.split_whitespace().next().unwrap_or("the statement");
    keyword.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_uppercase()
}

/// Walks a query: finds wildcards and refuses clauses that DataFusion would ignore or that reach outside the governed tables.
struct Shape {
    wildcard: bool,
}

impl Visitor for Shape {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if !query.locks.is_empty() {
            return ControlFlow::Break("FOR UPDATE or FOR SHARE");
        }
        if query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
            return ControlFlow::Break("a FOR, SETTINGS or FORMAT clause");
        }
        if !query.pipe_operators.is_empty() {
            return ControlFlow::Break("the pipe operator `|>`");
        }
        match query.body.as_ref() {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                ControlFlow::Break("writing inside a query")
            }
            SetExpr::Table(_) => {
                self.wildcard = true;
                ControlFlow::Continue(())
            }
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_) => {
                ControlFlow::Continue(())
            }
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() {
            return ControlFlow::Break("SELECT INTO");
        }
        if !select.lateral_views.is_empty() || !select.connect_by.is_empty() || select.prewhere.is_some() {
            return ControlFlow::Break("LATERAL VIEW, CONNECT BY or PREWHERE");
        }
        if !select.cluster_by.is_empty() || !select.distribute_by.is_empty() || !select.sort_by.is_empty() {
            return ControlFlow::Break("CLUSTER BY, DISTRIBUTE BY or SORT BY");
        }
        let star = select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
        self.wildcard |= star || select.projection.is_empty();
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
        match factor {
            TableFactor::Table {
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
                ..
            } => {
                if args.is_some() {
                    return ControlFlow::Break("a table function");
                }
                if sample.is_some() {
                    return ControlFlow::Break("TABLESAMPLE");
                }
                let plain = with_hints.is_empty()
                    && version.is_none()
                    && !with_ordinality
                    && partitions.is_empty()
                    && json_path.is_none()
                    && index_hints.is_empty();
                if plain {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break("a table hint, version, partition or path clause")
                }
            }
            TableFactor::Derived { sample: Some(_), .. } => ControlFlow::Break("TABLESAMPLE"),
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => {
                ControlFlow::Continue(())
            }
            TableFactor::TableFunction { .. } | TableFactor::Function { .. } => ControlFlow::Break("a table function"),
            TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => ControlFlow::Break("a JSON, XML or semantic table"),
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => ControlFlow::Break("PIVOT or UNPIVOT"),
            TableFactor::MatchRecognize { .. } => ControlFlow::Break("MATCH_RECOGNIZE"),
        }
    }
}

#[cfg(test)]
mod tests;
