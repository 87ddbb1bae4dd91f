//! The closed grammar of row rules: comparisons of columns and literals, joined by AND, OR and NOT. No function, no
//! subquery, no cast; so a row rule is never volatile and never fails on a value.

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Ident, TimezoneInfo, TypedString, UnaryOperator, Value, ValueWithSpan,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use crate::condition::parse_date;

/// A checked row rule.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// The expression; every column in it is quoted, so that it means the spelling of the file.
    pub(crate) expr: Expr,
    /// Columns that it uses, each once.
    pub(crate) columns: Vec<String>,
}

/// What is wrong and what to do.
type Fault = (String, &'static str);

/// Longest row rule; also bounds the depth of its tree.
const MAX_SQL: usize = 4_096;

const GRAMMAR: &str = "row rules may use columns, literals, = <> < <= > >=, IN (...), BETWEEN, LIKE, IS [NOT] NULL, IS [NOT] TRUE, AND, OR, NOT";

/// Reads a row rule and checks it against the grammar.
pub(crate) fn parse(sql: &str) -> Result<Condition, Fault> {
    if sql.len() > MAX_SQL {
        return Err((format!("the row rule is longer than {MAX_SQL} bytes"), "make it shorter"));
    }
    let broken = |_| ("the row rule is not SQL that can be read".to_owned(), GRAMMAR);
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).map_err(broken)?;
    let mut expr = parser.parse_expr().map_err(broken)?;
    if parser.peek_token().token != Token::EOF {
        return Err(("the row rule goes on after its condition".to_owned(), GRAMMAR));
    }
    let mut columns = Vec::new();
    boolean(&mut expr, &mut columns)?;
    columns.sort();
    columns.dedup();
    Ok(Condition { expr, columns })
}

/// Whether the expression is literally `true`.
pub(crate) fn is_true(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_true(inner),
        Expr::Value(ValueWithSpan { value: Value::Boolean(true), .. }) => true,
        _ => false,
    }
}

fn boolean(expr: &mut Expr, columns: &mut Vec<String>) -> Result<(), Fault> {
    match expr {
        Expr::Nested(inner) => boolean(inner, columns),
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => boolean(inner, columns),
        Expr::IsTrue(inner) | Expr::IsNotTrue(inner) | Expr::IsFalse(inner) | Expr::IsNotFalse(inner) => {
            boolean(inner, columns)
        }
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            boolean(left, columns)?;
            boolean(right, columns)
        }
        Expr::BinaryOp { left, op, right } if is_comparison(op) => {
            scalar(left, columns)?;
            scalar(right, columns)
        }
        Expr::InList { expr: inner, list, .. } => {
            scalar(inner, columns)?;
            if list.is_empty() {
                return Err(("an IN list is empty".to_owned(), GRAMMAR));
            }
            list.iter().try_for_each(literal)
        }
        Expr::Between { expr: inner, low, high, .. } => {
            scalar(inner, columns)?;
            scalar(low, columns)?;
            scalar(high, columns)
        }
        Expr::Like { expr: inner, pattern, escape_char: None, any: false, .. } => {
            scalar(inner, columns)?;
            literal(pattern)
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => scalar(inner, columns),
        Expr::Identifier(ident) => column(ident, columns),
        Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. }) => Ok(()),
        Expr::Value(_) => Err((format!("`{expr}` is not a condition that is true or false"), GRAMMAR)),
        _ => Err(refused(expr)),
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

fn scalar(expr: &mut Expr, columns: &mut Vec<String>) -> Result<(), Fault> {
    match expr {
        Expr::Nested(inner) => scalar(inner, columns),
        Expr::Identifier(ident) => column(ident, columns),
        _ => literal(expr),
    }
}

fn literal(expr: &Expr) -> Result<(), Fault> {
    match expr {
        Expr::Value(ValueWithSpan {
            value: Value::Number(_, false) | Value::SingleQuotedString(_) | Value::Boolean(_),
            ..
        }) => Ok(()),
        Expr::Value(ValueWithSpan { value: Value::Null, .. }) => {
            Err(("a comparison with NULL is never true".to_owned(), "use IS NULL or IS NOT NULL"))
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => match inner.as_ref() {
            Expr::Value(ValueWithSpan { value: Value::Number(_, false), .. }) => Ok(()),
            _ => Err(refused(expr)),
        },
        Expr::TypedString(typed) => typed_literal(typed),
        _ => Err(refused(expr)),
    }
}

fn typed_literal(typed: &TypedString) -> Result<(), Fault> {
    let Value::SingleQuotedString(text) = &typed.value.value else {
        return Err((format!("`{typed}` is not a literal that row rules know"), GRAMMAR));
    };
    let good = match &typed.data_type {
        DataType::Date => parse_date(text).is_some(),
        DataType::Timestamp(None, TimezoneInfo::None) => {
            chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
        }
        _ => false,
    };
    if good && !typed.uses_odbc_syntax {
        return Ok(());
    }
    Err((
        format!("`{typed}` is not a literal that row rules know"),
        "write DATE 'YYYY-MM-DD' or TIMESTAMP 'YYYY-MM-DD HH:MM:SS'",
    ))
}

fn column(ident: &mut Ident, columns: &mut Vec<String>) -> Result<(), Fault> {
    if ident.quote_style.is_some_and(|quote| quote != '"') {
        return Err((
            format!("`{}` is quoted in a way that row rules do not know", ident.value),
            "quote columns with \"...\"",
        ));
    }
    let plain = ident.value.chars().all(|character| character.is_alphanumeric() || character == '_');
    if ident.quote_style.is_none() && !plain {
        return Err((format!("`{}` is not a column", ident.value), GRAMMAR));
    }
    ident.quote_style = Some('"');
    columns.push(ident.value.clone());
    Ok(())
}

fn refused(expr: &Expr) -> Fault {
    (format!("`{}` is not allowed in a row rule", crate::problem::visible(&expr.to_string())), GRAMMAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_read() {
        let cases = [
            "true",
            "(TRUE)",
            "home_country IN ('NL','DE','FR')",
            "consent_marketing AND home_country NOT IN ('NL')",
            "a = 1 OR NOT (b <> 'x' AND c >= -2.5)",
            "d BETWEEN DATE '2026-01-01' AND DATE '2026-12-31'",
            "t >= TIMESTAMP '2026-01-01 00:00:00'",
            "name LIKE 'A%' AND name NOT LIKE '%z'",
            "a IS NULL OR b IS NOT NULL OR c IS NOT TRUE",
            "\"Odd Name\" = 'x'",
            "a = b",
        ];
        for sql in cases {
            assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            "1",
            "'true'",
            "",
            "a = 1 junk",
            "a = 1; DROP TABLE x",
            "random() < 0.5",
            "now() > t",
            "current_date > d",
            "upper(a) = 'X'",
            "a IN (SELECT b FROM c)",
            "EXISTS (SELECT 1)",
            "a = (SELECT 1)",
            "CAST(a AS INT) = 1",
            "a::int = 1",
            "a + 1 = 2",
            "a || 'x' = 'y'",
            "t.a = 1",
            "payload.phone = 'x'",
            "a = NULL",
            "CASE WHEN a THEN true ELSE false END",
            "a ILIKE 'x'",
            "a ~ 'x'",
            "a LIKE b",
            "a IN (b)",
            "DATE '2026-02-30' = d",
            "d = DATE 'yesterday'",
            "a LIKE 'x' ESCAPE '!'",
            "a = ?",
            "a = $1",
            "a = @x",
            "`a` = 1",
            "a = 1 -- x",
            "a IS DISTINCT FROM b",
            "interval '1' day = x",
            "a = 0x10",
            "a = U&'x'",
            "-a = 1",
            "a = ALL(ARRAY[1])",
        ];
        for sql in cases {
            if sql == "a = 1 -- x" {
                // A comment is no part of the condition.
                assert!(parse(sql).is_ok());
                continue;
            }
            assert!(parse(sql).is_err(), "{sql}: {:?}", parse(sql));
        }
    }

    #[test]
    fn columns_are_listed_once_and_mean_their_exact_spelling() {
        let condition = parse("Country = 'NL' OR Country = 'DE' AND consent").unwrap();
        assert_eq!(condition.columns, ["Country", "consent"]);
        assert!(condition.expr.to_string().contains("\"Country\" = 'NL'"));
    }

    #[test]
    fn a_long_chain_neither_fails_nor_overflows() {
        let sql = vec!["a"; 680].join(" OR ");
        assert!(parse(&sql).is_ok());
        assert!(parse(&"(".repeat(4_000)).is_err());
    }
}
