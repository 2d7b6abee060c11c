//! Random worlds: anything may happen at any time, twice, late or never. What must hold then, always.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use callflow::machine::{
    AttemptId, Effect, Input, LegEvent, LegOutcome, Machine, Millis, Proposal, ProposedCall, ReplyId,
    Service, ToolCallId, ToolFailure, ToolResult, UtteranceId,
};
use callflow::pii::{Payload, Utterance};
use callflow::plan::{DialMethod, HandoffMode, IntentId, Kind, Plan, ToolId};
use proptest::prelude::*;

use crate::flows::FLOWS;
use crate::rig::{cause, info};

/// How long a leg may take to stop before it counts as gone.
const STOP_WITHIN: u64 = 5_000;

/// What may happen next. Numbers choose among the ids that were ever given out, and one that never was.
#[derive(Clone, Debug)]
enum Happening {
    Simple(Simple),
    Turn(&'static str),
    Key(char),
    Intent(usize, usize),
    /// The model wants tools: which, and whether the arguments fit.
    Tools(usize, Vec<(usize, bool)>),
    ToolDone(usize, bool),
    Reply(usize, bool),
    Said(usize, bool),
    Leg(usize, LegEvent),
    Lost(Service),
    /// Time passes, up to so many milliseconds, with wake-ups on time.
    Wait(u64),
    /// Time passes and nobody wakes the machine.
    Oversleep(u64),
    /// The last input once more.
    Again,
    /// What most calls do next.
    Usual,
}

#[derive(Clone, Copy, Debug)]
enum Simple {
    CallerLeft,
    CallerJoined,
    Start,
    SpeechStarted,
    RoomExpiring,
    RoomClosed,
    Shutdown,
}

fn happening() -> impl Strategy<Value = Happening> {
    let simple = prop_oneof![
        60 => Just(Simple::SpeechStarted),
        3 => Just(Simple::CallerLeft),
        1 => Just(Simple::CallerJoined),
        1 => Just(Simple::Start),
        1 => Just(Simple::RoomExpiring),
        1 => Just(Simple::RoomClosed),
        1 => Just(Simple::Shutdown),
    ];
    let turn = prop::sample::select(
        &[
            "yes",
            "no",
            "hm",
            "",
            "get me a human",
            "bye",
            "forty two",
            "May 3rd 2026",
            "double oh four two",
            "I want to speak to a manager",
        ][..],
    );
    let leg = prop_oneof![
        4 => Just(LegEvent::Started),
        4 => Just(LegEvent::Ringing),
        4 => Just(LegEvent::Answered),
        3 => Just(LegEvent::Stopped),
        1 => Just(LegEvent::StopFailed),
        1 => Just(LegEvent::Refused { cause: cause(LegOutcome::Failed) }),
        1 => Just(LegEvent::Failed { cause: cause(LegOutcome::Busy) }),
        2 => Just(LegEvent::Asked),
        3 => prop::sample::select(&['1', '2', '7'][..]).prop_map(|digit| LegEvent::Key { digit }),
        2 => Just(LegEvent::Bridged),
        1 => Just(LegEvent::GateFailed { cause: cause(LegOutcome::Failed) }),
    ];
    prop_oneof![
        6 => simple.prop_map(Happening::Simple),
        6 => turn.prop_map(Happening::Turn),
        4 => prop::sample::select(&['0', '1', '2', '9', '#', '*'][..]).prop_map(Happening::Key),
        6 => (0..4_usize, 0..3_usize).prop_map(|(reply, intent)| Happening::Intent(reply, intent)),
        8 => (skewed(), prop::collection::vec((0..4_usize, prop::bool::weighted(0.8)), 1..4))
            .prop_map(|(reply, calls)| Happening::Tools(reply, calls)),
        8 => (skewed(), prop::bool::weighted(0.7)).prop_map(|(call, ok)| Happening::ToolDone(call, ok)),
        4 => (0..4_usize, any::<bool>()).prop_map(|(reply, ok)| Happening::Reply(reply, ok)),
        20 => (skewed(), prop::bool::weighted(0.9)).prop_map(|(id, ok)| Happening::Said(id, ok)),
        20 => (skewed(), leg).prop_map(|(attempt, event)| Happening::Leg(attempt, event)),
        1 => prop::sample::select(&[Service::Stt, Service::Llm, Service::Tts][..]).prop_map(Happening::Lost),
        6 => (0..9_000_u64).prop_map(Happening::Wait),
        2 => (0..60_000_u64).prop_map(Happening::Wait),
        1 => (0..400_000_u64).prop_map(Happening::Oversleep),
        4 => Just(Happening::Again),
        20 => Just(Happening::Usual),
    ]
}

/// Mostly the latest of its kind.
fn skewed() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0_usize), 1 => 1..4_usize]
}

/// The world as the machine has been told of it, and what it has asked for.
struct World {
    machine: Machine,
    plan: Arc<Plan>,
    now: u64,
    last: Input,
    legs: BTreeMap<AttemptId, Leg>,
    sentences: BTreeMap<UtteranceId, Sentence>,
    replies: BTreeMap<ReplyId, Reply>,
    /// Replies that have asked for tools.
    consulted: BTreeSet<ReplyId>,
    tools: BTreeMap<ToolCallId, Request>,
    /// What the model asked of tools, and whether it was told the result.
    proposed: BTreeMap<Proposal, bool>,
    /// A turn of the caller that nothing has come of yet.
    turn_open: bool,
    listening: bool,
    speaking: bool,
    holding: bool,
    handed_off: Option<HandoffMode>,
    caller_gone: bool,
    ended: bool,
}

#[derive(Default, Clone)]
struct Leg {
    method: Option<DialMethod>,
    started: bool,
    answered: bool,
    /// Who picks up is asked first.
    apart: bool,
    asked: bool,
    /// The key that takes the call was pressed after the answer.
    took: bool,
    bridging: bool,
    bridged: bool,
    /// The machine was told that it is gone.
    gone: bool,
    /// The machine was told that it could not be stopped, which counts as gone unless it was welcome.
    unstoppable: bool,
    stopped_at: Option<u64>,
}

impl Leg {
    /// Whether the operator is there.
    fn is_operator(&self) -> bool {
        self.answered && (!self.apart || self.bridged)
    }

    /// Whether what the gate tells can mean something.
    fn is_at_gate(&self) -> bool {
        self.apart && !self.bridged && !self.gone
    }
}

#[derive(Clone)]
struct Sentence {
    interruptible: bool,
    hold: bool,
    cut: bool,
    answered: bool,
    asked_at: u64,
}

impl Sentence {
    /// Whether it sounds for certain. One that was not answered for long may count as lost.
    fn sounds(&self, now: u64) -> bool {
        !self.answered && !self.cut && now < self.asked_at + 5_000
    }
}

/// A request of a tool.
struct Request {
    over: bool,
    due: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Reply {
    Live,
    Spent,
    Over,
}

impl World {
    fn new(plan: Arc<Plan>) -> Self {
        let mut world = Self {
            machine: Machine::new(Arc::clone(&plan), info()),
            plan,
            now: 0,
            last: Input::Start,
            legs: BTreeMap::new(),
            sentences: BTreeMap::new(),
            replies: BTreeMap::new(),
            consulted: BTreeSet::new(),
            tools: BTreeMap::new(),
            proposed: BTreeMap::new(),
            turn_open: false,
            listening: false,
            speaking: false,
            holding: false,
            handed_off: None,
            caller_gone: false,
            ended: false,
        };
        world.step(Input::Start);
        world.step(Input::CallerJoined);
        world
    }

    fn happen(&mut self, happening: &Happening) {
        match happening.clone() {
            Happening::Simple(simple) => self.tell(match simple {
                Simple::CallerLeft => Input::CallerLeft,
                Simple::CallerJoined => Input::CallerJoined,
                Simple::Start => Input::Start,
                Simple::SpeechStarted => Input::SpeechStarted,
                Simple::RoomExpiring => Input::RoomExpiring,
                Simple::RoomClosed => Input::RoomClosed,
                Simple::Shutdown => Input::Shutdown,
            }),
            Happening::Turn(text) => self.tell(Input::TurnEnded { text: Utterance::new(text) }),
            Happening::Key(digit) => self.tell(Input::Dtmf { digit }),
            Happening::Intent(reply, intent) => {
                let intent = IntentId::from_index(intent % self.plan.intents.len());
                let reply = ReplyId(recent(self.replies.len(), reply));
                self.tell(Input::IntentProposed { reply, intent, slots: vec![] });
            }
            Happening::Tools(reply, calls) => {
                let reply = ReplyId(recent(self.replies.len(), reply));
                let call = |(tool, fits): &(usize, bool)| ProposedCall {
                    tool: (*tool < self.plan.tools.len()).then(|| ToolId::from_index(*tool)),
                    args: fits.then(|| Payload(serde_json::json!({"id": 7}))),
                };
                let calls = calls.iter().map(call).collect();
                self.tell(Input::ToolsProposed { reply, calls });
            }
            Happening::ToolDone(call, ok) => {
                let call = ToolCallId(recent(self.tools.len(), call));
                let result = match ok {
                    true => ToolResult::Ok { value: Payload(serde_json::json!({"status": "sent"})) },
                    false => ToolResult::Failed { cause: ToolFailure::Failed { status: 500 } },
                };
                self.tell(Input::ToolDone { call, result });
            }
            Happening::Reply(reply, true) => {
                let reply = ReplyId(recent(self.replies.len(), reply));
                self.tell(Input::ReplyDone { reply, heard_all: true });
            }
            Happening::Reply(reply, false) => {
                let reply = ReplyId(recent(self.replies.len(), reply));
                self.tell(Input::ReplyFailed { reply, service: Service::Llm });
            }
            Happening::Said(utterance, true) => {
                let utterance = UtteranceId(recent(self.sentences.len(), utterance));
                self.tell(Input::Said { utterance, heard_all: true });
            }
            Happening::Said(utterance, false) => {
                let utterance = UtteranceId(recent(self.sentences.len(), utterance));
                self.tell(Input::SayFailed { utterance });
            }
            Happening::Leg(attempt, event) => {
                let attempt = AttemptId(recent(self.legs.len(), attempt));
                self.tell(Input::Leg { attempt, event });
            }
            Happening::Lost(service) => self.tell(Input::ServiceFailed { service }),
            Happening::Wait(ms) => {
                let until = self.now + ms;
                while let Some((at, _)) = self.machine.next_deadline().filter(|(at, _)| at.0 <= until) {
                    self.now = at.0;
                    self.tell(Input::Timeout);
                }
                self.now = until;
            }
            Happening::Oversleep(ms) => self.now += ms,
            Happening::Again => self.tell(self.last.clone()),
            Happening::Usual => self.tell(self.usual()),
        }
    }

    /// Sentences are heard, legs are answered, and a caller with nothing else to do asks for a person.
    fn usual(&self) -> Input {
        let sounding = self.sentences.iter().find(|(_, s)| s.sounds(self.now));
        let leg = self.legs.iter().next_back().filter(|(_, leg)| !leg.gone && !leg.is_operator());
        match (sounding, leg) {
            (Some((utterance, _)), _) => Input::Said { utterance: *utterance, heard_all: true },
            (None, Some((attempt, leg))) => {
                let event = match leg {
                    Leg { started: false, .. } => LegEvent::Started,
                    Leg { answered: false, .. } => LegEvent::Answered,
                    Leg { bridging: true, .. } => LegEvent::Bridged,
                    _ => LegEvent::Key { digit: '1' },
                };
                Input::Leg { attempt: *attempt, event }
            }
            (None, None) => match self.plan.state(self.machine.state()).kind {
                Kind::Confirm(_) | Kind::Collect(_) => Input::Dtmf { digit: '1' },
                _ => Input::Dtmf { digit: '0' },
            },
        }
    }

    fn tell(&mut self, input: Input) {
        // A wake-up of its own first, so that what follows is the input's doing.
        self.step(Input::Timeout);
        self.step(input.clone());
        self.last = input;
    }

    fn step(&mut self, input: Input) {
        let stale = self.is_stale(&input);
        let before = self.machine.clone();
        let mut effects = Vec::new();
        self.machine.handle(Millis(self.now), input.clone(), &mut effects);
        if stale {
            assert_eq!(self.machine, before, "a stale {input:?} changed something");
            let only_stops = effects.iter().all(|e| matches!(e, Effect::StopDial { .. }));
            assert!(only_stops, "a stale {input:?} caused {effects:?}");
        }
        if self.ended {
            assert!(effects.is_empty(), "{effects:?} after the end");
        }
        if matches!(&input, Input::TurnEnded { text } if !text.is_blank()) && self.listening && !self.ended {
            let state = self.plan.state(before.state());
            self.turn_open |= matches!(state.kind, Kind::Converse(_)) && !before.path().is_empty();
        }
        self.learn(&input);
        for effect in &effects {
            self.watch(effect);
        }
        self.no_dead_turn(&effects);
        self.repeat(&input);
        assert_eq!(self.ended, self.machine.is_over());
        match self.machine.next_deadline() {
            Some((at, timer)) => assert!(at.0 > self.now && !self.ended, "{timer:?} is still armed"),
            None => assert!(self.ended, "nothing will ever wake the machine in {:?}", self.machine),
        }
    }

    /// A turn of the caller ends in words, in an intent or in a failure; until then the model is being asked, or a
    /// tool is, or the caller speaks again.
    fn no_dead_turn(&mut self, effects: &[Effect]) {
        let came_of_it = |e: &Effect| {
            // A call whose voice is gone ends without a word: it listens no more.
            let fails = matches!(e, Effect::Listen { on: false });
            fails || matches!(e, Effect::Say { aside: false, .. } | Effect::Enter { .. } | Effect::End { .. })
        };
        if effects.iter().any(came_of_it) {
            self.turn_open = false;
        }
        let thinking = self.replies.values().any(|reply| *reply == Reply::Live);
        let asking = self.tools.values().any(|request| !request.over);
        assert!(!self.turn_open || thinking || asking || self.speaking, "a dead turn in {:?}", self.machine);
    }

    /// The same answer once more must change nothing.
    fn repeat(&self, input: &Input) {
        let has_id = !matches!(
            input,
            Input::SpeechStarted | Input::TurnEnded { .. } | Input::Dtmf { .. } | Input::ServiceFailed { .. }
        );
        if has_id {
            let (mut again, mut effects) = (self.machine.clone(), Vec::new());
            again.handle(Millis(self.now), input.clone(), &mut effects);
            assert_eq!(again, self.machine, "the second {input:?} changed something");
            assert!(effects.iter().all(|e| matches!(e, Effect::StopDial { .. })), "{effects:?}");
        }
    }

    /// Whether an input is an answer to nothing: never asked, asked no more, or told before.
    fn is_stale(&self, input: &Input) -> bool {
        match input {
            Input::Said { utterance, .. } | Input::SayFailed { utterance } => {
                self.sentences.get(utterance).is_none_or(|s| s.answered)
            }
            Input::IntentProposed { reply, .. } => self.replies.get(reply) != Some(&Reply::Live),
            Input::ToolsProposed { reply, .. } => {
                self.replies.get(reply) != Some(&Reply::Live) || self.consulted.contains(reply)
            }
            Input::ToolDone { call, .. } => {
                self.tools.get(call).is_none_or(|request| request.over || request.due <= self.now)
            }
            Input::ReplyDone { reply, .. } | Input::ReplyFailed { reply, .. } => {
                self.replies.get(reply).is_none_or(|r| *r == Reply::Over)
            }
            Input::Leg { attempt, event } => match self.legs.get(attempt) {
                None => true,
                Some(leg) => match event {
                    LegEvent::Answered => leg.gone || (leg.answered && leg.stopped_at.is_none()),
                    LegEvent::Asked | LegEvent::Key { .. } => !leg.is_at_gate() || !leg.answered,
                    LegEvent::Bridged => !leg.is_at_gate() || !leg.bridging,
                    LegEvent::GateFailed { .. } => !leg.is_at_gate(),
                    _ => leg.gone,
                },
            },
            Input::SpeechStarted | Input::TurnEnded { .. } => !self.listening,
            Input::Start | Input::CallerJoined => !self.machine.path().is_empty(),
            Input::CallerLeft => self.caller_gone,
            _ => false,
        }
    }

    fn learn(&mut self, input: &Input) {
        match input {
            Input::Said { utterance, .. } | Input::SayFailed { utterance } => {
                if let Some(sentence) = self.sentences.get_mut(utterance) {
                    sentence.answered = true;
                }
            }
            Input::ReplyDone { reply, .. } | Input::ReplyFailed { reply, .. } => {
                if let Some(state) = self.replies.get_mut(reply) {
                    // Its words were heard; one that has asked for tools has more to say.
                    let answered = *state == Reply::Live && !self.consulted.contains(reply);
                    *state = Reply::Over;
                    self.turn_open &= !answered;
                }
            }
            Input::ToolsProposed { reply, calls }
                if self.replies.get(reply) == Some(&Reply::Live) && self.consulted.insert(*reply) =>
            {
                for index in 0..calls.len() {
                    let index = u32::try_from(index).unwrap();
                    self.proposed.insert(Proposal { reply: *reply, index }, false);
                }
            }
            Input::ToolDone { call, .. } => {
                if let Some(request) = self.tools.get_mut(call) {
                    request.over = true;
                }
            }
            Input::IntentProposed { reply, .. } => {
                if let Some(reply) = self.replies.get_mut(reply).filter(|r| **r == Reply::Live) {
                    *reply = Reply::Spent;
                }
            }
            Input::Leg { attempt, event } => {
                let Some(leg) = self.legs.get_mut(attempt) else { return };
                match event {
                    LegEvent::Started | LegEvent::Ringing => leg.started = true,
                    LegEvent::Answered => (leg.started, leg.answered) = (true, true),
                    LegEvent::Stopped | LegEvent::Refused { .. } | LegEvent::Failed { .. } => leg.gone = true,
                    LegEvent::StopFailed => leg.unstoppable |= leg.stopped_at.is_some(),
                    LegEvent::Key { digit: '1' } => leg.took |= leg.asked,
                    LegEvent::Bridged => leg.bridged |= leg.bridging,
                    LegEvent::Asked | LegEvent::Key { .. } | LegEvent::GateFailed { .. } => {}
                }
            }
            Input::CallerLeft => self.caller_gone = true,
            Input::SpeechStarted => self.speaking = self.listening,
            Input::TurnEnded { .. } => self.speaking = false,
            _ => {}
        }
    }

    fn watch(&mut self, effect: &Effect) {
        assert!(!self.ended, "{effect:?} after the end");
        match effect {
            Effect::Say { utterance, interruptible, text, .. } => {
                let hold = text.text() == "Still trying.";
                let sentence = Sentence {
                    interruptible: *interruptible,
                    hold,
                    cut: false,
                    answered: false,
                    asked_at: self.now,
                };
                assert!(self.sentences.insert(*utterance, sentence).is_none(), "an utterance id came twice");
                let talks = |leg: &Leg| leg.answered && !leg.gone && leg.stopped_at.is_none();
                let alone = self.caller_gone || !self.legs.values().any(talks);
                assert!(self.handed_off.is_none() || alone, "something was said to the pair");
            }
            Effect::StopSpeaking => {
                for sentence in self.sentences.values_mut() {
                    let whole = !sentence.interruptible && !sentence.hold;
                    assert!(!(whole && sentence.sounds(self.now)), "a sentence was cut that may not be");
                    sentence.cut = true;
                }
            }
            Effect::Reply { reply, intents, .. } => {
                // One that has asked for tools is not live any more once the next is asked for.
                for (reply, state) in &mut self.replies {
                    if *state == Reply::Live && self.consulted.contains(reply) {
                        *state = Reply::Spent;
                    }
                }
                assert!(self.replies.values().all(|r| *r != Reply::Live), "two live replies");
                assert!(self.replies.insert(*reply, Reply::Live).is_none(), "a reply id came twice");
                assert!(!intents.is_empty());
            }
            Effect::CancelReply { reply } => {
                let state = self.replies.insert(*reply, Reply::Over).expect("a reply that was asked for");
                assert!(state != Reply::Over, "a reply that is over was cancelled");
            }
            Effect::CallTool { call, timeout_ms, .. } => {
                let request = Request { over: false, due: self.now + timeout_ms + 500 };
                assert!(self.tools.insert(*call, request).is_none(), "a request id came twice");
                assert!(self.tools.values().filter(|r| !r.over).count() <= 16, "too many requests at once");
            }
            Effect::CancelTool { call } => {
                let request = self.tools.get_mut(call).expect("a request that was made");
                assert!(!std::mem::replace(&mut request.over, true), "a request that is over was cancelled");
            }
            Effect::ToolResult { proposal, .. } => {
                let told = self.proposed.get_mut(proposal).expect("something that was proposed");
                assert!(!std::mem::replace(told, true), "{proposal:?} has two results");
            }
            Effect::Listen { on } => {
                assert!(*on != self.listening);
                self.speaking = false;
                self.listening = *on;
            }
            Effect::Hold { on, .. } => {
                assert!(*on != self.holding);
                self.holding = *on;
            }
            Effect::Dial { attempt, method, apart, .. } => {
                for (other, leg) in &self.legs {
                    let gone = leg.gone
                        || leg.unstoppable
                        || leg.stopped_at.is_some_and(|at| at + STOP_WITHIN <= self.now);
                    assert!(gone, "{attempt:?} was dialled while {other:?} was alive");
                }
                let leg = Leg { method: Some(*method), apart: *apart, ..Leg::default() };
                assert!(self.legs.insert(*attempt, leg).is_none(), "an attempt id came twice");
                assert!(!self.caller_gone, "dialled for a caller who is gone");
                assert!(self.legs.len() <= 20, "too many attempts");
            }
            Effect::Ask { attempt, .. } => {
                let late = self.plan.name.contains("late");
                let leg = self.legs.get_mut(attempt).expect("an attempt that was made");
                assert!(leg.apart && leg.answered && !leg.gone, "nobody is there to be asked");
                assert!(!leg.bridging && (leg.stopped_at.is_none() || late), "asked too late");
                leg.asked = true;
            }
            Effect::Bridge { attempt } => {
                let leg = self.legs.get_mut(attempt).expect("an attempt that was made");
                assert!(leg.took && !leg.gone && !leg.bridging, "put through without a key");
                assert!(!self.caller_gone, "put through to a caller who is gone");
                leg.bridging = true;
            }
            Effect::StopDial { attempt } => {
                let leg = self.legs.get_mut(attempt).expect("an attempt that was made");
                leg.stopped_at.get_or_insert(self.now);
            }
            Effect::Handoff { mode } => {
                let (_, leg) = self.legs.iter().next_back().expect("somebody was dialled");
                let moved = leg.method != Some(DialMethod::DialOut) && leg.started;
                assert!(moved || (leg.is_operator() && !leg.gone), "a handoff without an answer");
                let welcome = leg.stopped_at.is_none() || self.plan.name.contains("late");
                assert!(welcome, "a handoff to a leg that was stopped");
                // Once, and once more if the bot's own way into the room is lost.
                let again = self.handed_off == Some(HandoffMode::KeepRoom) && *mode == HandoffMode::Leave;
                assert!(self.handed_off.is_none() || again);
                assert!(!self.holding && !self.listening);
                let sounding = self.sentences.values().any(|s| s.sounds(self.now));
                assert!(!sounding, "handed off while something is being said");
                self.handed_off = Some(*mode);
            }
            Effect::End { .. } => {
                self.ended = true;
                assert!(self.tools.values().all(|request| request.over), "a request is left");
                assert!(!self.holding, "hold audio is left on");
                if self.handed_off != Some(HandoffMode::Leave) {
                    for (attempt, leg) in &self.legs {
                        let moved = leg.method != Some(DialMethod::DialOut) && leg.started;
                        assert!(leg.gone || leg.stopped_at.is_some() || moved, "{attempt:?} is left alive");
                    }
                }
            }
            Effect::Enter { state } => {
                let dials = matches!(self.plan.state(*state).kind, Kind::Dial(_));
                for (attempt, leg) in self.legs.iter().filter(|(_, leg)| !leg.is_operator() && !leg.gone) {
                    let moved = leg.method != Some(DialMethod::DialOut) && leg.started;
                    assert!(dials || moved || leg.stopped_at.is_some(), "{attempt:?} rings on");
                }
            }
            Effect::Prepare { .. } | Effect::Sensitivity { .. } => {}
        }
    }

    /// From here on nobody answers anything.
    fn fall_silent(&mut self) {
        for _ in 0..2_000 {
            let Some((at, _)) = self.machine.next_deadline() else { break };
            self.now = at.0;
            self.step(Input::Timeout);
        }
        assert!(self.ended, "timers alone do not end {:?}", self.machine);
        assert_eq!(self.machine.next_deadline(), None);
        assert!(self.machine.outcome().is_some());
    }
}

/// The id of the n-th latest, or one that was never given out.
fn recent(given_out: usize, index: usize) -> u32 {
    let given_out = u32::try_from(given_out).unwrap();
    let index = u32::try_from(index).unwrap();
    given_out.checked_sub(index).filter(|id| *id > 0).unwrap_or(given_out + 7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_of_the_call_plane_hold(
        flow in 0..10_usize,
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut world = World::new(Arc::clone(&FLOWS[flow]));
        for happening in &happenings {
            world.happen(happening);
        }
        world.fall_silent();
    }

    #[test]
    fn the_same_inputs_make_the_same_call(
        flow in 0..10_usize,
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let plan = Arc::clone(&FLOWS[flow]);
        let (mut one, mut other) = (World::new(Arc::clone(&plan)), World::new(plan));
        for happening in &happenings {
            one.happen(happening);
        }
        for happening in &happenings {
            other.happen(happening);
            other.machine = other.machine.clone();
        }
        prop_assert_eq!(one.machine, other.machine);
    }
}
