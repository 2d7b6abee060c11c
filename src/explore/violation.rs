//! A property that does not hold, and where.

use crate::diagnostic::Rule;
use crate::plan::StateId;

/// One property that does not hold in one configuration.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Violation {
    /// Which property.
    pub rule: Rule,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// The state that the call came from, if it had been in one.
    pub from: Option<StateId>,
    /// The state of the flow in which it happens, once there is one.
    pub state: Option<StateId>,
    /// Which wish of `properties:` it is, in the order of the file.
    pub wish: Option<usize>,
}

/// What was found in one step, each once.
#[derive(Default, Debug)]
pub(super) struct Violations(pub Vec<Violation>);

impl Violations {
    pub(super) fn add(&mut self, violation: Violation) {
        if !self.0.contains(&violation) {
            self.0.push(violation);
        }
    }
}
