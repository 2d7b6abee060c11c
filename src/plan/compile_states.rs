//! States: each kind with its defaults filled in.

use std::time::Duration;

use super::compile::{Compiler, plain_event, text};
use super::compile_tools;
use super::{
    Accept, Choice, Choose, Collect, CollectSlot, Confirm, ContextPolicy, Converse, Dial, DialMethod,
    DialRetry, End, EndCause, First, Handoff, HandoffMode, Hold, Keys, Kind, LateAnswer, RetryOn, Say,
    Sensitivity, Silence, SilenceStep, State, StateId, Text,
};
use crate::flow;
use crate::flow::defaults::{
    ACCEPT_TRIES, ANSWER_WITHIN, COLLECT_TRIES, CONFIRM_TRIES, RETRY_WAIT, RING, SILENCE,
};

/// The sentence in the silence ladder of a `converse` that has none.
const STILL_THERE: &str = "Are you still there?";
/// `converse`: said while a tool takes its time.
const FILL: &str = "One moment, please.";
/// `collect`: how its keys end.
const END_KEY: char = '#';
const KEY_PAUSE: Duration = Duration::from_secs(3);
/// `dial`: how often something is said while it rings.
const SAY_EVERY: Duration = Duration::from_secs(20);
/// `dial.accept`: the keys.
const ACCEPT_KEY: char = '1';
const DECLINE_KEY: char = '2';
/// `handoff`: how long the two may talk.
const HANDOFF_MAX: Duration = Duration::from_secs(2 * 3600);

pub(super) fn state(compiler: &mut Compiler<'_>, index: usize, state: &flow::State) -> State {
    let id = StateId::from_index(index);
    State {
        name: state.name.value.as_str().into(),
        kind: kind(compiler, id, &state.kind.value),
        on: compiler.ons(Some(id), &state.on),
        timeout: state.timeout.as_ref().map(|d| d.value),
        set: compiler.assignments(&state.set),
    }
}

fn kind(compiler: &mut Compiler<'_>, id: StateId, kind: &flow::Kind) -> Kind {
    match kind {
        flow::Kind::Say(say) => {
            let audio = say.audio.as_ref().map(|audio| audio.value.as_str());
            let text = match (&say.text, audio) {
                (None, Some(audio)) => Text::plain(&format!("[{audio}]")),
                (text, _) => required(text),
            };
            Kind::Say(Say { text, audio: audio.map(Into::into), interruptible: say.interruptible })
        }
        flow::Kind::Converse(c) => Kind::Converse(converse(compiler, id, c)),
        flow::Kind::Confirm(c) => Kind::Confirm(Confirm {
            question: required(&c.question),
            tries: c.tries.unwrap_or(CONFIRM_TRIES),
            answer_within: c.answer_within.unwrap_or(ANSWER_WITHIN),
            interruptible: c.interruptible,
        }),
        flow::Kind::Collect(c) => Kind::Collect(collect(compiler, c)),
        flow::Kind::Choose(branches) => Kind::Choose(choose(compiler, id, branches)),
        flow::Kind::CallApi(api) => Kind::CallApi(compile_tools::call_api(compiler, api)),
        flow::Kind::Dial(d) => Kind::Dial(dial(compiler, d)),
        flow::Kind::Handoff(h) => Kind::Handoff(Handoff {
            mode: match h.mode {
                flow::HandoffMode::KeepRoom => HandoffMode::KeepRoom,
                flow::HandoffMode::Leave => HandoffMode::Leave,
            },
            max: h.max.unwrap_or(HANDOFF_MAX),
        }),
        flow::Kind::End(end) => Kind::End(End {
            say: end.say.as_ref().map(text),
            cause: match end.cause {
                flow::EndCause::Completed => EndCause::Completed,
                flow::EndCause::CallerLeft => EndCause::CallerLeft,
                flow::EndCause::Failed => EndCause::Failed,
            },
        }),
        flow::Kind::Unknown => unreachable!("the parser reports states without a kind as errors"),
    }
}

fn required(template: &Option<flow::Template>) -> Text {
    text(template.as_ref().expect("the parser reports a missing or unreadable text as an error"))
}

fn converse(compiler: &mut Compiler<'_>, id: StateId, written: &flow::Converse) -> Converse {
    Converse {
        prompt: required(&written.prompt),
        first: match written.first {
            flow::First::Auto => First::Auto,
            flow::First::Bot => First::Bot,
            flow::First::Caller => First::Caller,
        },
        context: match written.context {
            flow::ContextPolicy::Append => ContextPolicy::Append,
            flow::ContextPolicy::Reset => ContextPolicy::Reset,
            flow::ContextPolicy::Summary => ContextPolicy::Summary,
        },
        silence: match &written.silence {
            Some(rungs) => silence(compiler, id, rungs),
            None => Silence {
                steps: vec![
                    SilenceStep { after: SILENCE, say: Some(Text::plain(STILL_THERE)) },
                    SilenceStep { after: SILENCE, say: None },
                ],
                then: None,
            },
        },
        sensitivity: match written.sensitivity {
            flow::Sensitivity::Low => Sensitivity::Low,
            flow::Sensitivity::Normal => Sensitivity::Normal,
            flow::Sensitivity::High => Sensitivity::High,
        },
        guesses: written.guesses,
        tools: written.tools.iter().map(|name| compiler.tool(&name.value).0).collect(),
        fill: written.fill.as_ref().map_or_else(|| Text::plain(FILL), text),
    }
}

fn silence(compiler: &mut Compiler<'_>, id: StateId, rungs: &[flow::Rung]) -> Silence {
    let step = |rung: &flow::Rung| SilenceStep { after: rung.after.value, say: rung.say.as_ref().map(text) };
    let then = rungs.last().and_then(|rung| rung.to.as_ref()).map(|to| {
        let to = compiler.state(&to.value);
        (compiler.edge(Some(id), None, to), to)
    });
    Silence { steps: rungs.iter().map(step).collect(), then }
}

fn collect(compiler: &Compiler<'_>, written: &flow::Collect) -> Collect {
    let dtmf = written.dtmf.as_ref().map(|dtmf| &dtmf.value);
    let slot = |slot: &flow::CollectSlot| CollectSlot {
        var: compiler.var(&slot.name.value),
        kind: slot.kind.clone(),
        ask: match &slot.ask {
            Some(ask) => text(ask),
            None if written.slots.len() == 1 => required(&written.ask),
            None => Text::plain(&format!("I still need the {}.", slot.name.value.replace('_', " "))),
        },
        ask_is_default: slot.ask.is_none(),
    };
    Collect {
        ask: required(&written.ask),
        slots: written.slots.iter().map(slot).collect(),
        tries: written.tries.unwrap_or(COLLECT_TRIES),
        answer_within: written.answer_within.unwrap_or(ANSWER_WITHIN),
        interruptible: written.interruptible,
        keys: Keys {
            wanted: dtmf.is_some(),
            digits: dtmf.and_then(|dtmf| dtmf.digits),
            end_key: dtmf.and_then(|dtmf| dtmf.end_key).unwrap_or(END_KEY),
            pause: KEY_PAUSE,
        },
    }
}

fn choose(compiler: &mut Compiler<'_>, id: StateId, branches: &[flow::Branch]) -> Choose {
    let choices = branches
        .iter()
        .map(|branch| {
            let to = compiler.state(&branch.to.value);
            let guard = branch.guard.as_ref().map(|guard| super::compile_guard::expr(compiler, guard));
            Choice { edge: compiler.edge(Some(id), None, to), guard, to }
        })
        .collect();
    Choose { choices }
}

fn dial(compiler: &mut Compiler<'_>, written: &flow::Dial) -> Dial {
    let caller_id = written.caller_id.as_ref().map(|c| c.value.as_str());
    let hold = written.hold.as_ref();
    let hold_say = hold.and_then(|hold| Some((text(hold.say.as_ref()?), hold.every.unwrap_or(SAY_EVERY))));
    let audio = hold.and_then(|hold| hold.audio.as_ref()).map(|audio| audio.value.as_str().into());
    Dial {
        targets: written.to.iter().map(|name| compiler.target(&name.value, caller_id)).collect(),
        method: match written.method {
            flow::DialMethod::DialOut => DialMethod::DialOut,
            flow::DialMethod::SipTransfer => DialMethod::SipTransfer,
            flow::DialMethod::SipRefer => DialMethod::SipRefer,
        },
        announce: written.announce.as_ref().map(text),
        ring: written.ring.as_ref().map_or(RING, |r| r.value),
        hold: Hold { audio, say: hold_say },
        late_answer: match written.late_answer {
            flow::LateAnswer::HangUp => LateAnswer::HangUp,
            flow::LateAnswer::Accept => LateAnswer::Accept,
        },
        retry: written.retry.as_ref().map(|retry| &retry.value).map(|retry| DialRetry {
            times: retry.times,
            wait: retry.wait.unwrap_or(RETRY_WAIT),
            backoff: retry.backoff.unwrap_or(1.0),
            on: RetryOn::of(&retry.on.iter().map(|event| plain_event(*event)).collect::<Vec<_>>()),
        }),
        listen: written.listen.iter().map(|name| compiler.intent(&name.value)).collect(),
        accept: written.accept.as_ref().map(|accept| self::accept(&accept.value)),
        notify: written.notify.as_ref().map(|name| compile_tools::notify(compiler, &name.value)),
    }
}

fn accept(written: &flow::Accept) -> Accept {
    Accept {
        question: required(&written.say),
        key: written.key.unwrap_or(ACCEPT_KEY),
        decline: written.decline.unwrap_or(DECLINE_KEY),
        tries: written.tries.unwrap_or(ACCEPT_TRIES),
        answer_within: written.answer_within.unwrap_or(ANSWER_WITHIN),
    }
}
