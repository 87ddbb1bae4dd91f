//! Two small tables that few may see: `vertica.crm.assistance` and `vertica.hr.salaries`.

use std::io::{self, Write};
use std::path::Path;

use super::calendar::{self, Calendar};
use super::dice::Dice;
use super::trips::FIRST_TRIP;
use super::{Scale, files, riders};

const NEEDS: [&str; 4] = ["wheelchair", "guide dog", "help with boarding", "oxygen on board"];

pub(super) fn write_assistance(path: &Path, calendar: Calendar, scale: Scale) -> io::Result<()> {
    let mut out = files::create(path)?;
    writeln!(out, "rider_id,need,created_at")?;
    for row_idx in 0..scale.assistance() {
        let mut dice = Dice::of(51, row_idx);
        let instant = calendar.at(FIRST_TRIP, (row_idx as f64 + dice.share()) / scale.assistance() as f64);
        let rider_idx = riders::active(calendar, scale, instant, &mut dice);
        writeln!(out, "{},{},{}", riders::rider_id(rider_idx), dice.pick(&NEEDS), calendar::text(instant))?;
    }
    out.flush()
}

pub(super) fn write_salaries(path: &Path) -> io::Result<()> {
    let mut out = files::create(path)?;
    writeln!(out, "employee_id,salary")?;
    for row_idx in 0..SALARIES {
        writeln!(out, "M{},{}", 101 + row_idx, 31_000 + 250 * Dice::of(52, row_idx).below(240))?;
    }
    out.flush()
}

/// Rows of `vertica.hr.salaries`, in a world of any size.
pub(super) const SALARIES: u64 = 60;
