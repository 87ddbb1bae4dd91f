//! Who asks, and what policy shows them of each table: the expectation, written by hand beside `tests/policy/`.
//!
//! Nothing here is read from the policy folder or asked of the judge, so that a fault of either is seen.

use super::cell::Cell;
use super::how::How;
use super::tables::{EVENTS, PAYMENTS, RIDERS, Row, TRIPS, Table};

/// One asker: a person with a purpose.
#[derive(Debug)]
pub struct Person {
    /// Name, as in `policy.csv`.
    pub name: &'static str,
    /// Declared purpose.
    pub purpose: &'static str,
    /// What is shown of each table; a table that is not listed is withheld.
    pub views: &'static [View],
}

/// What one asker sees of one table.
#[derive(Debug)]
pub struct View {
    /// The table's name.
    pub table: &'static str,
    /// Names of the granted row rules; a row is shown when any of them holds.
    pub rows: &'static [&'static str],
    /// Shown columns; every other one is withheld.
    pub columns: &'static [(&'static str, How)],
}

const TRIPS_OF_EVERYBODY: [(&str, How); 3] = [("trip_id", How::Clear), ("city_id", How::Clear), ("fare", How::Clear)];

/// Everybody whose queries are tried. Row rules keep all, 80 %, 50 %, 10 % and none of a table's rows.
pub const PEOPLE: [Person; 6] = [
    Person {
        name: "alice",
        purpose: "analytics",
        views: &[
            View {
                table: TRIPS.name,
                rows: &["all"],
                columns: &[
                    ("trip_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("driver_id", How::Hash),
                    ("city_id", How::Clear),
                    ("pickup_lat", How::Geo1km),
                    ("pickup_lng", How::Geo1km),
                    ("fare", How::Clear),
                    ("tip_cents", How::Round100),
                    ("requested_at", How::Clear),
                    ("payload", How::Fields(&[("phone", How::Null), ("tip", How::Clear)])),
                    ("stops", How::Null),
                ],
            },
            View {
                table: RIDERS.name,
                rows: &["eu_residents"],
                columns: &[
                    ("rider_id", How::Hash),
                    ("name", How::Null),
                    ("email", How::Null),
                    ("phone", How::Null),
                    ("birth_date", How::Year),
                    ("home_country", How::Clear),
                    ("consent_marketing", How::Clear),
                    ("created_at", How::Clear),
                ],
            },
            View {
                table: EVENTS.name,
                rows: &["all"],
                columns: &[
                    ("event_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("event_type", How::Clear),
                    ("ts", How::Clear),
                    ("region", How::Clear),
                ],
            },
        ],
    },
    Person {
        name: "bob",
        purpose: "fraud",
        views: &[
            View {
                table: TRIPS.name,
                rows: &["all"],
                columns: &[
                    ("trip_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("driver_id", How::Hash),
                    ("city_id", How::Clear),
                    ("fare", How::Clear),
                    ("tip_cents", How::Clear),
                    ("requested_at", How::Clear),
                    ("payload", How::Fields(&[("phone", How::Clear), ("tip", How::Clear)])),
                ],
            },
            View {
                table: RIDERS.name,
                rows: &["all"],
                columns: &[
                    ("rider_id", How::Hash),
                    ("name", How::Clear),
                    ("email", How::Clear),
                    ("phone", How::Clear),
                    ("home_country", How::Clear),
                    ("consent_marketing", How::Clear),
                    ("created_at", How::Clear),
                ],
            },
            View {
                table: PAYMENTS.name,
                rows: &["all"],
                columns: &[
                    ("payment_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("card_last4", How::Last4),
                    ("amount", How::Clear),
                    ("currency", How::Clear),
                    ("paid_at", How::Clear),
                ],
            },
            View {
                table: EVENTS.name,
                rows: &["all"],
                columns: &[
                    ("event_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("event_type", How::Clear),
                    ("ts", How::Clear),
                    ("region", How::Clear),
                ],
            },
        ],
    },
    Person {
        name: "carl",
        purpose: "fraud",
        views: &[
            View {
                table: TRIPS.name,
                rows: &["busy_cities"],
                columns: &[
                    ("trip_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("driver_id", How::Hash),
                    ("city_id", How::Clear),
                    ("fare", How::Clear),
                    ("tip_cents", How::Round100),
                    ("requested_at", How::Clear),
                    ("payload", How::Fields(&[("phone", How::Hash), ("tip", How::Clear)])),
                ],
            },
            View {
                table: RIDERS.name,
                rows: &["grown_up"],
                columns: &[
                    ("rider_id", How::Hash),
                    ("name", How::Hash),
                    ("email", How::Hash),
                    ("phone", How::Hash),
                    ("home_country", How::Clear),
                    ("consent_marketing", How::Clear),
                    ("created_at", How::Clear),
                ],
            },
            View {
                table: PAYMENTS.name,
                rows: &["euro"],
                columns: &[
                    ("payment_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("card_last4", How::Last4),
                    ("amount", How::Clear),
                    ("currency", How::Clear),
                    ("paid_at", How::Clear),
                ],
            },
            View {
                table: EVENTS.name,
                rows: &["no_debug"],
                columns: &[
                    ("event_id", How::Clear),
                    ("rider_id", How::Hash),
                    ("event_type", How::Clear),
                    ("ts", How::Clear),
                    ("region", How::Clear),
                ],
            },
        ],
    },
    Person {
        name: "mia",
        purpose: "marketing",
        views: &[
            View {
                table: RIDERS.name,
                rows: &["consented"],
                columns: &[
                    ("email", How::Clear),
                    ("home_country", How::Clear),
                    ("consent_marketing", How::Clear),
                    ("created_at", How::Clear),
                ],
            },
            View {
                table: EVENTS.name,
                rows: &["taps"],
                columns: &[("event_id", How::Clear), ("ts", How::Clear), ("region", How::Clear)],
            },
        ],
    },
    Person {
        name: "nora",
        purpose: "audit",
        views: &[
            View {
                table: TRIPS.name,
                rows: &["one_city"],
                columns: &[
                    ("trip_id", How::Clear),
                    ("rider_id", How::Null),
                    ("driver_id", How::Null),
                    ("city_id", How::Clear),
                    ("pickup_lat", How::Geo10km),
                    ("pickup_lng", How::Geo10km),
                    ("fare", How::Clear),
                    ("tip_cents", How::Round100),
                    ("requested_at", How::Month),
                    ("payload", How::Fields(&[("phone", How::Null), ("tip", How::Clear)])),
                    ("stops", How::Redact),
                ],
            },
            View {
                table: RIDERS.name,
                rows: &["grown_up", "eu_residents"],
                columns: &[
                    ("rider_id", How::Null),
                    ("name", How::Redact),
                    ("email", How::EmailDomain),
                    ("phone", How::Null),
                    ("birth_date", How::Month),
                    ("home_country", How::Clear),
                    ("consent_marketing", How::Clear),
                    ("created_at", How::Month),
                ],
            },
            View {
                table: PAYMENTS.name,
                rows: &["settled"],
                columns: &[
                    ("payment_id", How::Clear),
                    ("rider_id", How::Null),
                    ("card_last4", How::Last4),
                    ("amount", How::Clear),
                    ("currency", How::Clear),
                    ("paid_at", How::Month),
                ],
            },
            View {
                table: EVENTS.name,
                rows: &["taps"],
                columns: &[
                    ("event_id", How::Clear),
                    ("rider_id", How::Null),
                    ("event_type", How::Clear),
                    ("ts", How::Month),
                    ("region", How::Clear),
                ],
            },
        ],
    },
    Person {
        name: "otto",
        purpose: "operations",
        views: &[
            View {
                table: TRIPS.name,
                rows: &["cheap"],
                columns: &[
                    TRIPS_OF_EVERYBODY[0],
                    ("rider_id", How::Redact),
                    ("driver_id", How::Redact),
                    TRIPS_OF_EVERYBODY[1],
                    ("pickup_lat", How::Null),
                    ("pickup_lng", How::Null),
                    TRIPS_OF_EVERYBODY[2],
                    ("tip_cents", How::Redact),
                    ("requested_at", How::Year),
                    ("payload", How::Fields(&[("phone", How::Redact), ("tip", How::Clear)])),
                    ("stops", How::Null),
                ],
            },
            View {
                table: RIDERS.name,
                rows: &["nobody"],
                columns: &[
                    ("rider_id", How::Redact),
                    ("name", How::Last4),
                    ("email", How::Hash),
                    ("phone", How::Redact),
                    ("home_country", How::Clear),
                    ("consent_marketing", How::Clear),
                    ("created_at", How::Year),
                ],
            },
            View {
                table: PAYMENTS.name,
                rows: &["euro"],
                columns: &[
                    ("payment_id", How::Clear),
                    ("rider_id", How::Redact),
                    ("amount", How::Clear),
                    ("currency", How::Clear),
                    ("paid_at", How::Year),
                ],
            },
            View {
                table: EVENTS.name,
                rows: &["no_debug"],
                columns: &[
                    ("event_id", How::Clear),
                    ("rider_id", How::Redact),
                    ("event_type", How::Clear),
                    ("ts", How::Year),
                    ("region", How::Clear),
                ],
            },
        ],
    },
];

/// Askers of the cases beyond [`PEOPLE`]: somebody without roles, somebody with a purpose that her role does not have, and
/// somebody whose results are delivered elsewhere.
pub const OTHERS: [Person; 3] = [
    Person { name: "zoe", purpose: "analytics", views: &[] },
    Person { name: "alice", purpose: "fraud", views: &[] },
    Person {
        name: "bob_us",
        purpose: "fraud",
        views: &[View {
            table: RIDERS.name,
            rows: &["all"],
            columns: &[
                ("rider_id", How::Hash),
                ("name", How::Hash),
                ("email", How::Hash),
                ("phone", How::Hash),
                ("home_country", How::Clear),
                ("consent_marketing", How::Clear),
                ("created_at", How::Clear),
            ],
        }],
    },
];

/// Riders who asked for erasure, as in `tests/policy/erasures.csv`.
pub const ERASED: [&str; 5] = ["R1003", "R1011", "R1042", "R1077", "R1100"];

/// 2010-01-01 in microseconds: rows of tables with a retention lie far on either side of it, so that the day of the run
/// does not matter.
const KEPT_SINCE_US: i64 = 1_262_304_000_000_000;
/// Days from 1970-01-01 to 1995-01-01.
const GROWN_UP_BEFORE: i32 = 9_131;

impl Person {
    /// What this person sees of a table.
    pub fn view(&self, table: &Table) -> Option<&'static View> {
        self.views.iter().find(|view| view.table == table.name)
    }
}

impl View {
    /// How a column is shown; `None` when it is withheld.
    pub fn how(&self, column: &str) -> Option<How> {
        self.columns.iter().find(|(name, _)| *name == column).map(|(_, how)| *how)
    }

    /// Whether the asker sees this raw row: any granted rule, and retention, erasure and region.
    pub fn keeps(&self, table: &Table, row: &Row) -> bool {
        let granted = self.rows.iter().any(|rule| holds(rule, table, row));
        granted && kept(table, row) && !erased(table, row) && in_region(table, row)
    }
}

fn cell<'a>(table: &Table, row: &'a Row, column: &str) -> &'a Cell {
    &row[table.index(column)]
}

fn text_is(cell: &Cell, wanted: &[&str]) -> bool {
    matches!(cell, Cell::Text(text) if wanted.contains(&text.as_str()))
}

/// A row rule of `tests/policy/classification.yaml`; null is not true.
fn holds(rule: &str, table: &Table, row: &Row) -> bool {
    let cell = |column| cell(table, row, column);
    match rule {
        "all" => true,
        "nobody" => text_is(cell("home_country"), &["ZZ"]),
        "eu_residents" => text_is(cell("home_country"), &["NL", "DE", "FR"]),
        "consented" => {
            *cell("consent_marketing") == Cell::Bool(true) && text_is(cell("home_country"), &["NL", "DE", "FR"])
        }
        "grown_up" => matches!(cell("birth_date"), Cell::Date(day) if *day < GROWN_UP_BEFORE),
        "busy_cities" => matches!(cell("city_id"), Cell::Int(city) if (1..=8).contains(city)),
        "one_city" => *cell("city_id") == Cell::Int(3),
        "cheap" => matches!(cell("fare"), Cell::Float(fare) if *fare < 20.0),
        "euro" => text_is(cell("currency"), &["EUR"]),
        "settled" => matches!(cell("amount"), Cell::Money(cents) if *cents >= 300),
        "taps" => text_is(cell("event_type"), &["tap"]),
        "no_debug" => matches!(cell("event_type"), Cell::Text(kind) if kind != "debug"),
        other => panic!("no row rule {other}"),
    }
}

fn kept(table: &Table, row: &Row) -> bool {
    table.name != TRIPS.name || matches!(cell(table, row, "requested_at"), Cell::Time(time) if *time >= KEPT_SINCE_US)
}

fn erased(table: &Table, row: &Row) -> bool {
    table.name != EVENTS.name && text_is(cell(table, row, "rider_id"), &ERASED)
}

fn in_region(table: &Table, row: &Row) -> bool {
    table.name != EVENTS.name || text_is(cell(table, row, "region"), &["eu"])
}
