//! Functions: those that the dialect lists.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use lockgate_contract::{SqlArgument, SqlFunction};

use super::value::computed;
use super::{Known, Stays, Writer};
use crate::pushdown::kind::{data_type, kind};

impl Writer<'_> {
    pub(super) fn function(&self, function: &ScalarFunction) -> Result<Known, Stays> {
        if function.name() == "coalesce" {
            return self.first_known(&function.args);
        }
        for listed in self.0.dialect().functions.iter().filter(|listed| listed.name == function.name()) {
            if let Some(sql) = self.called(listed, &function.args)?
                && let Some(data_type) = data_type(listed.gives)
            {
                return computed(sql, data_type);
            }
        }
        Stays::because(format!("function `{}` is computed in the gateway", function.name()))
    }

    /// The call in the form that is listed, if its arguments fit that.
    fn called(&self, listed: &SqlFunction, args: &[Expr]) -> Result<Option<String>, Stays> {
        let constants_fit = listed.arguments.iter().zip(args).all(|(wanted, arg)| match (wanted, arg) {
            (SqlArgument::Value(_), _) => true,
            (SqlArgument::Word(word), Expr::Literal(value, _)) => {
                value.try_as_str().flatten().is_some_and(|given| given.eq_ignore_ascii_case(word))
            }
            (SqlArgument::Whole(least, most), arg) => whole(arg).is_some_and(|given| (*least..=*most).contains(&given)),
            (SqlArgument::Word(_), _) => false,
        });
        if !constants_fit || listed.arguments.len() != args.len() {
            return Ok(None);
        }
        let mut places = Vec::with_capacity(args.len());
        for (wanted, arg) in listed.arguments.iter().zip(args) {
            places.push(match (wanted, arg) {
                (SqlArgument::Value(wanted), arg) => {
                    let known = self.comparable(arg)?;
                    if kind(&known.data_type) != Some(*wanted) {
                        return Ok(None);
                    }
                    known.sql
                }
                (SqlArgument::Whole(..), arg) => whole(arg).unwrap_or_default().to_string(),
                (SqlArgument::Word(_), _) => String::new(),
            });
        }
        Ok(Some(filled(listed.sql, &places)))
    }

    fn first_known(&self, args: &[Expr]) -> Result<Known, Stays> {
        let mut values = Vec::with_capacity(args.len());
        let mut whole: Option<Known> = None;
        for arg in args {
            let known = self.value(arg)?;
            if whole.as_ref().is_some_and(|whole| whole.data_type != known.data_type) {
                return Stays::because("`coalesce` of values of several types is computed in the gateway");
            }
            values.push(known.sql.clone());
            let comparable = known.comparable && whole.as_ref().is_none_or(|whole| whole.comparable);
            whole = Some(Known { comparable, ..known });
        }
        match whole {
            Some(whole) if values.len() > 1 => {
                let known = computed(format!("coalesce({})", values.join(", ")), whole.data_type)?;
                Ok(Known { comparable: whole.comparable, ..known })
            }
            _ => Stays::because("`coalesce` of nothing is computed in the gateway"),
        }
    }
}

/// A constant whole number.
fn whole(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        Expr::Literal(ScalarValue::Int32(number), _) => number.map(i64::from),
        _ => None,
    }
}

/// The template with everything in its place, in one pass: what is put in may hold braces of its own.
fn filled(template: &str, places: &[String]) -> String {
    let mut parts = template.split('{');
    let mut sql = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('}').unwrap_or_default();
        sql.push_str(number.parse().ok().and_then(|at: usize| places.get(at)).map_or("", String::as_str));
        sql.push_str(rest);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let places = ["'{1} {'".to_owned(), "b".to_owned()];
        assert_eq!(filled("f({0}, {1}, {0})", &places), "f('{1} {', b, '{1} {')");
        assert_eq!(filled("f({1})", &places), "f(b)");
    }
}
