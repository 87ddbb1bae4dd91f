//! `presto.finance.payments`: one row for each card payment; every second trip is paid by card.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::calendar::Calendar;
use super::dice::Dice;
use super::{Scale, files, riders, trips};

struct Payment {
    rider_idx: u64,
    card_last4: String,
    amount: f64,
    currency: &'static str,
    paid_at: i64,
}

fn payment(calendar: Calendar, scale: Scale, payment_idx: u64) -> Payment {
    let trip_idx = payment_idx * 2 % scale.trips.max(1);
    let trip = trips::trip(calendar, scale, trip_idx);
    let mut dice = Dice::of(31, payment_idx);
    let (currency, rate) = match riders::contact(trip.rider_idx).country {
        "GB" => ("GBP", 0.86),
        "PL" => ("PLN", 4.31),
        "US" => ("USD", 1.08),
        _ => ("EUR", 1.0),
    };
    Payment {
        rider_idx: trip.rider_idx,
        card_last4: format!("{:04}", Dice::of(32, trip.rider_idx).below(10_000)),
        amount: (trip.fare * rate * 100.0).round() / 100.0,
        currency,
        paid_at: (trip.requested_at + 60_000_000 * (5 + dice.below(55) as i64)).min(calendar.days_before(0) - 1),
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("payment_id", DataType::Utf8, false),
        Field::new("rider_id", DataType::Utf8, false),
        Field::new("card_last4", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, false),
        Field::new("currency", DataType::Utf8, false),
        Field::new("paid_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
    ]))
}

pub(super) fn write(path: &Path, calendar: Calendar, scale: Scale) -> io::Result<()> {
    files::write_parquet(path, schema(), 0..scale.payments, |payment_idxs| {
        let payments: Vec<Payment> =
            payment_idxs.clone().map(|payment_idx| payment(calendar, scale, payment_idx)).collect();
        let instants = payments.iter().map(|payment| payment.paid_at);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(payment_idxs.map(|payment_idx| format!("P{payment_idx:07}")))),
            Arc::new(StringArray::from_iter_values(payments.iter().map(|payment| riders::rider_id(payment.rider_idx)))),
            Arc::new(StringArray::from_iter_values(payments.iter().map(|payment| payment.card_last4.as_str()))),
            Arc::new(Float64Array::from_iter_values(payments.iter().map(|payment| payment.amount))),
            Arc::new(StringArray::from_iter_values(payments.iter().map(|payment| payment.currency))),
            Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC")),
        ];
        RecordBatch::try_new(schema(), columns)
    })
}
