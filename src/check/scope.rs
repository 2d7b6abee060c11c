//! The names of a flow and what they stand for.

use std::cell::{Cell, RefCell};
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
    pub tools: Names<'d>,
    pub hours: Names<'d>,
    pub env: Names<'d>,
}

/// Pairs of letters that are compared for one sort of names: some hundred suggestions in a flow of a thousand
/// names. A file with more mistakes than that is no flow with typing mistakes, and comparing each of them with
/// everything would take minutes.
const MOST_COMPARED: usize = 10_000_000;

/// The names of one sort.
#[derive(Debug)]
pub(super) struct Names<'d> {
    by_name: HashMap<&'d str, usize>,
    /// Sorted, so that two candidates equally near always give the same advice.
    sorted: Vec<&'d str>,
    /// Letters of all names together.
    letters: usize,
    compared: Cell<usize>,
    /// What was found out before, as an index into `sorted`.
    meant: RefCell<HashMap<String, Option<usize>>>,
}

impl<'d> Names<'d> {
    pub(super) fn new(names: impl Iterator<Item = &'d Spanned<String>>) -> Self {
        let by_name: HashMap<_, _> = names.enumerate().map(|(i, name)| (name.value.as_str(), i)).collect();
        let mut sorted: Vec<_> = by_name.keys().copied().collect();
        sorted.sort_unstable();
        let letters = sorted.iter().map(|name| name.len()).sum();
        Self { by_name, sorted, letters, compared: Cell::new(0), meant: RefCell::default() }
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

    /// The name that was probably meant. Bounded: see [`MOST_COMPARED`].
    pub(super) fn nearest(&self, name: &str) -> Option<&'d str> {
        if let Some(meant) = self.meant.borrow().get(name) {
            return meant.map(|index| self.sorted[index]);
        }
        let compared = self.compared.get().saturating_add(name.len().saturating_mul(self.letters));
        if compared > MOST_COMPARED {
            return None;
        }
        self.compared.set(compared);
        let meant = nearest(name, self.sorted.iter().copied());
        let index = meant.and_then(|meant| self.sorted.binary_search(&meant).ok());
        self.meant.borrow_mut().insert(name.to_owned(), index);
        meant
    }

    /// All names, for messages.
    pub(super) fn sorted(&self) -> &[&'d str] {
        &self.sorted
    }
}

impl<'d> Scope<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        Self {
            states: Names::new(document.states.iter().map(|s| &s.name)),
            intents: Names::new(document.intents.iter().map(|i| &i.name)),
            targets: Names::new(document.targets.iter().map(|t| &t.name)),
            tools: Names::new(document.tools.iter().map(|t| &t.name)),
            vars: Names::new(document.vars.iter().map(|v| &v.name)),
            hours: Names::new(document.hours.iter().map(|h| &h.name)),
            env: Names::new(document.env.iter().map(|e| &e.name)),
        }
    }
}
