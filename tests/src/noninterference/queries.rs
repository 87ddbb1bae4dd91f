//! Generated statements: selections, joins, subqueries of all kinds, aggregates, windows, set operations, CTEs, EXPLAIN.

use rand::Rng;

use super::exprs::Type;
use super::grammar::{Col, Grammar};
use crate::worlds::cell::Kind;

/// A FROM clause and what may be named after it.
struct Relation {
    sql: String,
    scope: Vec<Col>,
}

impl Grammar<'_> {
    /// A whole statement.
    pub(super) fn statement(&mut self) -> String {
        let query = match self.rng.random_range(0..100) {
            0..34 => self.selection(2),
            34..56 => self.aggregate(),
            56..66 => self.window(),
            66..74 => self.set_operation(),
            74..82 => self.common_table(),
            82..84 => self.recursive(),
            84..89 => self.star(),
            89..92 => self.unnested(),
            92..95 => self.lateral(),
            95..97 => self.column_free(),
            97 => self.grouping_sets(),
            _ => self.metadata(),
        };
        match self.rng.random_range(0..100) {
            0..3 => format!("EXPLAIN {query}"),
            3..6 => format!("EXPLAIN ANALYZE {query}"),
            6 => format!("EXPLAIN VERBOSE {query}"),
            _ => query,
        }
    }

    fn relation(&mut self) -> Relation {
        let alias = self.alias();
        match self.rng.random_range(0..100) {
            0..62 => {
                let (name, scope) = self.table(&alias);
                Relation { sql: format!("{name} AS {alias}"), scope }
            }
            62..86 => self.join(&alias),
            86..96 => {
                let (query, kinds) = self.typed_selection(2);
                let scope = kinds
                    .iter()
                    .enumerate()
                    .map(|(at, kind)| Col { sql: format!("{alias}.c{at}"), kind: *kind })
                    .collect();
                Relation { sql: format!("({query}) AS {alias}"), scope }
            }
            _ => {
                let texts = [self.literal(Type::Text), self.literal(Type::Text)];
                let scope = vec![
                    Col { sql: format!("{alias}.n"), kind: Kind::Int },
                    Col { sql: format!("{alias}.s"), kind: Kind::Text },
                ];
                Relation {
                    sql: format!("(VALUES (1, {}), (3, {}), (7, 'NL')) AS {alias}(n, s)", texts[0], texts[1]),
                    scope,
                }
            }
        }
    }

    fn join(&mut self, left_alias: &str) -> Relation {
        self.free_order = true;
        let right_alias = self.alias();
        let (left, mut scope) = self.table(left_alias);
        let (right, right_scope) = self.table(&right_alias);
        let kind = self.pick(&[
            "JOIN",
            "LEFT JOIN",
            "RIGHT JOIN",
            "FULL JOIN",
            "LEFT SEMI JOIN",
            "LEFT ANTI JOIN",
            "CROSS JOIN",
        ]);
        let condition = if kind == "CROSS JOIN" {
            String::new()
        } else {
            format!(" ON {}", self.join_condition(&scope, &right_scope))
        };
        let right = if kind == "CROSS JOIN" {
            let columns: Vec<&str> = right_scope.iter().map(|col| col.sql.as_str()).collect();
            format!("(SELECT {} FROM {right} AS {right_alias} LIMIT 5) AS {right_alias}", columns.join(", "))
        } else {
            format!("{right} AS {right_alias}")
        };
        if !kind.contains("SEMI") && !kind.contains("ANTI") {
            scope.extend(right_scope);
        }
        Relation { sql: format!("{left} AS {left_alias} {kind} {right}{condition}"), scope }
    }

    fn join_condition(&mut self, left: &[Col], right: &[Col]) -> String {
        let mut pairs = Vec::new();
        for a in left {
            for b in right {
                let same = a.sql.rsplit('.').next() == b.sql.rsplit('.').next();
                if same && Type::of(a.kind).is_some() {
                    pairs.push(format!("{} = {}", a.sql, b.sql));
                }
            }
        }
        let keys: Vec<&String> = pairs.iter().filter(|pair| pair.contains("_id")).collect();
        let mut condition = if keys.is_empty() {
            let both: Vec<Col> = left.iter().chain(right).cloned().collect();
            format!("({}) AND 1 = 1", self.expr(Type::Bool, &both, 1))
        } else {
            keys[self.rng.random_range(0..keys.len())].clone()
        };
        if self.chance(30) {
            let both: Vec<Col> = left.iter().chain(right).cloned().collect();
            condition = format!("{condition} AND {}", self.expr(Type::Bool, &both, 2));
        }
        condition
    }

    fn filter(&mut self, scope: &[Col]) -> String {
        if self.chance(25) { String::new() } else { format!(" WHERE {}", self.expr(Type::Bool, scope, 3)) }
    }

    fn tail(&mut self, n_columns: usize) -> String {
        let mut tail = String::new();
        if self.chance(30) {
            let order: Vec<String> =
                (1..=n_columns).map(|at| format!("{at}{}", self.pick(&["", " DESC", " NULLS FIRST"]))).collect();
            tail = format!(" ORDER BY {}", order.join(", "));
        } else if self.chance(12) {
            tail = format!(" ORDER BY 1{} LIMIT {}", self.pick(&["", " DESC"]), self.rng.random_range(0..9));
        }
        if !tail.contains("LIMIT") && self.chance(15) {
            tail.push_str(&format!(" LIMIT {}", self.rng.random_range(0..40)));
            if self.chance(30) {
                tail.push_str(&format!(" OFFSET {}", self.rng.random_range(0..20)));
            }
        }
        self.looks_at_order |= tail.contains("LIMIT");
        self.free_order |= tail.contains("LIMIT") && tail.contains("ORDER BY");
        tail
    }

    /// A selection whose columns are called `c0`, `c1`, ..., with their types.
    fn typed_selection(&mut self, depth: u32) -> (String, Vec<Kind>) {
        let from = self.relation();
        let n_columns = self.rng.random_range(1..4);
        let mut items = Vec::new();
        let mut kinds = Vec::new();
        for at in 0..n_columns {
            let (sql, kind) = self.item(&from.scope, depth);
            items.push(format!("{sql} AS c{at}"));
            kinds.push(kind);
        }
        let filter = self.filter(&from.scope);
        let distinct = if self.chance(10) { "DISTINCT " } else { "" };
        (format!("SELECT {distinct}{} FROM {}{filter}", items.join(", "), from.sql), kinds)
    }

    fn item(&mut self, scope: &[Col], depth: u32) -> (String, Kind) {
        if !scope.is_empty() && self.chance(45) {
            let col = &scope[self.rng.random_range(0..scope.len())];
            return (col.sql.clone(), col.kind);
        }
        let wanted = Type::ALL[self.rng.random_range(0..Type::ALL.len())];
        let kind = match wanted {
            Type::Int => Kind::Int,
            Type::Float => Kind::Float,
            Type::Text => Kind::Text,
            Type::Bool => Kind::Bool,
            Type::Time => Kind::Time,
        };
        (self.expr(wanted, scope, depth), kind)
    }

    fn selection(&mut self, depth: u32) -> String {
        let (query, kinds) = self.typed_selection(depth);
        let tail = self.tail(kinds.iter().filter(|kind| Type::of(**kind).is_some()).count().min(1));
        format!("{query}{tail}")
    }

    fn star(&mut self) -> String {
        let from = self.relation();
        let filter = self.filter(&from.scope);
        self.looks_at_order = true;
        let limit = self.rng.random_range(0..100);
        format!("SELECT * FROM {}{filter} LIMIT {limit}", from.sql)
    }

    fn column_free(&mut self) -> String {
        let from = self.relation();
        let condition = self.pick(&["1 = 1", "1 = 0", "true", "NULL IS NULL", "length('abc') = 3"]);
        let item = self.pick(&["1", "count(*)", "count(1)", "'x'"]);
        format!("SELECT {item} AS c0 FROM {} WHERE {condition}", from.sql)
    }

    fn aggregate_call(&mut self, scope: &[Col]) -> String {
        match self.rng.random_range(0..16) {
            0..3 => "count(*)".to_owned(),
            3 => format!("count({})", self.expr(Type::Text, scope, 2)),
            4 => format!("count(DISTINCT {})", self.expr(Type::Text, scope, 1)),
            5..7 => format!(
                "{}(CAST({} AS DOUBLE))",
                self.pick(&["sum", "avg", "stddev", "median", "var_pop"]),
                self.expr(Type::Float, scope, 1)
            ),
            7..10 => {
                let wanted = [Type::Int, Type::Float, Type::Text, Type::Time][self.rng.random_range(0..4)];
                format!("{}({})", self.pick(&["min", "max"]), self.expr(wanted, scope, 1))
            }
            10 => format!("{}({})", self.pick(&["bool_and", "bool_or"]), self.expr(Type::Bool, scope, 2)),
            11 => format!("approx_distinct({})", self.expr(Type::Text, scope, 1)),
            12 => {
                let text = self.expr(Type::Text, scope, 1);
                format!("string_agg({text}, ',' ORDER BY {text})")
            }
            13 => {
                let (value, order) = (self.expr(Type::Int, scope, 1), self.expr(Type::Int, scope, 1));
                (self.looks_at_order, self.free_order) = (true, true);
                format!("{}({value} ORDER BY {order})", self.pick(&["first_value", "last_value", "array_agg"]))
            }
            14 => format!("count(*) FILTER (WHERE {})", self.expr(Type::Bool, scope, 2)),
            _ => format!(
                "sum({})",
                if self.risky {
                    self.expr(Type::Int, scope, 1)
                } else {
                    format!("({}) % 1000", self.expr(Type::Int, scope, 1))
                }
            ),
        }
    }

    fn aggregate(&mut self) -> String {
        let from = self.relation();
        let filter = self.filter(&from.scope);
        let n_keys = self.rng.random_range(0..3);
        let mut items: Vec<String> =
            (0..n_keys).map(|at| format!("{} AS c{at}", self.item(&from.scope, 1).0)).collect();
        for at in 0..self.rng.random_range(1..4) {
            items.push(format!("{} AS a{at}", self.aggregate_call(&from.scope)));
        }
        let keys: Vec<String> = (1..=n_keys).map(|at| at.to_string()).collect();
        let group = if n_keys == 0 { String::new() } else { format!(" GROUP BY {}", keys.join(", ")) };
        let having = if self.chance(15) {
            format!(" HAVING count(*) {} {}", self.pick(&[">", "=", "<"]), self.rng.random_range(0..6))
        } else {
            String::new()
        };
        let tail = self.tail(1);
        format!("SELECT {} FROM {}{filter}{group}{having}{tail}", items.join(", "), from.sql)
    }

    fn grouping_sets(&mut self) -> String {
        let from = self.relation();
        let keys = [self.expr(Type::Text, &from.scope, 0), self.expr(Type::Int, &from.scope, 0)];
        let form = self
            .pick(&["ROLLUP(@, #)", "CUBE(@, #)", "GROUPING SETS((@), (#), ())"])
            .replace('@', &keys[0])
            .replace('#', &keys[1]);
        format!("SELECT {}, {}, count(*) FROM {} GROUP BY {form}", keys[0], keys[1], from.sql)
    }

    fn window(&mut self) -> String {
        let from = self.relation();
        let filter = self.filter(&from.scope);
        let value = self.item(&from.scope, 1).0;
        let order_type = Type::ALL[self.rng.random_range(0..Type::ALL.len())];
        let (order, partition) = (self.expr(order_type, &from.scope, 1), self.item(&from.scope, 0).0);
        let call = match self.rng.random_range(0..6) {
            0 => "row_number()".to_owned(),
            1 => self.pick(&["rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(3)"]).to_owned(),
            2 => format!("{}({value}, {})", self.pick(&["lag", "lead"]), self.rng.random_range(1..3)),
            3 => format!("{}({value})", self.pick(&["first_value", "last_value", "min", "max", "count"])),
            4 => format!("nth_value({value}, 2)"),
            _ => format!("sum(CAST({} AS DOUBLE))", self.expr(Type::Float, &from.scope, 1)),
        };
        self.looks_at_order = true;
        let partition = if self.chance(50) { format!("PARTITION BY {partition} ") } else { String::new() };
        let frame = if self.chance(25)
            && !call.contains("rank")
            && !call.contains("ntile")
            && !call.contains("row_number")
            && !call.contains("cume")
        {
            " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING"
        } else {
            ""
        };
        let key = self.item(&from.scope, 0).0;
        if self.chance(10) {
            return format!(
                "SELECT {key} AS c0 FROM {}{filter} QUALIFY rank() OVER ({partition}ORDER BY {order}) = 1",
                from.sql
            );
        }
        format!("SELECT {key} AS c0, {call} OVER ({partition}ORDER BY {order}{frame}) AS w FROM {}{filter}", from.sql)
    }

    fn set_operation(&mut self) -> String {
        let wanted = Type::ALL[self.rng.random_range(0..Type::ALL.len())];
        let mut sides = Vec::new();
        for _ in 0..2 {
            let from = self.relation();
            let filter = self.filter(&from.scope);
            sides.push(format!("SELECT {} AS c0 FROM {}{filter}", self.expr(wanted, &from.scope, 1), from.sql));
        }
        let operator = self.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"]);
        self.has_union |= operator.starts_with("UNION");
        self.free_order |= operator.starts_with("UNION");
        format!("{} {operator} {}", sides[0], sides[1])
    }

    fn common_table(&mut self) -> String {
        let (inner, kinds) = self.typed_selection(2);
        let name = self.pick(&["w", "riders", "trips"]);
        let scope: Vec<Col> =
            kinds.iter().enumerate().map(|(at, kind)| Col { sql: format!("{name}.c{at}"), kind: *kind }).collect();
        let item = self.item(&scope, 1).0;
        let filter = self.filter(&scope);
        let tail = self.tail(1);
        format!("WITH {name} AS ({inner}) SELECT {item} AS c0, count(*) OVER () AS n FROM {name}{filter}{tail}")
    }

    fn recursive(&mut self) -> String {
        let alias = self.alias();
        let (table, scope) = self.table(&alias);
        let text = self.expr(Type::Text, &scope, 1);
        format!(
            "WITH RECURSIVE w AS (SELECT 1 AS n, (SELECT min({text}) FROM {table} AS {alias}) AS e \
             UNION ALL SELECT n + 1, e FROM w WHERE n < {}) SELECT * FROM w",
            self.rng.random_range(1..5)
        )
    }

    fn unnested(&mut self) -> String {
        let alias = self.alias();
        let (table, scope) = self.table(&alias);
        let list = scope
            .iter()
            .find(|col| col.kind == Kind::Texts)
            .map_or("make_array(1, 2)".to_owned(), |col| col.sql.clone());
        let what = if self.chance(40) {
            scope.iter().find(|col| matches!(col.kind, Kind::Struct(_))).map_or(list.clone(), |col| col.sql.clone())
        } else {
            list
        };
        let filter = self.filter(&scope);
        format!("SELECT unnest({what}) FROM {table} AS {alias}{filter}")
    }

    fn lateral(&mut self) -> String {
        let (outer, inner) = (self.alias(), self.alias());
        let (table, scope) = self.table(&inner);
        let item = self.item(&scope, 1).0;
        self.free_order = true;
        format!(
            "SELECT {outer}.n, x.c0 FROM (VALUES (1), (2)) AS {outer}(n), LATERAL (SELECT {item} AS c0 FROM {table} AS {inner} WHERE {outer}.n = 1) AS x"
        )
    }

    fn metadata(&mut self) -> String {
        let alias = self.alias();
        let (table, _) = self.table(&alias);
        match self.rng.random_range(0..5) {
            0 => format!("DESCRIBE {table}"),
            1 => format!("SHOW COLUMNS FROM {table}"),
            2 => "SHOW TABLES".to_owned(),
            3 => format!(
                "SELECT {} FROM {table}",
                self.pick(&["\"$path\"", "vip_note", "body", "nothing", "\"Email\"", "emial", "payload['note']"])
            ),
            _ => self
                .pick(&[
                    "SELECT * FROM information_schema.tables",
                    "SHOW ALL",
                    "SELECT * FROM information_schema.df_settings",
                    "SHOW CREATE TABLE vertica.crm.riders",
                ])
                .to_owned(),
        }
    }

    /// `(SELECT max(..) FROM ..)`, at times correlated.
    pub(super) fn scalar_subquery(&mut self, wanted: Type, scope: &[Col]) -> String {
        let (alias, condition, table, inner) = self.inner(scope);
        let value = self.expr(wanted, &inner, 1);
        let call = if wanted == Type::Bool { "bool_or" } else { self.pick(&["min", "max"]) };
        format!("(SELECT {call}({value}) FROM {table} AS {alias}{condition})")
    }

    /// `EXISTS (...)`, mostly correlated.
    pub(super) fn exists(&mut self, scope: &[Col]) -> String {
        let (alias, condition, table, _) = self.inner(scope);
        format!("{}EXISTS (SELECT 1 FROM {table} AS {alias}{condition})", self.pick(&["", "NOT "]))
    }

    /// `x IN (SELECT ..)`.
    pub(super) fn in_subquery(&mut self, wanted: Type, scope: &[Col]) -> String {
        let (alias, condition, table, inner) = self.inner(&[]);
        let (outer, value) = (self.expr(wanted, scope, 1), self.expr(wanted, &inner, 1));
        format!("({outer} {} (SELECT {value} FROM {table} AS {alias}{condition}))", self.pick(&["IN", "NOT IN"]))
    }

    fn inner(&mut self, outer: &[Col]) -> (String, String, String, Vec<Col>) {
        self.free_order = true;
        let alias = self.alias();
        let (table, inner) = self.table(&alias);
        let keys: Vec<String> = outer
            .iter()
            .flat_map(|a| inner.iter().map(move |b| (a, b)))
            .filter(|(a, b)| a.sql.ends_with("rider_id") && b.sql.ends_with("rider_id"))
            .map(|(a, b)| format!("{} = {}", a.sql, b.sql))
            .collect();
        let condition = match keys.first() {
            Some(key) if self.chance(60) => format!(" WHERE {key}"),
            _ if self.chance(60) => format!(" WHERE {}", self.expr(Type::Bool, &inner, 1)),
            _ => String::new(),
        };
        (alias, condition, table, inner)
    }
}
