use arrow_schema::TimeUnit;

use super::*;

fn field(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

#[test]
fn declared_types_are_read() {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let person = DataType::Struct(vec![field("phone", DataType::Utf8), field("seen", utc.clone())].into());
    for (text, expected) in [
        ("Utf8", DataType::Utf8),
        ("Timestamp(us, UTC)", utc.clone()),
        ("Timestamp(us, \"UTC\")", utc.clone()),
        ("Timestamp(ms)", DataType::Timestamp(TimeUnit::Millisecond, None)),
        ("Timestamp(ns, Europe/Paris)", DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Paris".into()))),
        ("Timestamp(s, +02:00)", DataType::Timestamp(TimeUnit::Second, Some("+02:00".into()))),
        ("Decimal128(10, 2)", DataType::Decimal128(10, 2)),
        ("List(Int64)", DataType::List(field("item", DataType::Int64))),
        ("Struct(phone: Utf8, seen: Timestamp(us, UTC))", person.clone()),
        ("Struct(\"phone\": Utf8, \"seen\": Timestamp(us, \"UTC\"))", person.clone()),
        ("List(Struct(phone: Utf8, seen: Timestamp(us, UTC)))", DataType::List(field("item", person))),
    ] {
        assert_eq!(parse_type(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_arrow_displays_is_read_back() {
    let inner = DataType::Struct(
        vec![Arc::new(Field::new("a b", DataType::Int32, false)), field("c:d", DataType::Utf8)].into(),
    );
    for data_type in [
        DataType::List(field("element", inner.clone())),
        DataType::LargeList(field("item", inner)),
        DataType::Timestamp(TimeUnit::Microsecond, Some("+05:30".into())),
        DataType::FixedSizeBinary(16),
        DataType::Time64(TimeUnit::Microsecond),
    ] {
        assert_eq!(parse_type(&data_type.to_string()), Ok(data_type));
    }
}

#[test]
fn other_texts_are_refused_with_a_hint() {
    for text in [
        "",
        "text",
        "Null",
        "Utf8View",
        "Dictionary(Int32, Utf8)",
        "List(Utf8View)",
        "Struct(a: )",
        "Timestamp(us, UTC",
        "\"",
        "é(",
        "Timestamp(,",
    ] {
        assert!(parse_type(text).unwrap_err().contains("write an Arrow type"), "{text}");
    }
}

#[test]
fn plain_types_hold_no_view_dictionary_or_metadata() {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
    let tagged = Field::new("d", dictionary, true).with_metadata([("hidden".to_owned(), "name".to_owned())].into());
    let nested = DataType::List(field("item", DataType::Struct(vec![Arc::new(tagged)].into())));
    let expected = DataType::List(field("item", DataType::Struct(vec![field("d", DataType::Utf8)].into())));
    assert_eq!(plain(&nested), expected);
    assert_eq!(plain(&DataType::BinaryView), DataType::Binary);
    assert_eq!(
        plain(&DataType::ListView(field("item", DataType::Utf8View))),
        DataType::List(field("item", DataType::Utf8))
    );
}

#[test]
fn types_that_differ_in_layout_only_have_a_common_type() {
    assert_eq!(common(&DataType::Utf8, &DataType::LargeUtf8), Some(DataType::LargeUtf8));
    let (a, b) = (DataType::List(field("item", DataType::Utf8)), DataType::List(field("element", DataType::Utf8)));
    assert_eq!(common(&a, &b), Some(a));
    assert_eq!(common(&DataType::Int32, &DataType::Int64), None);
    assert_eq!(common(&DataType::Utf8, &DataType::Int64), None);
    let (x, y) = (
        DataType::Struct(vec![field("a", DataType::Utf8)].into()),
        DataType::Struct(vec![field("b", DataType::Utf8)].into()),
    );
    assert_eq!(common(&x, &y), None);
}

#[test]
fn only_lossless_declarations_widen() {
    assert!(widens(&DataType::Int32, &DataType::Int64));
    assert!(widens(&DataType::LargeUtf8, &DataType::Utf8));
    assert!(widens(&DataType::Decimal128(10, 2), &DataType::Decimal128(12, 4)));
    assert!(!widens(&DataType::Decimal128(10, 2), &DataType::Decimal128(11, 4)));
    assert!(!widens(&DataType::Int64, &DataType::Int32));
    assert!(!widens(&DataType::Int64, &DataType::Float64));
    assert!(!widens(&DataType::Utf8, &DataType::Int64));
}
