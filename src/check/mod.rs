//! The rules: what parsing cannot prove. The only maker of a [`CheckedFlow`].
//!
//! One family of rules a file; each looks at the whole document and reports everything it finds.

mod env;
mod names;
mod scope;
mod walk;

pub use env::EnvMode;

use crate::diagnostic::Diagnostic;
use crate::flow::{self, Document};
use crate::pii::Address;
use crate::source::SourceFile;
use scope::Scope;

/// A flow without errors. Can be made by [`check`] only.
#[derive(Debug)]
pub struct CheckedFlow {
    document: Document,
    env: Vec<(String, String)>,
    targets: Vec<Address>,
}

impl CheckedFlow {
    /// The flow as written.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The values of `env:`, in the order of the flow.
    #[must_use]
    pub fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// The addresses of `targets:`, in the order of the flow.
    #[must_use]
    pub fn targets(&self) -> &[Address] {
        &self.targets
    }
}

/// What came of checking a file.
#[derive(Debug)]
pub struct Checked {
    /// The flow, if nothing that was found is an error.
    pub flow: Option<CheckedFlow>,
    /// Everything that was found, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a flow: all rules, all findings in one run.
///
/// With [`EnvMode::Known`] the values of `env:` are looked up and must be right; that is the mode for
/// running calls. With [`EnvMode::Unknown`] they are not looked at, and a flow made in that mode has
/// fictional numbers in their place: it can be inspected, but reaches nobody.
#[must_use]
pub fn check(source: &SourceFile, env: EnvMode<'_>) -> Checked {
    let (document, mut diagnostics) = flow::parse(source);
    let mut flow = None;
    if let Some(document) = document {
        let scope = Scope::new(&document);
        names::check(&document, &scope, &mut diagnostics);
        let resolved = env::resolve(&document, &scope, env, &mut diagnostics);
        if !diagnostics.iter().any(Diagnostic::is_error) {
            flow = resolved.map(|env::Resolved { env, targets }| CheckedFlow { document, env, targets });
        }
    }
    diagnostics.sort_by_key(|d| (d.primary.span, d.id));
    Checked { flow, diagnostics }
}
