//! A type as a server writes it, read.

use super::SqlType;

/// Digits behind the second of a type that is written without any.
const DEFAULT_PRECISION: u8 = 3;

const LIKE_TEXT: &[&str] = &["json", "uuid", "ipaddress", "ipprefix"];

impl SqlType {
    /// Reads a type as a server writes it; names are taken in any case. What is not understood is [`SqlType::Other`].
    pub(crate) fn parse(text: &str) -> Self {
        let mut parser = Parser { rest: text.trim() };
        match parser.sql_type() {
            Some(sql_type) if parser.rest.trim().is_empty() => sql_type,
            Some(_) | None => Self::Other(text.trim().to_owned()),
        }
    }
}

/// Reads a type from the front of a text.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn sql_type(&mut self) -> Option<SqlType> {
        let name = self.word()?.to_ascii_lowercase();
        match name.as_str() {
            "array" => {
                let item = self.one_of_list(true)?;
                self.close()?;
                Some(SqlType::Array(Box::new(item)))
            }
            "map" => {
                let key = self.one_of_list(true)?;
                let value = self.one_of_list(false)?;
                self.close()?;
                Some(SqlType::Map(Box::new(key), Box::new(value)))
            }
            "row" => self.row(),
            "timestamp" | "time" => {
                let precision = match self.numbers()?.as_slice() {
                    [] => DEFAULT_PRECISION,
                    [precision] => u8::try_from(*precision).ok()?,
                    _ => return None,
                };
                let zoned = self.takes("with time zone");
                if !zoned {
                    self.takes("without time zone");
                }
                Some(match (name.as_str(), zoned) {
                    ("time", false) => SqlType::Time { precision },
                    ("time", true) => SqlType::Other(format!("time({precision}) with time zone")),
                    _ => SqlType::Timestamp { precision, zoned },
                })
            }
            "interval" if self.takes("year to month") => Some(SqlType::IntervalYearToMonth),
            "interval" if self.takes("day to second") => Some(SqlType::IntervalDayToSecond),
            "double" => {
                self.takes("precision");
                Some(SqlType::Double)
            }
            _ => {
                let numbers = self.numbers()?;
                Some(match (name.as_str(), numbers.as_slice()) {
                    ("boolean", []) => SqlType::Boolean,
                    ("tinyint", []) => SqlType::TinyInt,
                    ("smallint", []) => SqlType::SmallInt,
                    ("integer" | "int", []) => SqlType::Integer,
                    ("bigint", []) => SqlType::BigInt,
                    ("real", []) => SqlType::Real,
                    ("decimal", [precision, scale]) => SqlType::Decimal {
                        precision: u8::try_from(*precision).ok()?,
                        scale: u8::try_from(*scale).ok()?,
                    },
                    ("decimal", [precision]) => {
                        SqlType::Decimal { precision: u8::try_from(*precision).ok()?, scale: 0 }
                    }
                    ("varchar", [] | [_]) => SqlType::Text,
                    (name, []) if let Some(name) = LIKE_TEXT.iter().find(|known| **known == name) => {
                        SqlType::LikeText(name)
                    }
                    ("char", []) => SqlType::Char(1),
                    ("char", [length]) => SqlType::Char(usize::try_from(*length).ok()?),
                    ("varbinary", [] | [_]) => SqlType::Varbinary,
                    ("date", []) => SqlType::Date,
                    ("unknown", []) => SqlType::Unknown,
                    _ => return None,
                })
            }
        }
    }

    /// The fields of a row, behind its name.
    fn row(&mut self) -> Option<SqlType> {
        self.takes("(").then_some(())?;
        let mut fields = Vec::new();
        loop {
            let name = self.field_name()?;
            fields.push((name, self.sql_type()?));
            if !self.takes(",") {
                break;
            }
        }
        self.close()?;
        Some(SqlType::Row(fields))
    }

    /// The name in front of a field's type. A field may have none, and a name may be a word that is a type as well.
    fn field_name(&mut self) -> Option<Option<String>> {
        self.rest = self.rest.trim_start();
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let (name, rest) = until_quote(quoted)?;
            self.rest = rest;
            return Some(Some(name));
        }
        let before = self.rest;
        let name = self.word()?;
        let behind = self.rest.trim_start().to_ascii_lowercase();
        let is_type = behind.starts_with(['(', ',', ')'])
            || ["with time zone", "without time zone", "year to month", "day to second", "precision"]
                .iter()
                .any(|part| behind.starts_with(part));
        if is_type {
            self.rest = before;
            return Some(None);
        }
        Some(Some(name.to_owned()))
    }

    /// A type that is the first, or a later one, of a list.
    fn one_of_list(&mut self, is_first: bool) -> Option<SqlType> {
        self.takes(if is_first { "(" } else { "," }).then_some(())?;
        self.sql_type()
    }

    /// Numbers in parentheses, if there are parentheses.
    fn numbers(&mut self) -> Option<Vec<u32>> {
        let mut numbers = Vec::new();
        if !self.takes("(") {
            return Some(numbers);
        }
        loop {
            numbers.push(self.word()?.parse().ok()?);
            if !self.takes(",") {
                break;
            }
        }
        self.close()?;
        Some(numbers)
    }

    fn close(&mut self) -> Option<()> {
        self.takes(")").then_some(())
    }

    /// Whether `part` comes next, in any case; it is passed over then.
    fn takes(&mut self, part: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.split_at_checked(part.len()) {
            Some((front, behind)) if front.eq_ignore_ascii_case(part) => {
                self.rest = behind;
                true
            }
            Some(_) | None => false,
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '"')).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end)?;
        self.rest = behind;
        (!word.is_empty()).then_some(word)
    }
}

/// A name up to its closing quote, in which doubled quotes stand for one, and what is behind it.
fn until_quote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                name.push('"');
                rest = behind;
            }
            None => return Some((name, behind)),
        }
    }
}
