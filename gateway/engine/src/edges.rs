//! What lies beside the rows of a batch in its buffers. A batch that was cut out of a longer one (LIMIT, a row limit)
//! shares the byte that holds its last validity bits with rows that do not leave, and a cut list shares its elements;
//! both are written to clients as they are. So they are cut off at the way out.
//!
//! What a batch weighs tells of its neighbours too: operators count buffers by their capacity, and choose by it how to sort
//! (and so the order of ties), when to spill and when a query has used up its memory. So behind a row filter rows leave the
//! barrier in buffers of exactly their size.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayData, ArrayRef, OffsetSizeTrait, make_array};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

/// The array with nothing beside its rows. Costs little: values of fixed size and texts are shared, not copied.
///
/// # Errors
/// When offsets do not fit their elements.
pub(crate) fn cut_off(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if is_flat(array.data_type()) && array.nulls().is_none_or(|nulls| is_bare(nulls.inner())) {
        return Ok(Arc::clone(array));
    }
    Ok(make_array(data(&array.to_data(), Keep::Shared)?))
}

/// The array in buffers that are as long as its rows need and hold nothing else. What is so already is shared.
///
/// # Errors
/// When offsets do not fit their elements.
pub(crate) fn own(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if array.data_type().is_primitive() && array.nulls().is_none() && array.to_data().buffers().iter().all(is_exact) {
        return Ok(Arc::clone(array));
    }
    Ok(make_array(data(&array.to_data(), Keep::Exact)?))
}

/// What Arrow rounds the bytes of a new buffer up to.
const ROUNDED_TO: usize = 64;

/// What becomes of buffers of values and texts.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    /// They are shared, whatever lies around the rows.
    Shared,
    /// They are copied, unless they weigh what a copy would.
    Exact,
}

impl Keep {
    fn buffer(self, buffer: &Buffer) -> Buffer {
        if self == Keep::Shared || is_exact(buffer) {
            buffer.clone()
        } else {
            Buffer::from_slice_ref(buffer.as_slice())
        }
    }
}

/// Whether the buffer weighs what a copy of its bytes would.
fn is_exact(buffer: &Buffer) -> bool {
    buffer.capacity() == buffer.len().next_multiple_of(ROUNDED_TO)
}

/// Whether arrays of the type have no bits or elements besides validity.
fn is_flat(data_type: &DataType) -> bool {
    !data_type.is_nested() && *data_type != DataType::Boolean
}

/// Whether a bitmap's bytes hold nothing but its bits, and zeroes after the last.
fn is_bare(bits: &BooleanBuffer) -> bool {
    let n_used = bits.len() % 8;
    let rest = if n_used == 0 { 0 } else { u8::MAX << n_used };
    let bytes = bits.inner().as_slice();
    bits.offset() == 0 && bytes.len() == bits.len().div_ceil(8) && bytes.last().is_none_or(|last| last & rest == 0)
}

fn data(from: &ArrayData, keep: Keep) -> Result<ArrayData, ArrowError> {
    let nulls = from.nulls().filter(|nulls| keep == Keep::Shared || nulls.null_count() > 0);
    let nulls = nulls.map(|nulls| NullBuffer::new(bits(nulls.inner())));
    match from.data_type() {
        DataType::Boolean => {
            let Some(values) = from.buffers().first() else { return Ok(from.clone()) };
            let values = bits(&BooleanBuffer::new(values.clone(), from.offset(), from.len()));
            from.clone().into_builder().offset(0).nulls(nulls).buffers(vec![values.into_inner()]).build()
        }
        DataType::Struct(_) => {
            let children = from.child_data().iter().map(|child| data(&part(child, from.offset(), from.len()), keep));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            from.clone().into_builder().offset(0).nulls(nulls).child_data(children).build()
        }
        DataType::FixedSizeList(_, size) => {
            let width = usize::try_from(*size).unwrap_or(0);
            let (start, length) = (from.offset().saturating_mul(width), from.len().saturating_mul(width));
            let children = from.child_data().iter().map(|child| data(&part(child, start, length), keep));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            from.clone().into_builder().offset(0).nulls(nulls).child_data(children).build()
        }
        DataType::List(_) | DataType::Map(..) => list::<i32>(from, nulls, keep),
        DataType::LargeList(_) => list::<i64>(from, nulls, keep),
        DataType::Utf8 | DataType::Binary if keep == Keep::Exact => texts::<i32>(from, nulls),
        DataType::LargeUtf8 | DataType::LargeBinary if keep == Keep::Exact => texts::<i64>(from, nulls),
        // The other types that leave have no children; see `plain`.
        _ => {
            let buffers = from.buffers().iter().map(|buffer| keep.buffer(buffer)).collect();
            from.clone().into_builder().nulls(nulls).buffers(buffers).build()
        }
    }
}

/// A part of an array. Data that is sliced by itself keeps its offset beside what was sliced already, and validity that is
/// written anew is too short for it.
fn part(whole: &ArrayData, start: usize, length: usize) -> ArrayData {
    make_array(whole.clone()).slice(start, length).to_data()
}

/// The ends of the rows, counted from the first row's start, and the range in which their elements or bytes lie.
fn ends<O: OffsetSizeTrait>(from: &ArrayData) -> Option<(Buffer, std::ops::Range<usize>)> {
    let all: &[O] = from.buffers().first().map_or(&[], Buffer::typed_data);
    let ends = all.get(from.offset()..=from.offset().saturating_add(from.len())).unwrap_or_default();
    let (first, last) = (ends.first()?, ends.last()?);
    let mut rebased = MutableBuffer::with_capacity(size_of_val(ends));
    rebased.extend(ends.iter().map(|end| *end - *first));
    Some((rebased.into(), first.as_usize()..last.as_usize()))
}

fn list<O: OffsetSizeTrait>(from: &ArrayData, nulls: Option<NullBuffer>, keep: Keep) -> Result<ArrayData, ArrowError> {
    let Some((ends, elements)) = ends::<O>(from) else {
        return from.clone().into_builder().nulls(nulls).build();
    };
    let children = from.child_data().iter().map(|child| data(&part(child, elements.start, elements.len()), keep));
    let children = children.collect::<Result<Vec<_>, _>>()?;
    from.clone().into_builder().offset(0).nulls(nulls).buffers(vec![ends]).child_data(children).build()
}

fn texts<O: OffsetSizeTrait>(from: &ArrayData, nulls: Option<NullBuffer>) -> Result<ArrayData, ArrowError> {
    let (Some((ends, bytes)), Some(values)) = (ends::<O>(from), from.buffers().get(1)) else {
        return from.clone().into_builder().nulls(nulls).build();
    };
    let values = Keep::Exact.buffer(&values.slice_with_length(bytes.start, bytes.len()));
    from.clone().into_builder().offset(0).nulls(nulls).buffers(vec![ends, values]).build()
}

/// The same bits in bytes of their own, zero after the last.
fn bits(from: &BooleanBuffer) -> BooleanBuffer {
    let sliced = from.sliced();
    let n_bytes = from.len().div_ceil(8);
    let mut bytes = MutableBuffer::with_capacity(n_bytes);
    bytes.extend_from_slice(sliced.as_slice().get(..n_bytes).unwrap_or_default());
    let n_used = from.len() % 8;
    if n_used > 0
        && let Some(last) = bytes.as_slice_mut().last_mut()
    {
        *last &= !(u8::MAX << n_used);
    }
    BooleanBuffer::new(bytes.into(), 0, from.len())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        AsArray, BooleanArray, Int64Array, ListArray, MapArray, StringArray, StructArray, UInt64Array,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::compute::take;
    use datafusion::arrow::datatypes::{Field, Int64Type};

    use super::*;

    #[test]
    fn no_bit_of_a_row_beyond_the_last_is_left() {
        let whole: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true); 8]));
        let cut = cut_off(&whole.slice(1, 3)).unwrap();
        assert_eq!(cut.as_boolean().values().inner().as_slice(), [0b111]);
        let whole: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4), Some(5)]));
        let cut = cut_off(&whole.slice(0, 2)).unwrap();
        assert_eq!(cut.nulls().unwrap().inner().inner().as_slice(), [0b01]);
        assert_eq!(cut.as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(1), None]));
    }

    #[test]
    fn no_element_of_a_list_beyond_the_last_is_left() {
        let item = Arc::new(Field::new("item", DataType::Boolean, true));
        let elements: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, true, true]));
        let whole: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([2, 1, 2]), elements, None));
        let cut = cut_off(&whole.slice(1, 1)).unwrap();
        assert_eq!(cut.as_list::<i32>().values().len(), 1);
        assert_eq!(cut.as_list::<i32>().values().as_boolean().values().inner().as_slice(), [0b1]);
        assert_eq!(cut.as_list::<i32>().value_offsets(), [0, 1]);
    }

    #[test]
    fn what_rows_weigh_does_not_tell_where_they_were_cut_from() {
        let item = Arc::new(Field::new("item", DataType::Utf8, true));
        let texts: ArrayRef = Arc::new(StringArray::from_iter((0..200).map(|at| (at % 3 > 0).then(|| "x".repeat(at)))));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter((0..200).map(|at| (at % 100 < 90).then_some(at))));
        let flags: ArrayRef = Arc::new(BooleanArray::from_iter((0..200).map(|at| (at < 150).then_some(at % 2 == 0))));
        let lists: ArrayRef =
            Arc::new(ListArray::new(item, OffsetBuffer::from_repeated_length(2, 100), Arc::clone(&texts), None));
        for whole in [texts, numbers, flags, lists] {
            let cut = whole.slice(20, 60);
            let positions = UInt64Array::from_iter_values(20..80);
            let alone = take(&whole, &positions, None).unwrap();
            let (cut, alone) = (own(&cut).unwrap(), own(&alone).unwrap());
            assert_eq!(&cut, &alone);
            assert_eq!(cut.get_array_memory_size(), alone.get_array_memory_size(), "{}", whole.data_type());
            // What is as it should be is not copied again.
            let again = own(&cut).unwrap();
            let first = |array: &ArrayRef| array.to_data().buffers().first().map(Buffer::as_ptr);
            let is_shared = first(&again) == first(&cut);
            assert!(is_shared || !is_fixed(whole.data_type()), "{}", whole.data_type());
        }
    }

    fn is_fixed(data_type: &DataType) -> bool {
        data_type.primitive_width().is_some()
    }

    #[test]
    fn what_lies_within_rows_is_cut_wherever_they_lie() {
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter((0..400).map(|at| (at % 3 > 0).then(|| "x".repeat(at % 7)))));
        let flags: ArrayRef = Arc::new(BooleanArray::from_iter((0..400).map(|at| (at % 5 > 0).then_some(at % 2 == 0))));
        let field = |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
        let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(0..400));
        let key = Arc::new(Field::new("key", DataType::Int64, false));
        let pairs = StructArray::new(vec![key, field("value", &texts)].into(), vec![keys, Arc::clone(&texts)], None);
        let nulls = NullBuffer::from_iter((0..400).map(|at| at % 11 > 0));
        let fields = vec![field("flag", &flags), field("text", &texts)].into();
        let structs: ArrayRef =
            Arc::new(StructArray::new(fields, vec![Arc::clone(&flags), Arc::clone(&texts)], Some(nulls)));
        let listed = |array: &ArrayRef, each| -> ArrayRef {
            let n = array.len() / each;
            let nulls = NullBuffer::from_iter((0..n).map(|at| at % 7 != 3));
            let offsets = OffsetBuffer::from_repeated_length(each, n);
            Arc::new(ListArray::new(field("item", array), offsets, Arc::clone(array), Some(nulls)))
        };
        let entries = Arc::new(Field::new("entries", pairs.data_type().clone(), false));
        let maps: ArrayRef =
            Arc::new(MapArray::new(entries, OffsetBuffer::from_repeated_length(2, 200), pairs, None, false));
        let deep = listed(&listed(&structs, 2), 2);
        for whole in [listed(&texts, 4), listed(&flags, 4), listed(&structs, 4), listed(&maps, 2), maps, deep] {
            for start in [0, 1, 7, 8, 9, 50, 64] {
                for length in [0, 1, 8, 30] {
                    let expected = whole.slice(start, length);
                    assert_eq!(&cut_off(&expected).unwrap(), &expected, "{} from {start}", whole.data_type());
                    assert_eq!(&own(&expected).unwrap(), &expected, "{} from {start}", whole.data_type());
                }
            }
        }
    }

    #[test]
    fn fields_of_a_struct_are_cut_too() {
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, true]));
        let fields = vec![Field::new("flag", DataType::Boolean, true)].into();
        let whole: ArrayRef = Arc::new(StructArray::new(fields, vec![flags], None));
        let cut = cut_off(&whole.slice(0, 2)).unwrap();
        assert_eq!(cut.as_struct().column(0).as_boolean().values().inner().as_slice(), [0b01]);
    }
}
