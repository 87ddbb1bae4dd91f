//! Floating-point numbers in the gateway's order: minus zero lies before zero, and not-a-number, of which sources send one
//! kind only, is the greatest. SQL takes the zeroes for equal, and not-a-number for nothing.

use datafusion::logical_expr::Operator;

/// How a dialect writes what is needed: double precision only.
#[derive(Clone, Copy)]
pub(crate) struct Floats {
    /// `is_nan({})`.
    pub(super) is_nan: &'static str,
}

impl Floats {
    /// Asks whether a value is not a number.
    pub(crate) fn is_nan(self, value: &str) -> String {
        self.is_nan.replace("{}", value)
    }

    /// Tells the zeroes apart, in their order; null for all other values.
    pub(crate) fn zero_sign(value: &str) -> String {
        format!("(CASE WHEN {value} = DOUBLE '0' THEN DOUBLE '1' / {value} END)")
    }

    /// A comparison, null where a value is.
    pub(crate) fn compare(self, left: &str, op: Operator, right: &str) -> Option<String> {
        let zeroes = |sign: &str| {
            format!(
                "({left} = DOUBLE '0' AND {right} = DOUBLE '0' AND DOUBLE '1' / {left} {sign} DOUBLE '1' / {right})"
            )
        };
        let (left_nan, right_nan) = (self.is_nan(left), self.is_nan(right));
        Some(match op {
            Operator::Eq => {
                format!(
                    "(({left} = {right} AND ({left} <> DOUBLE '0' OR {})) OR ({left_nan} AND {right_nan}))",
                    zeroes("=")
                )
            }
            Operator::NotEq => format!("(NOT {})", self.compare(left, Operator::Eq, right)?),
            Operator::Lt => {
                format!("({left} < {right} OR ({right_nan} AND NOT {left_nan}) OR {})", zeroes("<"))
            }
            Operator::Gt => self.compare(right, Operator::Lt, left)?,
            Operator::LtEq => format!("(NOT {})", self.compare(right, Operator::Lt, left)?),
            Operator::GtEq => format!("(NOT {})", self.compare(left, Operator::Lt, right)?),
            _ => return None,
        })
    }

    /// The greatest value of a group.
    pub(crate) fn max(self, value: &str) -> String {
        let sign = Self::zero_sign(value);
        format!(
            "(CASE WHEN bool_or({}) THEN nan() WHEN max({value}) = DOUBLE '0' THEN DOUBLE '1' / max({sign}) ELSE max({value}) END)",
            self.is_nan(value)
        )
    }

    /// The least value of a group.
    pub(crate) fn min(self, value: &str) -> String {
        let sign = Self::zero_sign(value);
        let least = format!("min(CASE WHEN NOT {} THEN {value} END)", self.is_nan(value));
        format!(
            "(CASE WHEN {least} IS NULL AND count({value}) > 0 THEN nan() \
             WHEN {least} = DOUBLE '0' THEN DOUBLE '1' / min({sign}) ELSE {least} END)"
        )
    }

    /// What a group has in common, and the value that it makes.
    pub(crate) fn group(self, value: &str) -> ([String; 3], String) {
        let is_nan = self.is_nan(value);
        let number = format!("(CASE WHEN NOT {is_nan} THEN {value} END)");
        let made = format!("(CASE WHEN {is_nan} THEN nan() ELSE {number} END)");
        ([number, is_nan, Self::zero_sign(value)], made)
    }
}
