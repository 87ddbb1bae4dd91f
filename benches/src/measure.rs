//! From measurements to lines.

/// A number from the environment.
///
/// # Panics
/// When the variable holds something else.
pub fn number(name: &str, default: usize) -> usize {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")),
        Err(_) => default,
    }
}

/// The value in the middle; `NaN` of none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a part of the values lies; `NaN` of none.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// What a ratio must not be above, or below.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// Ours divided by the peer's may be this much.
    AtMost(f64),
    /// Ours divided by the peer's must be this much.
    AtLeast(f64),
    /// For information.
    None,
}

impl Limit {
    /// The limit and whether `value` keeps it, as a text.
    pub fn verdict(self, value: f64) -> String {
        match self {
            Self::AtMost(limit) => format!("limit <= {limit:.2} {}", if value <= limit { "within" } else { "OVER" }),
            Self::AtLeast(limit) => format!("limit >= {limit:.2} {}", if value >= limit { "within" } else { "UNDER" }),
            Self::None => String::new(),
        }
    }
}
