//! What differs between the two servers: on the wire, and in what their SQL can express.

use std::fmt;

use lockgate_contract::{LiteralKind, SqlDialect};

use crate::functions::FUNCTIONS;
use crate::treatments::TREATMENTS;

/// Whose protocol a coordinator speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Presto,
    Trino,
}

impl Dialect {
    /// Name of a header: `X-Presto-User`, `X-Trino-User`.
    pub(crate) fn header(self, name: &str) -> String {
        format!("X-{self}-{name}")
    }

    /// The dialect of a server of this version, as `/v1/info` tells it: Presto counts `0.287`, Trino `476`.
    pub(crate) fn of_version(version: &str) -> Option<Self> {
        let digits = version.bytes().take_while(u8::is_ascii_digit).count();
        match version.split_at_checked(digits)? {
            ("", _) => None,
            ("0", rest) if rest.starts_with('.') => Some(Self::Presto),
            _ => Some(Self::Trino),
        }
    }

    /// What its SQL can express with the gateway's meaning.
    pub(crate) fn sql(self) -> &'static SqlDialect {
        match self {
            Self::Presto => &PRESTO,
            Self::Trino => &TRINO,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sql().name)
    }
}

const LITERALS: &[(LiteralKind, &str)] = &[
    (LiteralKind::Boolean, "{}"),
    (LiteralKind::Int8, "TINYINT '{}'"),
    (LiteralKind::Int16, "SMALLINT '{}'"),
    (LiteralKind::Int32, "INTEGER '{}'"),
    (LiteralKind::Int64, "BIGINT '{}'"),
    (LiteralKind::Float32, "REAL '{}'"),
    (LiteralKind::Float64, "DOUBLE '{}'"),
    (LiteralKind::Decimal, "CAST('{}' AS DECIMAL({precision}, {scale}))"),
    (LiteralKind::Text, "'{}'"),
    (LiteralKind::Binary, "X'{}'"),
    (LiteralKind::Date, "DATE '{}'"),
    (LiteralKind::Timestamp, "TIMESTAMP '{}'"),
    (LiteralKind::Instant, "TIMESTAMP '{} UTC'"),
];

const PRESTO: SqlDialect = SqlDialect {
    name: "Presto",
    literals: LITERALS,
    second_digits: 3,
    texts_by_code_points: true,
    like: true,
    is_nan: Some("is_nan({})"),
    sha256: Some("to_hex(sha256(to_utf8({})))"),
    digits: Some("CAST({} AS varchar)"),
    treatments: TREATMENTS,
    functions: FUNCTIONS,
};

const TRINO: SqlDialect = SqlDialect { name: "Trino", second_digits: 9, ..PRESTO };

/// What the SQL of both servers can express with the gateway's meaning; of digits behind the second, Presto has three.
pub fn sql_dialect() -> &'static SqlDialect {
    &TRINO
}

/// A name in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_version() {
        for (version, expected) in [
            ("0.287", Some(Dialect::Presto)),
            ("0.296-SNAPSHOT-abc", Some(Dialect::Presto)),
            ("476", Some(Dialect::Trino)),
            ("476-e.1", Some(Dialect::Trino)),
            ("350", Some(Dialect::Trino)),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(Dialect::of_version(version), expected, "{version}");
        }
    }

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(text_literal("a'b"), "'a''b'");
        assert_eq!(Dialect::Trino.header("User"), "X-Trino-User");
    }
}
