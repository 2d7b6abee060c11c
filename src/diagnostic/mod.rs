//! Findings about a file, as values; one renderer a file.
//!
//! A [`Diagnostic`] has a stable rule id, the smallest span that shows the mistake, a message, and where
//! it helps a second span and a line of advice. This module knows nothing about flows: who makes a
//! finding decides what it says.

mod excerpt;
mod human;
mod machine;
mod rule;
mod short;

pub use human::{Style, render_failure, render_human};
pub use machine::{Findings, render_github, render_json, render_sarif};
pub use rule::Rule;
pub use short::render_short;

use crate::source::Span;

/// One finding in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which rule was broken; its code is stable.
    pub id: Rule,
    /// Whether a flow with this finding can be run.
    pub severity: Severity,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// The smallest piece of text that shows it.
    pub primary: Label,
    /// Other places that belong to it.
    pub secondary: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
}

/// A place and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What stands beside the mark; empty for a bare mark.
    pub text: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The flow cannot be run.
    Error,
    /// The flow can be run, but is probably not what its author meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Diagnostic {
    /// A finding that keeps the flow from being run.
    pub fn error(id: Rule, span: Span, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Error, span, message.into())
    }

    /// A finding that the author should know of.
    pub fn warning(id: Rule, span: Span, message: impl Into<String>) -> Self {
        Self::new(id, Severity::Warning, span, message.into())
    }

    fn new(id: Rule, severity: Severity, span: Span, message: String) -> Self {
        let primary = Label { span, text: String::new() };
        Self { id, severity, message, primary, secondary: Vec::new(), help: None }
    }

    /// Says something beside the mark.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Marks a second place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Adds advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds advice if there is any.
    #[must_use]
    pub fn help_if(mut self, text: Option<String>) -> Self {
        if text.is_some() {
            self.help = text;
        }
        self
    }

    /// Whether the flow cannot be run because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
