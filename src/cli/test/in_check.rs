//! What `callflow check --tests` says of the tests beside a flow: what they do not reach, and which fail.

use std::path::Path;

use super::files::{self, load};
use super::runner::{Asking, Judged, Verdict, judge};
use crate::diagnostic::Diagnostic;
use crate::scenario::coverage::Coverage;

/// What the tests of a flow leave open.
#[derive(Debug)]
pub struct Uncovered {
    /// F070 and F071, of the flow's file.
    pub findings: Vec<Diagnostic>,
    /// Tests that fail, by name.
    pub failed: Vec<String>,
}

/// Runs the tests beside a flow. `None` if there are none.
///
/// # Errors
/// What kept the test file from being run, to be printed as it is.
#[must_use]
pub fn uncovered(flow: &Path) -> Option<Result<Uncovered, String>> {
    let one = match load(&files::beside(flow)?) {
        Ok(one) => one,
        Err(message) => return Some(Err(message)),
    };
    let mut coverage = Coverage::of(one.subject.plan());
    let mut failed = Vec::new();
    for test in &one.suite.tests {
        let judged = judge(test, &one, &Asking::Offline, Some(&mut coverage));
        if let Judged { verdict: Verdict::Failed(_), .. } = judged {
            failed.push(test.name.value.clone());
        }
    }
    Some(Ok(Uncovered { findings: coverage.findings(&one.subject), failed }))
}
