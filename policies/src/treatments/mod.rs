//! How a column may be shown: one file for each treatment, and their order.
//!
//! A treatment takes an array and gives one of the same type and length. Except for `clear`, nothing of the raw buffers
//! is reachable from what it gives: buffers are new, and the slots under a null are zero or empty.

mod calendar;
mod clear;
mod coordinate;
mod elements;
mod email_domain;
mod fresh;
mod geo_10km;
mod geo_1km;
mod hash;
mod last4;
mod month;
mod null;
mod redact;
mod round_100;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod text;
mod year;

use std::fmt;
use std::str::FromStr;

use arrow::array::{Array, ArrayRef};
use arrow::error::ArrowError;
use arrow_schema::DataType;

use crate::keys::PurposeKey;

/// How a column is shown. The order is partial: see [`Treatment::meet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Treatment {
    /// As it is.
    Clear,
    /// Last four characters.
    Last4,
    /// The domain of an e-mail address.
    EmailDomain,
    /// Coordinate rounded down to 0.01 degree.
    Geo1km,
    /// Coordinate rounded down to 0.1 degree.
    Geo10km,
    /// First day of the month.
    Month,
    /// First day of the year.
    Year,
    /// Number rounded down to hundreds.
    Round100,
    /// Keyed token, one key for each purpose.
    Hash,
    /// A constant of the type.
    Redact,
    /// Typed null.
    Null,
}

/// Why a treatment could not be applied. No variant's text holds a value.
#[derive(Debug, thiserror::Error)]
pub enum TreatError {
    /// The treatment does not work on the type; [`Treatment::fits`] tells before.
    #[error("treatment `{treatment}` does not fit type `{data_type}`; withhold the column or choose another treatment")]
    DoesNotFit {
        /// The treatment.
        treatment: Treatment,
        /// The type of the array.
        data_type: DataType,
    },
    /// A keyed treatment was asked for without a key.
    #[error("treatment `{treatment}` needs a purpose key; configure one")]
    NoKey {
        /// The treatment.
        treatment: Treatment,
    },
    /// The kernel failed, for example because the treated text outgrows the type's offsets.
    #[error("treatment `{treatment}` failed on type `{data_type}`; read it in smaller batches")]
    Failed {
        /// The treatment.
        treatment: Treatment,
        /// The type of the array.
        data_type: DataType,
        /// What the kernel said; for the operator only.
        source: ArrowError,
    },
}

/// Everything about one treatment; each has one, in its own file.
struct Spec {
    name: &'static str,
    does: &'static str,
    /// Particulars, for the manual.
    more: &'static str,
    /// Types it works on, for the manual.
    types: &'static str,
    reach: Reach,
    kernel: Kernel,
}

/// What a treatment works on.
enum Reach {
    /// Any column, as a whole.
    Whole,
    /// Columns of fitting values, and the elements of lists of them.
    Elements {
        fits: fn(&DataType) -> bool,
        /// Whether a value that is not null may become null; such a treatment does not fit lists of non-nullable elements.
        makes_nulls: bool,
    },
}

enum Kernel {
    Plain(fn(&ArrayRef) -> Result<ArrayRef, ArrowError>),
    Keyed(fn(&ArrayRef, &PurposeKey) -> Result<ArrayRef, ArrowError>),
}

impl Treatment {
    /// All treatments, from most to least revealing: a more revealing one never stands after a less revealing one.
    pub const ALL: [Treatment; 11] = [
        Treatment::Clear,
        Treatment::Last4,
        Treatment::EmailDomain,
        Treatment::Geo1km,
        Treatment::Geo10km,
        Treatment::Month,
        Treatment::Year,
        Treatment::Round100,
        Treatment::Hash,
        Treatment::Redact,
        Treatment::Null,
    ];

    fn spec(self) -> &'static Spec {
        match self {
            Treatment::Clear => &clear::SPEC,
            Treatment::Last4 => &last4::SPEC,
            Treatment::EmailDomain => &email_domain::SPEC,
            Treatment::Geo1km => &geo_1km::SPEC,
            Treatment::Geo10km => &geo_10km::SPEC,
            Treatment::Month => &month::SPEC,
            Treatment::Year => &year::SPEC,
            Treatment::Round100 => &round_100::SPEC,
            Treatment::Hash => &hash::SPEC,
            Treatment::Redact => &redact::SPEC,
            Treatment::Null => &null::SPEC,
        }
    }

    /// Name in policy files, such as `geo_1km`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// What it shows, in a few words: `email` is shown as ...
    pub fn does(self) -> &'static str {
        self.spec().does
    }

    /// Particulars of what it shows, for the manual; empty when there are none.
    pub fn more(self) -> &'static str {
        self.spec().more
    }

    /// Types it works on, in words for the manual.
    pub fn types(self) -> &'static str {
        self.spec().types
    }

    /// Whether it needs a [`PurposeKey`].
    pub fn keyed(self) -> bool {
        matches!(self.spec().kernel, Kernel::Keyed(_))
    }

    /// Whether it works on columns of this type. Treatments of single values work on lists of them too, and those of
    /// text on dictionaries of text.
    pub fn fits(self, data_type: &DataType) -> bool {
        match self.spec().reach {
            Reach::Whole => true,
            Reach::Elements { fits, makes_nulls } => elements::fits(data_type, fits, makes_nulls),
        }
    }

    /// Whether `self` reveals at least as much as `other`. Pairs that do not compare give `false` both ways.
    pub fn at_least_as_revealing(self, other: Treatment) -> bool {
        use Treatment::{Clear, Geo1km, Geo10km, Month, Null, Redact, Year};
        match (self, other) {
            (Clear, _) | (_, Null) | (Geo1km, Geo10km) | (Month, Year) => true,
            (Null, Redact) => false,
            (_, Redact) => true,
            (left, right) => left == right,
        }
    }

    /// The treatment of a column that asks for both: the stricter one, or `null` when neither is.
    ///
    /// Commutative, associative and idempotent, so the order of tags never matters, and never more revealing than either
    /// side. To keep that, `redact` with any partial treatment gives `null` as well.
    #[must_use]
    pub fn meet(self, other: Treatment) -> Treatment {
        use Treatment::{Clear, Geo1km, Geo10km, Month, Null, Year};
        match (self, other) {
            (Clear, strict) | (strict, Clear) => strict,
            (Geo1km, Geo10km) | (Geo10km, Geo1km) => Geo10km,
            (Month, Year) | (Year, Month) => Year,
            (left, right) if left == right => left,
            (_, _) => Null,
        }
    }

    /// Shows `array` in this treatment: same length, same type. Only a keyed treatment uses `key`.
    ///
    /// # Errors
    /// [`TreatError`] when the type does not fit, the key is missing, or the result does not fit the type's offsets.
    pub fn apply(self, array: &ArrayRef, key: Option<&PurposeKey>) -> Result<ArrayRef, TreatError> {
        let data_type = array.data_type();
        if !self.fits(data_type) {
            return Err(TreatError::DoesNotFit { treatment: self, data_type: data_type.clone() });
        }
        let spec = self.spec();
        let treated = match (&spec.kernel, key) {
            (Kernel::Plain(kernel), _) => spread(&spec.reach, array, kernel),
            (Kernel::Keyed(kernel), Some(key)) => spread(&spec.reach, array, &|leaf| kernel(leaf, key)),
            (Kernel::Keyed(_), None) => return Err(TreatError::NoKey { treatment: self }),
        };
        treated.map_err(|source| TreatError::Failed { treatment: self, data_type: data_type.clone(), source })
    }
}

/// Runs the kernel on the column or, where the treatment is one of single values, on its innermost elements.
fn spread(reach: &Reach, array: &ArrayRef, kernel: &elements::Leaf<'_>) -> Result<ArrayRef, ArrowError> {
    match reach {
        Reach::Whole => kernel(array),
        Reach::Elements { .. } => elements::apply(array, kernel),
    }
}

impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Treatment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::ALL.into_iter().find(|treatment| treatment.name() == text) {
            Some(treatment) => Ok(treatment),
            None => {
                let names: Vec<&str> = Self::ALL.iter().map(|treatment| treatment.name()).collect();
                Err(format!("`{text}` is not a treatment; use one of {}", names.join(", ")))
            }
        }
    }
}
