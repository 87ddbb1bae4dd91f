//! What is sent for whole queries, and what becomes of the rows.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::{concat, sort};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use lockgate_contract::{
    LiteralKind, SourceError, SqlAccess, SqlArgument, SqlColumn, SqlDialect, SqlFunction, SqlServer, SqlStatement,
};
use lockgate_policies::{ColumnDecision, Erased, KeyRing, RowFilter, RowRule, Shown, TableName, Treatment};

use super::{Cut, cut};
use crate::barrier::{PolicyTable, RowPredicate, TableShape};
use crate::rules;
use crate::scan::{RawTable, SourceFault, SqlTable};
use crate::tokens::Tokens;

mod sides;

pub(super) const DIALECT: SqlDialect = SqlDialect {
    name: "Test",
    literals: &[
        (LiteralKind::Int64, "BIGINT '{}'"),
        (LiteralKind::Float64, "DOUBLE '{}'"),
        (LiteralKind::Text, "'{}'"),
    ],
    second_digits: 3,
    texts_by_code_points: true,
    like: true,
    is_nan: Some("is_nan({})"),
    sha256: Some("sha({})"),
    digits: Some("digits({})"),
    treatments: &[("year", Some(LiteralKind::Date), "year_of({})"), ("null", None, "nothing({})")],
    functions: &[
        SqlFunction {
            name: "round",
            arguments: &[SqlArgument::Value(LiteralKind::Float64), SqlArgument::Whole(0, 15)],
            gives: LiteralKind::Float64,
            sql: "rounded({0}, {1})",
        },
        SqlFunction {
            name: "substr",
            arguments: &[SqlArgument::Value(LiteralKind::Text), SqlArgument::Whole(1, 9)],
            gives: LiteralKind::Text,
            sql: "substr({0}, {1})",
        },
        SqlFunction {
            name: "date_part",
            arguments: &[SqlArgument::Word("month"), SqlArgument::Value(LiteralKind::Date)],
            gives: LiteralKind::Int32,
            sql: "month({1})",
        },
    ],
};

/// A server that gives the same rows, whatever it is asked.
#[derive(Debug)]
pub(super) struct Silent(pub(super) &'static str);

impl SqlServer for Silent {
    fn id(&self) -> &str {
        self.0
    }

    /// Rows with the texts of [`TEXTS`].
    fn run(&self, statement: SqlStatement) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
        let column = |field: &FieldRef| -> ArrayRef {
            match field.data_type() {
                DataType::Utf8 => Arc::new(StringArray::from(TEXTS.to_vec())),
                DataType::Int64 => Arc::new(Int64Array::from_iter_values(0..5)),
                other => panic!("no values of type {other} were expected"),
            }
        };
        let columns = statement.schema.fields().iter().map(column).collect();
        stream::iter([Ok(RecordBatch::try_new(statement.schema, columns).unwrap())]).boxed()
    }
}

const TEXTS: [Option<&str>; 5] = [Some("a"), Some("b"), None, Some("c"), Some("d")];

const COLUMNS: [(&str, DataType, Treatment); 8] = [
    ("id", DataType::Int64, Treatment::Clear),
    ("city", DataType::Utf8, Treatment::Clear),
    ("fare", DataType::Float64, Treatment::Clear),
    ("email", DataType::Utf8, Treatment::Hash),
    ("grp", DataType::Int64, Treatment::Clear),
    ("born", DataType::Date32, Treatment::Year),
    ("gone", DataType::Utf8, Treatment::Null),
    ("mail", DataType::Utf8, Treatment::EmailDomain),
];

fn tokens() -> Tokens {
    Tokens::new(KeyRing::from_secret([7_u8; 32], "test").purpose_key("test"), "test")
}

/// A table of `server` of which only rows with a city `rule` are shown.
fn table(name: &str, server: &'static str, rule: Option<&str>, erased: &[&str], tokens: &Tokens) -> PolicyTable {
    counted(name, server, rule, erased, None, tokens)
}

/// The same, with the count of rows that its source gives.
fn counted(
    name: &str,
    server: &'static str,
    rule: Option<&str>,
    erased: &[&str],
    rows: Option<u64>,
    tokens: &Tokens,
) -> PolicyTable {
    let schema = Arc::new(Schema::new(COLUMNS.map(|(name, data_type, _)| Field::new(name, data_type, true)).to_vec()));
    let columns = COLUMNS.map(|(name, ..)| {
        let name = format!("\"{name}\"");
        SqlColumn { value: name.clone(), name, comparable: true }
    });
    let access = SqlAccess {
        server: Arc::new(Silent(server)),
        dialect: &DIALECT,
        relation: format!("\"{name}\""),
        columns: columns.to_vec(),
    };
    let provider =
        Arc::new(SqlTable { schema: Arc::clone(&schema), access, source: "s".to_owned(), hides_rows: rule.is_some() });
    let fault =
        SourceFault { source: "s".to_owned(), table: name.to_owned(), files: Vec::new(), opened: Arc::default() };
    let decisions = COLUMNS.map(|(name, _, treatment)| ColumnDecision {
        name: name.to_owned(),
        shown: Shown::Treated(treatment),
        rules: Vec::new(),
        tags: Vec::new(),
    });
    let text = rule.unwrap_or("true");
    let expr = Parser::new(&GenericDialect {}).try_with_sql(text).unwrap().parse_expr().unwrap();
    let granted =
        RowRule { name: "some".to_owned(), rule: "R".to_owned(), expr, all: rule.is_none(), columns: Vec::new() };
    let keys: Vec<String> = erased.iter().map(|key| (*key).to_owned()).collect();
    let erased = (!keys.is_empty()).then(|| Erased { column: "id".to_owned(), keys: keys.into() });
    let filter = RowFilter { granted: vec![granted], retention: None, erased, region: None };
    let state = SessionStateBuilder::new().with_default_features().build();
    let today = chrono::NaiveDate::default();
    let predicate = RowPredicate::new(&filter, &schema, &state, today).unwrap();
    let shape = TableShape::new(&schema, &decisions, name);
    let raw = RawTable { provider, fault: Arc::new(fault), rows };
    PolicyTable::new(TableName::new("s", "main", name), raw, shape, predicate, tokens.clone())
}

async fn cut_of(sql: &str) -> Cut {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_optimizer_rules(rules::logical())
        .build();
    let context = SessionContext::new_with_state(state);
    let tokens = &tokens();
    for table in [
        ("all_rows", table("all_rows", "one", None, &[], tokens)),
        (
            "some_rows",
            table("some_rows", "one", Some("city = 'hidden-city' OR fare < 7"), &["4711", "not a number"], tokens),
        ),
        ("odd_rows", table("odd_rows", "one", Some("length(city) > 3"), &[], tokens)),
        ("elsewhere", table("elsewhere", "other", None, &[], tokens)),
    ] {
        context.register_table(table.0, Arc::new(table.1)).unwrap();
    }
    let plan = context.sql(sql).await.unwrap().into_optimized_plan().unwrap();
    cut(&plan).unwrap()
}

/// Whether a statement gives columns of one table as they are.
fn is_read(sql: &str) -> bool {
    ["WHERE", "JOIN", " BY ", "LIMIT", "DISTINCT", "UNION", "(\"", "(t0", "||", "CASE"]
        .iter()
        .all(|word| !sql.contains(word))
}

/// The statements of a cut, as the source gets them.
fn statements(cut: &Cut) -> Vec<String> {
    let mut found = Vec::new();
    cut.plan
        .apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Some(pushed) = source_as_provider(&scan.source)?.downcast_ref::<super::pushed::PushedTable>()
            {
                found.push(pushed.sql().to_owned());
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
    found
}

#[tokio::test]
async fn row_rules_stand_in_what_is_sent_and_not_in_what_is_told() {
    let cut = cut_of("SELECT city, count(*) FROM some_rows WHERE fare > 1 GROUP BY city").await;
    let [sql] = statements(&cut).try_into().unwrap();
    assert!(sql.contains("hidden-city") && sql.contains("GROUP BY"), "{sql}");
    // The key that is a number, as a digest; the other one fits no row.
    assert!(sql.contains("sha(digits(\"id\")) NOT IN ('"), "{sql}");
    assert!(!sql.contains("4711"), "{sql}");
    let [told] = cut.sent.try_into().unwrap_or_else(|_| panic!("one statement"));
    assert!(
        told.sql.contains("<row rules>") && !told.sql.contains("hidden-city") && !told.sql.contains("sha("),
        "{}",
        told.sql
    );
}

#[tokio::test]
async fn tokens_are_joined_grouped_and_counted_by_what_they_stand_for() {
    for (sql, expected) in [
        ("SELECT email, count(*) FROM all_rows GROUP BY email", "GROUP BY t0.c0"),
        ("SELECT DISTINCT email FROM all_rows", "GROUP BY t0.c0"),
        ("SELECT count(DISTINCT email), count(email) FROM all_rows", "count(DISTINCT"),
        ("SELECT count(*) FROM all_rows a JOIN some_rows b ON a.email = b.email", " = "),
        ("SELECT city FROM all_rows WHERE email IN (SELECT email FROM some_rows) AND email IS NOT NULL", "EXISTS"),
        ("SELECT email FROM all_rows WHERE grp > 1 UNION ALL SELECT email FROM some_rows", "UNION ALL"),
    ] {
        let [sent] = statements(&cut_of(sql).await).try_into().unwrap_or_else(|sent| panic!("{sql}: {sent:?}"));
        assert!(sent.contains(expected) && sent.contains("\"email\""), "{sql}: {sent}");
    }
}

#[tokio::test]
async fn the_token_is_made_when_the_rows_come() {
    let raw: ArrayRef = Arc::new(StringArray::from(TEXTS.to_vec()));
    let tokens = tokens().treated(Treatment::Hash, "", &raw).unwrap();
    assert_eq!(&column_of("SELECT email FROM all_rows WHERE grp > 1").await, &tokens);
}

#[tokio::test]
async fn groups_of_tokens_come_in_an_order_that_does_not_tell_what_they_stand_for() {
    let as_given = column_of("SELECT email FROM all_rows WHERE grp > 1").await;
    let in_order = sort(&as_given, None).unwrap();
    assert_ne!(&as_given, &in_order);
    for sql in [
        "SELECT email, count(*) FROM all_rows GROUP BY email",
        "SELECT DISTINCT email FROM all_rows",
        "SELECT b.email FROM all_rows b JOIN (SELECT email, count(*) FROM all_rows GROUP BY email) a ON a.email = b.email",
    ] {
        assert_eq!(&column_of(sql).await, &in_order, "{sql}");
    }
}

/// The first column of the answer.
async fn column_of(sql: &str) -> ArrayRef {
    let cut = cut_of(sql).await;
    let state = SessionStateBuilder::new().with_default_features().build();
    let plan = state.query_planner().create_physical_plan(&cut.plan, &state).await.unwrap();
    let batches = datafusion::physical_plan::collect(plan, state.task_ctx()).await.unwrap();
    concat(&batches.iter().map(|batch| batch.column(0).as_ref()).collect::<Vec<_>>()).unwrap()
}

#[tokio::test]
async fn no_expression_sees_what_a_token_stands_for() {
    for sql in [
        "SELECT count(*) FROM all_rows WHERE email = 'x'",
        "SELECT count(*) FROM all_rows WHERE email > 'x' OR grp = 1",
        "SELECT count(*) FROM all_rows WHERE email IN ('x', 'y')",
        "SELECT count(*) FROM all_rows WHERE email LIKE 'x%'",
        "SELECT count(*) FROM all_rows WHERE email = city",
        "SELECT max(email) FROM all_rows",
        "SELECT upper(email), count(*) FROM all_rows GROUP BY upper(email)",
        "SELECT substr(email, 1, 2), count(*) FROM all_rows GROUP BY 1",
        "SELECT coalesce(email, city), count(*) FROM all_rows GROUP BY 1",
        "SELECT count(CASE WHEN email = 'x' THEN 1 END) FROM all_rows",
        "SELECT email, city FROM all_rows ORDER BY email LIMIT 3",
        "SELECT id FROM all_rows WHERE email = (SELECT max(email) FROM all_rows)",
    ] {
        let sent = statements(&cut_of(sql).await);
        assert!(sent.iter().all(|sent| is_read(sent)), "{sql}: {sent:?}");
    }
    // Set beside anything but another token of the same kind, it stays what it is.
    for sql in [
        "SELECT count(*) FROM all_rows a JOIN some_rows b ON a.email = b.city",
        "SELECT count(*) FROM all_rows a WHERE EXISTS (SELECT 1 FROM some_rows b WHERE a.email = b.city)",
        "SELECT count(*) FROM all_rows a JOIN some_rows b ON a.id = b.id AND a.email < b.city",
    ] {
        let sent = statements(&cut_of(sql).await);
        assert!(sent.iter().all(|sent| !sent.contains(" JOIN ") && !sent.contains("EXISTS")), "{sql}: {sent:?}");
    }
}

#[tokio::test]
async fn treatments_that_the_dialect_knows_stand_in_what_is_sent() {
    let cut = cut_of("SELECT born, count(gone) FROM all_rows GROUP BY born").await;
    let [sql] = statements(&cut).try_into().unwrap();
    assert!(sql.contains("(year_of(\"born\"))") && sql.contains("(nothing(\"gone\"))"), "{sql}");
    let [sent] = cut.sent.try_into().unwrap_or_else(|_| panic!("one statement"));
    assert_eq!(sent.treated.into_iter().collect::<Vec<_>>(), ["s.main.all_rows.born", "s.main.all_rows.gone"]);
}

#[tokio::test]
async fn a_column_with_a_treatment_of_the_gateway_s_own_keeps_its_table_there() {
    for sql in [
        "SELECT mail, count(*) FROM all_rows GROUP BY mail",
        "SELECT count(*) FROM all_rows WHERE mail = 'x'",
        "SELECT max(mail) FROM all_rows",
    ] {
        let cut = cut_of(sql).await;
        assert_eq!(statements(&cut), Vec::<String>::new(), "{sql}");
        assert!(cut.sent.iter().all(|sent| sent.is_read), "{sql}");
    }
}

#[tokio::test]
async fn functions_that_the_dialect_knows_stand_in_what_is_sent() {
    for (sql, expected) in [
        ("SELECT round(fare, 2), count(*) FROM all_rows GROUP BY 1", "rounded(t0.c0, 2)"),
        ("SELECT count(*) FROM all_rows WHERE round(fare, 0) > 7 AND id > 3", "rounded(t0.c0, 0)"),
        ("SELECT date_part('MONTH', born), count(*) FROM all_rows GROUP BY 1", "month(t0.c0)"),
        ("SELECT city || substr(city, 3), count(*) FROM all_rows GROUP BY 1", "(t0.c0 || substr(t0.c0, 3))"),
    ] {
        let [sent] = statements(&cut_of(sql).await).try_into().unwrap_or_else(|sent| panic!("{sql}: {sent:?}"));
        assert!(sent.contains(expected), "{sql}: {sent}");
    }
    for sql in [
        "SELECT round(fare, 16), count(*) FROM all_rows GROUP BY 1",
        "SELECT round(fare, id), count(*) FROM all_rows GROUP BY 1",
        "SELECT date_part('day', born), count(*) FROM all_rows GROUP BY 1",
        "SELECT substr(city, 0), count(*) FROM all_rows GROUP BY 1",
        "SELECT substr(mail, 1), count(*) FROM all_rows GROUP BY 1",
    ] {
        assert_eq!(statements(&cut_of(sql).await), Vec::<String>::new(), "{sql}");
    }
}

#[tokio::test]
async fn the_value_of_a_subquery_stands_beside_the_rows() {
    let average = "(SELECT avg(fare) FROM some_rows WHERE id > 2)";
    for sql in [
        format!("SELECT id FROM all_rows WHERE fare > {average}"),
        format!("SELECT city, max(fare) FROM all_rows GROUP BY city HAVING max(fare) > {average}"),
        format!("SELECT id, fare - {average} FROM all_rows"),
        format!("SELECT id FROM all_rows WHERE fare > {average} AND fare < {average} * 2"),
    ] {
        let [sent] = statements(&cut_of(&sql).await).try_into().unwrap_or_else(|sent| panic!("{sql}: {sent:?}"));
        assert_eq!(sent.matches(" CROSS JOIN ").count(), 1, "{sql}: {sent}");
        assert!(sent.contains("hidden-city"), "the row rules of its table: {sent}");
    }
    // One that may have no row, and one of another server.
    for subquery in [
        "(SELECT fare FROM some_rows WHERE id = 2)",
        "(SELECT avg(fare) FROM some_rows HAVING count(*) > 3)",
        "(SELECT avg(fare) FROM elsewhere)",
    ] {
        let sent = statements(&cut_of(&format!("SELECT id FROM all_rows WHERE fare > {subquery}")).await);
        assert!(sent.iter().all(|sent| !sent.contains("CROSS JOIN")), "{subquery}: {sent:?}");
    }
}

#[tokio::test]
async fn what_could_fail_or_mean_something_else_stays() {
    for sql in [
        "SELECT count(*) FROM odd_rows",
        "SELECT id / grp, count(*) FROM some_rows GROUP BY 1",
        "SELECT id + grp, count(*) FROM some_rows GROUP BY 1",
        "SELECT CAST(city AS BIGINT), count(*) FROM some_rows GROUP BY 1",
        "SELECT median(fare) FROM all_rows",
        "SELECT city FROM all_rows ORDER BY city OFFSET 3",
    ] {
        assert_eq!(statements(&cut_of(sql).await), Vec::<String>::new(), "{sql}");
    }
}

#[tokio::test]
async fn tables_of_one_server_are_joined_there_and_those_of_two_are_not() {
    let join =
        |other: &str| format!("SELECT count(*) FROM all_rows a JOIN {other} b ON a.id = b.id WHERE b.city LIKE 'x%'");
    let [sql] = statements(&cut_of(&join("some_rows")).await).try_into().unwrap();
    assert!(sql.contains(" JOIN ") && sql.contains("count(*)"), "{sql}");
    let parts = statements(&cut_of(&join("elsewhere")).await);
    assert!(parts.iter().all(|sql| !sql.contains(" JOIN ")), "{parts:?}");
}

#[tokio::test]
async fn rows_without_columns_still_have_one_in_a_statement() {
    let cut =
        cut_of("SELECT 1 FROM elsewhere WHERE EXISTS (SELECT 1 FROM all_rows WHERE grp + 1 = 2 OR fare > 3)").await;
    assert!(statements(&cut).iter().all(|sql| !sql.starts_with("SELECT FROM")), "{:?}", statements(&cut));
}

#[tokio::test]
async fn the_first_rows_of_an_order_are_put_in_order_again() {
    let cut = cut_of("SELECT id, fare FROM all_rows WHERE grp = 3 ORDER BY fare DESC, id LIMIT 5").await;
    let [sql] = statements(&cut).try_into().unwrap();
    assert!(sql.ends_with("LIMIT 5") && sql.contains("DESC NULLS FIRST"), "{sql}");
    assert!(cut.plan.display_indent().to_string().starts_with("Sort:"), "{}", cut.plan.display_indent());
}
