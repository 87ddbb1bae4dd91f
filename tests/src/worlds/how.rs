//! How a column is shown, implemented a second time and from the manual alone: the oracle must not share a fault with the
//! product. Works cell by cell.

use chrono::{DateTime, Datelike, NaiveDate};
use hmac::{Hmac, Mac};
use rand::Rng;
use rand::rngs::StdRng;
use sha2::Sha256;

use super::cell::{Cell, Kind};

/// How a column is shown. A column that is not listed is withheld.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum How {
    /// As it is.
    Clear,
    /// Last four characters.
    Last4,
    /// Domain of an e-mail address.
    EmailDomain,
    /// Floor to 0.01 degree.
    Geo1km,
    /// Floor to 0.1 degree.
    Geo10km,
    /// First day of the month.
    Month,
    /// First day of the year.
    Year,
    /// Floor to hundreds.
    Round100,
    /// Token under the purpose's key.
    Hash,
    /// A constant.
    Redact,
    /// Null.
    Null,
    /// Field by field; a field that is not listed is withheld.
    Fields(&'static [(&'static str, How)]),
}

/// The secret of every test world's key ring, and its id.
pub const SECRET: (&[u8], &str) = (b"the secret of the test worlds, 32 bytes and more", "t1");

fn code(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Code of a message under the key of a purpose.
fn token(purpose: &str, message: &[u8]) -> Vec<u8> {
    let (secret, key_id) = SECRET;
    let length = (key_id.len() as u64).to_be_bytes();
    let key = code(secret, &[b"lockgate purpose key 1", &length[..], key_id.as_bytes(), purpose.as_bytes()].concat());
    code(&key, message)
}

impl How {
    /// The type of the column as shown: only structs change, by the fields that are withheld.
    pub fn kind(self, kind: Kind) -> Kind {
        match (self, kind) {
            (How::Fields(shown), Kind::Struct(fields)) => {
                let kept: Vec<_> =
                    fields.iter().filter(|(name, _)| shown.iter().any(|(field, _)| field == name)).copied().collect();
                Kind::Struct(Box::leak(kept.into_boxed_slice()))
            }
            (_, kind) => kind,
        }
    }

    /// The cell as the asker sees it.
    ///
    /// # Panics
    /// When the treatment does not work on the type.
    pub fn show(self, kind: Kind, cell: &Cell, purpose: &str) -> Cell {
        match (self, cell) {
            (How::Clear, cell) => cell.clone(),
            (How::Null, _) => Cell::Null,
            (How::Redact, _) => constant(kind),
            (_, Cell::Null) => Cell::Null,
            (How::Last4, Cell::Text(text)) => Cell::Text(last4(text)),
            (How::EmailDomain, Cell::Text(text)) => Cell::Text(match text.rsplit_once('@') {
                Some((_, domain)) => format!("***@{domain}"),
                None => "***".to_owned(),
            }),
            (How::Geo1km, Cell::Float(degrees)) => Cell::Float((degrees * 100.0).floor() / 100.0),
            (How::Geo10km, Cell::Float(degrees)) => Cell::Float((degrees * 10.0).floor() / 10.0),
            (How::Month, Cell::Date(day)) => Cell::Date(days(first_of_month(date(*day)))),
            (How::Year, Cell::Date(day)) => Cell::Date(days(first_of_year(date(*day)))),
            (How::Month, Cell::Time(time)) => Cell::Time(micros(first_of_month(date_of(*time)))),
            (How::Year, Cell::Time(time)) => Cell::Time(micros(first_of_year(date_of(*time)))),
            (How::Round100, Cell::Int(number)) => Cell::Int(number.div_euclid(100) * 100),
            (How::Hash, Cell::Text(text)) => Cell::Text(hex::encode(&token(purpose, text.as_bytes())[..16])),
            (How::Hash, Cell::Int(number)) => {
                let code = token(purpose, &number.to_be_bytes());
                Cell::Int(i64::from_be_bytes(code[..8].try_into().expect("eight bytes")))
            }
            (How::Fields(shown), Cell::Struct(values)) => {
                let Kind::Struct(fields) = kind else { panic!("a struct cell in a column of {kind:?}") };
                let kept = fields.iter().zip(values).filter_map(|((name, kind), value)| {
                    let how = shown.iter().find(|(field, _)| field == name)?.1;
                    Some(how.show(*kind, value, purpose))
                });
                Cell::Struct(kept.collect())
            }
            (how, cell) => panic!("{how:?} does not work on {cell:?}"),
        }
    }

    /// Another raw cell that looks the same to the asker.
    pub fn look_alike(how: Option<How>, kind: Kind, cell: &Cell, rng: &mut StdRng) -> Cell {
        match (how, cell) {
            // A token is one-to-one and a clear value is itself: only the same value looks the same.
            (Some(How::Clear | How::Hash), cell) => cell.clone(),
            (None | Some(How::Null | How::Redact), _) => anything(kind, rng),
            (_, Cell::Null) => Cell::Null,
            (Some(How::Last4), Cell::Text(text)) => {
                let n_chars = text.chars().count();
                let (hidden, tail) = if n_chars <= 4 {
                    (n_chars, String::new())
                } else {
                    (n_chars - 4, text.chars().skip(n_chars - 4).collect())
                };
                let fresh: String = (0..hidden).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect();
                Cell::Text(format!("{fresh}{tail}"))
            }
            (Some(How::EmailDomain), Cell::Text(text)) => Cell::Text(match text.rsplit_once('@') {
                Some((_, domain)) => format!("{}@{domain}", word(rng)),
                None => word(rng),
            }),
            (Some(How::Geo1km), Cell::Float(degrees)) => {
                Cell::Float((degrees * 100.0).floor() / 100.0 + rng.random_range(0.001..0.009))
            }
            (Some(How::Geo10km), Cell::Float(degrees)) => {
                Cell::Float((degrees * 10.0).floor() / 10.0 + rng.random_range(0.01..0.09))
            }
            (Some(How::Month), Cell::Date(day)) => {
                Cell::Date(days(first_of_month(date(*day))) + rng.random_range(0..28))
            }
            (Some(How::Year), Cell::Date(day)) => {
                Cell::Date(days(first_of_year(date(*day))) + rng.random_range(0..365))
            }
            (Some(How::Month), Cell::Time(time)) => {
                Cell::Time(micros(first_of_month(date_of(*time))) + rng.random_range(0..28) * DAY_US)
            }
            (Some(How::Year), Cell::Time(time)) => {
                Cell::Time(micros(first_of_year(date_of(*time))) + rng.random_range(0..365) * DAY_US + 5)
            }
            (Some(How::Round100), Cell::Int(number)) => {
                Cell::Int(number.div_euclid(100) * 100 + rng.random_range(0..100))
            }
            (Some(How::Fields(shown)), Cell::Struct(values)) => {
                let Kind::Struct(fields) = kind else { panic!("a struct cell in a column of {kind:?}") };
                let alike = fields.iter().zip(values).map(|((name, kind), value)| {
                    let how = shown.iter().find(|(field, _)| field == name).map(|(_, how)| *how);
                    How::look_alike(how, *kind, value, rng)
                });
                Cell::Struct(alike.collect())
            }
            (how, cell) => panic!("{how:?} does not work on {cell:?}"),
        }
    }
}

const DAY_US: i64 = 86_400_000_000;

fn last4(text: &str) -> String {
    let n_chars = text.chars().count();
    let n_hidden = if n_chars <= 4 { n_chars } else { n_chars - 4 };
    let tail: String = text.chars().skip(n_hidden).collect();
    format!("{}{tail}", "*".repeat(n_hidden))
}

fn constant(kind: Kind) -> Cell {
    match kind {
        Kind::Int | Kind::SmallInt => Cell::Int(0),
        Kind::Float => Cell::Float(0.0),
        Kind::Text => Cell::Text("***".to_owned()),
        Kind::Bool => Cell::Bool(false),
        Kind::Date => Cell::Date(0),
        Kind::Time => Cell::Time(0),
        Kind::Money => Cell::Money(0),
        Kind::Struct(fields) => Cell::Struct(fields.iter().map(|(_, kind)| constant(*kind)).collect()),
        Kind::Texts => Cell::Texts(Vec::new()),
    }
}

fn word(rng: &mut StdRng) -> String {
    let n_chars = rng.random_range(0..30);
    (0..n_chars).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

/// Any cell of a type, nulls included.
fn anything(kind: Kind, rng: &mut StdRng) -> Cell {
    if rng.random_range(0..6) == 0 {
        return Cell::Null;
    }
    match kind {
        Kind::Int => Cell::Int(rng.random()),
        Kind::SmallInt => Cell::Int(i64::from(rng.random::<i32>())),
        Kind::Float => Cell::Float(rng.random_range(-1e9..1e9)),
        Kind::Text => Cell::Text(word(rng)),
        Kind::Bool => Cell::Bool(rng.random()),
        Kind::Date => Cell::Date(rng.random_range(-20_000..40_000)),
        Kind::Time => Cell::Time(rng.random_range(-1_000_000_000_000_000..3_000_000_000_000_000)),
        Kind::Money => Cell::Money(i128::from(rng.random_range(-1_000_000..1_000_000))),
        Kind::Struct(fields) => Cell::Struct(fields.iter().map(|(_, kind)| anything(*kind, rng)).collect()),
        Kind::Texts => Cell::Texts((0..rng.random_range(0..5)).map(|_| Some(word(rng))).collect()),
    }
}

fn date(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).expect("a date")
}

fn date_of(micros: i64) -> NaiveDate {
    DateTime::from_timestamp_micros(micros).expect("a time").date_naive()
}

fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).expect("a first day")
}

fn first_of_year(date: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(date.year(), 1, 1).expect("a new year's day")
}

fn days(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

fn micros(date: NaiveDate) -> i64 {
    i64::from(days(date)) * DAY_US
}
