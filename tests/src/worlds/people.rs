//! Who asks, and what policy shows them of each table: the expectation, written by hand beside `tests/policy/`.
//!
//! Nothing here is read from the policy folder or asked of the judge, so that a fault of either is seen.

use super::cell::Cell;
use super::how::How::{
    self, Clear, EmailDomain, Fields, Geo1km, Geo10km, Hash, Last4, Month, Null, Redact, Round100, Year,
};
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

/// A struct that looks clear: its other field is hidden.
const VEHICLE: (&str, How) = ("vehicle", Fields(&[("model", Clear)]));

type Columns<const N: usize> = [(&'static str, How); N];

/// Trips as shown to everybody who does not see where they began.
const fn trips(ids: How, tip_cents: How, requested_at: How, phone: &'static [(&'static str, How)]) -> Columns<9> {
    [
        ("trip_id", Clear),
        ("rider_id", ids),
        ("driver_id", ids),
        ("city_id", Clear),
        ("fare", Clear),
        ("tip_cents", tip_cents),
        ("requested_at", requested_at),
        ("payload", Fields(phone)),
        VEHICLE,
    ]
}

/// Trips with their places as well.
const fn places(others: Columns<9>, pickup: How, stops: How) -> Columns<12> {
    let [trip_id, rider_id, driver_id, city_id, fare, tip_cents, requested_at, payload, vehicle] = others;
    let (lat, lng) = (("pickup_lat", pickup), ("pickup_lng", pickup));
    [trip_id, rider_id, driver_id, city_id, lat, lng, fare, tip_cents, requested_at, payload, ("stops", stops), vehicle]
}

/// Riders without their birth dates.
const fn riders(id: How, name: How, email: How, phone: How, created_at: How) -> Columns<7> {
    [
        ("rider_id", id),
        ("name", name),
        ("email", email),
        ("phone", phone),
        ("home_country", Clear),
        ("consent_marketing", Clear),
        ("created_at", created_at),
    ]
}

/// Riders with their birth dates.
const fn births(others: Columns<7>, birth_date: How) -> Columns<8> {
    let [id, name, email, phone, country, consent, created_at] = others;
    [id, name, email, phone, ("birth_date", birth_date), country, consent, created_at]
}

const fn payments(rider_id: How, paid_at: How) -> Columns<6> {
    [
        ("payment_id", Clear),
        ("rider_id", rider_id),
        ("card_last4", Last4),
        ("amount", Clear),
        ("currency", Clear),
        ("paid_at", paid_at),
    ]
}

const fn events(rider_id: How, ts: How) -> Columns<5> {
    [("event_id", Clear), ("rider_id", rider_id), ("event_type", Clear), ("ts", ts), ("region", Clear)]
}

const fn view(table: &Table, rows: &'static [&'static str], columns: &'static [(&'static str, How)]) -> View {
    View { table: table.name, rows, columns }
}

/// Everybody whose queries are tried. Row rules keep all, 80 %, 50 %, 10 % and none of a table's rows.
pub const PEOPLE: [Person; 6] = [
    Person {
        name: "alice",
        purpose: "analytics",
        views: &[
            view(
                &TRIPS,
                &["all"],
                &const { places(trips(Hash, Round100, Clear, &[("phone", Null), ("tip", Clear)]), Geo1km, Null) },
            ),
            view(&RIDERS, &["eu_residents"], &const { births(riders(Hash, Null, Null, Null, Clear), Year) }),
            view(&EVENTS, &["all"], &const { events(Hash, Clear) }),
        ],
    },
    Person {
        name: "bob",
        purpose: "fraud",
        views: &[
            view(&TRIPS, &["all"], &const { trips(Hash, Clear, Clear, &[("phone", Clear), ("tip", Clear)]) }),
            view(&RIDERS, &["all"], &const { riders(Hash, Clear, Clear, Clear, Clear) }),
            view(&PAYMENTS, &["all"], &const { payments(Hash, Clear) }),
            view(&EVENTS, &["all"], &const { events(Hash, Clear) }),
        ],
    },
    Person {
        name: "carl",
        purpose: "fraud",
        views: &[
            view(&TRIPS, &["busy_cities"], &const { trips(Hash, Round100, Clear, &[("phone", Hash), ("tip", Clear)]) }),
            view(&RIDERS, &["grown_up"], &const { riders(Hash, Hash, Hash, Hash, Clear) }),
            view(&PAYMENTS, &["euro"], &const { payments(Hash, Clear) }),
            view(&EVENTS, &["no_debug"], &const { events(Hash, Clear) }),
        ],
    },
    Person {
        name: "mia",
        purpose: "marketing",
        views: &[
            view(
                &RIDERS,
                &["consented"],
                &[("email", Clear), ("home_country", Clear), ("consent_marketing", Clear), ("created_at", Clear)],
            ),
            view(&EVENTS, &["taps"], &[("event_id", Clear), ("ts", Clear), ("region", Clear)]),
        ],
    },
    Person {
        name: "nora",
        purpose: "audit",
        views: &[
            view(
                &TRIPS,
                &["one_city"],
                &const { places(trips(Null, Round100, Month, &[("phone", Null), ("tip", Clear)]), Geo10km, Redact) },
            ),
            view(
                &RIDERS,
                &["grown_up", "eu_residents"],
                &const { births(riders(Null, Redact, EmailDomain, Null, Month), Month) },
            ),
            view(&PAYMENTS, &["settled"], &const { payments(Null, Month) }),
            view(&EVENTS, &["taps"], &const { events(Null, Month) }),
        ],
    },
    Person {
        name: "otto",
        purpose: "operations",
        views: &[
            view(
                &TRIPS,
                &["cheap"],
                &const { places(trips(Redact, Redact, Year, &[("phone", Redact), ("tip", Clear)]), Null, Null) },
            ),
            view(&RIDERS, &["nobody"], &const { riders(Redact, Last4, Hash, Redact, Year) }),
            view(
                &PAYMENTS,
                &["euro"],
                &const {
                    let [payment_id, rider_id, _card_last4, amount, currency, paid_at] = payments(Redact, Year);
                    [payment_id, rider_id, amount, currency, paid_at]
                },
            ),
            view(&EVENTS, &["no_debug"], &const { events(Redact, Year) }),
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
        views: &[view(&RIDERS, &["all"], &const { riders(Hash, Hash, Hash, Hash, Clear) })],
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
