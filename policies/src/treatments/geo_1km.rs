//! `geo_1km`: a coordinate on a grid of 0.01 degree.

use super::{Kernel, Reach, Spec, coordinate};

pub(super) const SPEC: Spec = Spec {
    name: "geo_1km",
    does: "rounded down to 0.01 degree",
    more: "about 1 km; what is not a number becomes null",
    types: "Float32, Float64",
    reach: Reach::Elements { fits: coordinate::is_coordinate, makes_nulls: true },
    kernel: Kernel::Plain(|array| coordinate::on_grid(array, 100)),
};

#[cfg(test)]
mod tests {
    use crate::Treatment;
    use crate::treatments::tests::check_coordinates;

    #[test]
    fn coordinate_is_floored_to_a_hundredth() {
        check_coordinates(
            Treatment::Geo1km,
            &[
                (52.379_189, Some(52.37)),
                (4.0, Some(4.0)),
                (0.0, Some(0.0)),
                (-0.001, Some(-0.01)),
                (-33.868_8, Some(-33.87)),
                (180.0, Some(180.0)),
                (f64::NAN, None),
                (f64::INFINITY, None),
                (f64::NEG_INFINITY, None),
                (f64::MAX, None),
                (f64::MIN_POSITIVE, Some(0.0)),
            ],
        );
    }
}
