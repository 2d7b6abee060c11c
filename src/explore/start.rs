//! How a call can begin: at which hours, and from which number.

use std::sync::Arc;
use std::time::Duration;

use super::question::Situation;
use crate::machine::{Bounds, CallInfo, Input, Millis};
use crate::pii::PhoneNumber;
use crate::plan::{Expr, Kind, Plan, Value};

/// A number that no flow compares with.
const SOMEBODY: &str = "+15550100199";
/// A Monday, 2026-01-05, midnight in UTC: where the week begins that is searched for opening hours.
const MONDAY: i64 = 1_767_571_200;
/// How finely it is searched, in seconds.
const GRID: i64 = 15 * 60;
/// In minutes.
const WEEK: u64 = 7 * 24 * 60;
/// What a call may last beside its longest duration: until the caller joins, and from its end to its last word.
const LAST_WORDS: Duration = Duration::from_secs(10 * 60);

/// One way in which a call can begin.
#[derive(Clone, Debug)]
pub struct Start {
    /// What is known of the call.
    pub info: CallInfo,
    /// What is special about it, for the story.
    pub told: Vec<String>,
    /// The bot was not in the room yet when the first thing happened.
    pub unready: bool,
    /// What the call was told before, and when; empty if it is at its beginning.
    pub inputs: Vec<(Millis, Input)>,
    /// The moment at which the exploration begins.
    pub now: Millis,
}

impl Start {
    fn new(info: CallInfo, told: Vec<String>) -> Self {
        Self { info, told, unready: false, inputs: Vec::new(), now: Millis(0) }
    }

    /// Whether what is open at its beginning is open until its end, and nothing else is, however long it lasts.
    pub(super) fn stays_open(&self, plan: &Plan, bounds: &Bounds) -> bool {
        let handoffs = plan.states.iter().filter_map(|state| match &state.kind {
            Kind::Handoff(handoff) => Some(handoff.max),
            _ => None,
        });
        let longest =
            handoffs.fold(plan.call.max_duration.saturating_add(LAST_WORDS), Duration::saturating_add);
        let minutes = longest.as_secs().div_ceil(60);
        if minutes > WEEK {
            return bounds.hours().is_empty();
        }
        bounds.hours().iter().map(|hours| &plan.hours[hours.index()]).all(|hours| {
            let open = hours.is_open(self.info.started_at);
            let mut moments =
                (1..=minutes).map(|minute| self.info.started_at.saturating_add_unsigned(minute * 60));
            moments.all(|moment| hours.is_open(moment) == open)
        })
    }

    /// In the middle of a call.
    pub(super) fn within(so_far: &Situation) -> Self {
        let Situation { info, inputs, now } = so_far.clone();
        Self { inputs, now, ..Self::new(info, Vec::new()) }
    }
}

/// Every way in which a call of this flow can begin that some guard can tell from the others.
pub(super) fn starts(plan: &Plan, bounds: &Bounds) -> Vec<Start> {
    let mut starts = Vec::new();
    for (started_at, hours) in moments(plan, bounds) {
        for (from, number) in numbers(plan) {
            let info = CallInfo { id: "explored".into(), from, to: None, started_at };
            let told: Vec<_> = hours.iter().chain(&number).cloned().collect();
            starts.push(Start::new(info, told));
        }
    }
    let unready: Vec<_> = starts.iter().take(1).map(|s| Start { unready: true, ..s.clone() }).collect();
    starts.extend(unready);
    starts
}

/// A moment for every combination of opening hours that occurs.
fn moments(plan: &Plan, bounds: &Bounds) -> Vec<(i64, Option<String>)> {
    if bounds.hours().is_empty() {
        return vec![(MONDAY, None)];
    }
    let mut found: Vec<(Vec<bool>, i64)> = Vec::new();
    // Not at the edge of opening hours: a call lasts a while.
    for at in (0..7 * 24 * 3600 / GRID).map(|step| MONDAY + step * GRID) {
        let open = |at| bounds.hours().iter().map(|h| plan.hours[h.index()].is_open(at)).collect::<Vec<_>>();
        let now = open(at);
        if found.iter().all(|(known, _)| *known != now) {
            found.push((now, at));
        }
    }
    let told = |open: &[bool]| {
        let words = bounds.hours().iter().zip(open).map(|(hours, open)| {
            format!("{}within({})", if *open { "" } else { "not " }, plan.hours[hours.index()].name)
        });
        words.collect::<Vec<_>>().join(" and ")
    };
    found.iter().map(|(open, at)| (*at, Some(told(open)))).collect()
}

/// A number for every comparison of the flow, and none.
fn numbers(plan: &Plan) -> Vec<(Option<PhoneNumber>, Option<String>)> {
    let somebody = PhoneNumber::parse(SOMEBODY).ok();
    let mut asked = false;
    let mut literals: Vec<Arc<str>> = Vec::new();
    let ons = plan.states.iter().flat_map(|state| &state.on).chain(&plan.always);
    for guard in ons.flat_map(|on| &on.branches).filter_map(|branch| branch.guard.as_ref()) {
        collect(guard, &mut asked, &mut literals);
    }
    for state in &plan.states {
        if let Kind::Choose(choose) = &state.kind {
            let guards = choose.choices.iter().filter_map(|choice| choice.guard.as_ref());
            guards.for_each(|guard| collect(guard, &mut asked, &mut literals));
        }
    }
    let mut numbers = vec![(somebody, None)];
    if asked {
        numbers.push((None, Some("the caller withholds the number".to_owned())));
        let compared = literals.iter().filter_map(|text| PhoneNumber::parse(text).ok());
        numbers.extend(compared.map(|n| (Some(n), Some("a number that the flow knows calls".to_owned()))));
    }
    numbers
}

fn collect(guard: &Expr, asked: &mut bool, literals: &mut Vec<Arc<str>>) {
    match guard {
        Expr::CallFrom | Expr::FromIsSet => *asked = true,
        Expr::Not(inner) => collect(inner, asked, literals),
        Expr::Binary(_, left, right) => {
            collect(left, asked, literals);
            collect(right, asked, literals);
        }
        Expr::Literal(Value::Text(text)) => literals.push(Arc::clone(text)),
        Expr::Literal(Value::List(items)) => {
            literals.extend(items.iter().filter_map(|item| match item {
                Value::Text(text) => Some(Arc::clone(text)),
                _ => None,
            }));
        }
        Expr::Literal(_)
        | Expr::Var(_)
        | Expr::CallTo
        | Expr::Attempts(_)
        | Expr::Within(_)
        | Expr::IsSet(_)
        | Expr::ToIsSet => {}
    }
}
