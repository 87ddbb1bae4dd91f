use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::logical_expr::{cast, col, lit};
use lockgate_contract::{SqlAccess, SqlColumn};

use super::*;
use crate::pushdown::TableScope;
use crate::pushdown::tests::{DIALECT, Silent};

const COLUMNS: [(&str, DataType, bool); 7] = [
    ("n", DataType::Int64, true),
    ("m", DataType::Int64, true),
    ("x", DataType::Float64, true),
    ("s", DataType::Utf8, true),
    ("padded", DataType::Utf8, false),
    ("flag", DataType::Boolean, true),
    ("small", DataType::Int32, true),
];

fn written(filter: &Expr) -> Result<String, Stays> {
    let schema = Schema::new(COLUMNS.map(|(name, data_type, _)| Field::new(name, data_type, true)).to_vec());
    let columns = COLUMNS.map(|(name, _, comparable)| {
        let name = format!("\"{name}\"");
        SqlColumn { value: name.clone(), name, comparable }
    });
    let access = SqlAccess {
        server: Arc::new(Silent("silent")),
        dialect: &DIALECT,
        relation: "\"t\"".to_owned(),
        columns: columns.to_vec(),
    };
    truth(filter, &TableScope { access: &access, schema: &schema })
}

#[test]
fn what_means_the_same_there_is_written() {
    for (filter, expected) in [
        (col("n").gt(lit(3_i64)), r#"("n" > BIGINT '3')"#),
        (lit(3_i64).gt(col("n")), r#"("n" < BIGINT '3')"#),
        (col("n").lt_eq(col("m")), r#"("n" <= "m")"#),
        (col("s").eq(lit("it's")).or(col("flag")), r#"(("s" = 'it''s') OR "flag")"#),
        (!col("n").not_eq(lit(3_i64)), r#"(NOT ("n" <> BIGINT '3'))"#),
        (col("n").not_between(lit(1_i64), lit(2_i64)), r#"(NOT (("n" >= BIGINT '1') AND ("n" <= BIGINT '2')))"#),
        (col("s").in_list(vec![lit("a"), lit("b")], true), r#"("s" NOT IN ('a', 'b'))"#),
        (col("s").like(lit("a_%")), r#"("s" LIKE 'a_%')"#),
        (col("padded").is_null(), r#"("padded" IS NULL)"#),
    ] {
        assert_eq!(written(&filter).as_deref(), Ok(expected), "{filter}");
    }
}

#[test]
fn what_could_mean_something_else_or_fail_is_not_written() {
    for filter in [
        col("n").gt(lit(3_i32)),
        col("n").gt(lit(ScalarValue::Int64(None))),
        cast(col("s"), DataType::Int64).eq(lit(3_i64)),
        (lit(6_i64) / col("n")).eq(lit(2_i64)),
        col("small").eq(lit(3_i32)),
        col("n").lt(col("small")),
        col("padded").eq(lit("a")),
        col("s").like(lit("100\\%")),
        col("s").ilike(lit("a%")),
        col("s").in_list(vec![lit("a"), lit(ScalarValue::Utf8(None))], false),
        col("s").in_list(Vec::new(), false),
        col("x").eq(lit(f64::NAN)),
        col("x").in_list(vec![lit(1.5)], false),
        cast(col("n"), DataType::Int32).eq(lit(3_i32)),
        (col("n") + lit(1_i64)).eq(lit(3_i64)),
        col("n").eq(lit(1_i64)).and(col("padded").eq(lit("a"))),
        col("missing").is_null(),
        lit(true),
    ] {
        assert!(written(&filter).is_err(), "{filter}");
    }
}
