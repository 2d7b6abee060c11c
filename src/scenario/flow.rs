//! The flow that a test file is about: checked once, and compiled for each way in which its tests begin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::check::{CheckedFlow, EnvMode, ModelServer, check};
use crate::diagnostic::Findings;
use crate::flow::Document;
use crate::plan::{Plan, compile};
use crate::source::SourceFile;

use super::document::Test;

/// A flow under test.
#[derive(Debug)]
pub struct Subject {
    /// The file alone: it is checked again for each variant.
    file: SourceFile,
    flow: CheckedFlow,
    plan: Arc<Plan>,
    /// Plans by how a call begins.
    variants: Mutex<HashMap<String, Arc<Plan>>>,
}

impl Subject {
    /// Checks a flow.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(file: SourceFile) -> Result<Self, Findings> {
        let checked = check(&file, EnvMode::Unknown);
        match checked.flow {
            Some(flow) => {
                let plan = compile(&flow);
                Ok(Self { file, flow, plan, variants: Mutex::default() })
            }
            None => Err((checked.source, checked.diagnostics)),
        }
    }

    /// The file with those that it takes in.
    #[must_use]
    pub fn source(&self) -> &SourceFile {
        &self.document().source
    }

    /// The flow as it was checked: what it takes in and what its groups share is in its place.
    #[must_use]
    pub fn document(&self) -> &Document {
        self.flow.document()
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

    /// The server of the flow's own model, if it names one and the environment has what it takes.
    #[must_use]
    pub fn model_server(&self, env: &dyn Fn(&str) -> Option<String>) -> Option<ModelServer> {
        let flow = check(&self.file, EnvMode::Given(env)).flow?;
        let [own, _] = flow.model_servers();
        own.clone().filter(|server| !server.is_fictional())
    }

    fn variant(&self, test: &Test) -> Option<Arc<Plan>> {
        let given = &test.given;
        let env = |name: &str| {
            let assigned = given.env.iter().find(|assigned| assigned.name.value == name);
            assigned.map(|assigned| assigned.value.value.clone())
        };
        let mode = if given.env.is_empty() { EnvMode::Unknown } else { EnvMode::Given(&env) };
        let mut plan = compile(check(&self.file, mode).flow?);
        let begun = Arc::get_mut(&mut plan)?;
        if let Some(state) = &test.start_in {
            begun.begin_in(begun.state_named(&state.value)?);
        }
        for assigned in &given.vars {
            let var = begun.vars.iter_mut().find(|var| *var.name == *assigned.name.value)?;
            var.default = Some(var.kind.read(&assigned.value.value)?.into());
        }
        Some(plan)
    }
}
