//! The names of a flow and what they stand for.

use std::collections::HashMap;

use crate::flow::{Document, nearest};
use crate::source::Spanned;

/// Where each name of a flow is declared, as an index into the document's list.
#[derive(Debug)]
pub(super) struct Scope<'d> {
    pub states: Names<'d>,
    pub intents: Names<'d>,
    pub targets: Names<'d>,
    pub vars: Names<'d>,
    pub hours: Names<'d>,
    pub env: Names<'d>,
}

/// The names of one sort.
#[derive(Debug)]
pub(super) struct Names<'d> {
    by_name: HashMap<&'d str, usize>,
}

impl<'d> Names<'d> {
    fn new(names: impl Iterator<Item = &'d Spanned<String>>) -> Self {
        Self { by_name: names.enumerate().map(|(i, name)| (name.value.as_str(), i)).collect() }
    }

    /// Which one it is.
    pub(super) fn get(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The name as it was declared.
    pub(super) fn declared(&self, name: &str) -> Option<&'d str> {
        self.by_name.get_key_value(name).map(|(name, _)| *name)
    }

    /// Which one it is, or was meant to be: one typing mistake should cause one finding.
    pub(super) fn meant(&self, name: &str) -> Option<usize> {
        self.get(name).or_else(|| self.get(self.nearest(name)?))
    }

    /// The name that was probably meant.
    pub(super) fn nearest(&self, name: &str) -> Option<&'d str> {
        // Sorted, so that two candidates equally near always give the same advice.
        nearest(name, self.sorted())
    }

    /// All names, for messages.
    pub(super) fn sorted(&self) -> Vec<&'d str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }
}

impl<'d> Scope<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self {
            states: Names::new(document.states.iter().map(|s| &s.name)),
            intents: Names::new(document.intents.iter().map(|i| &i.name)),
            targets: Names::new(document.targets.iter().map(|t| &t.name)),
            vars: Names::new(document.vars.iter().map(|v| &v.name)),
            hours: Names::new(document.hours.iter().map(|h| &h.name)),
            env: Names::new(document.env.iter().map(|e| &e.name)),
        }
    }
}
