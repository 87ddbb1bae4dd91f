//! Generated expressions, by type. An expression may fail on a row only when the query is a risky one.

use rand::Rng;

use super::grammar::{Col, Grammar};
use crate::worlds::cell::Kind;

/// Types that expressions are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Whole numbers.
    Int,
    /// Floating point numbers and money.
    Float,
    /// Text.
    Text,
    /// Boolean.
    Bool,
    /// Dates and timestamps.
    Time,
}

impl Type {
    pub(super) const ALL: [Type; 5] = [Type::Int, Type::Float, Type::Text, Type::Bool, Type::Time];

    pub(super) fn of(kind: Kind) -> Option<Type> {
        match kind {
            Kind::Int | Kind::SmallInt => Some(Type::Int),
            Kind::Float | Kind::Money => Some(Type::Float),
            Kind::Text => Some(Type::Text),
            Kind::Bool => Some(Type::Bool),
            Kind::Date | Kind::Time => Some(Type::Time),
            Kind::Struct(_) | Kind::Texts => None,
        }
    }
}

impl Grammar<'_> {
    /// An expression of a type over the columns of a scope.
    pub(super) fn expr(&mut self, wanted: Type, scope: &[Col], depth: u32) -> String {
        if depth == 0 || self.chance(35) {
            return self.leaf(wanted, scope);
        }
        if self.chance(8) {
            let condition = self.expr(Type::Bool, scope, depth - 1);
            let (yes, no) = (self.expr(wanted, scope, depth - 1), self.expr(wanted, scope, depth - 1));
            return format!("CASE WHEN {condition} THEN {yes} ELSE {no} END");
        }
        if self.chance(6) {
            let (first, second) = (self.expr(wanted, scope, depth - 1), self.expr(wanted, scope, depth - 1));
            let function = self.pick(&["coalesce", "nullif"]);
            return format!("{function}({first}, {second})");
        }
        if self.chance(4) && self.may_nest() {
            return self.scalar_subquery(wanted, scope);
        }
        match wanted {
            Type::Int => self.int(scope, depth - 1),
            Type::Float => self.float(scope, depth - 1),
            Type::Text => self.text(scope, depth - 1),
            Type::Bool => self.bool(scope, depth - 1),
            Type::Time => self.time(scope, depth - 1),
        }
    }

    fn leaf(&mut self, wanted: Type, scope: &[Col]) -> String {
        let fitting: Vec<&Col> = scope.iter().filter(|col| Type::of(col.kind) == Some(wanted)).collect();
        if !fitting.is_empty() && self.chance(80) {
            let at = self.rng.random_range(0..fitting.len());
            return fitting[at].sql.clone();
        }
        self.literal(wanted)
    }

    /// A literal, often one that occurs in the base world: what an attacker would guess.
    pub(super) fn literal(&mut self, wanted: Type) -> String {
        if self.chance(3) {
            return "NULL".to_owned();
        }
        match wanted {
            Type::Int => match self.rng.random_range(0..3) {
                0 => self.rng.random_range(-2..12).to_string(),
                1 => self.rng.random_range(0..600).to_string(),
                _ => self.pick(&["3", "2147483647", "9223372036854775807", "5007", "-1", "100"]).to_owned(),
            },
            Type::Float => match self.rng.random_range(0..3) {
                0 => format!("{:.2}", self.rng.random_range(-3.0..40.0)),
                1 => format!("{:.2}", self.rng.random_range(52.0..52.6)),
                _ => self.pick(&["0.0", "20.0", "3.00", "1e308", "-1.5"]).to_owned(),
            },
            Type::Text => self.text_literal(),
            Type::Bool => self.pick(&["true", "false"]).to_owned(),
            Type::Time => self
                .pick(&[
                    "DATE '1995-01-01'",
                    "DATE '1980-06-15'",
                    "TIMESTAMP '2038-06-01T00:00:00'",
                    "TIMESTAMP '2039-01-01T12:30:00'",
                    "TIMESTAMP '2002-03-04T05:06:07'",
                    "DATE '2038-02-28'",
                ])
                .to_owned(),
        }
    }

    fn text_literal(&mut self) -> String {
        if self.chance(35) {
            let guess = self.guess();
            return format!("'{}'", guess.replace('\'', "''"));
        }
        let text = self.pick(&[
            "NL", "US", "DE", "ZZ", "EUR", "tap", "debug", "R1003", "R1011", "R1050", "***", "", "a", "(", "12",
            "%@dom1%", "eu",
        ]);
        format!("'{text}'")
    }

    fn pattern(&mut self) -> String {
        let at = self.pick(&["'%@dom1%'", "'k9z%'", "'N_'", "'%1%'", "'R10%'", "'%a%'", "'%'", "''"]);
        at.to_owned()
    }

    fn regex(&mut self) -> String {
        let patterns: &[&str] = if self.risky {
            &["'^k'", "'[0-9]+'", "'('", "'dom(1|2)'", "'^$'"]
        } else {
            &["'^k'", "'[0-9]+'", "'dom(1|2)'", "'^$'", "'a+b'"]
        };
        self.pick(patterns).to_owned()
    }

    fn int(&mut self, scope: &[Col], depth: u32) -> String {
        let (a, b) = (self.expr(Type::Int, scope, depth), self.expr(Type::Int, scope, depth));
        match self.rng.random_range(0..12) {
            0..3 => format!("({a} {} {b})", self.pick(&["+", "-"])),
            3 if self.risky => format!("({a} * {b})"),
            4 if self.risky => format!("({a} / {b})"),
            4 => format!("({a} / nullif({b}, 0))"),
            5 => format!("({a} % nullif({b}, 0))"),
            6 => format!("abs(coalesce({a}, 0) % 1000)"),
            7 => {
                let text = self.expr(Type::Text, scope, depth);
                let function = self.pick(&["length", "octet_length", "ascii", "bit_length"]);
                format!("{function}({text})")
            }
            8 => {
                let text = self.expr(Type::Text, scope, depth);
                let cast = if self.risky { "CAST" } else { "TRY_CAST" };
                format!("{cast}({text} AS BIGINT)")
            }
            9 => {
                let time = self.expr(Type::Time, scope, depth);
                let part = self.pick(&["year", "month", "day", "dow", "doy"]);
                format!("CAST(extract({part} FROM {time}) AS BIGINT)")
            }
            10 => {
                let (text, part) = (self.expr(Type::Text, scope, depth), self.expr(Type::Text, scope, depth));
                format!("CAST(strpos({text}, {part}) AS BIGINT)")
            }
            _ => match self.of_kind(scope, Kind::Texts) {
                Some(list) => format!("CAST(array_length({list}) AS BIGINT)"),
                None => format!("CAST(round({}) AS BIGINT)", self.small_float(scope)),
            },
        }
    }

    fn small_float(&mut self, scope: &[Col]) -> String {
        let leaf = self.leaf(Type::Float, scope);
        format!("nullif(CAST({leaf} AS DOUBLE), 1e308)")
    }

    fn float(&mut self, scope: &[Col], depth: u32) -> String {
        let (a, b) = (self.expr(Type::Float, scope, depth), self.expr(Type::Float, scope, depth));
        match self.rng.random_range(0..9) {
            0..2 => format!("(CAST({a} AS DOUBLE) {} CAST({b} AS DOUBLE))", self.pick(&["+", "-", "*", "/"])),
            2 => format!("floor(CAST({a} AS DOUBLE) * 10)"),
            3 => format!("sqrt(abs(CAST({a} AS DOUBLE)))"),
            4 => format!("CAST({} AS DOUBLE)", self.expr(Type::Int, scope, depth)),
            5 if self.risky => format!("CAST({} AS DOUBLE)", self.expr(Type::Text, scope, depth)),
            5 => format!("TRY_CAST({} AS DOUBLE)", self.expr(Type::Text, scope, depth)),
            6 => format!("round(CAST({a} AS DOUBLE), 1)"),
            7 => self.field(scope, Kind::Float).unwrap_or(a),
            _ => format!("greatest(CAST({a} AS DOUBLE), CAST({b} AS DOUBLE))"),
        }
    }

    fn text(&mut self, scope: &[Col], depth: u32) -> String {
        let (a, b) = (self.expr(Type::Text, scope, depth), self.expr(Type::Text, scope, depth));
        match self.rng.random_range(0..16) {
            0 => format!("({a} || {b})"),
            1..3 => format!("{}({a})", self.pick(&["upper", "lower", "reverse", "trim", "initcap", "md5"])),
            3 => format!("substr({a}, {}, {})", self.rng.random_range(1..6), self.rng.random_range(0..9)),
            4 => format!("{}({a}, {})", self.pick(&["left", "right"]), self.rng.random_range(0..6)),
            5 => format!("replace({a}, {b}, 'x')"),
            6 => format!("split_part({a}, {}, 2)", self.pick(&["'.'", "'@'", "'-'"])),
            7 => {
                let regex = self.regex();
                format!("regexp_replace({a}, {regex}, 'x')")
            }
            8 => format!("CAST({} AS VARCHAR)", self.expr(Type::Int, scope, depth)),
            9 => format!("CAST({} AS VARCHAR)", self.expr(Type::Time, scope, depth)),
            10 => format!("CAST({} AS VARCHAR)", self.expr(Type::Bool, scope, depth)),
            11 => format!("concat({a}, '-', {b})"),
            12 => format!("concat_ws('/', {a}, {b})"),
            13 => format!("to_char({}, '%Y-%m')", self.expr(Type::Time, scope, depth)),
            14 => self.field(scope, Kind::Text).unwrap_or_else(|| format!("lpad({a}, 12, '.')")),
            _ => match self.of_kind(scope, Kind::Texts) {
                Some(list) => format!("{list}[{}]", self.rng.random_range(0..4)),
                None => format!("arrow_typeof({a})"),
            },
        }
    }

    fn bool(&mut self, scope: &[Col], depth: u32) -> String {
        let compared = Type::ALL[self.rng.random_range(0..Type::ALL.len())];
        let (a, b) = (self.expr(compared, scope, depth), self.expr(compared, scope, depth));
        match self.rng.random_range(0..18) {
            0..5 => format!("({a} {} {b})", self.pick(&["=", "<>", "<", "<=", ">", ">="])),
            5 => format!("({a} IS {} {b})", self.pick(&["DISTINCT FROM", "NOT DISTINCT FROM"])),
            6 => format!("({a} IS {} NULL)", self.pick(&["", "NOT"])),
            7 => {
                let (low, high) = (self.literal(compared), self.literal(compared));
                format!("({a} {} {low} AND {high})", self.pick(&["BETWEEN", "NOT BETWEEN"]))
            }
            8 => {
                let list: Vec<String> = (0..self.rng.random_range(1..5)).map(|_| self.literal(compared)).collect();
                format!("({a} {} ({}))", self.pick(&["IN", "NOT IN"]), list.join(", "))
            }
            9 => {
                let (text, pattern) = (self.expr(Type::Text, scope, depth), self.pattern());
                format!("({text} {} {pattern})", self.pick(&["LIKE", "NOT LIKE", "ILIKE"]))
            }
            10 => {
                let (text, regex) = (self.expr(Type::Text, scope, depth), self.regex());
                format!("({text} {} {regex})", self.pick(&["~", "!~", "~*"]))
            }
            11 => {
                let (text, part) = (self.expr(Type::Text, scope, depth), self.expr(Type::Text, scope, depth));
                let function = self.pick(&["starts_with", "ends_with", "contains"]);
                format!("{function}({text}, {part})")
            }
            12 | 13 => {
                let (left, right) = (self.expr(Type::Bool, scope, depth), self.expr(Type::Bool, scope, depth));
                format!("({left} {} {right})", self.pick(&["AND", "OR"]))
            }
            14 => format!("(NOT {})", self.expr(Type::Bool, scope, depth)),
            15 if self.may_nest() => self.exists(scope),
            16 if self.may_nest() => self.in_subquery(compared, scope),
            _ => {
                let inner = self.expr(Type::Bool, scope, depth);
                format!("({inner} IS {} TRUE)", self.pick(&["", "NOT"]))
            }
        }
    }

    fn time(&mut self, scope: &[Col], depth: u32) -> String {
        let inner = self.expr(Type::Time, scope, depth);
        match self.rng.random_range(0..5) {
            0 | 1 => format!("date_trunc('{}', {inner})", self.pick(&["year", "month", "day", "hour"])),
            2 => format!("({inner} + INTERVAL '{}')", self.pick(&["1 day", "1 month", "36 hours"])),
            3 if self.risky => format!("CAST({} AS DATE)", self.expr(Type::Text, scope, depth)),
            _ => format!("CAST({inner} AS DATE)"),
        }
    }

    /// A column of a nested type.
    fn of_kind(&mut self, scope: &[Col], kind: Kind) -> Option<String> {
        let fitting: Vec<&Col> = scope.iter().filter(|col| col.kind == kind).collect();
        (!fitting.is_empty()).then(|| fitting[self.rng.random_range(0..fitting.len())].sql.clone())
    }

    /// A field of a struct: mostly the first of its kind, which is shown, and sometimes the last, which is not.
    fn field(&mut self, scope: &[Col], kind: Kind) -> Option<String> {
        let of_kind = |col: &Col| match col.kind {
            Kind::Struct(fields) => {
                let names: Vec<&str> = fields.iter().filter(|(_, own)| *own == kind).map(|(name, _)| *name).collect();
                Some((col.sql.clone(), *names.first()?, *names.last()?))
            }
            _ => None,
        };
        let found: Vec<_> = scope.iter().filter_map(of_kind).collect();
        if found.is_empty() {
            return None;
        }
        let (column, first, last) = &found[self.rng.random_range(0..found.len())];
        let field = if self.chance(8) { last } else { first };
        Some(self.pick(&["{}['$']", "get_field({}, '$')"]).replace("{}", column).replace('$', field))
    }
}
