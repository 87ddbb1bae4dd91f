//! First days of months and years, in the proleptic Gregorian calendar and UTC.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    Date32Type, Date64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::error::ArrowError;
use arrow_schema::{DataType, TimeUnit};

use super::{fresh, text};

const SECONDS: i64 = 86_400;

pub(super) fn is_date(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _))
}

/// Replaces each date or instant by the start of the period that `start` finds. A start before the type's first value
/// becomes that first value, so rows of one period still look alike.
pub(super) fn floor<F>(array: &ArrayRef, start: F) -> Result<ArrayRef, ArrowError>
where
    F: Fn(i64) -> i64,
{
    match array.data_type() {
        DataType::Date32 => Ok(Arc::new(fresh::map(array.as_primitive::<Date32Type>(), |days| {
            i32::try_from(start(i64::from(days))).unwrap_or(i32::MIN)
        }))),
        DataType::Date64 => Ok(instants::<Date64Type, _, { SECONDS * 1_000 }>(array, start)),
        DataType::Timestamp(TimeUnit::Second, _) => Ok(instants::<TimestampSecondType, _, SECONDS>(array, start)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Ok(instants::<TimestampMillisecondType, _, { SECONDS * 1_000 }>(array, start))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Ok(instants::<TimestampMicrosecondType, _, { SECONDS * 1_000_000 }>(array, start))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            Ok(instants::<TimestampNanosecondType, _, { SECONDS * 1_000_000_000 }>(array, start))
        }
        other => Err(text::unexpected(other)),
    }
}

fn instants<T, F, const DAY: i64>(array: &ArrayRef, start: F) -> ArrayRef
where
    T: ArrowPrimitiveType<Native = i64>,
    F: Fn(i64) -> i64,
{
    Arc::new(fresh::map(array.as_primitive::<T>(), |instant| start(instant.div_euclid(DAY)).saturating_mul(DAY)))
}

/// A day within its year, where years begin on 1 March, so that the leap day is the last.
struct MarchDay {
    /// Days since 1 March.
    day_of_year: i64,
    /// Months since March.
    month: i64,
    /// Year within the era of 400 years.
    year_of_era: i64,
}

/// Days are counted from 1970-01-01. The arithmetic is Howard Hinnant's `civil_from_days`.
fn march_day(days: i64) -> MarchDay {
    let shifted = days + 719_468;
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    MarchDay { day_of_year, month: (5 * day_of_year + 2) / 153, year_of_era }
}

/// Days since the start of a period, for each day of the years that nearly all data is from.
struct Table {
    since_start: Vec<u16>,
}

/// 1900-01-01 to 2099-12-31, in days since 1970-01-01.
const USUAL: std::ops::Range<i64> = -25_567..47_482;

static SINCE_MONTH: LazyLock<Table> = LazyLock::new(|| Table::new(civil_month_start));
static SINCE_YEAR: LazyLock<Table> = LazyLock::new(|| Table::new(civil_year_start));

impl Table {
    fn new(start: fn(i64) -> i64) -> Self {
        Self { since_start: USUAL.map(|days| u16::try_from(days - start(days)).unwrap_or(u16::MAX)).collect() }
    }

    fn start(&self, days: i64) -> Option<i64> {
        let since_start = self.since_start.get(usize::try_from(days - USUAL.start).ok()?)?;
        Some(days - i64::from(*since_start))
    }
}

/// The first day of the month that a day lies in, both in days since 1970-01-01.
pub(super) fn month_start() -> impl Fn(i64) -> i64 {
    let table: &Table = &SINCE_MONTH;
    move |days| table.start(days).unwrap_or_else(|| civil_month_start(days))
}

/// The first day of the year that a day lies in, both in days since 1970-01-01.
pub(super) fn year_start() -> impl Fn(i64) -> i64 {
    let table: &Table = &SINCE_YEAR;
    move |days| table.start(days).unwrap_or_else(|| civil_year_start(days))
}

fn civil_month_start(days: i64) -> i64 {
    let day = march_day(days);
    days - (day.day_of_year - (153 * day.month + 2) / 5)
}

fn civil_year_start(days: i64) -> i64 {
    let day = march_day(days);
    let is_leap = day.year_of_era % 4 == 0 && (day.year_of_era % 100 != 0 || day.year_of_era == 0);
    let since_january = match day.month {
        10.. => day.day_of_year - 306,
        _ => day.day_of_year + 59 + i64::from(is_leap),
    };
    days - since_january
}

#[cfg(test)]
pub(crate) mod tests {
    use arrow::array::{Date32Array, Int64Array, StringArray, TimestampSecondArray};
    use arrow::compute::cast;
    use chrono::{Datelike, NaiveDate};

    use super::*;
    use crate::Treatment;
    use crate::treatments::tests::apply;

    /// Checks texts of instants in every unit, with and without a zone, and as dates.
    pub(crate) fn check_dates(treatment: Treatment, cases: &[(&str, &str)]) {
        let column = |pick: fn(&(&str, &str)) -> String| {
            let texts: StringArray = cases.iter().map(|case| Some(pick(case))).chain([None]).collect();
            let exact = cast(&texts, &DataType::Timestamp(TimeUnit::Nanosecond, None)).unwrap();
            cast(&exact, &DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()))).unwrap()
        };
        let (inputs, expected) = (column(|case| case.0.to_owned()), column(|case| case.1.to_owned()));
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            for zone in [None, Some("+00:00".into()), Some("+05:30".into())] {
                // The instant counts, not the clock on somebody's wall.
                let utc = DataType::Timestamp(unit, Some("+00:00".into()));
                let data_type = DataType::Timestamp(unit, zone);
                let to =
                    |array: &ArrayRef| cast(&cast(&floor_to_unit(array, unit), &utc).unwrap(), &data_type).unwrap();
                assert_eq!(&apply(treatment, &to(&inputs)), &to(&expected), "{data_type}");
            }
        }
        let days = |array: &ArrayRef| {
            let instants = array.as_primitive::<TimestampNanosecondType>();
            let days = instants.iter().map(|value| value.map(|value| value.div_euclid(SECONDS * 1_000_000_000) as i32));
            days.collect::<Date32Array>()
        };
        for data_type in [DataType::Date32, DataType::Date64] {
            let to = |array: &ArrayRef| cast(&days(array), &data_type).unwrap();
            assert_eq!(&apply(treatment, &to(&inputs)), &to(&expected), "{data_type}");
        }
    }

    /// Casts to a coarser unit truncate towards 1970; here they shall floor.
    fn floor_to_unit(nanoseconds: &ArrayRef, unit: TimeUnit) -> ArrayRef {
        let per_unit = match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
        let array = nanoseconds.as_primitive::<TimestampNanosecondType>();
        let floored = array.unary::<_, TimestampNanosecondType>(|value| value - value.rem_euclid(per_unit));
        Arc::new(floored.with_data_type(nanoseconds.data_type().clone()))
    }

    #[test]
    fn starts_before_the_first_value_become_the_first_value() {
        for (array, lowest) in [
            (cast(&Date32Array::from(vec![i32::MIN, i32::MIN + 1]), &DataType::Date32).unwrap(), i64::from(i32::MIN)),
            (Arc::new(TimestampSecondArray::from(vec![i64::MIN, i64::MIN + 1])) as ArrayRef, i64::MIN),
            (cast(&Int64Array::from(vec![i64::MIN, i64::MIN + 1]), &DataType::Date64).unwrap(), i64::MIN),
        ] {
            let treated = apply(Treatment::Year, &array);
            let numbers = match treated.data_type() {
                DataType::Date32 => cast(&cast(&treated, &DataType::Int32).unwrap(), &DataType::Int64).unwrap(),
                _ => cast(&treated, &DataType::Int64).unwrap(),
            };
            assert_eq!(numbers.as_primitive::<arrow::datatypes::Int64Type>().values().to_vec(), vec![lowest, lowest]);
        }
    }

    #[test]
    fn greatest_values_are_floored() {
        for treatment in [Treatment::Month, Treatment::Year] {
            let array: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
            let start = apply(treatment, &array).as_primitive::<TimestampSecondType>().value(0);
            assert!(start < i64::MAX && i64::MAX - start <= 366 * SECONDS && start % SECONDS == 0);
        }
    }

    #[test]
    fn starts_agree_with_chrono_on_every_day_of_1200_years() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for days in -300_000..140_000 {
            let date = epoch + chrono::Duration::days(days);
            let since = |date: NaiveDate| (date - epoch).num_days();
            assert_eq!(month_start()(days), since(date.with_day(1).unwrap()), "{date}");
            assert_eq!(year_start()(days), since(NaiveDate::from_ymd_opt(date.year(), 1, 1).unwrap()), "{date}");
        }
    }

    #[test]
    fn starts_agree_with_chrono_in_far_years() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for year in [-262_000, -44, -4, -1, 0, 1, 4, 9_999, 10_000, 262_000] {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                let days = (NaiveDate::from_ymd_opt(year, month, day).unwrap() - epoch).num_days();
                let first = |month| (NaiveDate::from_ymd_opt(year, month, 1).unwrap() - epoch).num_days();
                assert_eq!((month_start()(days), year_start()(days)), (first(month), first(1)), "{year}-{month}-{day}");
            }
        }
    }
}
