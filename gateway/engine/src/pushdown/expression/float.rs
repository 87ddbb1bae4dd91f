//! Floating-point numbers as the gateway takes them: not-a-number, of which sources send one kind only, is the greatest and
//! equal to itself, where SQL takes it for nothing. The zeroes are equal; an order, and the least and greatest of a group,
//! put minus zero first all the same, and a group of both is shown as zero.

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
    ///
    /// Presto takes `NOT (a < b)` for `a >= b`, which is another thing where one is not a number. So every order is decided by
    /// a CASE, which it does not turn around; what stands before that only lets a source see a range in it.
    pub(crate) fn compare(self, left: &str, op: Operator, right: &str) -> Option<String> {
        let (left_nan, right_nan) = (self.is_nan(left), self.is_nan(right));
        Some(match op {
            Operator::Eq => format!("({left} = {right} OR ({left_nan} AND {right_nan}))"),
            Operator::NotEq => format!("(NOT {})", self.compare(left, Operator::Eq, right)?),
            Operator::Lt | Operator::LtEq => {
                let of_nan = match op {
                    Operator::Lt => format!("CASE WHEN {right} IS NOT NULL THEN false END"),
                    _ => right_nan.clone(),
                };
                format!(
                    "(({left} {op} {right} OR {right_nan}) AND (CASE WHEN {left_nan} THEN {of_nan} \
                     WHEN {right_nan} THEN NOT {left_nan} ELSE {left} {op} {right} END))"
                )
            }
            Operator::Gt => self.compare(right, Operator::Lt, left)?,
            Operator::GtEq => self.compare(right, Operator::LtEq, left)?,
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
    pub(crate) fn group(self, value: &str) -> ([String; 2], String) {
        let is_nan = self.is_nan(value);
        // Adding zero makes zero of minus zero.
        let number = format!("(CASE WHEN NOT {is_nan} THEN {value} + DOUBLE '0' END)");
        let made = format!("(CASE WHEN {is_nan} THEN nan() ELSE {number} END)");
        ([number, is_nan], made)
    }
}
