//! Names in place of a plan's numbers, so that two versions of a flow can be compared.

use serde::Deserialize;
use serde_json::Value;

use crate::plan::{Plan, StateId};

/// The names behind the numbers of a plan.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Names {
    states: Vec<String>,
    intents: Vec<String>,
    targets: Vec<String>,
    #[serde(default)]
    tools: Vec<String>,
}

impl Names {
    pub(super) fn of_plan(plan: &Plan) -> Self {
        Self {
            states: plan.states.iter().map(|state| state.name.to_string()).collect(),
            intents: plan.intents.iter().map(|intent| intent.name.to_string()).collect(),
            targets: plan.targets.iter().map(|target| target.name.to_string()).collect(),
            tools: plan.tools.iter().map(|tool| tool.name.to_string()).collect(),
        }
    }

    pub(super) fn state(&self, state: StateId) -> &str {
        self.states.get(state.index()).map_or("?", String::as_str)
    }

    fn of(&self, key: &str) -> Option<&[String]> {
        match key {
            "state" => Some(&self.states),
            "intent" | "intents" => Some(&self.intents),
            "target" => Some(&self.targets),
            "tool" | "tools" => Some(&self.tools),
            _ => None,
        }
    }

    /// An input or effect with names in place of numbers. A number without a name stays.
    pub(super) fn name(&self, mut step: Value) -> Value {
        let name = |names: &[String], value: &mut Value| {
            let index = value.as_u64().and_then(|index| usize::try_from(index).ok());
            if let Some(name) = index.and_then(|index| names.get(index)) {
                *value = Value::String(name.clone());
            }
        };
        for (key, value) in step.as_object_mut().into_iter().flatten() {
            if let ("calls", Value::Array(calls)) = (key.as_str(), &mut *value) {
                calls.iter_mut().for_each(|call| *call = self.name(call.take()));
            }
            let Some(names) = self.of(key) else { continue };
            match value {
                Value::Array(items) => items.iter_mut().for_each(|item| name(names, item)),
                single => name(names, single),
            }
        }
        step
    }

    /// An input with numbers in place of names; the name that this flow does not have, if there is one.
    pub(super) fn number(&self, mut step: Value) -> Result<Value, String> {
        for (key, value) in step.as_object_mut().into_iter().flatten() {
            if let ("calls", Value::Array(calls)) = (key.as_str(), &mut *value) {
                for call in calls {
                    *call = self.number(call.take())?;
                }
                continue;
            }
            let Some(names) = self.of(key) else { continue };
            let index = match &*value {
                Value::String(name) => names.iter().position(|known| known == name),
                // A number that its own journal has no name for.
                Value::Number(number) => {
                    number.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < names.len())
                }
                _ => continue,
            };
            *value = Value::from(index.ok_or_else(|| format!("{key} {value}"))?);
        }
        Ok(step)
    }
}
