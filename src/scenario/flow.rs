//! The flow that a test file is about: checked once, and compiled for each way in which its tests begin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::check::{EnvMode, check};
use crate::diagnostic::Diagnostic;
use crate::flow::{self, Document, ValueType};
use crate::plan::{Plan, compile};
use crate::source::SourceFile;

use super::document::{Given, Test};

/// A flow under test.
#[derive(Debug)]
pub struct Subject {
    source: SourceFile,
    document: Document,
    plan: Arc<Plan>,
    /// Plans by how a call begins.
    variants: Mutex<HashMap<String, Arc<Plan>>>,
}

impl Subject {
    /// Checks a flow.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(source: SourceFile) -> Result<Self, Vec<Diagnostic>> {
        let checked = check(&source, EnvMode::Unknown);
        let document = flow::parse(&source).0;
        match (checked.flow, document) {
            (Some(flow), Some(document)) => {
                let plan = compile(flow);
                Ok(Self { source, document, plan, variants: Mutex::default() })
            }
            _ => Err(checked.diagnostics),
        }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// The flow as written.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The flow as it stands.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The flow as a test begins it: in another state, or with other values. `None` if the values do not fit,
    /// which [`super::names`] reports.
    #[must_use]
    pub fn plan_of(&self, test: &Test) -> Option<Arc<Plan>> {
        let given = &test.given;
        if test.start_in.is_none() && given.vars.is_empty() && given.env.is_empty() {
            return Some(Arc::clone(&self.plan));
        }
        let values = |all: &[super::document::Assigned]| -> Vec<_> {
            all.iter().map(|one| (one.name.value.clone(), one.value.value.clone())).collect()
        };
        let key = format!(
            "{:?}",
            (&test.start_in.as_ref().map(|s| &s.value), values(&given.vars), values(&given.env))
        );
        let mut variants = self.variants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = variants.get(&key) {
            return Some(Arc::clone(plan));
        }
        let plan = self.variant(test)?;
        variants.insert(key, Arc::clone(&plan));
        Some(plan)
    }

    fn variant(&self, test: &Test) -> Option<Arc<Plan>> {
        let given = &test.given;
        let env = |name: &str| self.env_value(given, name);
        let mode = if given.env.is_empty() { EnvMode::Unknown } else { EnvMode::Known(&env) };
        let mut plan = compile(check(&self.source, mode).flow?);
        let begun = Arc::get_mut(&mut plan)?;
        if let Some(state) = &test.start_in {
            begun.start = begun.state_named(&state.value)?;
            // A call that begins in its middle has not come the way that `properties:` speak of.
            begun.properties.clear();
        }
        for assigned in &given.vars {
            let var = begun.vars.iter_mut().find(|var| *var.name == *assigned.name.value)?;
            var.default = Some(var.kind.read(&assigned.value.value)?.into());
        }
        Some(plan)
    }

    /// A value of the environment: as given, else one of the right type that means nothing.
    fn env_value(&self, given: &Given, name: &str) -> Option<String> {
        if let Some(assigned) = given.env.iter().find(|assigned| assigned.name.value == name) {
            return Some(assigned.value.value.clone());
        }
        let declared = self.document.env.iter().find(|var| var.name.value == name)?;
        Some(
            match declared.kind {
                ValueType::Phone => "+15550100100",
                ValueType::Int | ValueType::Number => "1",
                ValueType::Bool => "true",
                ValueType::Date => "2026-01-01",
                ValueType::Duration => "1s",
                ValueType::Text | ValueType::Enum(_) | ValueType::List => "text",
            }
            .to_owned(),
        )
    }
}
