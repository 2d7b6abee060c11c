//! F022: a condition that holds always, or never.
//!
//! A condition compares few things with few constants, so every case that it can tell apart is tried: for each
//! variable no value, each constant it is compared with, and values between and beyond them. A comparison of another
//! kind (two variables, days, parts of a text) counts as possible either way. Values that a flow starts with are not
//! taken for constants: who declares a variable means to change it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::scope::Scope;
use super::walk;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::guard::{Expr, ExprKind, Op};
use crate::flow::{Document, Kind, Literal, ValueType};

/// The most cases that are tried for one condition. One with more is believed.
const MOST_CASES: usize = 1_024;
/// The most steps that are taken for all conditions of a flow. Those behind are believed.
const MOST_STEPS: usize = 300_000;

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    let mut rule = Constants { document, scope, settable: settable(document), steps: MOST_STEPS };
    let mut found = Vec::new();
    // What is its group's is asked in several states.
    let mut shared = HashSet::new();
    for state in &document.states {
        let name = Some(state.name.value.as_str());
        let of_kind = walk::kind_branches(&state.kind.value).iter().map(|branch| (name, branch));
        let of_edges = state
            .on
            .iter()
            .flat_map(|on| on.branches.iter().map(move |branch| (name.filter(|_| !on.of_group), branch)));
        for (name, guard) in of_kind.chain(of_edges).filter_map(|(name, b)| Some((name, b.guard.as_ref()?))) {
            if name.is_some() || shared.insert(guard.span) {
                found.extend(rule.finding(name, guard));
            }
        }
    }
    let always = document.always.iter().flat_map(|on| &on.branches);
    found.extend(always.filter_map(|branch| rule.finding(None, branch.guard.as_ref()?)));
    // What is malformed has been reported, and holds as little as it fails.
    let mut errors: Vec<u32> = out.iter().filter(|d| d.is_error()).map(|d| d.primary.span.start).collect();
    errors.sort_unstable();
    found.retain(|d| {
        let next = errors.partition_point(|at| *at < d.primary.span.start);
        errors.get(next).is_none_or(|at| *at >= d.primary.span.end)
    });
    out.append(&mut found);
}

/// The variables that something in the flow gives a value.
fn settable(document: &Document) -> HashSet<&str> {
    let set = walk::assignments(document).map(|set| set.var.value.as_str());
    let slots = document.intents.iter().flat_map(|intent| &intent.slots).map(|slot| slot.name.value.as_str());
    let kinds = document.states.iter().flat_map(|state| match &state.kind.value {
        Kind::Collect(collect) => collect.slots.iter().map(|slot| slot.name.value.as_str()).collect(),
        Kind::CallApi(api) => api.save.iter().map(|saved| saved.var.value.as_str()).collect(),
        _ => Vec::new(),
    });
    set.chain(slots).chain(kinds).collect()
}

/// Something that a condition looks at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'e> {
    Var(&'e str),
    Attempts(&'e str),
    From,
    To,
    Hours(&'e str),
    /// A comparison that is not looked into, by its place.
    Whole(u32, u32),
}

/// What it is in one case.
#[derive(Clone, PartialEq)]
enum Value {
    Unset,
    Number(f64),
    Text(Arc<str>),
    /// A text that it is not compared with.
    OtherText,
    Bool(bool),
}

type Case<'c, 'e> = BTreeMap<Key<'e>, &'c Value>;

struct Constants<'d> {
    document: &'d Document,
    scope: &'d Scope<'d>,
    settable: HashSet<&'d str>,
    /// So many more steps are taken.
    steps: usize,
}

impl Constants<'_> {
    fn finding(&mut self, state: Option<&str>, guard: &Expr) -> Option<Diagnostic> {
        let (message, help) = match self.always(state, guard)? {
            true => ("this condition always holds", "leave the condition out, or write what it should ask"),
            false => {
                ("this condition never holds", "remove the branch, or write what the condition should ask")
            }
        };
        Some(Diagnostic::warning(Rule::Constant, guard.span, message).help(help))
    }

    /// Whether it holds in every case (`true`) or in none (`false`).
    fn always(&mut self, state: Option<&str>, guard: &Expr) -> Option<bool> {
        let mut constants: BTreeMap<Key<'_>, Vec<Value>> = BTreeMap::new();
        let mut parts = 0_usize;
        guard.walk(&mut |expr| {
            parts += 1;
            if let Some((key, compared)) = self.looked_at(expr) {
                constants.entry(key).or_default().extend(compared);
            }
        });
        let cases: BTreeMap<_, _> =
            constants.iter().map(|(key, constants)| (*key, self.values(*key, state, constants))).collect();
        let total = cases.values().try_fold(1_usize, |all, values| all.checked_mul(values.len()))?;
        if total == 0 || total > MOST_CASES {
            return None;
        }
        self.steps = self.steps.checked_sub(total.saturating_mul(parts))?;
        let rule = &*self;
        let holds = |mut number: usize| {
            let mut case: Case<'_, '_> = BTreeMap::new();
            for (key, values) in &cases {
                case.insert(*key, &values[number % values.len()]);
                number /= values.len();
            }
            rule.holds(guard, &case)
        };
        let first = holds(0);
        (1..total).all(|number| holds(number) == first).then_some(first)
    }

    /// What this part of a condition looks at, and the constants that it compares it with.
    fn looked_at<'e>(&self, expr: &'e Expr) -> Option<(Key<'e>, Vec<Value>)> {
        Some(match &expr.kind {
            ExprKind::IsSet(name) => (Key::Var(&name.value), vec![]),
            ExprKind::FromIsSet => (Key::From, vec![]),
            ExprKind::ToIsSet => (Key::To, vec![]),
            ExprKind::Within(name) => (Key::Hours(&name.value), vec![]),
            ExprKind::Var(name) if self.type_of(name) == Some(&ValueType::Bool) => (Key::Var(name), vec![]),
            ExprKind::Binary(Op::And | Op::Or, ..) => return None,
            ExprKind::Binary(op, a, b) => match self.comparison(*op, a, b) {
                Some((key, _, values)) => (key, values),
                None if values_of(a).is_some() && values_of(b).is_some() => return None,
                None => (whole(expr), vec![]),
            },
            _ => return None,
        })
    }

    /// Something and the constants that it is compared with; whether they stand on the right.
    fn comparison<'e>(&self, op: Op, a: &'e Expr, b: &'e Expr) -> Option<(Key<'e>, bool, Vec<Value>)> {
        let (subject, right, values) = match (values_of(a), values_of(b)) {
            (None, Some(values)) => (a, true, values),
            (Some(values), None) if op != Op::In => (b, false, values),
            _ => return None,
        };
        let ordered = matches!(op, Op::Lt | Op::Le | Op::Gt | Op::Ge);
        let (key, fits) = match &subject.kind {
            ExprKind::Attempts(name) => (Key::Attempts(&name.value), true),
            ExprKind::CallFrom => (Key::From, !ordered),
            ExprKind::CallTo => (Key::To, !ordered),
            ExprKind::Var(name) => {
                let fits = match self.type_of(name)? {
                    ValueType::Int | ValueType::Number | ValueType::Duration => true,
                    ValueType::Text | ValueType::Enum(_) | ValueType::Phone | ValueType::Bool => !ordered,
                    ValueType::Date | ValueType::List => false,
                };
                (Key::Var(name), fits)
            }
            _ => return None,
        };
        // A constant on the right of `in` may be a text, and then its parts count.
        let in_a_list = op != Op::In || matches!(b.kind, ExprKind::Literal(Literal::List(_)));
        (fits && in_a_list).then_some((key, right, values))
    }

    fn type_of(&self, name: &str) -> Option<&ValueType> {
        self.scope.vars.get(name).map(|index| &self.document.vars[index].kind)
    }

    /// What it can be, as far as these constants tell.
    fn values(&self, key: Key<'_>, state: Option<&str>, constants: &[Value]) -> Vec<Value> {
        match key {
            Key::Hours(_) | Key::Whole(..) => either(),
            Key::From | Key::To => [texts(constants), vec![Value::Unset]].concat(),
            Key::Attempts(name) => {
                // Where a condition of a state is asked, the state has been entered.
                let least = f64::from(u8::from(state == Some(name)));
                let counts = around(constants, true).into_iter().filter(|count| *count >= least);
                counts.chain([least]).map(Value::Number).collect()
            }
            Key::Var(name) => {
                let Some(index) = self.scope.vars.get(name) else { return either() };
                let var = &self.document.vars[index];
                let has_value = var.default.is_some() || var.implied || self.settable.contains(name);
                let mut values = if has_value { of_type(&var.kind, constants) } else { Vec::new() };
                values.extend(var.default.is_none().then_some(Value::Unset));
                values
            }
        }
    }

    fn holds(&self, expr: &Expr, case: &Case<'_, '_>) -> bool {
        let is = |key: Key<'_>| case.get(&key).is_some_and(|value| **value == Value::Bool(true));
        let is_set = |key: Key<'_>| case.get(&key).is_some_and(|value| **value != Value::Unset);
        match &expr.kind {
            ExprKind::Literal(Literal::Bool(value)) => *value,
            ExprKind::Not(inner) => !self.holds(inner, case),
            ExprKind::Binary(Op::And, a, b) => self.holds(a, case) && self.holds(b, case),
            ExprKind::Binary(Op::Or, a, b) => self.holds(a, case) || self.holds(b, case),
            ExprKind::Binary(op, a, b) => match (self.comparison(*op, a, b), values_of(a), values_of(b)) {
                (Some((key, right, values)), ..) => {
                    case.get(&key).is_some_and(|value| compare(*op, value, &values, right))
                }
                (None, Some(a), Some(b)) => a.first().is_some_and(|a| compare(*op, a, &b, true)),
                _ => is(whole(expr)),
            },
            ExprKind::IsSet(name) => is_set(Key::Var(&name.value)),
            ExprKind::FromIsSet => is_set(Key::From),
            ExprKind::ToIsSet => is_set(Key::To),
            ExprKind::Var(name) => is(Key::Var(name)),
            ExprKind::Within(name) => is(Key::Hours(&name.value)),
            _ => false,
        }
    }
}

fn whole(expr: &Expr) -> Key<'static> {
    Key::Whole(expr.span.start, expr.span.end)
}

fn either() -> Vec<Value> {
    vec![Value::Bool(true), Value::Bool(false)]
}

/// The values of a constant: those of a list, or its own.
fn values_of(expr: &Expr) -> Option<Vec<Value>> {
    let value = |literal: &Literal| match literal {
        Literal::Bool(value) => Some(Value::Bool(*value)),
        Literal::Number(value) => Some(Value::Number(*value)),
        Literal::Text(text) => Some(Value::Text(Arc::clone(text))),
        Literal::List(_) => None,
    };
    match &expr.kind {
        ExprKind::Literal(Literal::List(items)) => items.iter().map(value).collect(),
        ExprKind::Literal(literal) => Some(vec![value(literal)?]),
        ExprKind::Duration(seconds) => Some(vec![Value::Number(*seconds)]),
        _ => None,
    }
}

fn of_type(kind: &ValueType, constants: &[Value]) -> Vec<Value> {
    let numbers = |whole: bool| around(constants, whole).into_iter();
    match kind {
        ValueType::Bool => either(),
        ValueType::Int => numbers(true).map(Value::Number).collect(),
        ValueType::Number => numbers(false).map(Value::Number).collect(),
        ValueType::Duration => numbers(false).filter(|time| *time >= 0.0).map(Value::Number).collect(),
        ValueType::Enum(words) => words.iter().map(|word| Value::Text(Arc::clone(word))).collect(),
        ValueType::Text | ValueType::Phone => texts(constants),
        ValueType::Date | ValueType::List => vec![Value::OtherText],
    }
}

/// The numbers that are compared with, some between each two, and some beyond; also 0.
fn around(constants: &[Value], whole: bool) -> Vec<f64> {
    let number = |value: &Value| match value {
        Value::Number(number) => Some(*number),
        _ => None,
    };
    let mut numbers: Vec<f64> = constants.iter().filter_map(number).collect();
    numbers.sort_by(f64::total_cmp);
    let between = numbers.windows(2).map(|two| (two[0] + two[1]) / 2.0);
    let near = numbers.iter().flat_map(|n| [n.floor() - 1.0, n.floor(), n.ceil(), n.ceil() + 1.0]);
    let mut all: Vec<f64> = numbers.iter().copied().chain(between).chain(near).chain([0.0]).collect();
    all.retain(|n| !whole || n.fract() == 0.0);
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

fn texts(constants: &[Value]) -> Vec<Value> {
    let texts = constants.iter().filter(|value| matches!(value, Value::Text(_))).cloned();
    texts.chain([Value::OtherText]).collect()
}

/// A comparison as a call makes it: what has no value is unequal to everything.
fn compare(op: Op, value: &Value, constants: &[Value], right: bool) -> bool {
    let Some(constant) = constants.first() else { return false };
    let order = match (value, constant) {
        (Value::Number(value), Value::Number(constant)) => {
            let (a, b) = if right { (value, constant) } else { (constant, value) };
            a.partial_cmp(b)
        }
        _ => None,
    };
    match op {
        Op::Eq => value == constant,
        Op::Ne => value != constant,
        Op::Lt => order.is_some_and(std::cmp::Ordering::is_lt),
        Op::Le => order.is_some_and(std::cmp::Ordering::is_le),
        Op::Gt => order.is_some_and(std::cmp::Ordering::is_gt),
        Op::Ge => order.is_some_and(std::cmp::Ordering::is_ge),
        Op::In => constants.contains(value),
        Op::And | Op::Or => false,
    }
}
