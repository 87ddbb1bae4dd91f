//! The rides world: invented data of a ride company, as files of four systems.
//!
//! The same day and scale give the same bytes on every machine. Each row is made from its number alone, so files are
//! written side by side.

mod calendar;
mod dice;
mod events;
mod extras;
mod files;
mod payments;
mod riders;
#[cfg(test)]
mod tests;
mod trips;

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;

use chrono::NaiveDate;

use calendar::Calendar;

/// How many rows the tables have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Rows of `vertica.crm.riders`, at least 1.
    pub riders: u64,
    /// Rows of `hive.rides.trips`, at least 1.
    pub trips: u64,
    /// Rows of `presto.finance.payments`; at most half of the trips, or some trips are paid twice.
    pub payments: u64,
    /// Rows of `hdfs.raw.events`.
    pub events: u64,
}

impl Scale {
    /// The world of `lockgate demo`.
    pub const FULL: Scale = Scale { riders: 20_000, trips: 200_000, payments: 100_000, events: 500_000 };
    /// A hundredth of it, for tests.
    pub const SMALL: Scale = Scale { riders: 200, trips: 2_000, payments: 1_000, events: 5_000 };

    fn assistance(self) -> u64 {
        self.riders.div_ceil(100)
    }
}

/// A world on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// Its folder.
    pub dir: PathBuf,
    /// The day before which everything in it happens.
    pub as_of: NaiveDate,
    /// Its tables.
    pub tables: Vec<WorldTable>,
}

/// One table of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldTable {
    /// Full name, `catalog.schema.table`.
    pub name: &'static str,
    /// Rows.
    pub rows: u64,
    /// File or folder below the world's folder.
    pub path: &'static str,
}

/// Writes the full world below `dir`, over one that is there. Nothing in it happens on or after `as_of`.
///
/// # Errors
/// What the file system says.
pub fn write(dir: &Path, as_of: NaiveDate) -> io::Result<World> {
    write_scaled(dir, as_of, Scale::FULL)
}

/// Writes a world of any size; see [`write()`].
///
/// # Errors
/// What the file system says.
pub fn write_scaled(dir: &Path, as_of: NaiveDate, scale: Scale) -> io::Result<World> {
    let calendar = Calendar { as_of };
    let [trips_0, trips_1] = parts(scale.trips);
    let [events_0, events_1, events_2, events_3] = parts(scale.events);
    let trips = |part: &str, rows: Range<u64>| {
        let path = dir.join("hive/rides/trips").join(part);
        move || trips::write(&path, calendar, scale, rows)
    };
    let events = |part: &str, rows: Range<u64>| {
        let path = dir.join("hdfs/raw/events").join(part);
        move || events::write(&path, calendar, scale, rows)
    };
    thread::scope(|scope| {
        let writers = [
            scope.spawn(trips("part-0.parquet", trips_0)),
            scope.spawn(trips("part-1.parquet", trips_1)),
            scope.spawn(events("part-0.ndjson", events_0)),
            scope.spawn(events("part-1.ndjson", events_1)),
            scope.spawn(events("part-2.ndjson", events_2)),
            scope.spawn(events("part-3.ndjson", events_3)),
            scope.spawn(|| payments::write(&dir.join("presto/finance/payments.parquet"), calendar, scale)),
            scope.spawn(|| riders::write(&dir.join("vertica/crm/riders.csv"), calendar, scale)),
            scope.spawn(|| extras::write_assistance(&dir.join("vertica/crm/assistance.csv"), calendar, scale)),
            scope.spawn(|| extras::write_salaries(&dir.join("vertica/hr/salaries.csv"))),
        ];
        let joined = writers.map(|writer| writer.join().unwrap_or_else(|_| Err(io::Error::other("a writer stopped"))));
        joined.into_iter().collect::<io::Result<()>>()
    })?;
    Ok(World { dir: dir.to_owned(), as_of, tables: tables(scale) })
}

/// Cuts the rows into files.
fn parts<const N: usize>(n_rows: u64) -> [Range<u64>; N] {
    std::array::from_fn(|part_idx| {
        let bound = |part_idx: usize| n_rows * part_idx as u64 / N as u64;
        bound(part_idx)..bound(part_idx + 1)
    })
}

/// Tables of a world of this scale.
pub fn tables(scale: Scale) -> Vec<WorldTable> {
    let table = |name, rows, path| WorldTable { name, rows, path };
    vec![
        table("hive.rides.trips", scale.trips, "hive/rides/trips"),
        table("vertica.crm.riders", scale.riders, "vertica/crm/riders.csv"),
        table("vertica.crm.assistance", scale.assistance(), "vertica/crm/assistance.csv"),
        table("vertica.hr.salaries", extras::SALARIES, "vertica/hr/salaries.csv"),
        table("presto.finance.payments", scale.payments, "presto/finance/payments.parquet"),
        table("hdfs.raw.events", scale.events, "hdfs/raw/events"),
    ]
}
