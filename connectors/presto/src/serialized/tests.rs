mod recorded;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

/// A page that a server sent.
struct Recorded {
    name: &'static str,
    types: &'static [&'static str],
    page: &'static str,
    rows: &'static [&'static str],
}

impl Recorded {
    fn bytes(&self) -> Vec<u8> {
        BASE64.decode(self.page).unwrap()
    }

    fn types(&self) -> Vec<(SqlType, DataType)> {
        self.types
            .iter()
            .map(|text| SqlType::parse(text))
            .map(|sql_type| (sql_type.clone(), sql_type.arrow().unwrap()))
            .collect()
    }

    fn read(&self, bytes: &[u8], batch_rows: usize) -> Result<Vec<RecordBatch>, Flaw> {
        all(bytes, &self.types(), batch_rows)
    }
}

/// Every batch of a page; rows that were read fit together.
fn all(bytes: &[u8], types: &[(SqlType, DataType)], batch_rows: usize) -> Result<Vec<RecordBatch>, Flaw> {
    let columns: Vec<_> = types.iter().map(|(sql_type, data_type)| (sql_type, data_type)).collect();
    let rows = read(bytes, &columns)?;
    let mut waiting = Waiting::new(VecDeque::from([rows]), &schema(types), batch_rows);
    let mut batches = Vec::new();
    while let Some(batch) = waiting.next().unwrap() {
        batches.push(batch);
    }
    Ok(batches)
}

fn schema(types: &[(SqlType, DataType)]) -> SchemaRef {
    let fields: Vec<_> = types.iter().map(|(_, data_type)| Field::new("c", data_type.clone(), true)).collect();
    Arc::new(Schema::new(fields))
}

fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let rows = |batch: &RecordBatch| {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        let row = |at| columns.iter().map(|column| column.value(at).to_string()).collect::<Vec<_>>().join(" | ");
        (0..batch.num_rows()).map(row).collect::<Vec<_>>()
    };
    batches.iter().flat_map(rows).collect()
}

#[test]
fn pages_of_a_server_hold_what_it_gives_as_json() {
    for recorded in recorded::ALL {
        let whole = recorded.read(&recorded.bytes(), 1_000).unwrap();
        assert_eq!(shown(&whole), recorded.rows, "{}", recorded.name);
        assert_eq!(whole.len(), 1, "{}", recorded.name);
        let in_twos = recorded.read(&recorded.bytes(), 2).unwrap();
        assert_eq!(shown(&in_twos), recorded.rows, "{}", recorded.name);
        assert!(in_twos.iter().all(|batch| batch.num_rows() <= 2), "{}", recorded.name);
        let mut followed = recorded.bytes();
        followed.extend([0; 100]);
        assert_eq!(shown(&recorded.read(&followed, 1_000).unwrap()), recorded.rows, "{}", recorded.name);
    }
}

#[test]
fn a_page_that_ends_anywhere_before_its_end_is_damaged() {
    for recorded in recorded::ALL {
        let bytes = recorded.bytes();
        for end in 0..bytes.len() {
            let damaged = matches!(recorded.read(&bytes[..end], 1_000), Err(Flaw::Damaged(_)));
            assert!(damaged, "{} cut at {end}", recorded.name);
        }
    }
}

/// Whatever comes out of damaged bytes that are not found to be damaged can be shown as a whole.
#[test]
fn bytes_that_are_damaged_anywhere_are_told_or_read_as_others() {
    let (mut n_told, mut n_read) = (0, 0);
    for recorded in recorded::ALL {
        let bytes = recorded.bytes();
        for at in 0..bytes.len() {
            for change in [0x01, 0x02, 0x10, 0x40, 0x80, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                match recorded.read(&damaged, 1_000) {
                    Ok(batches) => {
                        n_read += 1;
                        let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                        if n_rows < 10_000 {
                            assert_eq!(shown(&batches).len(), n_rows);
                        }
                    }
                    Err(_) => n_told += 1,
                }
            }
        }
    }
    assert!(n_told > 1_000 && n_read > 1_000, "{n_told} told, {n_read} read");
}

#[test]
fn numbers_that_are_damaged_are_told_or_read_as_others() {
    for recorded in recorded::ALL {
        let bytes = recorded.bytes();
        for at in 0..bytes.len().saturating_sub(3) {
            for number in [0, 1, 3, 4_096, i32::MAX, i32::MAX - 1, -1, i32::MIN] {
                let mut damaged = bytes.clone();
                damaged[at..at + 4].copy_from_slice(&number.to_le_bytes());
                if let Ok(rows) = read(&damaged, &recorded.types().iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()) {
                    // A page may say that it stands for very many rows; nobody need take them all.
                    let mut waiting = Waiting::new(VecDeque::from([rows]), &schema(&recorded.types()), 1_000);
                    assert!(waiting.next().is_ok());
                }
            }
        }
    }
}

#[test]
fn every_flip_in_a_page_with_a_checksum_is_told() {
    let checked = recorded::ALL.iter().find(|recorded| recorded.name.contains("checksum")).unwrap();
    let bytes = checked.bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            // The bit that says that there is a checksum is the one that cannot be found out.
            if (at, bit) != (4, 2) {
                assert!(checked.read(&damaged, 1_000).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}

/// A page made here, of blocks that no server sent.
fn page(n_rows: i32, blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = i32::try_from(blocks.len()).unwrap().to_le_bytes().to_vec();
    blocks.iter().for_each(|block| body.extend(block));
    let size = i32::try_from(body.len()).unwrap().to_le_bytes();
    [&n_rows.to_le_bytes()[..], &[0], &size, &size, &[0; 8], &body].concat()
}

fn block(name: &str, parts: &[&[u8]]) -> Vec<u8> {
    [&i32::try_from(name.len()).unwrap().to_le_bytes()[..], name.as_bytes(), &parts.concat()].concat()
}

fn ints(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn text_block(texts: &[&[u8]], nulls: &[u8]) -> Vec<u8> {
    let mut end = 0;
    let ends: Vec<i32> = texts
        .iter()
        .map(|text| {
            end += i32::try_from(text.len()).unwrap();
            end
        })
        .collect();
    let n = i32::try_from(texts.len()).unwrap();
    block("VARIABLE_WIDTH", &[&ints(&[n]), &ints(&ends), nulls, &ints(&[end]), &texts.concat()])
}

fn check(sql_type: &str, n_rows: i32, block: Vec<u8>, expected: Result<&[&str], Flaw>) {
    let sql_type = SqlType::parse(sql_type);
    let types = [(sql_type.clone(), sql_type.arrow().unwrap())];
    let found = all(&page(n_rows, &[block]), &types, 1_000).map(|batches| shown(&batches));
    assert_eq!(found, expected.map(|rows| rows.iter().map(|row| (*row).to_owned()).collect()), "{sql_type}");
}

#[test]
fn texts_are_utf_8_as_json_has_them() {
    check("varchar", 2, text_block(&[b"caf\xe9", b"\xc3\xa9"], &[0]), Ok(&["caf\u{fffd}", "é"]));
    // The bytes are UTF-8 only as a whole.
    check("varchar", 2, text_block(&[b"\xc3", b"\xa9"], &[0]), Ok(&["\u{fffd}", "\u{fffd}"]));
    check("char(3)", 2, text_block(&["é".as_bytes(), b""], &[0]), Ok(&["é  ", "   "]));
}

#[test]
fn what_stands_behind_a_null_is_not_read() {
    for sql_type in ["varchar", "varbinary"] {
        let sql_type = SqlType::parse(sql_type);
        let types = [(sql_type.clone(), sql_type.arrow().unwrap())];
        let bytes = page(2, &[text_block(&[b"secret", b"x"], &[1, 0b1000_0000])]);
        let batches = all(&bytes, &types, 1_000).unwrap();
        let data = batches[0].column(0).to_data();
        assert_eq!((data.null_count(), data.buffers()[1].as_slice()), (1, &b"x"[..]), "{sql_type}");
    }
    let items = block("INT_ARRAY", &[&ints(&[3]), &[0], &ints(&[1, 2, 3])]);
    let lists = block("ARRAY", &[&items, &ints(&[2]), &ints(&[0, 2, 3]), &[1, 0b1000_0000]]);
    let sql_type = SqlType::parse("array(integer)");
    let types = [(sql_type.clone(), sql_type.arrow().unwrap())];
    let batches = all(&page(2, &[lists]), &types, 1_000).unwrap();
    assert_eq!(shown(&batches), ["null", "[3]"]);
    assert_eq!(batches[0].column(0).to_data().child_data()[0].len(), 1);
}

#[test]
fn a_value_that_its_type_does_not_hold_is_told() {
    let long = |number: i64| block("LONG_ARRAY", &[&ints(&[1]), &[0], &number.to_le_bytes()]);
    let byte = |number: u8| block("BYTE_ARRAY", &[&ints(&[1]), &[0], &[number]]);
    let magnitude = |bytes: [u8; 16]| block("INT128_ARRAY", &[&ints(&[1]), &[0], &bytes]);
    check("decimal(3,1)", 1, long(-999), Ok(&["-99.9"]));
    check("decimal(3,1)", 1, long(1_000), Err(Flaw::Misfit(0)));
    check("decimal(38,0)", 1, magnitude([0xFF; 16]), Err(Flaw::Misfit(0)));
    check("decimal(38,0)", 1, magnitude((i128::MIN + 5).to_le_bytes()), Ok(&["-5"]));
    check("time", 1, long(86_400_000), Err(Flaw::Misfit(0)));
    check("timestamp", 1, long(i64::MAX / 1_000 + 1), Err(Flaw::Misfit(0)));
    check("timestamp with time zone", 1, long(i64::MIN), Ok(&["-69387-04-22T03:45:14.752Z"]));
    check("boolean", 1, byte(2), Err(Flaw::Misfit(0)));
    check("unknown", 1, byte(0), Err(Flaw::Misfit(0)));
    check("bigint", 1, byte(0), Err(Flaw::Damaged("a block is not of its column's type")));
    check("double", 1, long(f64::to_bits(-f64::NAN).cast_signed()), Ok(&["NaN"]));
}

#[test]
fn a_few_bytes_cannot_mean_more_than_memory_holds() {
    let repeated = |n: i32, value: &[u8]| block("RLE", &[&ints(&[n]), value]);
    let one = block("LONG_ARRAY", &[&ints(&[1]), &[0], &7_i64.to_le_bytes()]);
    let sql_type = SqlType::BigInt;
    let (bytes, data_type) = (page(i32::MAX, &[repeated(i32::MAX, &one)]), DataType::Int64);
    let rows = read(&bytes, &[(&sql_type, &data_type)]).unwrap();
    let mut waiting = Waiting::new(VecDeque::from([rows]), &schema(&[(sql_type, data_type)]), 1_000);
    assert_eq!(waiting.next().unwrap().unwrap().num_rows(), 1_000);
    // As items of a list, they would all have to be there at once.
    let many = block("ARRAY", &[&repeated(i32::MAX, &one), &ints(&[1]), &ints(&[0, i32::MAX]), &[0]]);
    check("array(bigint)", 1, many, Err(Flaw::Damaged("it means more than its size allows")));
    let mut deep = one;
    for _ in 0..100 {
        deep = repeated(1, &deep);
    }
    check("bigint", 1, deep, Err(Flaw::Damaged("its blocks lie too deep within each other")));
    // A large value for each of many rows: batches get fewer rows.
    let large = repeated(100, &text_block(&[&[b'x'; 5 << 20]], &[0]));
    let types = [(SqlType::Text, DataType::Utf8)];
    let sizes: Vec<_> = all(&page(100, &[large]), &types, 1_000).unwrap().iter().map(RecordBatch::num_rows).collect();
    assert_eq!((sizes.iter().sum::<usize>(), sizes.iter().max()), (100, Some(&3)));
}

#[test]
fn pages_that_are_not_as_agreed_are_told() {
    let picked = &recorded::ALL[0];
    let mut encrypted = picked.bytes();
    encrypted[4] = 2;
    assert_eq!(picked.read(&encrypted, 10).unwrap_err(), Flaw::Damaged("it is encrypted"));
    encrypted[4] = 8;
    assert_eq!(picked.read(&encrypted, 10).unwrap_err(), Flaw::Damaged("its codec is unknown"));
    assert_eq!(all(&picked.bytes(), &picked.types()[1..], 10).unwrap_err(), Flaw::Damaged("it has other columns"));
    let one = block("INT_ARRAY", &[&ints(&[1]), &[0], &ints(&[7])]);
    check("integer", 2, one, Err(Flaw::Damaged("its columns are of different lengths")));
    let unknown = block(
        "DICTIONARY",
        &[&ints(&[1]), &block("INT_ARRAY", &[&ints(&[1]), &[0], &ints(&[7])]), &ints(&[1]), &[0; 24]],
    );
    check("integer", 1, unknown, Err(Flaw::Damaged("it refers to a value that is not there")));
}

#[test]
fn small_batches_of_several_pages_are_put_together() {
    let recorded = &recorded::ALL[0];
    let types = recorded.types();
    let columns: Vec<_> = types.iter().map(|(sql_type, data_type)| (sql_type, data_type)).collect();
    let pages: VecDeque<_> = (0..100).map(|_| read(&recorded.bytes(), &columns).unwrap()).collect();
    let mut waiting = Waiting::new(pages, &schema(&types), 40);
    let mut sizes = Vec::new();
    while let Some(batch) = waiting.next().unwrap() {
        sizes.push(batch.num_rows());
    }
    assert_eq!((sizes.iter().sum::<usize>(), sizes.iter().min(), sizes.iter().max()), (500, Some(&10), Some(&10)));
}
