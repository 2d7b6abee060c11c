//! Events and guards in the words of the language, for pictures and stories.

use std::fmt::Write as _;

use super::{Event, Expr, Op, Plan, Value};
use crate::flow::show_duration;

impl Plan {
    /// An event as `on:` writes it.
    #[must_use]
    pub fn event_text(&self, event: Event) -> String {
        let fixed = match event {
            Event::CallerDtmf(key) => return format!("caller.dtmf(\"{key}\")"),
            Event::CallerSilent(after) => return format!("caller.silent({})", show_duration(after)),
            Event::Intent(intent) => return format!("intent.{}", self.intent(intent).name),
            Event::CallerJoined => "caller.joined",
            Event::CallerLeft => "caller.left",
            Event::CallerInterrupted => "caller.interrupted",
            Event::Said => "said",
            Event::Failed => "failed",
            Event::Accepted => "accepted",
            Event::Declined => "declined",
            Event::Filled => "filled",
            Event::Exhausted => "exhausted",
            Event::Ok => "ok",
            Event::OperatorRinging => "operator.ringing",
            Event::OperatorAnswered => "operator.answered",
            Event::OperatorAccepted => "operator.accepted",
            Event::OperatorNoAnswer => "operator.no_answer",
            Event::OperatorBusy => "operator.busy",
            Event::OperatorRejected => "operator.rejected",
            Event::OperatorUnreachable => "operator.unreachable",
            Event::OperatorVoicemail => "operator.voicemail",
            Event::OperatorFailed => "operator.failed",
            Event::OperatorLeft => "operator.left",
            Event::Transferred => "transferred",
            Event::TargetsExhausted => "targets.exhausted",
            Event::Otherwise => "otherwise",
            Event::Timeout => "timeout",
            Event::MaxDuration => "call.max_duration",
            Event::ServiceFailed => "service.failed",
            Event::RoomExpiring => "room.expiring",
            Event::Shutdown => "shutdown",
        };
        fixed.to_owned()
    }

    /// A guard as an author would write it; parentheses only where they are needed.
    #[must_use]
    pub fn guard_text(&self, guard: &Expr) -> String {
        let mut text = String::new();
        self.write_guard(&mut text, guard, 0);
        text
    }

    fn write_guard(&self, out: &mut String, guard: &Expr, outer: u8) {
        let binding = binding(guard);
        if binding < outer {
            out.push('(');
        }
        match guard {
            Expr::Literal(value) => write_value(out, value),
            Expr::Var(var) => out.push_str(&self.vars[var.index()].name),
            Expr::CallFrom => out.push_str("call.from"),
            Expr::CallTo => out.push_str("call.to"),
            Expr::Attempts(state) => write(out, format_args!("attempts({})", self.state(*state).name)),
            Expr::Within(hours) => write(out, format_args!("within({})", self.hours[hours.index()].name)),
            Expr::IsSet(var) => write(out, format_args!("{} is set", self.vars[var.index()].name)),
            Expr::FromIsSet => out.push_str("call.from is set"),
            Expr::ToIsSet => out.push_str("call.to is set"),
            Expr::Not(inner) => {
                out.push_str("not ");
                self.write_guard(out, inner, binding);
            }
            Expr::Binary(op, left, right) => {
                self.write_guard(out, left, binding);
                write(out, format_args!(" {} ", sign(*op)));
                self.write_guard(out, right, binding + 1);
            }
        }
        if binding < outer {
            out.push(')');
        }
    }
}

/// How strongly an expression holds together: `or`, `and`, `not`, comparisons, operands.
fn binding(guard: &Expr) -> u8 {
    match guard {
        Expr::Binary(Op::Or, ..) => 1,
        Expr::Binary(Op::And, ..) => 2,
        Expr::Not(_) => 3,
        Expr::Binary(..) => 4,
        _ => 5,
    }
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::And => "and",
        Op::Or => "or",
        Op::Eq => "==",
        Op::Ne => "!=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::In => "in",
    }
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Bool(value) => write(out, format_args!("{value}")),
        Value::Number(value) => write(out, format_args!("{value}")),
        Value::Text(value) => write(out, format_args!("{value:?}")),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_value(out, item);
            }
            out.push(']');
        }
    }
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}
