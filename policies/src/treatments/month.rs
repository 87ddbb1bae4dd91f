//! `month`: the first day of the month.

use super::{Kernel, Reach, Spec, calendar};

pub(super) const SPEC: Spec = Spec {
    name: "month",
    does: "the first day of the month",
    more: "at midnight UTC",
    types: "Date32, Date64, Timestamp of any unit and zone",
    reach: Reach::Elements { fits: calendar::is_date, makes_nulls: false },
    kernel: Kernel::Plain(|array| calendar::floor(array, calendar::month_start())),
};

#[cfg(test)]
mod tests {
    use crate::Treatment;
    use crate::treatments::calendar::tests::check_dates;

    #[test]
    fn instant_becomes_the_start_of_its_month() {
        check_dates(
            Treatment::Month,
            &[
                ("2026-11-23T12:34:56.789", "2026-11-01T00:00:00"),
                ("1970-01-01T00:00:00", "1970-01-01T00:00:00"),
                ("1969-12-31T23:59:59.999", "1969-12-01T00:00:00"),
                ("2024-02-29T23:59:59", "2024-02-01T00:00:00"),
                ("1900-03-01T00:00:00", "1900-03-01T00:00:00"),
                ("1700-06-15T01:02:03", "1700-06-01T00:00:00"),
                ("2262-01-31T00:00:00", "2262-01-01T00:00:00"),
            ],
        );
    }
}
