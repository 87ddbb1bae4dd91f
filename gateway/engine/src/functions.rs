//! The functions that a query may call: an allow-list, so that a new DataFusion release cannot open a door unseen.
//!
//! Left out on purpose: what names files or metadata (`input_file_name`, `file_row_index`, `arrow_metadata`,
//! `arrow_field`, `with_metadata`, `version`), what makes values of any size out of a number (`generate_series`, `range`,
//! `array_repeat`, `array_resize`), lambdas and every table function.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;
use lockgate_wire::ErrorCode;

use crate::Error;

/// Scalar functions, by every name they answer to.
pub(crate) const SCALAR: &str = "
    abs acos acosh array_add array_any_value array_append array_avg array_cat array_compact array_concat array_contains array_dims
    array_distance array_distinct array_element array_empty array_except array_extract array_has array_has_all array_has_any
    array_indexof array_intersect array_join array_length array_max array_min array_ndims array_normalize array_pop_back
    array_pop_front array_position array_positions array_prepend array_product array_push_back array_push_front array_remove
    array_remove_all array_remove_n array_replace array_replace_all array_replace_n array_reverse array_scale array_slice array_sort
    array_subtract array_sum array_to_string array_union arrays_overlap arrays_zip arrow_cast arrow_try_cast arrow_typeof ascii asin
    asinh atan atan2 atanh bit_length btrim cardinality cast_to_type cbrt ceil char_length character_length chr coalesce concat
    concat_ws contains cos cosh cosine_distance cot current_date current_time current_timestamp date_bin date_format date_part
    date_trunc datepart datetrunc decode degrees digest dot_product element_at empty encode ends_with exp factorial find_in_set
    flatten floor from_unixtime gcd get_field greatest ifnull initcap inner_product instr isnan iszero lcm least left length
    levenshtein list_add list_any_value list_append list_avg list_cat list_compact list_concat list_contains list_dims list_distance
    list_distinct list_element list_empty list_except list_extract list_has list_has_all list_has_any list_indexof list_intersect
    list_join list_length list_max list_min list_ndims list_normalize list_pop_back list_pop_front list_position list_positions
    list_prepend list_product list_push_back list_push_front list_remove list_remove_all list_remove_n list_replace
    list_replace_all list_replace_n list_reverse list_scale list_slice list_sort list_subtract list_sum list_to_string list_union
    list_zip ln log log10 log2 lower lpad ltrim make_array make_date make_list make_time map map_entries map_extract map_keys
    map_values md5 named_struct nanvl now nullif nvl nvl2 octet_length overlay pi position pow power radians rand random regexp_count
    regexp_instr regexp_like regexp_match regexp_replace repeat replace reverse right round row rpad rtrim sha224 sha256 sha384
    sha512 signum sin sinh split_part sqrt starts_with string_to_array string_to_list strpos struct substr substr_index substring
    substring_index tan tanh to_char to_date to_hex to_local_time to_time to_timestamp to_timestamp_micros to_timestamp_millis
    to_timestamp_nanos to_timestamp_seconds to_unixtime today translate trim trunc try_cast_to_type union_extract union_tag upper uuid";

/// Aggregate functions.
pub(crate) const AGGREGATE: &str = "
    any_value approx_distinct approx_median approx_percentile_cont approx_percentile_cont_with_weight array_agg avg bit_and bit_or
    bit_xor bool_and bool_or corr count covar covar_pop covar_samp first_value grouping last_value max mean median min nth_value
    percentile_cont quantile_cont regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev
    stddev_pop stddev_samp string_agg sum var var_pop var_population var_samp var_sample";

/// Window functions.
pub(crate) const WINDOW: &str = "
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number";

/// Functions whose result grows with a number: that number must be a literal, and at most [`MAX_GROWTH`].
const GROWING: &[(&str, usize)] = &[("repeat", 1), ("lpad", 1), ("rpad", 1)];

/// Most characters that a growing function may be asked for.
const MAX_GROWTH: i64 = 65_536;

/// Whether `name` stands in one of the lists above.
pub(crate) fn allowed(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|allowed| allowed == name)
}

/// Refuses growing functions whose size is not a small literal, which could otherwise exhaust memory outside any account.
pub(crate) fn check_growth(plan: &LogicalPlan) -> Result<(), Error> {
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && let Some((name, position)) = GROWING.iter().find(|(name, _)| *name == call.name())
                    && !call.args.get(*position).is_some_and(is_small)
                {
                    refused = Some(*name);
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    match (walked, refused) {
        (Ok(_), None) => Ok(()),
        (_, Some(name)) => Err(Error::new(
            ErrorCode::UnsupportedFeature,
            format!("the size in `{name}` must be a literal of at most {MAX_GROWTH}"),
        )
        .with_hint("write the number into the query")),
        (Err(error), None) => Err(crate::rewrite::plan_error(&error)),
    }
}

fn is_small(expr: &Expr) -> bool {
    match expr {
        Expr::Cast(cast) => is_small(&cast.expr),
        Expr::Literal(value, _) => {
            value.is_null()
                || matches!(value.cast_to(&datafusion::arrow::datatypes::DataType::Int64), Ok(ScalarValue::Int64(Some(n))) if n <= MAX_GROWTH)
        }
        _ => false,
    }
}
