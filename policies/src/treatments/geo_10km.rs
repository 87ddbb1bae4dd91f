//! `geo_10km`: a coordinate on a grid of 0.1 degree.

use super::{Kernel, Reach, Spec, coordinate};

pub(super) const SPEC: Spec = Spec {
    name: "geo_10km",
    does: "rounded down to 0.1 degree",
    more: "about 10 km; what is not a number becomes null",
    types: "Float32, Float64",
    reach: Reach::Elements { fits: coordinate::is_coordinate, makes_nulls: true },
    kernel: Kernel::Plain(|array| coordinate::on_grid(array, 10)),
};

#[cfg(test)]
mod tests {
    use crate::Treatment;
    use crate::treatments::tests::check_coordinates;

    #[test]
    fn coordinate_is_floored_to_a_tenth() {
        check_coordinates(
            Treatment::Geo10km,
            &[
                (52.379_189, Some(52.3)),
                (-0.001, Some(-0.1)),
                (-33.868_8, Some(-33.9)),
                (f64::NAN, None),
                (f64::INFINITY, None),
            ],
        );
    }
}
