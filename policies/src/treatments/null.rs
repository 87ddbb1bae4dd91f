//! `null`: a typed null in every row.

use arrow::array::{Array, new_null_array};

use super::{Kernel, Reach, Spec};

pub(super) const SPEC: Spec = Spec {
    name: "null",
    does: "null in every row",
    more: "a list or struct is null as a whole",
    types: "any",
    reach: Reach::Whole,
    kernel: Kernel::Plain(|array| Ok(new_null_array(array.data_type(), array.len()))),
};
