//! Error answers of the gateway, as people read them.

use std::fmt::Write;

use http::StatusCode;
use serde::Deserialize;
use unicode_width::UnicodeWidthStr;

use super::super::output::{Failure, shown};

/// What is used of a problem document. All of it may be missing: something else may have answered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Complaint {
    code: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
    rules: Vec<String>,
    query_id: Option<String>,
}

/// The failure that an error answer means: refused for 4xx, failed for the rest and for what may succeed later.
pub(super) fn failure(status: StatusCode, body: &[u8], sql: &str) -> Failure {
    let complaint: Complaint = serde_json::from_slice(body).unwrap_or_default();
    let text = text(status, &complaint, sql);
    let may_pass_later = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !may_pass_later { Failure::refused(text) } else { Failure::failed(text) }
}

fn text(status: StatusCode, complaint: &Complaint, sql: &str) -> String {
    let Some(code) = &complaint.code else {
        return format!("HTTP status {status}, and not in the words of a gateway; is --url right?");
    };
    let mut text = format!("{}: {}", shown(code), shown(complaint.detail.as_deref().unwrap_or("no detail was given")));
    if let (Some(line), Some(column)) = (complaint.line, complaint.column) {
        push_place(&mut text, sql, line, column);
    }
    if let Some(hint) = &complaint.hint {
        let _ = write!(text, "\n  hint: {}", shown(hint));
    }
    if !complaint.rules.is_empty() {
        let _ = write!(text, "\n  rules: {}", shown(&complaint.rules.join(", ")));
    }
    if let Some(query_id) = &complaint.query_id {
        let _ = write!(text, "\n  query id: {}", shown(query_id));
    }
    text
}

/// Most characters of a long line that are shown around the place.
const WINDOW: usize = 100;

/// The line of the SQL text with a caret under the place.
fn push_place(text: &mut String, sql: &str, line: u64, column: u64) {
    let line_idx = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(content) = sql.lines().nth(line_idx) else { return };
    // Tabs and odd characters become one blank each, so that the caret stays below its character.
    let chars: Vec<char> = content.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let caret = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX).min(chars.len());
    let start = caret.saturating_sub(WINDOW / 2);
    let window: String = chars.iter().skip(start).take(WINDOW).collect();
    let before: String = chars.iter().skip(start).take(caret - start).collect();
    let margin = format!("{line:>4} | ");
    let blank = " ".repeat(UnicodeWidthStr::width(before.as_str()));
    let _ = write!(text, "\n{margin}{}\n     | {blank}^", window.trim_end());
}

#[cfg(test)]
mod tests {
    use lockgate_wire::{ErrorCode, Problem};

    use super::*;

    #[track_caller]
    fn check(sql: &str, problem: &Problem, exit: u8, expect: &str) {
        let status = StatusCode::from_u16(problem.status).unwrap();
        let failure = failure(status, &serde_json::to_vec(problem).unwrap(), sql);
        assert_eq!(failure.parts(), (exit, expect));
    }

    #[test]
    fn problem_points_into_the_sql_text() {
        let problem = Problem {
            line: Some(2),
            column: Some(5),
            ..Problem::new(ErrorCode::SqlSyntax, "expected an expression, found `,`")
        };
        let expect = "SQL_SYNTAX: expected an expression, found `,`\n   2 |  1, , FROM t\n     |     ^";
        check("SELECT\n 1,\t, FROM t", &problem, 2, expect);
    }

    #[test]
    fn caret_stands_below_its_character_behind_wide_ones_and_in_long_lines() {
        let problem = Problem { line: Some(1), column: Some(11), ..Problem::new(ErrorCode::SqlInvalid, "no") };
        check("SELECT '北' x", &problem, 2, "SQL_INVALID: no\n   1 | SELECT '北' x\n     |            ^");
        let long = format!("SELECT {}", "x".repeat(300));
        let problem = Problem { line: Some(1), column: Some(200), ..problem };
        let expect = format!("SQL_INVALID: no\n   1 | {}\n     | {}^", "x".repeat(100), " ".repeat(50));
        check(&long, &problem, 2, &expect);
    }

    #[test]
    fn denial_tells_hint_rules_and_query_id() {
        let mut problem = Problem::new(ErrorCode::PolicyDenied, "`vertica.crm.riders.phone` is withheld");
        problem.hint = Some("role `fraud_lead` sees it as `last4`".to_owned());
        problem.rules = vec!["FR-01".to_owned(), "FR-02".to_owned()];
        problem.query_id = Some(uuid::Uuid::nil());
        let expect = "POLICY_DENIED: `vertica.crm.riders.phone` is withheld\n  hint: role `fraud_lead` sees it as `last4`\n  rules: FR-01, FR-02\n  \
                      query id: 00000000-0000-0000-0000-000000000000";
        check("SELECT 1", &problem, 2, expect);
    }

    #[test]
    fn what_is_not_the_callers_fault_or_may_pass_ends_with_one() {
        for (code, exit) in [
            (ErrorCode::SourceUnavailable, 1),
            (ErrorCode::QueueFull, 1),
            (ErrorCode::Unauthenticated, 2),
            (ErrorCode::Internal, 1),
        ] {
            check("SELECT 1", &Problem::new(code, "x"), exit, &format!("{code}: x"));
        }
    }

    #[test]
    fn answer_of_something_else_is_not_taken_for_a_gateways() {
        let failure = failure(StatusCode::NOT_FOUND, b"<html>", "SELECT 1");
        assert_eq!(
            failure.parts(),
            (2, "HTTP status 404 Not Found, and not in the words of a gateway; is --url right?")
        );
    }
}
