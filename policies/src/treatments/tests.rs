//! What holds for every treatment; what one treatment does is tested in its own file.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, LargeStringArray, StringArray,
    StringViewArray, make_array,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::{Float32Type, Float64Type};
use arrow_schema::DataType;
use proptest::prelude::*;

use super::samples::{LEAF_TYPES, every_type, list_of, sample};
use super::*;
use crate::keys::KeyRing;

pub(crate) fn key(purpose: &str) -> PurposeKey {
    KeyRing::from_secret("a secret of the tests, 32 bytes long", "k1").purpose_key(purpose)
}

pub(crate) fn apply(treatment: Treatment, array: &ArrayRef) -> ArrayRef {
    let treated = treatment.apply(array, Some(&key("fraud"))).unwrap();
    assert_eq!(treated.data_type(), array.data_type(), "{treatment} keeps the type");
    assert_eq!(treated.len(), array.len(), "{treatment} keeps the length");
    treated.to_data().validate_full().unwrap();
    treated
}

/// Checks `cases` in every layout of text, between nulls, whole and as a slice.
pub(crate) fn check_text(treatment: Treatment, cases: &[(&str, &str)]) {
    let inputs: Vec<Option<&str>> = cases.iter().flat_map(|(input, _)| [Some(*input), None]).collect();
    let expected: Vec<Option<&str>> = cases.iter().flat_map(|(_, expected)| [Some(*expected), None]).collect();
    let arrays: [ArrayRef; 3] = [
        Arc::new(StringArray::from(inputs.clone())),
        Arc::new(LargeStringArray::from(inputs.clone())),
        Arc::new(StringViewArray::from(inputs)),
    ];
    for array in arrays {
        let expected = cast(&StringArray::from(expected.clone()), array.data_type()).unwrap();
        assert_eq!(&apply(treatment, &array), &expected);
        let (start, length) = (1, array.len() - 2);
        assert_eq!(&apply(treatment, &array.slice(start, length)), &expected.slice(start, length));
        assert_eq!(apply(treatment, &array.slice(0, 0)).len(), 0);
    }
    // Arrays without nulls, and without any multibyte character, may be treated faster.
    for (input, expected) in cases {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["other@1234", input, "", "some@5678"]));
        let treated = apply(treatment, &array.slice(1, 2));
        assert_eq!(treated.as_string::<i32>().value(0), *expected);
        assert!(treated.nulls().is_none());
    }
}

/// Checks `cases` as Float64 and, where the input survives it, as Float32.
pub(crate) fn check_coordinates(treatment: Treatment, cases: &[(f64, Option<f64>)]) {
    let inputs: ArrayRef =
        Arc::new(cases.iter().map(|(input, _)| Some(*input)).chain([None]).collect::<Float64Array>());
    let expected: Vec<Option<f64>> = cases.iter().map(|(_, expected)| *expected).chain([None]).collect();
    let treated = apply(treatment, &inputs);
    assert_eq!(treated.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), expected);
    assert!(treated.as_primitive::<Float64Type>().values().iter().all(|value| value.is_finite()));

    let inputs: ArrayRef = Arc::new(cases.iter().map(|(input, _)| Some(*input as f32)).collect::<Float32Array>());
    let treated = apply(treatment, &inputs);
    for ((_, expected), treated) in cases.iter().zip(treated.as_primitive::<Float32Type>()) {
        assert_eq!(treated, expected.map(|value| value as f32));
    }
}

#[test]
fn names_read_back() {
    for treatment in Treatment::ALL {
        assert_eq!(treatment.name().parse(), Ok(treatment));
        assert_eq!(treatment.to_string(), treatment.name());
    }
    let error = "Clear".parse::<Treatment>().unwrap_err();
    assert!(error.starts_with("`Clear` is not a treatment; use one of clear, last4"), "{error}");
}

#[test]
fn all_lists_each_treatment_once_from_most_to_least_revealing() {
    for (left_idx, left) in Treatment::ALL.into_iter().enumerate() {
        for right in &Treatment::ALL[left_idx + 1..] {
            assert!(!right.at_least_as_revealing(left), "{right} stands after {left}");
        }
    }
}

#[test]
fn declared_pairs_compare() {
    use Treatment::{Clear, Geo1km, Geo10km, Hash, Last4, Month, Null, Redact, Round100, Year};
    for (left, right, stricter) in [
        (Clear, Hash, Hash),
        (Geo1km, Geo10km, Geo10km),
        (Month, Year, Year),
        (Clear, Redact, Redact),
        (Redact, Null, Null),
        (Hash, Null, Null),
        (Hash, Last4, Null),
        (Month, Geo1km, Null),
        (Round100, Year, Null),
        (Hash, Redact, Null),
    ] {
        assert_eq!(left.meet(right), stricter, "{left} {right}");
    }
    assert!(Hash.at_least_as_revealing(Redact) && !Redact.at_least_as_revealing(Hash));
    assert!(!Hash.at_least_as_revealing(Last4) && !Last4.at_least_as_revealing(Hash));
}

fn any_treatment() -> impl Strategy<Value = Treatment> {
    proptest::sample::select(Treatment::ALL.to_vec())
}

proptest! {
    #[test]
    fn meet_is_a_lower_bound_and_no_order_matters(
        left in any_treatment(), middle in any_treatment(), right in any_treatment(),
    ) {
        prop_assert_eq!(left.meet(left), left);
        prop_assert_eq!(left.meet(right), right.meet(left));
        prop_assert_eq!(left.meet(middle).meet(right), left.meet(middle.meet(right)));
        prop_assert!(left.at_least_as_revealing(left.meet(right)));
        prop_assert!(right.at_least_as_revealing(left.meet(right)));
        if left.at_least_as_revealing(middle) && middle.at_least_as_revealing(right) {
            prop_assert!(left.at_least_as_revealing(right));
        }
        if left.at_least_as_revealing(right) && right.at_least_as_revealing(left) {
            prop_assert_eq!(left, right);
        }
    }

    #[test]
    fn tokens_of_text_are_equal_exactly_when_values_are(left in ".{0,80}", right in ".{0,80}") {
        let array: ArrayRef = Arc::new(StringArray::from(vec![left.clone(), right.clone(), left.clone()]));
        let treated = apply(Treatment::Hash, &array);
        let tokens = treated.as_string::<i32>();
        prop_assert_eq!(tokens.value(0) == tokens.value(1), left == right);
        prop_assert_eq!(tokens.value(0), tokens.value(2));
    }

    #[test]
    fn tokens_of_integers_are_equal_exactly_when_values_are(left: i64, right: i64) {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![left, right, left]));
        let treated = apply(Treatment::Hash, &array);
        let tokens = treated.as_primitive::<arrow::datatypes::Int64Type>();
        prop_assert_eq!(tokens.value(0) == tokens.value(1), left == right);
        prop_assert_eq!(tokens.value(0), tokens.value(2));
    }

    #[test]
    fn rows_are_treated_one_by_one(type_idx in 0..LEAF_TYPES, start in 0usize..20, n_rows in 0usize..20) {
        let array = sample(&every_type()[type_idx], 40, 3);
        let slice = array.slice(start, n_rows);
        for treatment in Treatment::ALL {
            if treatment.fits(array.data_type()) {
                let of_whole = apply(treatment, &array).slice(start, n_rows);
                prop_assert_eq!(&apply(treatment, &slice), &of_whole, "{} {}", treatment, array.data_type());
            }
        }
    }
}

/// Address ranges of all buffers, null masks included.
fn buffers(data: &ArrayData, ranges: &mut Vec<(usize, usize)>) {
    let masks = data.nulls().map(|nulls| nulls.buffer());
    for buffer in data.buffers().iter().chain(masks) {
        if !buffer.is_empty() {
            let allocated = buffer.data_ptr().as_ptr() as usize;
            ranges.push((allocated, allocated + buffer.len()));
        }
    }
    for child in data.child_data() {
        buffers(child, ranges);
    }
}

#[test]
fn nothing_but_clear_shares_a_buffer_with_its_input() {
    for data_type in every_type() {
        for array in [sample(&data_type, 100, 3), sample(&data_type, 100, 3).slice(8, 64), sample(&data_type, 64, 0)] {
            let mut raw = Vec::new();
            buffers(&array.to_data(), &mut raw);
            for treatment in Treatment::ALL.into_iter().filter(|treatment| *treatment != Treatment::Clear) {
                if treatment.fits(&data_type) {
                    let mut treated = Vec::new();
                    buffers(&apply(treatment, &array).to_data(), &mut treated);
                    let shared =
                        treated.iter().any(|(start, end)| raw.iter().any(|(from, to)| start < to && from < end));
                    assert!(!shared, "{treatment} of {data_type} shares a buffer");
                }
            }
        }
    }
}

#[test]
fn what_lies_under_a_null_is_gone() {
    for data_type in every_type() {
        let secret = sample(&data_type, 16, 0);
        if matches!(data_type, DataType::Union(..) | DataType::RunEndEncoded(..) | DataType::Null) {
            continue;
        }
        // The same rows, all null, with the raw values still in the buffers.
        let masked = |array: &ArrayRef| {
            let nulls = arrow::buffer::NullBuffer::new_null(array.len());
            make_array(array.to_data().into_builder().nulls(Some(nulls)).build().unwrap())
        };
        let other = sample(&data_type, 17, 0);
        let other = masked(&concat(&[&other.slice(1, 8), &other.slice(9, 8)]).unwrap());
        let masked = masked(&secret);
        for treatment in Treatment::ALL.into_iter().filter(|treatment| *treatment != Treatment::Clear) {
            if treatment.fits(&data_type) {
                let (left, right) = (apply(treatment, &masked).to_data(), apply(treatment, &other).to_data());
                assert_eq!(bytes(&left), bytes(&right), "{treatment} of {data_type}");
            }
        }
    }
}

fn bytes(data: &ArrayData) -> Vec<Vec<u8>> {
    let own = data.buffers().iter().map(|buffer| buffer.as_slice().to_vec());
    own.chain(data.child_data().iter().flat_map(bytes)).collect()
}

#[test]
fn lists_are_treated_element_by_element_and_keep_their_nulls() {
    for data_type in every_type() {
        for list_type in [list_of("list", &data_type), list_of("large", &data_type), list_of("fixed", &data_type)] {
            let lists = sample(&list_type, 30, 4);
            for treatment in Treatment::ALL {
                if matches!(treatment, Treatment::Clear | Treatment::Redact | Treatment::Null)
                    || !treatment.fits(&list_type)
                {
                    continue;
                }
                let treated = apply(treatment, &lists.slice(2, 25));
                for row_idx in 0..25 {
                    assert_eq!(treated.is_null(row_idx), lists.is_null(row_idx + 2));
                    if treated.is_valid(row_idx) {
                        let expected = apply(treatment, &element(&lists, row_idx + 2));
                        assert_eq!(&element(&treated, row_idx), &expected, "{treatment} of {list_type}");
                    }
                }
            }
        }
    }
}

fn element(lists: &ArrayRef, row_idx: usize) -> ArrayRef {
    match lists.data_type() {
        DataType::List(_) => lists.as_list::<i32>().value(row_idx),
        DataType::LargeList(_) => lists.as_list::<i64>().value(row_idx),
        _ => lists.as_fixed_size_list().value(row_idx),
    }
}

#[test]
fn empty_arrays_stay_empty() {
    for data_type in every_type() {
        let empty = arrow::array::new_empty_array(&data_type);
        for treatment in Treatment::ALL.into_iter().filter(|treatment| treatment.fits(&data_type)) {
            assert_eq!(apply(treatment, &empty).len(), 0);
        }
    }
}

#[test]
fn a_treatment_that_does_not_fit_is_refused_without_a_value() {
    let array: ArrayRef = Arc::new(StringArray::from(vec!["secret"]));
    for treatment in Treatment::ALL {
        if !treatment.fits(array.data_type()) {
            let error = treatment.apply(&array, Some(&key("fraud"))).unwrap_err();
            assert!(matches!(&error, TreatError::DoesNotFit { .. }), "{error}");
            assert!(!error.to_string().contains("secret"));
        }
    }
    let error = Treatment::Hash.apply(&array, None).unwrap_err();
    assert_eq!(error.to_string(), "treatment `hash` needs a purpose key; configure one");
}

#[test]
fn fits_says_what_apply_can_do() {
    for data_type in every_type() {
        let array = sample(&data_type, 10, 3);
        for treatment in Treatment::ALL {
            assert_eq!(
                treatment.fits(&data_type),
                treatment.apply(&array, Some(&key("fraud"))).is_ok(),
                "{treatment} {data_type}"
            );
        }
    }
}

#[test]
fn constants_do_not_depend_on_the_rows() {
    for data_type in every_type() {
        let (left, right) = (sample(&data_type, 50, 3), sample(&data_type, 50, 0));
        for treatment in [Treatment::Redact, Treatment::Null] {
            let (left, right) = (apply(treatment, &left), apply(treatment, &right.slice(0, 50)));
            assert_eq!(&left, &right);
            assert_eq!(bytes(&left.to_data()), bytes(&right.to_data()), "{treatment} {data_type}");
            let twice = concat(&[&left, &right]).unwrap();
            assert_eq!(twice.len(), 100);
        }
    }
}

#[test]
fn manual_page_is_current() {
    let mut page = String::from(
        "# Treatments\n\nHow a column may be shown, from most to least revealing. A treatment never changes a column's type or the \
         number of rows. The\npartial ones work on lists of fitting values too, element by element.\n\n\
         | treatment | shows | in particular | works on | key |\n|---|---|---|---|---|\n",
    );
    for treatment in Treatment::ALL {
        let key = if treatment.keyed() { "one for each purpose" } else { "" };
        let (does, more) = (treatment.does(), treatment.more());
        page += &format!("| `{treatment}` | {does} | {more} | {} | {key} |\n", treatment.types());
    }
    page += "\nA column that asks for several, one for each of its tags, is shown in the strictest of them. Two that do not \
             compare meet in\n`null`; so does `redact` with any but `clear` and itself:\n\n| | ";
    page += &Treatment::ALL.map(|right| format!("`{right}`")).join(" | ");
    page += &format!(" |\n|---|{}\n", "---|".repeat(Treatment::ALL.len()));
    for left in Treatment::ALL {
        page += &format!("| `{left}` | {} |\n", Treatment::ALL.map(|right| left.meet(right).name()).join(" | "));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/treatments.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference")).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/reference/treatments.md is stale; run this test with UPDATE=1");
}
