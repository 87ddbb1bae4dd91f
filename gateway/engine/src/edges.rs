//! What lies beside the rows of a batch in its buffers. A batch that was cut out of a longer one (LIMIT, a row limit)
//! shares the byte that holds its last validity bits with rows that do not leave, and a cut list shares its elements;
//! both are written to clients as they are. So they are cut off at the way out.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayData, ArrayRef, make_array};
use datafusion::arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

/// The array with nothing beside its rows. Costs little: values of fixed size and texts are shared, not copied.
///
/// # Errors
/// When offsets do not fit their elements.
pub(crate) fn cut_off(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if is_bare(array.data_type()) && array.null_count() == 0 {
        return Ok(Arc::clone(array));
    }
    Ok(make_array(data(&array.to_data())?))
}

/// Whether arrays of the type have no bits or elements besides validity.
fn is_bare(data_type: &DataType) -> bool {
    !data_type.is_nested() && *data_type != DataType::Boolean
}

fn data(from: &ArrayData) -> Result<ArrayData, ArrowError> {
    let nulls = from.nulls().map(|nulls| NullBuffer::new(bits(nulls.inner())));
    match from.data_type() {
        DataType::Boolean => {
            let Some(values) = from.buffers().first() else { return Ok(from.clone()) };
            let values = bits(&BooleanBuffer::new(values.clone(), from.offset(), from.len()));
            from.clone().into_builder().offset(0).nulls(nulls).buffers(vec![values.into_inner()]).build()
        }
        DataType::Struct(_) => {
            let children = from.child_data().iter().map(|child| data(&child.slice(from.offset(), from.len())));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            from.clone().into_builder().offset(0).nulls(nulls).child_data(children).build()
        }
        DataType::FixedSizeList(_, size) => {
            let width = usize::try_from(*size).unwrap_or(0);
            let (start, length) = (from.offset().saturating_mul(width), from.len().saturating_mul(width));
            let children = from.child_data().iter().map(|child| data(&child.slice(start, length)));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            from.clone().into_builder().offset(0).nulls(nulls).child_data(children).build()
        }
        DataType::List(_) | DataType::Map(..) => list::<i32>(from, nulls),
        DataType::LargeList(_) => list::<i64>(from, nulls),
        // The other types that leave have no children; see `plain`.
        _ => from.clone().into_builder().nulls(nulls).build(),
    }
}

fn list<O>(from: &ArrayData, nulls: Option<NullBuffer>) -> Result<ArrayData, ArrowError>
where
    O: datafusion::arrow::array::OffsetSizeTrait,
{
    let all: &[O] = from.buffers().first().map_or(&[], Buffer::typed_data);
    let ends = all.get(from.offset()..=from.offset().saturating_add(from.len())).unwrap_or_default();
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
        return from.clone().into_builder().nulls(nulls).build();
    };
    let (start, length) = (first.as_usize(), last.as_usize().saturating_sub(first.as_usize()));
    let rebased: Vec<O> = ends.iter().map(|end| *end - *first).collect();
    let children = from.child_data().iter().map(|child| data(&child.slice(start, length)));
    let children = children.collect::<Result<Vec<_>, _>>()?;
    from.clone()
        .into_builder()
        .offset(0)
        .nulls(nulls)
        .buffers(vec![Buffer::from_vec(rebased)])
        .child_data(children)
        .build()
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
    use datafusion::arrow::array::{AsArray, BooleanArray, Int64Array, ListArray, StructArray};
    use datafusion::arrow::buffer::OffsetBuffer;
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
    fn fields_of_a_struct_are_cut_too() {
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, true]));
        let fields = vec![Field::new("flag", DataType::Boolean, true)].into();
        let whole: ArrayRef = Arc::new(StructArray::new(fields, vec![flags], None));
        let cut = cut_off(&whole.slice(0, 2)).unwrap();
        assert_eq!(cut.as_struct().column(0).as_boolean().values().inner().as_slice(), [0b01]);
    }
}
