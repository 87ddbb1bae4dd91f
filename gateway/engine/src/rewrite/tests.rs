use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::{plan_error, run_error};

/// What DataFusion and Arrow put into their texts must not come out again.
#[test]
fn no_text_of_a_failed_evaluation_comes_out() {
    let canary = "CANARY-7";
    let texts = || format!("Cannot cast string '{canary}' to value of Int32 type");
    let errors = [
        DataFusionError::ArrowError(Box::new(ArrowError::CastError(texts())), None),
        DataFusionError::ArrowError(Box::new(ArrowError::ParseError(texts())), None),
        DataFusionError::ArrowError(Box::new(ArrowError::ComputeError(texts())), None),
        DataFusionError::ArrowError(Box::new(ArrowError::InvalidArgumentError(texts())), None),
        DataFusionError::ArrowError(Box::new(ArrowError::ArithmeticOverflow(texts())), None),
        DataFusionError::ArrowError(Box::new(ArrowError::CsvError(texts())), None),
        DataFusionError::ArrowError(Box::new(ArrowError::JsonError(texts())), None),
        DataFusionError::Execution(texts()),
        DataFusionError::External(texts().into()),
        DataFusionError::Context(texts(), Box::new(DataFusionError::Execution(texts()))),
        DataFusionError::ResourcesExhausted(texts()),
    ];
    for error in errors {
        let rewritten = run_error(&error);
        let all = format!("{rewritten} {:?} {}", rewritten.problem, rewritten.internal);
        assert!(!all.contains(canary), "{all}");
    }
}

#[test]
fn internal_errors_keep_their_first_line_for_the_operator_only() {
    let rewritten = plan_error(&DataFusionError::Internal("odd plan\nbacktrace".to_owned()));
    assert_eq!(rewritten.code().name(), "UNSUPPORTED_FEATURE");
    assert!(!rewritten.to_string().contains("odd plan"));
}

#[test]
fn what_a_function_raises_of_itself_is_a_failed_evaluation() {
    let error = DataFusionError::External("regex parse error".into());
    assert_eq!(run_error(&error).code().name(), "EVALUATION_FAILED");
}
