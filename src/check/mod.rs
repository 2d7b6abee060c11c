//! The rules: what parsing cannot prove. The only maker of a [`CheckedFlow`].
//!
//! One family of rules a file; each looks at the whole document and reports everything it finds.

mod assign;
mod collect;
mod constant;
mod cycles;
mod dead_air;
mod dial;
mod endpoints;
mod env;
mod events;
mod exits;
mod graph;
mod groups;
mod guards;
mod handoff;
mod intents;
mod names;
mod operator;
mod promise;
mod prompts;
mod properties;
mod reach;
mod recordings;
mod scope;
mod services;
mod silence;
mod stay;
mod tools;
mod unused;
mod vars;
mod waive;
mod walk;
mod walks;
mod worst;

pub use endpoints::Endpoint;
pub use env::EnvMode;
pub use services::ModelServer;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{self, Document};
use crate::pii::Address;
use crate::source::SourceFile;
use graph::Graph;
use scope::Scope;

/// A flow without errors. Can be made by [`check`] only.
#[derive(Debug)]
pub struct CheckedFlow {
    document: Document,
    env: Vec<(String, String)>,
    targets: Vec<Address>,
    endpoints: Vec<Endpoint>,
    recordings: Vec<recordings::Recording>,
    model_servers: [Option<ModelServer>; 2],
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

    /// Where the requests of `tools:` go, in the order of the flow.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The servers of `services.llm` and of its fallback, if they are not the vendor's own.
    #[must_use]
    pub fn model_servers(&self) -> &[Option<ModelServer>; 2] {
        &self.model_servers
    }

    /// Whether a variable is secret, or made from what is.
    #[must_use]
    pub fn is_secret(&self, variable: &str) -> bool {
        vars::secret_names(&self.document).contains(variable)
    }

    /// The recordings that the flow names: 16 kHz, mono.
    #[must_use]
    pub fn recordings(&self) -> &[(String, Arc<[i16]>)] {
        &self.recordings
    }
}

/// What came of checking a file.
#[derive(Debug)]
pub struct Checked {
    /// The file with those that it takes in: what the places of the findings are places of.
    pub source: SourceFile,
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
    let (mut flow, mut whole) = (None, source.clone());
    if let Some(mut document) = document {
        whole = document.source.clone();
        let (mut resolved, mut recordings) = (None, Vec::new());
        if groups::inline(&mut document, &mut diagnostics) {
            resolved = apply(&document, env, &mut diagnostics);
            recordings = recordings::read(&document, &mut diagnostics);
            waive::apply(&document, &mut diagnostics);
        }
        if !diagnostics.iter().any(Diagnostic::is_error) {
            flow = resolved.map(|env::Resolved { env, targets, endpoints, model_servers }| CheckedFlow {
                document,
                env,
                targets,
                endpoints,
                model_servers,
                recordings,
            });
        }
    }
    diagnostics.sort_by_key(|d| (d.primary.span, d.id));
    // What a group shares is found once for each of its states.
    diagnostics.dedup_by(|a, b| (a.primary.span, a.id, &a.message) == (b.primary.span, b.id, &b.message));
    truncate(&mut diagnostics);
    Checked { source: whole, flow, diagnostics }
}

/// Applies every rule.
fn apply(document: &Document, env: EnvMode<'_>, out: &mut Vec<Diagnostic>) -> Option<env::Resolved> {
    let scope = Scope::new(document);
    names::check(document, &scope, out);
    vars::check(document, &scope, out);
    guards::check(document, &scope, out);
    constant::check(document, &scope, out);
    events::check(document, out);
    exits::check(document, &scope, out);
    dial::check(document, &scope, out);
    operator::check(document, &scope, out);
    silence::check(document, &scope, out);
    collect::check(document, &scope, out);
    services::check(document, out);
    tools::check(document, &scope, out);
    properties::check(document, &scope, out);
    intents::check(document, &scope, out);
    let graph = Graph::new(document, &scope);
    // With a way missing, what the ways lead to is guesswork.
    if !graph.has_gaps {
        if !out.iter().any(|d| matches!(d.id, Rule::NoExit | Rule::DialOutcome)) {
            reach::check(&graph, out);
        }
        unused::check(document, &scope, out);
        cycles::check(&graph, out);
        assign::check(&graph, out);
        handoff::check(&graph, out);
        // A circle without a bound has been reported, and takes as long as one likes.
        if !out.iter().any(|d| matches!(d.id, Rule::Livelock | Rule::Unbounded)) {
            worst::check(&graph, &scope, out);
        }
        // A request that may not take so long is not also too quiet.
        if !out.iter().any(|d| d.id == Rule::ToolTimeout) {
            dead_air::check(&graph, &scope, out);
        }
        promise::check(&graph, out);
        prompts::check(&graph, &scope, out);
    }
    env::resolve(document, &scope, env, out)
}

/// The most findings that are kept of one file.
const MOST: usize = 200;

/// Nobody reads more than some hundred findings, and a hostile file could cause tens of thousands.
pub(crate) fn truncate(diagnostics: &mut Vec<Diagnostic>) {
    let more = diagnostics.len().saturating_sub(MOST);
    if more > 0 {
        // Errors are kept before warnings; both stay in the order of the file.
        let mut kept = std::mem::take(diagnostics);
        kept.sort_by_key(|d| !d.is_error());
        kept.truncate(MOST);
        kept.sort_by_key(|d| (d.primary.span, d.id));
        let last = kept.last().map_or_else(Default::default, |d| d.primary.span);
        kept.push(Diagnostic::error(Rule::Syntax, last, format!("{more} more findings are not shown")));
        *diagnostics = kept;
    }
}

/// `a`, `b` and `c`.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        all => all.join(", "),
    }
}
