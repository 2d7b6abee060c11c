//! The flows of a process: opened together, chosen for each call by the number that was called or by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::flow_file::{EnvLookup, FlowFile, FlowFileError};
use super::routes::Routes;
use crate::cloud::FlowRef;
use crate::pii::PhoneNumber;

/// All flows that may answer a call here.
pub(in crate::cli) struct Flows {
    /// The first is the default. Never empty.
    all: Vec<Arc<FlowFile>>,
    by_number: HashMap<PhoneNumber, usize>,
}

/// Why the flows cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FlowsError {
    /// Some of them cannot be read or have errors.
    #[error("{} of the flows cannot be used", .0.len())]
    Files(Vec<FlowFileError>),
    /// Two have the same name, by which a call may choose.
    #[error("{first} and {second} both have `name: {name}`; give one of them another name")]
    SameName {
        /// The name.
        name: String,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
}

/// A flow was asked for that is not here.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct UnknownFlow {
    /// As asked for.
    pub(in crate::cli) name: String,
    /// The flows that are here, for a message.
    pub(in crate::cli) known: String,
}

impl Flows {
    /// Reads, checks and compiles all of them; with them come their warnings, rendered. Without `env` the
    /// environment is not looked at: the calls run elsewhere.
    pub(in crate::cli) fn open(
        routes: Routes,
        env: Option<&EnvLookup>,
    ) -> Result<(Self, String), FlowsError> {
        let (mut all, mut warnings, mut errors) = (Vec::new(), String::new(), Vec::new());
        for file in &routes.files {
            match FlowFile::open(file, env.cloned()) {
                Ok((flow, its_warnings)) => {
                    warnings.push_str(&its_warnings);
                    all.push(Arc::new(flow));
                }
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(FlowsError::Files(errors));
        }
        only_distinct_names(&all)?;
        Ok((Self { all, by_number: routes.numbers.into_iter().collect() }, warnings))
    }

    /// The flow for a call: the one that was asked for, else the one of the called number, else the default.
    pub(in crate::cli) fn choose(
        &self,
        wanted: Option<&FlowRef>,
        called: Option<&PhoneNumber>,
    ) -> Result<&Arc<FlowFile>, UnknownFlow> {
        match wanted {
            Some(wanted) => self.named(&wanted.name).ok_or_else(|| self.unknown(&wanted.name)),
            None => {
                let index = called.and_then(|number| self.by_number.get(number)).copied().unwrap_or(0);
                Ok(&self.all[index])
            }
        }
    }

    /// Each with the numbers that it answers; the default first.
    pub(in crate::cli) fn list(&self) -> impl Iterator<Item = (&FlowFile, Vec<&PhoneNumber>)> {
        self.all.iter().enumerate().map(|(index, flow)| {
            let own = self.by_number.iter().filter(move |(_, at)| **at == index).map(|(number, _)| number);
            let mut numbers: Vec<_> = own.collect();
            numbers.sort_unstable_by_key(|number| number.reveal());
            (&**flow, numbers)
        })
    }

    fn named(&self, name: &str) -> Option<&Arc<FlowFile>> {
        self.all.iter().find(|flow| *flow.plan().name == *name)
    }

    fn unknown(&self, name: &str) -> UnknownFlow {
        let known: Vec<_> = self.all.iter().map(|flow| format!("`{}`", flow.plan().name)).collect();
        UnknownFlow { name: name.to_owned(), known: known.join(", ") }
    }
}

impl FlowsError {
    /// The whole text for the person who wrote the flows.
    pub(in crate::cli) fn rendered(&self) -> String {
        match self {
            Self::Files(errors) => errors.iter().map(FlowFileError::rendered).collect(),
            other => format!("error: {other}\n"),
        }
    }

    /// Whether it is about what stands in a flow.
    pub(in crate::cli) fn is_finding(&self) -> bool {
        match self {
            Self::Files(errors) => errors.iter().any(|error| matches!(error, FlowFileError::Findings { .. })),
            Self::SameName { .. } => true,
        }
    }
}

fn only_distinct_names(all: &[Arc<FlowFile>]) -> Result<(), FlowsError> {
    let mut seen: HashMap<Arc<str>, &FlowFile> = HashMap::new();
    for flow in all {
        let name = Arc::clone(&flow.plan().name);
        if let Some(first) = seen.insert(Arc::clone(&name), flow) {
            let path = |flow: &FlowFile| flow.path().display().to_string();
            return Err(FlowsError::SameName {
                name: name.to_string(),
                first: path(first),
                second: path(flow),
            });
        }
    }
    Ok(())
}
