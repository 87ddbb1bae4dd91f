//! Arrow types: as the configuration writes them, and as the gateway shows them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields};

/// Reads a type as Arrow displays it, where names and time zones may also stand without quotes:
/// `Timestamp(us, UTC)`, `Struct(phone: Utf8, age: non-null Int32)`, `List(Utf8)`, `Decimal128(10, 2)`.
pub(crate) fn parse_type(text: &str) -> Result<DataType, String> {
    let hint = || {
        "write an Arrow type such as `Utf8`, `Int64`, `Float64`, `Boolean`, `Date32`, `Timestamp(us, UTC)`, \
         `Decimal128(10, 2)`, `List(Utf8)` or `Struct(phone: Utf8, age: Int32)`"
            .to_owned()
    };
    let data_type: DataType = quote_names(text).parse().map_err(|_| hint())?;
    if data_type == DataType::Null {
        return Err(hint());
    }
    if plain(&data_type) != data_type || contains_union(&data_type) {
        return Err(format!(
            "views, dictionaries, run-end encoding and unions are not shown by the gateway; {}",
            hint()
        ));
    }
    Ok(data_type)
}

/// Puts the quotes around field names and time zones that Arrow's own parser wants.
fn quote_names(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut in_timestamp = false;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '+' | '-' | 'µ');
        let length = match first {
            '"' | '\'' => rest.get(1..).and_then(|tail| tail.find(first)).map_or(rest.len(), |end| end + 2),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, tail) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let is_field =
            first != '"' && first != '\'' && is_word(first) && tail.trim_start().starts_with(':') && token != "field";
        // `Timestamp(us, Europe/Paris)`: the offset `+02:00` holds a colon of its own.
        if in_timestamp && first != '"' && (quoted.trim_end().ends_with(',')) && !token.trim().is_empty() {
            let end = rest.find(')').unwrap_or(rest.len());
            let (zone, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            quoted.push_str(&format!("\"{}\"", zone.trim()));
            rest = after;
            continue;
        }
        if token == "Timestamp" {
            in_timestamp = true;
        } else if token == ")" {
            in_timestamp = false;
        }
        if is_field {
            quoted.push_str(&format!("\"{token}\""));
        } else {
            quoted.push_str(token);
        }
        rest = tail;
    }
    quoted
}

/// The type as the gateway shows it: no views, no dictionaries, no run-end encoding, at any depth, and no field metadata.
pub(crate) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        // Every other type of Arrow has no child that could be encoded.
        other => other.clone(),
    }
}

/// A field with its plain type and without metadata, which may carry names of other columns.
pub(crate) fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), plain(field.data_type()), field.is_nullable()))
}

/// Whether the type holds a union, which no treatment and few clients can take.
pub(crate) fn contains_union(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) => true,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => contains_union(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| contains_union(field.data_type())),
        DataType::Dictionary(_, values) => contains_union(values),
        _ => false,
    }
}

/// The one type that holds the values of both unchanged, where the two differ in nullability of children or in offset width
/// only; `None` if they are different types.
pub(crate) fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        _ if a == b => Some(a.clone()),
        // A column of nulls only has no type of its own.
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (DataType::Utf8, DataType::LargeUtf8) | (DataType::LargeUtf8, DataType::Utf8) => Some(DataType::LargeUtf8),
        (DataType::Binary, DataType::LargeBinary) | (DataType::LargeBinary, DataType::Binary) => {
            Some(DataType::LargeBinary)
        }
        (DataType::List(x), DataType::List(y)) => Some(DataType::List(common_field(x, y, Naming::Any)?)),
        (DataType::List(x) | DataType::LargeList(x), DataType::List(y) | DataType::LargeList(y)) => {
            Some(DataType::LargeList(common_field(x, y, Naming::Any)?))
        }
        (DataType::FixedSizeList(x, n), DataType::FixedSizeList(y, m)) if n == m => {
            Some(DataType::FixedSizeList(common_field(x, y, Naming::Any)?, *n))
        }
        (DataType::Map(x, sorted), DataType::Map(y, other)) => {
            Some(DataType::Map(common_field(x, y, Naming::Any)?, *sorted && *other))
        }
        (DataType::Struct(xs), DataType::Struct(ys)) if xs.len() == ys.len() => xs
            .iter()
            .zip(ys)
            .map(|(x, y)| common_field(x, y, Naming::Same))
            .collect::<Option<Fields>>()
            .map(DataType::Struct),
        _ => None,
    }
}

/// Whether the children's names mean something. The item of a list has no name of its own: writers call it `item`,
/// `element`, `array` or `l`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Same,
    Any,
}

fn common_field(a: &FieldRef, b: &FieldRef, naming: Naming) -> Option<FieldRef> {
    if naming == Naming::Same && a.name() != b.name() {
        return None;
    }
    let data_type = common(a.data_type(), b.data_type())?;
    Some(Arc::new(Field::new(a.name(), data_type, a.is_nullable() || b.is_nullable())))
}

/// Whether every value of `found` is one of `declared` without loss.
pub(crate) fn widens(found: &DataType, declared: &DataType) -> bool {
    use DataType::{Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Null, UInt8, UInt16, UInt32, UInt64};
    match (found, declared) {
        (Null, _) => true,
        (Int8, Int16 | Int32 | Int64 | Float32 | Float64) | (Int16, Int32 | Int64 | Float32 | Float64) => true,
        (Int32, Int64 | Float64) | (Float32, Float64) => true,
        (UInt8, UInt16 | UInt32 | UInt64 | Int16 | Int32 | Int64 | Float32 | Float64) => true,
        (UInt16, UInt32 | UInt64 | Int32 | Int64 | Float32 | Float64) | (UInt32, UInt64 | Int64 | Float64) => true,
        (Decimal128(p, s), Decimal128(q, t)) => {
            t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s)
        }
        _ => common(found, declared).as_ref() == Some(declared) || common(found, declared).as_ref() == Some(found),
    }
}

#[cfg(test)]
mod tests;
