//! F009, F018: which events can happen in which state.

use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{DialMethod, Document, Event, Kind, Plain, State};

pub(super) fn check(document: &Document, out: &mut Vec<Diagnostic>) {
    for state in &document.states {
        let kind = state.kind.value.name();
        match &state.kind.value {
            Kind::Unknown => {}
            Kind::End(_) => exits_of_final(state, out),
            Kind::Handoff(_) => exits_of_handoff(document, state, out),
            _ => {
                for on in &state.on {
                    if let Some(help) = refusal(document, state, &on.event.value) {
                        let message = format!("`{}` cannot happen in a `{kind}`", on.event.value);
                        out.push(Diagnostic::error(Rule::UnknownEvent, on.event.span, message).help(help));
                    }
                }
            }
        }
    }
    for on in &document.always {
        if let Some(help) = flow_wide_refusal(&on.event.value) {
            let message = format!("`{}` belongs to one state, not to the whole flow", on.event.value);
            out.push(Diagnostic::error(Rule::UnknownEvent, on.event.span, message).help(help));
        }
    }
}

fn exits_of_final(state: &State, out: &mut Vec<Diagnostic>) {
    let timer = state.timeout.as_ref().map(|timeout| timeout.span);
    if let Some(span) = state.on.first().map(|on| on.event.span).or(timer) {
        let message = format!("`{}` is an end, and nothing comes after it", state.name.value);
        let error =
            Diagnostic::error(Rule::FinalExit, span, message).also(state.kind.span, "this ends the call");
        out.push(error.help("remove it, or say goodbye in a `say` before the `end`"));
    }
}

fn exits_of_handoff(document: &Document, state: &State, out: &mut Vec<Diagnostic>) {
    let is_end = |name: &str| {
        let named = document.states.iter().find(|s| s.name.value == name);
        named.is_none_or(|s| matches!(s.kind.value, Kind::End(_) | Kind::Unknown))
    };
    for on in &state.on {
        if !on.event.value.is(Plain::OperatorLeft) && !on.event.value.is(Plain::Timeout) {
            let message = format!("after the handoff, `{}` is no longer the bot's business", on.event.value);
            let help = "only `operator.left` can be dealt with, and `timeout` when `max:` has passed";
            out.push(Diagnostic::error(Rule::FinalExit, on.event.span, message).help(help));
            continue;
        }
        for branch in on.branches.iter().filter(|branch| !is_end(&branch.to.value)) {
            let message =
                format!("after the handoff only an end can follow, and `{}` is none", branch.to.value);
            out.push(
                Diagnostic::error(Rule::FinalExit, branch.to.span, message).help("lead it to an `end` state"),
            );
        }
    }
    if let Some(timeout) = &state.timeout {
        let message = "a handoff has no `timeout`";
        let help = "write `handoff: {mode: keep_room, max: 2h}`";
        out.push(Diagnostic::error(Rule::FinalExit, timeout.span, message).help(help));
    }
}

/// Why an event can never happen in a state, as advice; `None` if it can.
pub(super) fn refusal(document: &Document, state: &State, event: &Event) -> Option<&'static str> {
    let kind = &state.kind.value;
    match kind {
        Kind::Unknown => return None,
        Kind::Choose(_) => return Some("a `choose` decides at once; nothing can happen in it"),
        Kind::End(_) | Kind::Handoff(_) => return Some("the dialogue is over here"),
        Kind::Say(_)
        | Kind::Converse(_)
        | Kind::Confirm(_)
        | Kind::Collect(_)
        | Kind::CallApi(_)
        | Kind::Dial(_) => {}
    }
    match event {
        Event::CallerDtmf(key) if super::collect::takes(kind, *key) => {
            Some("in a `collect` this key belongs to the answer")
        }
        Event::CallerDtmf(_) => None,
        Event::CallerSilent(_) if matches!(kind, Kind::Converse(_)) => None,
        Event::CallerSilent(_) => {
            Some("silence is an event where the caller is listened to: in a `converse`")
        }
        Event::Intent(name) => intent_refusal(document, kind, name),
        Event::Plain(event) => plain_refusal(kind, *event),
    }
}

fn intent_refusal(document: &Document, kind: &Kind, name: &str) -> Option<&'static str> {
    match kind {
        Kind::Converse(_) => None,
        Kind::Dial(dial) if dial.listen.iter().any(|listened| listened.value == name) => None,
        // A name that does not exist is reported as such, and once.
        Kind::Dial(_) if !document.intents.iter().any(|intent| intent.name.value == name) => None,
        Kind::Dial(_) => Some("while it rings only the intents in `listen:` are heard: add it there"),
        Kind::Confirm(_) => Some("a `confirm` hears only yes and no: `accepted`, `declined`, `exhausted`"),
        Kind::Collect(_) => Some("a `collect` hears only what it asks for: `filled`, `exhausted`"),
        _ => Some("intents are heard in a `converse`"),
    }
}

fn plain_refusal(kind: &Kind, event: Plain) -> Option<&'static str> {
    use Plain as P;
    let (fits, help) = match event {
        P::CallerLeft
        | P::Timeout
        | P::MaxDuration
        | P::ServiceFailed
        | P::RoomExpiring
        | P::Shutdown
        | P::Otherwise => {
            return otherwise_refusal(kind, event);
        }
        P::CallerJoined => {
            (false, "a call is in its first state when the caller joins; begin with what is said then")
        }
        P::CallerInterrupted => return interruption_refusal(kind),
        P::Said => (matches!(kind, Kind::Say(_)), "`said` ends a `say`"),
        P::Failed => (
            matches!(kind, Kind::Say(_) | Kind::Confirm(_) | Kind::Collect(_) | Kind::CallApi(_)),
            "a failing model is `service.failed`",
        ),
        P::Accepted | P::Declined => {
            (matches!(kind, Kind::Confirm(_)), "yes and no are the answers to a `confirm`")
        }
        P::Exhausted => {
            let has_tries = matches!(kind, Kind::Confirm(_) | Kind::Collect(_));
            (has_tries, "only the tries of a `confirm` or a `collect` can be used up")
        }
        P::Filled => (matches!(kind, Kind::Collect(_)), "only a `collect` is filled"),
        P::Ok => (matches!(kind, Kind::CallApi(_)), "`ok` ends a `call_api`"),
        P::OperatorLeft => (false, "the operator can leave only after the handoff"),
        P::OperatorAccepted => return accepted_refusal(kind),
        P::OperatorRinging => {
            (false, "ringing is not an outcome; what the caller hears meanwhile is `hold:`")
        }
        P::Transferred => return transferred_refusal(kind),
        P::TargetsExhausted => (matches!(kind, Kind::Dial(_)), "it ends a `dial`"),
        P::OperatorAnswered => return answered_refusal(kind),
        P::OperatorNoAnswer
        | P::OperatorBusy
        | P::OperatorRejected
        | P::OperatorUnreachable
        | P::OperatorVoicemail => return operator_refusal(kind),
        P::OperatorFailed => (matches!(kind, Kind::Dial(_)), "the operator is reached in a `dial`"),
    };
    (!fits).then_some(help)
}

fn otherwise_refusal(kind: &Kind, event: Plain) -> Option<&'static str> {
    let completes = !matches!(kind, Kind::Converse(_));
    (event == Plain::Otherwise && !completes)
        .then_some("a `converse` does nothing that could end by itself; name its intents")
}

fn interruption_refusal(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Say(say) if !say.interruptible => {
            Some("the caller cannot talk over it: `say: {text: …, interruptible: true}`")
        }
        Kind::Confirm(confirm) if !confirm.interruptible => {
            Some("the caller cannot talk over it: see `interruptible:`")
        }
        Kind::Collect(collect) if !collect.interruptible => {
            Some("the caller cannot talk over it: see `interruptible:`")
        }
        Kind::Dial(_) => Some("nothing of a `dial` can be interrupted by talking"),
        Kind::CallApi(api) if api.fill.is_none() => Some("nothing is said here that could be talked over"),
        _ => None,
    }
}

fn transferred_refusal(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Dial(dial) if dial.method != DialMethod::DialOut => None,
        Kind::Dial(_) => Some("with `method: dial_out` the operator's answer is `answered`"),
        _ => Some("it ends a `dial` whose method is `sip_transfer` or `sip_refer`"),
    }
}

fn answered_refusal(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Dial(dial) if dial.accept.is_some() => {
            Some("with `accept:` the answer alone leads nowhere: the way on is `accepted`")
        }
        _ => operator_refusal(kind),
    }
}

fn accepted_refusal(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Dial(dial) if dial.accept.is_none() && dial.method == DialMethod::DialOut => {
            Some("without `accept:` nobody is asked: the way on is `answered`")
        }
        _ => operator_refusal(kind),
    }
}

fn operator_refusal(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Dial(dial) if dial.method == DialMethod::DialOut => None,
        Kind::Dial(_) => Some(
            "once the caller's own leg is moved nobody can see how it ends: only `transferred` and `failed`",
        ),
        _ => Some("the operator is reached in a `dial`"),
    }
}

fn flow_wide_refusal(event: &Event) -> Option<&'static str> {
    use Plain as P;
    match event {
        Event::CallerDtmf(_) | Event::CallerSilent(_) | Event::Intent(_) => None,
        Event::Plain(P::CallerLeft | P::MaxDuration | P::ServiceFailed | P::RoomExpiring | P::Shutdown) => {
            None
        }
        Event::Plain(_) => Some("put it under the `on:` of the states it belongs to"),
    }
}
