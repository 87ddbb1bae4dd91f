//! The tables of the test worlds and their rows. Everything follows from a seed.
//!
//! Every text of a person is a canary: a text that occurs nowhere else and names its table, column and row, such as
//! `k9z.riders.email.17@dom3.example`.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cell::{Cell, Kind};

/// What canaries begin with.
pub const CANARY: &str = "k9z.";

/// One table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Catalogue, schema and table.
    pub name: &'static str,
    /// Columns in order.
    pub columns: &'static [(&'static str, Kind)],
    /// Columns, and fields of structs, that are classified as hidden: to everybody they look as if they did not exist.
    pub hidden: &'static [&'static str],
    /// Rows of the base world.
    pub n_rows: usize,
}

/// A row: one cell for each column of its table.
pub type Row = Vec<Cell>;

/// The governed tables.
pub const TABLES: [Table; 4] = [TRIPS, RIDERS, PAYMENTS, EVENTS];

/// Trips, in two Parquet files.
pub const TRIPS: Table = Table {
    name: "hive.rides.trips",
    columns: &[
        ("trip_id", Kind::Int),
        ("rider_id", Kind::Text),
        ("driver_id", Kind::Int),
        ("city_id", Kind::SmallInt),
        ("pickup_lat", Kind::Float),
        ("pickup_lng", Kind::Float),
        ("fare", Kind::Float),
        ("tip_cents", Kind::Int),
        ("requested_at", Kind::Time),
        ("payload", Kind::Struct(&[("phone", Kind::Text), ("tip", Kind::Float), ("note", Kind::Text)])),
        ("stops", Kind::Texts),
        ("vehicle", Kind::Struct(&[("model", Kind::Text), ("plate", Kind::Text)])),
    ],
    hidden: &["vehicle.plate"],
    n_rows: 500,
};

/// Riders, in one Parquet file of many row groups.
pub const RIDERS: Table = Table {
    name: "vertica.crm.riders",
    columns: &[
        ("rider_id", Kind::Text),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("phone", Kind::Text),
        ("birth_date", Kind::Date),
        ("home_country", Kind::Text),
        ("consent_marketing", Kind::Bool),
        ("created_at", Kind::Time),
        ("vip_note", Kind::Text),
    ],
    hidden: &["vip_note"],
    n_rows: 200,
};

/// Payments, in an Arrow IPC file.
pub const PAYMENTS: Table = Table {
    name: "presto.finance.payments",
    columns: &[
        ("payment_id", Kind::Int),
        ("rider_id", Kind::Text),
        ("card_last4", Kind::Text),
        ("amount", Kind::Money),
        ("currency", Kind::Text),
        ("paid_at", Kind::Time),
    ],
    hidden: &[],
    n_rows: 300,
};

/// Events, as NDJSON.
pub const EVENTS: Table = Table {
    name: "hdfs.raw.events",
    columns: &[
        ("event_id", Kind::Int),
        ("rider_id", Kind::Text),
        ("event_type", Kind::Text),
        ("ts", Kind::Time),
        ("region", Kind::Text),
        ("body", Kind::Text),
    ],
    hidden: &[],
    n_rows: 300,
};

impl Table {
    /// The last part of the name.
    pub fn short(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// Position of a column.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn index(&self, column: &str) -> usize {
        self.columns.iter().position(|(name, _)| *name == column).expect("a column of the table")
    }
}

/// Number of riders that trips, payments and events refer to; some of them are no rider of the table.
const RIDER_IDS: usize = 220;
const DAY_US: i64 = 86_400_000_000;
/// 2038-01-01: every row that retention keeps lies after it, every other one before 2004.
const RECENT_US: i64 = 2_145_916_800_000_000;
const LONG_AGO_US: i64 = 978_307_200_000_000;

/// Makes rows one after the other. Rows of two sources with different `salt` never hold the same canary.
pub struct RowSource {
    rng: StdRng,
    salt: String,
    next: usize,
}

impl RowSource {
    /// Rows that follow from `seed`.
    pub fn new(seed: u64, salt: &str) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), salt: salt.to_owned(), next: 0 }
    }

    /// The next row of `table`.
    pub fn row(&mut self, table: &Table) -> Row {
        let row_idx = self.next;
        self.next += 1;
        match table.short() {
            "trips" => self.trip(row_idx),
            "riders" => self.rider(row_idx),
            "payments" => self.payment(row_idx),
            "events" => self.event(row_idx),
            other => panic!("no rows for {other}"),
        }
    }

    fn canary(&self, table: &str, column: &str, row_idx: usize) -> String {
        format!("{CANARY}{table}.{column}.{}{row_idx}", self.salt)
    }

    fn some(&mut self, nulls_in_100: u32, cell: Cell) -> Cell {
        if self.rng.random_range(0..100) < nulls_in_100 { Cell::Null } else { cell }
    }

    fn rider_ref(&mut self) -> Cell {
        let number = self.rng.random_range(0..RIDER_IDS);
        self.some(4, Cell::Text(format!("R{}", 1000 + number)))
    }

    fn time(&mut self, old_in_100: u32) -> Cell {
        let old = self.rng.random_range(0..100) < old_in_100;
        let start = if old { LONG_AGO_US } else { RECENT_US };
        let time = start + self.rng.random_range(0..700) * DAY_US + self.rng.random_range(0..86_400) * 1_000_000;
        self.some(2, Cell::Time(time))
    }

    fn trip(&mut self, row_idx: usize) -> Row {
        let rider_id = self.rider_ref();
        let driver_id = self.rng.random_range(5_000..5_060);
        let city_id = self.rng.random_range(0..10);
        let lat = self.rng.random_range(52.0..52.6);
        let lng = self.rng.random_range(4.3..5.2);
        let fare = f64::from(self.rng.random_range(300..3_700)) / 100.0;
        let tip_cents = self.rng.random_range(-50..1_900);
        let payload = Cell::Struct(vec![
            Cell::Text(self.canary("trips", "phone", row_idx)),
            Cell::Float(f64::from(self.rng.random_range(0..400)) / 4.0),
            Cell::Text(self.canary("trips", "note", row_idx)),
        ]);
        let n_stops = self.rng.random_range(0..4);
        let stops =
            (0..n_stops).map(|stop| Some(format!("{}.{stop}", self.canary("trips", "stops", row_idx)))).collect();
        let models = ["heron", "kestrel", "plover"];
        let vehicle = Cell::Struct(vec![
            Cell::Text(models[row_idx % models.len()].to_owned()),
            Cell::Text(self.canary("trips", "plate", row_idx)),
        ]);
        vec![
            Cell::Int(row_idx as i64),
            rider_id,
            self.some(3, Cell::Int(driver_id)),
            Cell::Int(city_id),
            self.some(5, Cell::Float(lat)),
            self.some(5, Cell::Float(lng)),
            self.some(3, Cell::Float(fare)),
            self.some(10, Cell::Int(tip_cents)),
            self.time(10),
            self.some(6, payload),
            self.some(6, Cell::Texts(stops)),
            self.some(6, vehicle),
        ]
    }

    fn rider(&mut self, row_idx: usize) -> Row {
        let country = match self.rng.random_range(0..100) {
            0..25 => "NL",
            25..40 => "DE",
            40..52 => "FR",
            52..82 => "US",
            82..92 => "GB",
            _ => "IN",
        };
        let born = self.rng.random_range(-7_300..12_000);
        let consent = self.rng.random_range(0..100) < 22;
        let domain = self.rng.random_range(0..5);
        vec![
            Cell::Text(format!("R{}", 1000 + row_idx % RIDER_IDS)),
            Cell::Text(self.canary("riders", "name", row_idx)),
            {
                let email = format!("{}@dom{domain}.example", self.canary("riders", "email", row_idx));
                self.some(8, Cell::Text(email))
            },
            {
                let phone = self.canary("riders", "phone", row_idx);
                self.some(8, Cell::Text(phone))
            },
            self.some(3, Cell::Date(born)),
            self.some(2, Cell::Text(country.to_owned())),
            self.some(5, Cell::Bool(consent)),
            self.time(30),
            Cell::Text(self.canary("riders", "vip_note", row_idx)),
        ]
    }

    fn payment(&mut self, row_idx: usize) -> Row {
        let currency = if self.rng.random_range(0..100) < 50 { "EUR" } else { "USD" };
        let amount = self.rng.random_range(-300..2_900);
        vec![
            Cell::Int(row_idx as i64),
            self.rider_ref(),
            {
                let card = self.canary("payments", "card_last4", row_idx);
                self.some(5, Cell::Text(card))
            },
            self.some(4, Cell::Money(amount)),
            self.some(2, Cell::Text(currency.to_owned())),
            self.time(20),
        ]
    }

    fn event(&mut self, row_idx: usize) -> Row {
        let event_type = match self.rng.random_range(0..100) {
            0..10 => "tap",
            10..30 => "debug",
            30..60 => "open",
            _ => "scroll",
        };
        let region = if self.rng.random_range(0..100) < 90 { "eu" } else { "us" };
        vec![
            Cell::Int(row_idx as i64),
            self.rider_ref(),
            self.some(2, Cell::Text(event_type.to_owned())),
            self.time(20),
            self.some(2, Cell::Text(region.to_owned())),
            {
                let body = self.canary("events", "body", row_idx);
                self.some(10, Cell::Text(body))
            },
        ]
    }
}
