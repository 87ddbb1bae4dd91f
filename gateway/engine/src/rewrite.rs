//! Engine errors, rewritten for the caller. DataFusion and Arrow print values, paths and every valid field; nothing of
//! that text leaves here, except planning errors over the governed namespace, which can name only what the caller sees.

use datafusion::arrow::error::ArrowError;
use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use lockgate_wire::ErrorCode;

use crate::Error;

/// An error of the SQL parser: the text is about the caller's own SQL.
pub(crate) fn syntax_error(error: &DataFusionError) -> Error {
    let text = match error.find_root() {
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
        },
        other => first_line(&other.to_string()),
    };
    let (text, place) = split_place(&text);
    let mut error = Error::new(ErrorCode::SqlSyntax, lower_first(&text)).with_hint("mend the SQL text at that place");
    if let Some((line, column)) = place {
        error.problem.line = Some(line);
        error.problem.column = Some(column);
    }
    error
}

/// Cuts ` at Line: 1, Column: 8` off a parser's text.
fn split_place(text: &str) -> (String, Option<(u64, u64)>) {
    let Some(at) = text.rfind(" at Line: ") else {
        return (text.trim().to_owned(), None);
    };
    let (head, tail) = text.split_at(at);
    let mut numbers = tail.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::parse::<u64>);
    let place = match (numbers.next(), numbers.next()) {
        (Some(Ok(line)), Some(Ok(column))) => Some((line, column)),
        _ => None,
    };
    (head.trim().to_owned(), place)
}

/// An error while planning a query over the governed namespace.
pub(crate) fn plan_error(error: &DataFusionError) -> Error {
    let mut rewritten = plan_error_text(error);
    if rewritten.problem.line.is_none()
        && let Some(span) = diagnostic_of(error).and_then(|diagnostic| diagnostic.span)
    {
        rewritten.problem.line = Some(span.start.line);
        rewritten.problem.column = Some(span.start.column);
    }
    rewritten.with_internal(first_line(&error.to_string()))
}

/// An error while making a plan physical: its text may show the plan itself, so only its class is told.
pub(crate) fn physical_error(error: &DataFusionError) -> Error {
    if let Some(ours) = find_ours(error) {
        return ours.clone();
    }
    match error.find_root() {
        DataFusionError::Plan(_) | DataFusionError::NotImplemented(_) => no_way(),
        _ => plan_error_text(error),
    }
    .with_internal(class_of(error))
}

fn diagnostic_of(error: &DataFusionError) -> Option<&Diagnostic> {
    match error {
        DataFusionError::Diagnostic(diagnostic, _) => Some(diagnostic),
        DataFusionError::Context(_, inner) => diagnostic_of(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(diagnostic_of),
        _ => None,
    }
}

fn plan_error_text(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => plan_error_text(inner),
        DataFusionError::Shared(inner) => plan_error_text(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => plan_error_text(first),
            None => Error::new(ErrorCode::SqlInvalid, "the statement is not valid"),
        },
        DataFusionError::SchemaError(schema_error, _) => schema_error_text(schema_error),
        DataFusionError::SQL(..) => syntax_error(error),
        DataFusionError::NotImplemented(text) => {
            Error::new(ErrorCode::UnsupportedFeature, lower_first(&first_line(text)))
                .with_hint("write the query another way")
        }
        DataFusionError::Plan(text) => {
            let text = first_line(text);
            let code =
                if text.contains("Invalid function") { ErrorCode::UnsupportedFeature } else { ErrorCode::SqlInvalid };
            Error::new(code, lower_first(strip_valid_fields(&text)))
                .with_hint("check names, types and grouping in the statement")
        }
        DataFusionError::External(_) | DataFusionError::ResourcesExhausted(_) => run_error(error),
        DataFusionError::ArrowError(..) | DataFusionError::Execution(_) => run_error(error),
        // Statements that DataFusion's planner stumbles over; its text is in the log.
        DataFusionError::Internal(_) => no_way(),
        DataFusionError::ParquetError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::Configuration(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::Substrait(_)
        | DataFusionError::Ffi(_) => internal(),
    }
}

fn schema_error_text(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, .. } => {
            let mut rewritten = Error::new(
                ErrorCode::ColumnNotFound,
                format!("no column `{}` is visible in the query's tables", field.flat_name()),
            );
            if let Some(span) = field.spans().first() {
                rewritten.problem.line = Some(span.start.line);
                rewritten.problem.column = Some(span.start.column);
            }
            rewritten
        }
        SchemaError::AmbiguousReference { field } => {
            Error::new(ErrorCode::SqlInvalid, format!("column `{}` is ambiguous", field.name()))
                .with_hint("write it with the table's name or alias in front")
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::new(ErrorCode::SqlInvalid, format!("column `{name}` occurs twice"))
                .with_hint("give one of them an alias")
        }
    }
}

/// An error while a query ran: only its class is told, because the text may hold values.
pub(crate) fn run_error(error: &DataFusionError) -> Error {
    if let Some(ours) = find_ours(error) {
        return ours.clone();
    }
    match error.find_root() {
        DataFusionError::ResourcesExhausted(text) => resources(text),
        DataFusionError::ArrowError(arrow, _) => arrow_error(arrow),
        // What functions raise of themselves (a pattern that is none, say); below a barrier every error is ours.
        DataFusionError::Execution(_) | DataFusionError::External(_) if !is_of_a_task(error) => {
            Error::new(ErrorCode::EvaluationFailed, "a function failed on a row")
                .with_hint("check its arguments; use try_cast or nullif for odd values")
        }
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) | DataFusionError::NotImplemented(_) => {
            plan_error_text(error.find_root())
        }
        DataFusionError::IoError(_) => internal(),
        _ => internal(),
    }
    .with_internal(class_of(error))
}

fn resources(text: &str) -> Error {
    if text.contains("disk") || text.contains("temp") {
        Error::new(ErrorCode::SpillLimit, "the query needs more temporary disk than it may use")
            .with_hint("narrow it or aggregate earlier")
    } else {
        Error::new(ErrorCode::MemoryLimit, "the query needs more memory than it may use")
            .with_hint("narrow it or aggregate earlier")
    }
}

fn arrow_error(error: &ArrowError) -> Error {
    let (code, text, hint) = match error {
        ArrowError::CastError(_) | ArrowError::ParseError(_) => {
            (ErrorCode::EvaluationFailed, "a value could not be cast to the type asked for", "use try_cast")
        }
        ArrowError::DivideByZero => (ErrorCode::EvaluationFailed, "division by zero", "divide by nullif(x, 0)"),
        ArrowError::ArithmeticOverflow(_) => {
            (ErrorCode::EvaluationFailed, "a number overflowed its type", "cast to a wider type first")
        }
        ArrowError::ComputeError(_) | ArrowError::InvalidArgumentError(_) => (
            ErrorCode::EvaluationFailed,
            "an expression failed on a row",
            "check its arguments; use try_cast or nullif for odd values",
        ),
        ArrowError::MemoryError(_) => {
            (ErrorCode::MemoryLimit, "the query needs more memory than it may use", "narrow it or aggregate earlier")
        }
        ArrowError::IoError(text, _) if text.contains("disk") => (
            ErrorCode::SpillLimit,
            "the query needs more temporary disk than it may use",
            "narrow it or aggregate earlier",
        ),
        _ => return internal(),
    };
    Error::new(code, text).with_hint(hint)
}

/// Whether DataFusion says that one of its tasks ended early: it panicked. It has no variant of its own where partitions
/// are exchanged, but this context.
fn is_of_a_task(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::Context(text, inner) => text == "Join Error" || is_of_a_task(inner),
        DataFusionError::Shared(inner) => is_of_a_task(inner),
        _ => false,
    }
}

/// The engine's own error inside a DataFusion error, as a sealed plan raises it.
pub(crate) fn find_ours(error: &DataFusionError) -> Option<&Error> {
    match error {
        DataFusionError::External(inner) => {
            inner.downcast_ref::<Error>().or_else(|| inner.downcast_ref::<DataFusionError>().and_then(find_ours))
        }
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::ExternalError(inner) => {
                inner.downcast_ref::<Error>().or_else(|| inner.downcast_ref::<DataFusionError>().and_then(find_ours))
            }
            _ => None,
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => find_ours(inner),
        DataFusionError::Shared(inner) => find_ours(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(find_ours),
        _ => None,
    }
}

/// The class of an error without its text, for logs.
pub(crate) fn class_of(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::ArrowError(arrow, _) => {
            let debug = format!("{arrow:?}");
            format!("arrow {}", debug.split(['(', ' ', '{']).next().unwrap_or("error"))
        }
        DataFusionError::ParquetError(_) => "parquet decode error".to_owned(),
        DataFusionError::ObjectStore(store) => format!("object store: {}", store_class(store)),
        DataFusionError::IoError(io) => format!("io: {}", io.kind()),
        DataFusionError::Internal(text) => format!("internal: {}", first_line(text)),
        other => {
            let debug = format!("{other:?}");
            debug.split(['(', ' ', '{']).next().unwrap_or("error").to_owned()
        }
    }
}

fn store_class(error: &datafusion::object_store::Error) -> &'static str {
    use datafusion::object_store::Error as StoreError;
    match error {
        StoreError::NotFound { .. } => "not found",
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => "permission denied",
        StoreError::Precondition { .. } | StoreError::NotModified { .. } => "changed",
        _ => "failed",
    }
}

fn no_way() -> Error {
    Error::new(ErrorCode::UnsupportedFeature, "the engine has no way to run this query as it is written")
        .with_hint("write it another way: simpler orderings, windows or subqueries")
}

fn internal() -> Error {
    Error::new(ErrorCode::Internal, "the gateway failed").with_hint("tell the operator the query id")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").trim().to_owned()
}

fn strip_valid_fields(text: &str) -> &str {
    text.split(" Valid fields are").next().unwrap_or(text).trim_end_matches('.')
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), second) if second.is_none_or(char::is_lowercase) => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
