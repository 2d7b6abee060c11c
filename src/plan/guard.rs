//! Guards: total, typed, side-effect-free expressions over variables, counters and opening hours.
//!
//! The checker has typed them, so evaluation cannot fail; a value that is not there compares as unequal.

use std::sync::Arc;

use serde::Serialize;

use super::{HoursId, StateId, VarId};
use crate::flow::Literal;

/// A value of a variable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// `bool`.
    Bool(bool),
    /// `number`; `duration` in seconds.
    Number(f64),
    /// `text`, `phone`, `date`, `enum`.
    Text(Arc<str>),
    /// `list`.
    List(Vec<Value>),
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Bool(value) => Self::Bool(value),
            Literal::Number(value) => Self::Number(value),
            Literal::Text(value) => Self::Text(value),
            Literal::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
        }
    }
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A constant.
    Literal(Value),
    /// A variable.
    Var(VarId),
    /// `call.from` or `call.to`: the number in clear, compared only.
    CallFrom,
    /// See [`Expr::CallFrom`].
    CallTo,
    /// `attempts(state)`: how often that state has been entered in this call.
    Attempts(StateId),
    /// `within(hours)`.
    Within(HoursId),
    /// `name is set`.
    IsSet(VarId),
    /// `call.from is set`: not withheld.
    FromIsSet,
    /// `call.to is set`.
    ToIsSet,
    /// `not …`.
    Not(Box<Expr>),
    /// Two operands.
    Binary(Op, Box<Expr>, Box<Expr>),
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `and`.
    And,
    /// `or`.
    Or,
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `in` a list or a text.
    In,
}

/// What an expression may look at.
pub trait GuardContext {
    /// The value of a variable, if it has one.
    fn var(&self, var: VarId) -> Option<Value>;
    /// How often a state has been entered.
    fn attempts(&self, state: StateId) -> u32;
    /// Whether the wall clock is within these hours.
    fn within(&self, hours: HoursId) -> bool;
    /// The caller's number.
    fn call_from(&self) -> Option<Arc<str>>;
    /// The number called.
    fn call_to(&self) -> Option<Arc<str>>;
}

impl Expr {
    /// Whether the guard lets its edge be taken.
    #[must_use]
    pub fn is_true(&self, context: &dyn GuardContext) -> bool {
        matches!(self.value(context), Some(Value::Bool(true)))
    }

    fn value(&self, context: &dyn GuardContext) -> Option<Value> {
        Some(match self {
            Self::Literal(value) => value.clone(),
            Self::Var(var) => context.var(*var)?,
            Self::CallFrom => Value::Text(context.call_from()?),
            Self::CallTo => Value::Text(context.call_to()?),
            Self::Attempts(state) => Value::Number(f64::from(context.attempts(*state))),
            Self::Within(hours) => Value::Bool(context.within(*hours)),
            Self::IsSet(var) => Value::Bool(context.var(*var).is_some()),
            Self::FromIsSet => Value::Bool(context.call_from().is_some()),
            Self::ToIsSet => Value::Bool(context.call_to().is_some()),
            Self::Not(inner) => Value::Bool(!inner.is_true(context)),
            Self::Binary(Op::And, a, b) => Value::Bool(a.is_true(context) && b.is_true(context)),
            Self::Binary(Op::Or, a, b) => Value::Bool(a.is_true(context) || b.is_true(context)),
            Self::Binary(op, a, b) => Value::Bool(match (a.value(context), b.value(context)) {
                (Some(a), Some(b)) => op.compare(&a, &b),
                // What is not there is unequal to everything.
                _ => *op == Op::Ne,
            }),
        })
    }
}

impl Op {
    fn compare(self, a: &Value, b: &Value) -> bool {
        let ordering = match (a, b) {
            (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            _ => None,
        };
        match self {
            Self::Eq => a == b,
            Self::Ne => a != b,
            Self::Lt => ordering.is_some_and(std::cmp::Ordering::is_lt),
            Self::Le => ordering.is_some_and(std::cmp::Ordering::is_le),
            Self::Gt => ordering.is_some_and(std::cmp::Ordering::is_gt),
            Self::Ge => ordering.is_some_and(std::cmp::Ordering::is_ge),
            Self::In => match (a, b) {
                (_, Value::List(items)) => items.contains(a),
                (Value::Text(part), Value::Text(whole)) => whole.contains(&**part),
                _ => false,
            },
            Self::And | Self::Or => false,
        }
    }
}

/// Named opening hours.
#[derive(Debug, Clone)]
pub struct Hours {
    /// Its name in the file.
    pub name: Arc<str>,
    /// An IANA time zone.
    pub zone: jiff::tz::TimeZone,
    /// When it is open.
    pub open: Vec<Open>,
    /// Dates on which it is not.
    pub closed: Vec<jiff::civil::Date>,
}

/// One line of opening hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Days, Monday first.
    pub days: [bool; 7],
    /// Minutes after midnight at which it opens.
    pub from: u16,
    /// Minutes after midnight at which it closes (at most 1440). Not past midnight.
    pub until: u16,
}

impl Hours {
    /// Whether it is open at a point in time (seconds since 1970, UTC).
    #[must_use]
    pub fn is_open(&self, unix_seconds: i64) -> bool {
        let Ok(timestamp) = jiff::Timestamp::from_second(unix_seconds) else { return false };
        let local = timestamp.to_zoned(self.zone.clone());
        if self.closed.contains(&local.date()) {
            return false;
        }
        let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
        self.open.iter().any(|o| o.days[day] && (o.from..o.until).contains(&minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call whose variables are `Some(n)` for even ids and have no value for odd ones.
    struct Context;

    impl GuardContext for Context {
        fn var(&self, var: VarId) -> Option<Value> {
            var.index().is_multiple_of(2).then_some(Value::Number(2.0))
        }
        fn attempts(&self, _: StateId) -> u32 {
            3
        }
        fn within(&self, _: HoursId) -> bool {
            true
        }
        fn call_from(&self) -> Option<Arc<str>> {
            None
        }
        fn call_to(&self) -> Option<Arc<str>> {
            Some("+15550100123".into())
        }
    }

    fn compare(op: Op, var: usize, number: f64) -> bool {
        let sides = (Expr::Var(VarId::from_index(var)), Expr::Literal(Value::Number(number)));
        Expr::Binary(op, Box::new(sides.0), Box::new(sides.1)).is_true(&Context)
    }

    #[test]
    fn what_has_no_value_is_unequal_to_everything() {
        assert!(compare(Op::Eq, 0, 2.0) && !compare(Op::Ne, 0, 2.0) && compare(Op::Ge, 0, 2.0));
        assert!(compare(Op::Ne, 1, 2.0));
        for op in [Op::Eq, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::In] {
            assert!(!compare(op, 1, 2.0), "{op:?}");
        }
        let same = Expr::Binary(Op::Eq, Box::new(Expr::CallFrom), Box::new(Expr::CallFrom));
        assert!(!Expr::FromIsSet.is_true(&Context) && Expr::ToIsSet.is_true(&Context));
        assert!(!same.is_true(&Context) && Expr::Not(Box::new(same)).is_true(&Context));
    }

    fn open(hours: &Hours, when: &str) -> bool {
        hours.is_open(when.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    #[test]
    fn hours_are_those_of_their_own_time_zone() {
        let mut days = [false; 7];
        days[4] = true;
        let hours = Hours {
            name: "office".into(),
            zone: jiff::tz::TimeZone::get("America/New_York").unwrap(),
            open: vec![Open { days, from: 9 * 60, until: 24 * 60 }],
            closed: vec![jiff::civil::date(2026, 12, 25)],
        };
        // Friday, 4 December 2026; New York is five hours behind.
        assert!(!open(&hours, "2026-12-04T13:59:59Z"));
        assert!(open(&hours, "2026-12-04T14:00:00Z"));
        assert!(open(&hours, "2026-12-05T04:59:59Z"));
        assert!(!open(&hours, "2026-12-05T05:00:00Z"));
        assert!(!open(&hours, "2026-12-25T15:00:00Z"));
        // In July it is four hours behind.
        assert!(open(&hours, "2026-07-03T13:00:00Z"));
    }
}
