//! What commands print, and how they fail.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::ExitCode;

use lockgate_policies::Problem;

/// Why a command does not end with success.
#[derive(Debug)]
pub(super) struct Failure {
    exit: u8,
    /// What to print on standard error; empty when everything was said.
    text: String,
}

impl Failure {
    /// Something failed while it ran: exit code 1.
    pub(super) fn failed(text: impl Display) -> Self {
        Self { exit: 1, text: text.to_string() }
    }

    /// What was given or checked is refused: exit code 2.
    pub(super) fn refused(text: impl Display) -> Self {
        Self { exit: 2, text: text.to_string() }
    }

    /// Like [`Failure::refused`], after everything was said already.
    pub(super) fn told() -> Self {
        Self { exit: 2, text: String::new() }
    }

    /// Stopped by a signal, as shells count it.
    pub(super) fn interrupted(signal: u8) -> Self {
        Self { exit: 128_u8.saturating_add(signal), text: String::new() }
    }

    /// Standard output failed. A reader that went away (`lockgate ... | head`) has what it wanted.
    pub(super) fn stdout(cause: &io::Error) -> Self {
        if cause.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: 0, text: String::new() };
        }
        Self::failed(format!("standard output cannot be written: {cause}"))
    }

    /// Says why, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        if !self.text.is_empty() {
            tell(format!("error: {}", self.text));
        }
        ExitCode::from(self.exit)
    }

    /// Exit code and text, for tests.
    #[cfg(test)]
    pub(super) fn parts(&self) -> (u8, &str) {
        (self.exit, &self.text)
    }
}

/// Prints a line on standard error. A closed standard error is nobody's loss.
pub(super) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints the problems of a file or folder on standard error.
pub(super) fn told_problems(problems: &[Problem]) -> Failure {
    problems.iter().for_each(|problem| tell(shown(&problem.to_string())));
    Failure::told()
}

/// Standard output of a command, buffered. Call [`Out::finish`] at the end.
pub(super) struct Out(BufWriter<StdoutLock<'static>>);

impl Out {
    /// Takes standard output.
    pub(super) fn stdout() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// Prints a line.
    pub(super) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.0, "{line}").map_err(|cause| Failure::stdout(&cause))
    }

    /// Writes bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.0.write_all(bytes).map_err(|cause| Failure::stdout(&cause))
    }

    /// Writes what is still buffered.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush()
    }

    /// Writes what is still buffered, in between.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|cause| Failure::stdout(&cause))
    }
}

/// A text as it may be shown in a terminal: data must not move the cursor, clear the screen or reverse the line.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.chars().any(is_odd) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars().flat_map(|c| if is_odd(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect(),
    )
}

/// A number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = match (number, noun.strip_suffix('y')) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{noun}s"),
    };
    format!("{} {plural}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_as_escapes() {
        assert_eq!(shown("Zoë 北"), "Zoë 北");
        assert_eq!(shown("a\u{1b}[2Jb\nc\u{202e}d"), "a\\u{1b}[2Jb\\nc\\u{202e}d");
    }

    #[test]
    fn numbers_are_grouped_and_counted() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [counted(1, "row"), counted(2000, "row"), counted(3, "query")],
            ["1 row", "2,000 rows", "3 queries"]
        );
    }

    #[test]
    fn closed_pipe_is_success() {
        assert_eq!(Failure::stdout(&io::ErrorKind::BrokenPipe.into()).parts().0, 0);
        assert_eq!(Failure::stdout(&io::ErrorKind::StorageFull.into()).parts().0, 1);
    }
}
