//! The engine's one error type: a public problem for the caller and an internal text for the operator's log.

use lockgate_wire::{ErrorCode, Problem};

/// An error of the spine. `Display` shows only what the caller may read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {}", problem.code, problem.detail)]
pub struct Error {
    /// What the caller may read.
    pub problem: Box<Problem>,
    /// What only the operator's log may hold (engine texts, file names); empty when there is nothing more to say.
    pub internal: String,
}

impl Error {
    /// An error with a code and a public text.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { problem: Box::new(Problem::new(code, detail)), internal: String::new() }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    /// Adds a text for the operator's log.
    #[must_use]
    pub fn with_internal(mut self, internal: impl Into<String>) -> Self {
        self.internal = internal.into();
        self
    }

    /// The stable code.
    pub fn code(&self) -> ErrorCode {
        self.problem.code
    }
}
