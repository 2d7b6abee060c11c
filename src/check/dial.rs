//! F023, F031, F035, F040, F042, F046: dialling has a limit, an address that fits, and a way out for every
//! outcome.

use std::collections::HashMap;
use std::time::Duration;

use super::scope::Scope;
use super::stay;
use crate::diagnostic::{Diagnostic, Rule};
use crate::flow::{Dial, DialMethod, Document, Event, Kind, Plain, State};
use crate::source::{Span, Spanned};

/// Shorter, nobody reaches the phone; longer, the caller is gone.
const RING: std::ops::RangeInclusive<Duration> = Duration::from_secs(5)..=Duration::from_secs(120);

/// What can become of a `dial_out` besides an answer.
const FAILURES: [Plain; 6] = [
    Plain::OperatorNoAnswer,
    Plain::OperatorBusy,
    Plain::OperatorRejected,
    Plain::OperatorUnreachable,
    Plain::OperatorVoicemail,
    Plain::OperatorFailed,
];

pub(super) fn check(document: &Document, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    for state in &document.states {
        let Kind::Dial(dial) = &state.kind.value else { continue };
        ring(dial, out);
        outcomes(state, dial, out);
        addresses(document, dial, scope, out);
        listened(document, state, dial, out);
        gate(dial, out);
        budget(state, dial, out);
    }
}

/// An accept gate is of a kind that can be passed.
fn gate(dial: &Dial, out: &mut Vec<Diagnostic>) {
    let Some(Spanned { value: accept, span }) = &dial.accept else { return };
    let (key, decline) = (accept.key.unwrap_or('1'), accept.decline.unwrap_or('2'));
    if key == decline {
        let message = format!("`{key}` would both take the call and decline it");
        let help = "give `key:` and `decline:` two different keys; left out, they are \"1\" and \"2\"";
        out.push(Diagnostic::error(Rule::WrongValue, *span, message).help(help));
    }
    if dial.method != DialMethod::DialOut {
        let message = "nobody can be asked: the caller's own leg is moved";
        let help = "leave `accept` out, or leave `method` out and reach a new leg";
        out.push(Diagnostic::error(Rule::WrongValue, *span, message).help(help));
    }
}

/// F035: all attempts fit into the state's own timer.
fn budget(state: &State, dial: &Dial, out: &mut Vec<Diagnostic>) {
    let (Some(whole), Some(retry)) = (&state.timeout, &dial.retry) else { return };
    let needed = stay::ringing(dial);
    let help = "let it `ring` for less long, try less often, or give the state more time";
    out.extend(stay::cut_off(whole, retry.span, needed, help));
}

/// F031.
fn ring(dial: &Dial, out: &mut Vec<Diagnostic>) {
    let Some(ring) = dial.ring.as_ref().filter(|ring| !RING.contains(&ring.value)) else { return };
    let message = "a phone must ring for 5s to 120s";
    let help = if ring.value < *RING.start() {
        "nobody reaches the phone in less; 20s to 30s is usual"
    } else {
        "no caller waits longer; dial again with `retry:`, or a list of targets"
    };
    out.push(Diagnostic::error(Rule::RingLimit, ring.span, message).help(help));
}

/// F042.
fn outcomes(state: &State, dial: &Dial, out: &mut Vec<Diagnostic>) {
    let has = |event: Plain| state.on.iter().any(|on| on.event.value.is(event));
    let success = match dial.method {
        DialMethod::DialOut if dial.accept.is_some() => Plain::OperatorAccepted,
        DialMethod::DialOut => Plain::OperatorAnswered,
        DialMethod::SipTransfer | DialMethod::SipRefer => Plain::Transferred,
    };
    let name = &state.name.value;
    // The answer of the other kind of `dial` is reported as what cannot happen here.
    let of_the_other_kind = match success {
        Plain::OperatorAccepted => has(Plain::OperatorAnswered),
        _ => has(Plain::OperatorAccepted),
    };
    if !has(success) && !of_the_other_kind {
        let short = success.name().trim_start_matches("operator.");
        let message = format!("`{name}` does not say what happens on `{short}`");
        let help = format!("add `{short}:` under `on:`, leading to a `handoff`");
        out.push(Diagnostic::error(Rule::DialOutcome, state.name.span, message).help(help));
    }
    shadowed(state, out);
    if has(Plain::Otherwise) || has(Plain::TargetsExhausted) {
        return;
    }
    let needed: &[Plain] = match dial.method {
        DialMethod::DialOut => &FAILURES,
        DialMethod::SipTransfer | DialMethod::SipRefer => &[Plain::OperatorFailed],
    };
    let missing: Vec<_> =
        needed.iter().filter(|e| !has(**e)).map(|e| e.name().trim_start_matches("operator.")).collect();
    if !missing.is_empty() {
        let message = format!("`{name}` has no way out for {}", super::listed(&missing));
        let error = Diagnostic::error(Rule::DialOutcome, state.name.span, message);
        out.push(error.help("add `otherwise: state` under `on:`, with a sentence for the caller"));
    }
}

/// F023: whatever fails last, no target is left.
fn shadowed(state: &State, out: &mut Vec<Diagnostic>) {
    let find = |event: Plain| state.on.iter().find(|on| on.event.value.is(event)).map(|on| on.event.span);
    if let (Some(otherwise), Some(exhausted)) = (find(Plain::Otherwise), find(Plain::TargetsExhausted)) {
        let warning =
            Diagnostic::warning(Rule::Shadowed, otherwise, "`otherwise` is never taken in this `dial`");
        let warning = warning.also(exhausted, "this takes every failure that has no edge of its own name");
        out.push(
            warning.help("remove one of the two, or name the failure that leads elsewhere, such as `busy:`"),
        );
    }
}

/// F040, F046: `sip_refer` sends the caller to a SIP address, and to nothing else.
fn addresses(document: &Document, dial: &Dial, scope: &Scope<'_>, out: &mut Vec<Diagnostic>) {
    if dial.method != DialMethod::SipRefer {
        return;
    }
    for name in &dial.to {
        let Some(target) = scope.targets.get(&name.value).map(|index| &document.targets[index]) else {
            continue;
        };
        let is_sip = |text: &str| text.starts_with("sip:") || text.starts_with("sips:");
        let literal = target.address.as_ref().is_some_and(|address| is_sip(&address.text.value));
        if !target.is_sip && !literal {
            let message =
                format!("`sip_refer` reaches SIP addresses only, and `{}` is a telephone", name.value);
            let error =
                Diagnostic::error(Rule::Address, name.span, message).also(target.name.span, "declared here");
            out.push(error.help("declare the target with `sip:`, or leave `method` out"));
        }
        if let Some(extension) = &target.extension {
            let message = format!("`sip_refer` presses no keys, and `{}` has an extension", name.value);
            let error = Diagnostic::error(Rule::Extension, name.span, message)
                .also(extension.span, "nobody would press these");
            out.push(error.help("refer to an address that leads there, or leave `method` out"));
        }
    }
}

/// An intent that is listened for leads somewhere.
fn listened(document: &Document, state: &State, dial: &Dial, out: &mut Vec<Diagnostic>) {
    let leads = |name: &str| {
        let edges = state.on.iter().chain(&document.always);
        edges.into_iter().any(|on| matches!(&on.event.value, Event::Intent(intent) if intent == name))
    };
    for name in dial.listen.iter().filter(|name| !leads(&name.value)) {
        let message = format!("`{}` is listened for, and leads nowhere", name.value);
        let help = format!("add `intent.{}: state` under `on:`", name.value);
        out.push(Diagnostic::error(Rule::NoExit, name.span, message).help(help));
    }
    repeated(&dial.to, "dialled", out);
    repeated(&dial.listen, "listed", out);
}

fn repeated(names: &[Spanned<String>], what: &str, out: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for name in names {
        match seen.get(&*name.value) {
            Some(first) => {
                let message = format!("`{}` is {what} twice", name.value);
                let error = Diagnostic::error(Rule::BadName, name.span, message).also(*first, "first here");
                out.push(error.help("remove one; to dial again, use `retry:`"));
            }
            None => {
                seen.insert(&name.value, name.span);
            }
        }
    }
}
