//! Values a second of each treatment on one core, on batches of 8192 rows.
#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lockgate_policies::{KeyRing, Treatment};

const N_ROWS: u64 = 8_192;

/// Numbers that look random and are the same in every run.
fn scattered(row_idx: u64) -> u64 {
    let mut word = row_idx.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ (word >> 27)
}

fn inputs() -> Vec<(&'static str, ArrayRef, Vec<Treatment>)> {
    use Treatment::{EmailDomain, Geo1km, Geo10km, Hash, Last4, Month, Null, Redact, Round100, Year};
    let words = || (0..N_ROWS).map(scattered);
    let long = StringArray::from_iter_values(words().map(|word| format!("{word:032x}-abc")));
    let short = StringArray::from_iter_values((0..N_ROWS).map(|row_idx| (1001 + row_idx).to_string()));
    let mails = StringArray::from_iter_values(words().map(|word| format!("person.{}@example.com", word % 100_000)));
    let instants = TimestampMicrosecondArray::from_iter_values(words().map(|word| (word >> 13) as i64));
    let degrees = Float64Array::from_iter_values(words().map(|word| (word % 1_800_000) as f64 / 10_000.0 - 90.0));
    let bytes = BinaryArray::from_iter_values(words().map(u64::to_be_bytes));
    vec![
        ("text_36", Arc::new(long), vec![Hash, Last4, Redact, Null]),
        ("text_4", Arc::new(short), vec![Hash, Last4]),
        ("email", Arc::new(mails), vec![Hash, EmailDomain]),
        ("int64", Arc::new(Int64Array::from_iter_values(words().map(u64::cast_signed))), vec![Hash, Round100]),
        ("binary_8", Arc::new(bytes), vec![Hash]),
        ("timestamp", Arc::new(instants), vec![Month, Year]),
        ("float64", Arc::new(degrees), vec![Geo1km, Geo10km, Round100]),
    ]
}

fn treatments(criterion: &mut Criterion) {
    let key = KeyRing::from_secret([7u8; KeyRing::SECRET_BYTES], "bench").purpose_key("analytics");
    let mut group = criterion.benchmark_group("treatments");
    group.throughput(Throughput::Elements(N_ROWS));
    for (name, array, treatments) in inputs() {
        for treatment in treatments {
            group.bench_function(format!("{treatment}/{name}"), |bencher| {
                bencher.iter(|| treatment.apply(black_box(&array), Some(&key)).map_err(|error| error.to_string()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, treatments);
criterion_main!(benches);
