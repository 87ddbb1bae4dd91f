//! `hash`: a keyed token. Equal values of one purpose have equal tokens, so joins and groups keep working; without the
//! key a token cannot be made or checked.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, FixedSizeBinaryArray, GenericBinaryArray,
    OffsetSizeTrait, PrimitiveArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow_schema::DataType;

use super::{Kernel, Reach, Spec, fresh, text};
use crate::keys::PurposeKey;

pub(super) const SPEC: Spec = Spec {
    name: "hash",
    does: "a token that equal values of one purpose share",
    more: "HMAC-SHA256 under the purpose's key: 32 hex digits, an integer, or bytes; nulls stay null",
    types: "text, Int64, Binary, LargeBinary, FixedSizeBinary of 8 bytes or more",
    reach: Reach::Elements { fits: has_token, makes_nulls: false },
    kernel: Kernel::Keyed(hash),
};

const LEAST_FIXED_BYTES: i32 = 8;
/// Length of a token of text.
const HEX_DIGITS: usize = 32;

fn has_token(data_type: &DataType) -> bool {
    match data_type {
        DataType::Int64 | DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        DataType::FixedSizeBinary(width) => *width >= LEAST_FIXED_BYTES,
        other => text::is_text(other),
    }
}

fn hash(array: &ArrayRef, key: &PurposeKey) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Int64 => Ok(Arc::new(integers(array.as_primitive(), key))),
        DataType::Binary => Ok(Arc::new(binary(array.as_binary::<i32>(), key)?)),
        DataType::LargeBinary => Ok(Arc::new(binary(array.as_binary::<i64>(), key)?)),
        DataType::BinaryView => Ok(Arc::new(binary_views(array.as_binary_view(), key)?)),
        DataType::FixedSizeBinary(width) => Ok(Arc::new(fixed(array.as_fixed_size_binary(), *width, key)?)),
        _ => text::map(array, HEX_DIGITS, |value, bytes| {
            bytes.extend_from_slice(hex_token(key.mac(value.as_bytes())).as_flattened());
        }),
    }
}

/// The first 16 bytes of the code, as 32 lower-case hex digits.
fn hex_token([first, second, third, fourth, ..]: [u32; 8]) -> [[u8; 8]; 4] {
    [hex_digits(first), hex_digits(second), hex_digits(third), hex_digits(fourth)]
}

/// All eight digits at once: the nibbles are spread over the bytes of one word, then turned to ASCII.
fn hex_digits(word: u32) -> [u8; 8] {
    let word = u64::from(word);
    let halves = ((word & 0xffff_0000) << 16) | (word & 0xffff);
    let bytes = ((halves & 0x0000_ff00_0000_ff00) << 8) | (halves & 0x0000_00ff_0000_00ff);
    let nibbles = ((bytes & 0x00f0_00f0_00f0_00f0) << 4) | (bytes & 0x000f_000f_000f_000f);
    let letters = ((nibbles + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (nibbles + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'9' - 1)).to_be_bytes()
}

/// The first 16 bytes of the code.
fn byte_token([first, second, third, fourth, ..]: [u32; 8]) -> [[u8; 4]; 4] {
    [first.to_be_bytes(), second.to_be_bytes(), third.to_be_bytes(), fourth.to_be_bytes()]
}

/// The token of an integer is the first 8 bytes of the code of its 8 big-endian bytes.
fn integers(array: &PrimitiveArray<Int64Type>, key: &PurposeKey) -> PrimitiveArray<Int64Type> {
    let token = |value: i64| {
        let [first, second, ..] = key.mac(&value.to_be_bytes());
        ((u64::from(first) << 32) | u64::from(second)).cast_signed()
    };
    let values: Vec<i64> = array.iter().map(|value| value.map_or(0, token)).collect();
    PrimitiveArray::new(values.into(), fresh::nulls(array.nulls()))
}

fn binary<O: OffsetSizeTrait>(
    array: &GenericBinaryArray<O>,
    key: &PurposeKey,
) -> Result<GenericBinaryArray<O>, ArrowError> {
    let mut bytes = Vec::new();
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(O::default());
    for value in array {
        if let Some(value) = value {
            bytes.extend_from_slice(byte_token(key.mac(value)).as_flattened());
        }
        offsets.push(O::from_usize(bytes.len()).ok_or(ArrowError::OffsetOverflowError(bytes.len()))?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    GenericBinaryArray::try_new(offsets, Buffer::from_vec(bytes), fresh::nulls(array.nulls()))
}

fn binary_views(array: &BinaryViewArray, key: &PurposeKey) -> Result<BinaryViewArray, ArrowError> {
    let mut tokens = BinaryViewBuilder::with_capacity(array.len());
    for value in array {
        match value {
            Some(value) => tokens.try_append_value(byte_token(key.mac(value)).as_flattened())?,
            None => tokens.append_null(),
        }
    }
    Ok(tokens.finish())
}

/// The first `width` bytes of the code of the value, followed, where that is too short, by the codes of its code and a counter.
fn fixed(array: &FixedSizeBinaryArray, width: i32, key: &PurposeKey) -> Result<FixedSizeBinaryArray, ArrowError> {
    let n_bytes = usize::try_from(width).unwrap_or(0);
    let mut bytes = Vec::with_capacity(array.len() * n_bytes);
    for (row_idx, value) in array.iter().enumerate() {
        let end = (row_idx + 1) * n_bytes;
        if let Some(value) = value {
            let code = key.mac(value).map(u32::to_be_bytes);
            bytes.extend_from_slice(code.as_flattened());
            for counter in 1u32.. {
                if bytes.len() >= end {
                    break;
                }
                let next = key.mac(&[code.as_flattened(), &counter.to_be_bytes()].concat());
                bytes.extend_from_slice(next.map(u32::to_be_bytes).as_flattened());
            }
        }
        bytes.resize(end, 0);
    }
    FixedSizeBinaryArray::try_new_with_len(width, Buffer::from_vec(bytes), fresh::nulls(array.nulls()), array.len())
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Int64Array, StringArray};
    use hmac::{Hmac, Mac};
    use sha2::Sha256;

    use super::*;
    use crate::Treatment;
    use crate::keys::KeyRing;
    use crate::treatments::tests::{apply, key};

    /// HMAC-SHA256 under the key that the tests use, from the `hmac` crate.
    fn reference(message: &[u8]) -> Vec<u8> {
        let code = |key: &[u8], message: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        };
        let derivation = [b"lockgate purpose key 1".as_slice(), &2u64.to_be_bytes(), b"k1fraud"].concat();
        code(&code(b"a secret of the tests, 32 bytes long", &derivation), message)
    }

    #[test]
    fn token_of_text_is_half_the_code_in_hex() {
        for text in ["", "1001", "日本語", &"long ".repeat(40)] {
            let array: ArrayRef = Arc::new(StringArray::from(vec![Some(text), None]));
            let treated = apply(Treatment::Hash, &array);
            let tokens = treated.as_string::<i32>();
            assert_eq!(tokens.value(0), hex::encode(&reference(text.as_bytes())[..16]));
            assert!(tokens.is_null(1));
        }
    }

    #[test]
    fn token_of_an_integer_is_the_first_eight_bytes_of_the_code() {
        for number in [0, 1, -1, 1001, i64::MIN, i64::MAX] {
            let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(number), None]));
            let treated = apply(Treatment::Hash, &array);
            let tokens = treated.as_primitive::<Int64Type>();
            assert_eq!(tokens.value(0).to_be_bytes(), reference(&number.to_be_bytes())[..8]);
            assert!(tokens.is_null(1));
        }
    }

    #[test]
    fn token_of_bytes_is_half_the_code() {
        let array: ArrayRef = Arc::new(BinaryArray::from(vec![Some(b"\xff\x00".as_slice()), None]));
        let treated = apply(Treatment::Hash, &array);
        assert_eq!(treated.as_binary::<i32>().value(0), &reference(b"\xff\x00")[..16]);
    }

    #[test]
    fn token_of_fixed_bytes_fills_their_size() {
        for width in [8usize, 16, 31, 32, 33, 100] {
            let value: Vec<u8> = (0..width).map(|byte| byte as u8).collect();
            let array: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([value.clone()].iter()).unwrap());
            let treated = apply(Treatment::Hash, &array);
            let code = reference(&value);
            let mut expected = code.clone();
            for counter in 1u32..4 {
                expected.extend(reference(&[code.as_slice(), &counter.to_be_bytes()].concat()));
            }
            assert_eq!(treated.as_fixed_size_binary().value(0), &expected[..width]);
        }
        assert!(!Treatment::Hash.fits(&DataType::FixedSizeBinary(7)));
    }

    #[test]
    fn tokens_of_two_purposes_differ_and_layouts_of_one_text_agree() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["1001"]));
        let token = |array: &ArrayRef, purpose: &str| {
            let treated = Treatment::Hash.apply(array, Some(&key(purpose))).unwrap();
            arrow::compute::cast(&treated, &DataType::Utf8).unwrap().as_string::<i32>().value(0).to_owned()
        };
        assert_ne!(token(&array, "fraud"), token(&array, "analytics"));
        for data_type in [DataType::LargeUtf8, DataType::Utf8View] {
            let other = arrow::compute::cast(&array, &data_type).unwrap();
            assert_eq!(token(&array, "fraud"), token(&other, "fraud"));
        }
        let rotated = KeyRing::from_secret("a secret of the tests, 32 bytes long", "k2").purpose_key("fraud");
        let treated = Treatment::Hash.apply(&array, Some(&rotated)).unwrap();
        assert_ne!(treated.as_string::<i32>().value(0), token(&array, "fraud"));
    }
}
