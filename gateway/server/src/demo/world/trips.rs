//! `hive.rides.trips`: one row for each ride.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::calendar::Calendar;
use super::dice::Dice;
use super::{Scale, files, riders};

/// Days before the end when the first trip was made: more than the 730 that the policy keeps.
pub(super) const FIRST_TRIP: i64 = 3 * 365;

/// Latitude and longitude of the cities' centres; the city id is the position, from 1.
const CITIES: [(f64, f64); 12] = [
    (52.3731, 4.8922),
    (51.9225, 4.4792),
    (52.0907, 5.1214),
    (48.8566, 2.3522),
    (45.7640, 4.8357),
    (52.5200, 13.4050),
    (53.5511, 9.9937),
    (50.8503, 4.3517),
    (41.3874, 2.1686),
    (45.4642, 9.1900),
    (52.2297, 21.0122),
    (51.5074, -0.1278),
];

/// What payments need to know of a trip, and more.
pub(super) struct Trip {
    pub(super) rider_idx: u64,
    pub(super) requested_at: i64,
    /// In euro, with cents.
    pub(super) fare: f64,
    driver: u64,
    city_idx: u64,
    latitude: f64,
    longitude: f64,
    payload: Option<Payload>,
}

struct Payload {
    phone: Option<String>,
    tip: Option<f64>,
}

pub(super) fn trip(calendar: Calendar, scale: Scale, trip_idx: u64) -> Trip {
    let mut dice = Dice::of(21, trip_idx);
    let requested_at = calendar.at(FIRST_TRIP, (trip_idx as f64 + dice.share()) / scale.trips as f64);
    let rider_idx = riders::active(calendar, scale, requested_at, &mut dice);
    let city_idx = dice.below(CITIES.len() as u64);
    let (centre_lat, centre_lng) =
        usize::try_from(city_idx).ok().and_then(|idx| CITIES.get(idx)).copied().unwrap_or_default();
    let kilometres = 0.8 + 14.0 * dice.share() * dice.share();
    let payload = (!dice.percent(2)).then(|| Payload {
        phone: riders::contact(rider_idx).phone,
        tip: dice.percent(35).then(|| (dice.below(16) as f64) / 2.0),
    });
    Trip {
        rider_idx,
        requested_at,
        fare: ((3.2 + 1.85 * kilometres) * 100.0).round() / 100.0,
        driver: 2_001 + dice.below(scale.trips.div_ceil(100)),
        city_idx,
        latitude: around(centre_lat, &mut dice),
        longitude: around(centre_lng, &mut dice),
        payload,
    }
}

/// A coordinate with six decimals, mostly within some kilometres of the centre.
fn around(centre: f64, dice: &mut Dice) -> f64 {
    let offset = (dice.share() + dice.share() + dice.share() - 1.5) * 0.08;
    ((centre + offset) * 1e6).round() / 1e6
}

fn payload_fields() -> Fields {
    Fields::from(vec![Field::new("phone", DataType::Utf8, true), Field::new("tip", DataType::Float64, true)])
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("trip_id", DataType::Utf8, false),
        Field::new("rider_id", DataType::Utf8, false),
        Field::new("driver_id", DataType::Utf8, false),
        Field::new("city_id", DataType::Int64, false),
        Field::new("pickup_lat", DataType::Float64, true),
        Field::new("pickup_lng", DataType::Float64, true),
        Field::new("fare", DataType::Float64, true),
        Field::new("requested_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("payload", DataType::Struct(payload_fields()), true),
    ]))
}

/// Writes the trips of one file.
pub(super) fn write(path: &Path, calendar: Calendar, scale: Scale, trip_idxs: Range<u64>) -> io::Result<()> {
    files::write_parquet(path, schema(), trip_idxs, |trip_idxs| {
        let trips: Vec<Trip> = trip_idxs.clone().map(|trip_idx| trip(calendar, scale, trip_idx)).collect();
        let payloads = || trips.iter().map(|trip| trip.payload.as_ref());
        let payload = StructArray::try_new(
            payload_fields(),
            vec![
                Arc::new(
                    payloads()
                        .map(|payload| payload.and_then(|payload| payload.phone.as_deref()))
                        .collect::<StringArray>(),
                ),
                Arc::new(payloads().map(|payload| payload.and_then(|payload| payload.tip)).collect::<Float64Array>()),
            ],
            Some(NullBuffer::from_iter(payloads().map(|payload| payload.is_some()))),
        )?;
        let instants = trips.iter().map(|trip| trip.requested_at);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(trip_idxs.map(|trip_idx| format!("T{trip_idx:07}")))),
            Arc::new(StringArray::from_iter_values(trips.iter().map(|trip| riders::rider_id(trip.rider_idx)))),
            Arc::new(StringArray::from_iter_values(trips.iter().map(|trip| format!("D{}", trip.driver)))),
            Arc::new(Int64Array::from_iter_values(trips.iter().map(|trip| trip.city_idx as i64 + 1))),
            Arc::new(Float64Array::from_iter_values(trips.iter().map(|trip| trip.latitude))),
            Arc::new(Float64Array::from_iter_values(trips.iter().map(|trip| trip.longitude))),
            Arc::new(Float64Array::from_iter_values(trips.iter().map(|trip| trip.fare))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC")),
            Arc::new(payload),
        ];
        RecordBatch::try_new(schema(), columns)
    })
}
