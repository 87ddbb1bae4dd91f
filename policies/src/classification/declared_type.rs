//! Types that a classification declares, so that a column that changes its type is withheld until somebody looks.

use std::fmt;

use arrow_schema::DataType;

/// A declared type of a column; see [`DeclaredType::accepts`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredType {
    text: String,
    accepts: Accepts,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Accepts {
    Text,
    Bytes,
    AnyTimestamp,
    AnyDecimal,
    Exactly(DataType),
}

impl DeclaredType {
    /// Reads an Arrow type such as `Utf8`, `Int64`, `Timestamp(us, "UTC")` or `List(Utf8)`; `Timestamp` and `Decimal`
    /// without more stand for any of their kind.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let accepts = match text {
            "Utf8" | "LargeUtf8" | "Utf8View" => Accepts::Text,
            "Binary" | "LargeBinary" | "BinaryView" => Accepts::Bytes,
            "Timestamp" => Accepts::AnyTimestamp,
            "Decimal" => Accepts::AnyDecimal,
            _ => Accepts::Exactly(text.parse().ok()?),
        };
        Some(Self { text: text.to_owned(), accepts })
    }

    /// Whether `found` is the declared type. Layouts of the same values count as one: all text types are `Utf8`, all
    /// byte strings are `Binary`, and a dictionary is what its values are.
    pub fn accepts(&self, found: &DataType) -> bool {
        let found = match found {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        match &self.accepts {
            Accepts::Text => matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
            Accepts::Bytes => matches!(found, DataType::Binary | DataType::LargeBinary | DataType::BinaryView),
            Accepts::AnyTimestamp => matches!(found, DataType::Timestamp(_, _)),
            Accepts::AnyDecimal => {
                matches!(
                    found,
                    DataType::Decimal32(..)
                        | DataType::Decimal64(..)
                        | DataType::Decimal128(..)
                        | DataType::Decimal256(..)
                )
            }
            Accepts::Exactly(declared) => declared.equals_datatype(found),
        }
    }

    /// A type to ask treatments with where the data is not at hand; `None` for a kind without one exact type.
    pub(crate) fn example(&self) -> Option<DataType> {
        match &self.accepts {
            Accepts::Text => Some(DataType::Utf8),
            Accepts::Bytes => Some(DataType::Binary),
            Accepts::AnyTimestamp => Some(DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, None)),
            Accepts::AnyDecimal => Some(DataType::Decimal128(38, 9)),
            Accepts::Exactly(declared) => Some(declared.clone()),
        }
    }
}

impl fmt::Display for DeclaredType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{DataType, Field, TimeUnit};

    use super::DeclaredType;

    fn check(declared: &str, found: &DataType, expected: bool) {
        assert_eq!(DeclaredType::parse(declared).unwrap().accepts(found), expected, "{declared} {found}");
    }

    #[test]
    fn layouts_of_the_same_values_are_one_type_and_others_are_drift() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        check("Utf8", &DataType::Utf8View, true);
        check("Utf8", &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), true);
        check("Utf8", &DataType::Int64, false);
        check("Int64", &DataType::Int32, false);
        check("Timestamp", &micros, true);
        check("Timestamp(us, \"UTC\")", &micros, true);
        check("Timestamp(us)", &micros, false);
        check("Timestamp", &DataType::Date32, false);
        check("Decimal", &DataType::Decimal128(10, 2), true);
        check("List(Utf8)", &DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))), true);
        assert_eq!(DeclaredType::parse("Strng"), None);
    }
}
