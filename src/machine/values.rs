//! Variables, counters and the clock, as guards and templates see them.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Counter;
use super::call::{Call, Step};
use crate::pii::{Payload, PhoneNumber, Utterance};
use crate::plan::{
    Arg, ArgSource, GuardContext, HoursId, IntentId, Plan, RenderError, StateId, Text, ToolArgs, ToolId,
    Value, VarId, field,
};

/// The variables of a call. Prints which are set, and not what the caller said.
#[derive(Clone, PartialEq)]
pub(super) struct Vars(Vec<Option<Value>>);

impl fmt::Debug for Vars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(Option::is_some)).finish()
    }
}

impl Vars {
    pub(super) fn new(plan: &Plan) -> Self {
        Self(plan.vars.iter().map(|var| var.default.clone()).collect())
    }
}

impl Vars {
    /// A clone in the memory that there is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.0.clone_from(&other.0);
    }

    pub(super) fn values(&self) -> impl Iterator<Item = Option<&Value>> {
        self.0.iter().map(Option::as_ref)
    }
}

impl Hash for Vars {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|value| hash_value(value.as_ref(), state));
    }
}

pub(super) fn hash_value<H: Hasher>(value: Option<&Value>, state: &mut H) {
    match value {
        None => state.write_u8(0),
        Some(Value::Bool(value)) => (1_u8, value).hash(state),
        Some(Value::Number(value)) => (2_u8, value.to_bits()).hash(state),
        Some(Value::Text(value)) => (3_u8, value).hash(state),
        Some(Value::List(items)) => {
            (4_u8, items.len()).hash(state);
            items.iter().for_each(|item| hash_value(Some(item), state));
        }
    }
}

/// Whole numbers are spoken without a decimal point.
fn in_template(value: &Value) -> minijinja::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough for an i64")]
        Value::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => (*value as i64).into(),
        Value::Number(value) => (*value).into(),
        Value::Text(value) => minijinja::Value::from(Arc::clone(value)),
        Value::List(items) => items.iter().map(in_template).collect(),
    }
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and small enough for an i64")]
        Value::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => (*value as i64).into(),
        Value::Number(value) => (*value).into(),
        Value::Text(value) => (&**value).into(),
        Value::List(items) => items.iter().map(as_json).collect(),
    }
}

impl GuardContext for Step<'_> {
    fn var(&self, var: VarId) -> Option<Value> {
        self.call.vars.0.get(var.index())?.clone()
    }

    fn attempts(&self, state: StateId) -> u32 {
        self.asks(Counter::Entered(state));
        self.call.record.entered.get(state.index()).copied().unwrap_or(0)
    }

    fn within(&self, hours: HoursId) -> bool {
        let elapsed = i64::try_from(self.now.0 / 1000).unwrap_or(i64::MAX);
        let now = self.call.info.started_at.saturating_add(elapsed);
        self.plan.hours.get(hours.index()).is_some_and(|hours| hours.is_open(now))
    }

    fn call_from(&self) -> Option<Arc<str>> {
        self.call.info.from.as_ref().map(|number| number.reveal().into())
    }

    fn call_to(&self) -> Option<Arc<str>> {
        self.call.info.to.as_ref().map(|number| number.reveal().into())
    }
}

impl Step<'_> {
    /// A text of the flow with the values of this call. A withheld number is an empty text.
    pub(super) fn render(&self, text: &Text) -> Result<Arc<str>, RenderError> {
        if text.is_fixed() { text.render(&minijinja::Value::UNDEFINED) } else { text.render(&self.values()) }
    }

    /// [`Step::render`], as something to say.
    pub(super) fn sentence(&self, text: &Text) -> Result<Utterance, RenderError> {
        self.render(text).map(|text| Utterance::new(&*text))
    }

    fn values(&self) -> minijinja::Value {
        let Call { info, vars, .. } = &*self.call;
        let number = |number: &Option<PhoneNumber>| {
            minijinja::Value::from(number.as_ref().map_or("", PhoneNumber::reveal))
        };
        let call = BTreeMap::from([
            ("id", minijinja::Value::from(&*info.id)),
            ("from", number(&info.from)),
            ("to", number(&info.to)),
        ]);
        let env = self.plan.env.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let vars = self.plan.vars.iter().zip(&vars.0);
        let mut values: BTreeMap<String, minijinja::Value> = vars
            .filter_map(|(var, value)| value.as_ref().map(|value| (var.name.to_string(), in_template(value))))
            .collect();
        values.insert("call".to_owned(), minijinja::Value::from(call));
        values.insert("env".to_owned(), minijinja::Value::from(env.collect::<BTreeMap<_, _>>()));
        minijinja::Value::from(values)
    }

    /// Makes assignments, in order. A text that cannot be rendered, or read as the variable's type, leaves
    /// the variable as it was.
    pub(super) fn assign(&mut self, assignments: &[(VarId, Text)]) {
        for (var, text) in assignments {
            if let Ok(text) = self.render(text) {
                self.store(*var, &text);
            }
        }
    }

    /// What the model filled in goes into the variables of the same names, if the intent declares them.
    pub(super) fn fill_slots(&mut self, intent: IntentId, slots: &[(String, Utterance)]) {
        let declared = &self.plan.intent(intent).slots;
        for (name, text) in slots.iter().filter(|(name, _)| declared.iter().any(|slot| *slot.name == **name))
        {
            if let Some(index) = self.plan.vars.iter().position(|var| *var.name == **name) {
                self.store(VarId::from_index(index), text.text());
            }
        }
    }

    /// What a tool is called with, and whether `turns` is still to be filled in. `None` if something it needs has
    /// no value.
    pub(super) fn arguments(&self, tool: ToolId, args: &[Arg]) -> Option<(ToolArgs, bool)> {
        let params = &self.plan.tool(tool).params;
        let (mut made, mut turns) = (ToolArgs::default(), false);
        for (index, param) in params.iter().enumerate() {
            let arg = args.iter().find(|arg| arg.param == index);
            if arg.is_some_and(|arg| matches!(arg.from, ArgSource::Turns)) {
                turns = true;
                continue;
            }
            let value = arg.and_then(|arg| match &arg.from {
                ArgSource::Var(var) => {
                    let value = self.call.vars.0.get(var.index())?.as_ref()?;
                    let same = self.plan.vars.get(var.index()).is_some_and(|var| var.kind == param.kind);
                    let blank =
                        matches!(value, Value::Text(text) if text.trim().is_empty()) && !param.optional;
                    if same && !blank {
                        Some(as_json(value))
                    } else {
                        param.read(&in_template(value).to_string())
                    }
                }
                ArgSource::Text(text) => param.read(&self.render(text).ok()?),
                ArgSource::Target => {
                    let leg = self.call.leg.as_ref()?;
                    param.read(&self.plan.target(leg.target).name)
                }
                ArgSource::From => param.read(self.call.info.from.as_ref()?.reveal()),
                ArgSource::To => param.read(self.call.info.to.as_ref()?.reveal()),
                ArgSource::Turns => None,
            });
            match value {
                Some(value) => {
                    made.values.insert(param.name.to_string(), value);
                    if arg.is_some_and(|arg| arg.secret) {
                        made.hidden.push(Arc::clone(&param.name));
                    }
                }
                None if param.optional => {}
                None => return None,
            }
        }
        Some((made, turns))
    }

    /// Puts what an answer says into variables: everything that is wanted, or nothing. Whether it did.
    pub(super) fn save(&mut self, wanted: &[(VarId, Vec<String>)], answer: &Payload) -> bool {
        let read = |(var, path): &(VarId, Vec<String>)| {
            let kind = &self.plan.vars.get(var.index())?.kind;
            Some((*var, Value::from(kind.read(&field(answer, path)?)?)))
        };
        let Some(values) = wanted.iter().map(read).collect::<Option<Vec<_>>>() else { return false };
        for (var, value) in values {
            if let Some(place) = self.call.vars.0.get_mut(var.index()) {
                *place = Some(value);
            }
        }
        true
    }

    /// Gives a variable a value; whether the text could be read as one.
    pub(super) fn store(&mut self, var: VarId, text: &str) -> bool {
        let value = self.plan.vars.get(var.index()).and_then(|var| var.kind.read(text));
        let (Some(value), Some(place)) = (value, self.call.vars.0.get_mut(var.index())) else { return false };
        *place = Some(value.into());
        true
    }
}
