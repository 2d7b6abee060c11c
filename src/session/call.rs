//! The loop of a call: wait for one thing, make it an input, step the machine, enact its effects.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::cadence::Cadence;
use super::dead_air::{DeadAir, FILLER};
use super::dialogue::{Dialogue, News, Said};
use super::ears::Ears;
use super::gate::{Gate, GateNews};
use super::guess::Guesses;
use super::journal::{Begin, Journal, Step};
use super::legs::{Answer, Legs};
use super::onset::{LastTurn, Onset};
use super::prompts::Prompts;
use super::record::{CallRecord, Turns};
use super::room::{JoinedRoom, RoomNews};
use super::teardown::Wreckage;
use super::tools::Tools;
use super::voice::{Speech, Spoken, Voice};
use super::watch::{CallEvent, CallStatus, Watch};
use super::waterfall::{Latency, Mark};
use super::{CallSetup, Vendors};
use crate::machine::{
    APOLOGY, AttemptId, CallInfo, Effect, Input, Machine, Millis, ONCE_MORE, Outcome, Service, ToolCallId,
    ToolResult, UtteranceId,
};
use crate::pii::Utterance;
use crate::plan::Plan;
use crate::speech::turn::TurnEvent;
use crate::speech::{LlmEvent, SpeechError, SttEvent, SttParams, TtsEvent, TtsParams};
use crate::telephony::{ByClient, DialIn, LegId, Room, RoomCommand, RoomSession};

/// Sentences of the flow that are rendered for when its voice has failed.
const MOST_PREPARED: usize = 4;
/// How long before its room ends a call is told: time for a sentence, and to spare for two clocks.
const ROOM_EXPIRES_IN: Duration = Duration::from_secs(60);

/// A call in progress.
pub(super) struct Call {
    pub(super) plan: Arc<Plan>,
    pub(super) info: CallInfo,
    pub(super) machine: Machine,
    pub(super) inbox: VecDeque<Input>,
    pub(super) room: JoinedRoom,
    /// The room as it was made, for whoever else of ours joins it.
    pub(super) place: Room,
    pub(super) ears: Ears,
    pub(super) voice: Voice,
    pub(super) dialogue: Dialogue,
    pub(super) tools: Tools,
    /// Sentences that only pass the time.
    pub(super) asides: HashSet<UtteranceId>,
    pub(super) legs: Legs,
    pub(super) gate: Option<Gate>,
    pub(super) people: People,
    pub(super) turns: Turns,
    pub(super) onset: Onset,
    pub(super) last_turn: Option<LastTurn>,
    pub(super) guesses: Guesses,
    pub(super) dead_air: DeadAir,
    pub(super) latency: Latency,
    pub(super) watch: Watch,
    pub(super) stage: Stage,
    pub(super) vendors: Vendors,
    pub(super) began: Instant,
    pub(super) cadence: Cadence,
    /// The last beat left nothing to be said: what comes then need not wait for the next. Silence within what is said is
    /// something to be said.
    idle: bool,
    journal: Option<Journal>,
    shutdown: CancellationToken,
    pub(super) kill: CancellationToken,
    told_shutdown: bool,
    /// When the call is to be told that its room will end; absent if that is not known, or was told.
    room_expires: Option<Instant>,
}

/// Who is who in the room.
#[derive(Default)]
pub(super) struct People {
    pub(super) dial_in: Option<DialIn>,
    pub(super) caller: Option<LegId>,
    pub(super) caller_here: bool,
    pub(super) caller_gone: bool,
    /// Who joined before it was known whether they are the caller.
    pub(super) strangers: Vec<LegId>,
}

/// How far the call has come, for the status, the record and the teardown.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) ringing: Option<AttemptId>,
    /// The attempt that was answered last, and when.
    pub(super) answered: Option<(AttemptId, Millis)>,
    pub(super) bot_left_ms: Option<u64>,
    pub(super) handed_off: bool,
    pub(super) left_room: bool,
    /// How and when the call ended.
    pub(super) end: Option<(Outcome, Millis)>,
}

/// One thing that happened.
enum Wake {
    Beat,
    Room(RoomNews),
    Stt(Result<Option<SttEvent>, SpeechError>),
    Llm(News),
    Tts(Result<Option<TtsEvent>, SpeechError>),
    Leg(Answer),
    Tool(ToolCallId, ToolResult),
    Gate(GateNews),
    Deadline,
    RoomExpires,
    Shutdown,
    Kill,
}

/// Runs a call; see [`super::run`].
pub(super) async fn run(setup: CallSetup) -> CallRecord {
    let began = Instant::now();
    let joining = setup.vendors.rooms.join(&setup.room);
    let joined = tokio::select! {
        joined = joining => joined,
        () = setup.kill.cancelled() => {
            tracing::warn!("call given up on request");
            return Wreckage::of(&setup, began).clear().await;
        }
    };
    match joined {
        Ok(session) => {
            tracing::info!(took_ms = began.elapsed().as_millis(), "joined the room");
            let mut call = Call::new(setup, session, began);
            call.go_on().await;
            call.tear_down().await
        }
        Err(error) => {
            tracing::error!(%error, "the room could not be joined");
            Wreckage::of(&setup, began).clear().await
        }
    }
}

impl Call {
    fn new(setup: CallSetup, mut session: RoomSession, began: Instant) -> Self {
        let CallSetup { plan, info, room, dial_in, vendors, dial_limits, watch, journal, shutdown, kill } =
            setup;
        if let Some(journal) = &journal {
            journal.write(&Begin::of(&plan, &info));
        }
        let stt = vendors.stt.open(SttParams {
            model: Arc::clone(&plan.services.stt.model),
            language: Arc::clone(&plan.call.language),
            call_id: Arc::clone(&info.id),
        });
        let tts = vendors.tts.open(TtsParams {
            model: Arc::clone(&plan.services.tts.model),
            voice: plan.services.tts.voice.clone(),
            language: Arc::clone(&plan.call.language),
            call_id: Arc::clone(&info.id),
        });
        let telephony = ByClient::if_it_can(Arc::clone(&vendors.telephony), session.legs.take());
        Self {
            machine: Machine::new(Arc::clone(&plan), info.clone()),
            inbox: VecDeque::from([Input::Start]),
            room_expires: room.expires_at.map(|at| began + until_told(at, info.started_at)),
            room: JoinedRoom::new(session),
            ears: Ears::new(stt, vendors.stt.capabilities()),
            voice: Voice::new(
                tts,
                Arc::clone(&plan.call.language),
                Prompts::new(Arc::clone(&vendors.prompts), &plan),
            ),
            dialogue: Dialogue::new(Arc::clone(&plan), Arc::clone(&vendors.llm), Arc::clone(&info.id)),
            tools: Tools::default(),
            asides: HashSet::new(),
            legs: Legs::new(telephony, dial_limits, &room.name),
            place: room,
            gate: None,
            people: People { dial_in, ..People::default() },
            turns: Turns::default(),
            onset: Onset::default(),
            last_turn: None,
            guesses: Guesses::default(),
            dead_air: DeadAir::default(),
            latency: Latency::new(began),
            stage: Stage::default(),
            vendors,
            plan,
            info,
            watch,
            began,
            cadence: Cadence::new(),
            idle: true,
            journal,
            shutdown,
            kill,
            told_shutdown: false,
        }
    }

    /// Runs the call to its end.
    async fn go_on(&mut self) {
        self.room.wish(RoomCommand::Subscribe(true));
        self.room.wish(RoomCommand::Microphone(true));
        self.dialogue.warm();
        self.prepare_greeting();
        self.decide();
        while self.stage.end.is_none() {
            let wake = self.next().await;
            self.take(wake);
            self.decide();
        }
    }

    /// What the caller will hear first is rendered before they are there: the machine's copy knows what it is.
    fn prepare_greeting(&mut self) {
        let mut machine = self.machine.clone();
        let mut effects = Vec::new();
        for input in [Input::Start, Input::CallerJoined] {
            machine.handle(self.now(), input, &mut effects);
        }
        for effect in effects {
            if let Effect::Say { text, audio: None, .. } = effect {
                self.voice.prepare(&text);
            }
        }
    }

    pub(super) fn now(&self) -> Millis {
        Millis::default().after(self.began.elapsed())
    }

    pub(super) fn end(&mut self, outcome: Outcome) {
        let now = self.now();
        self.stage.end.get_or_insert((outcome, now));
    }

    async fn next(&mut self) -> Wake {
        let deadline = self.machine.next_deadline().map(|(at, _)| self.began + Duration::from_millis(at.0));
        // The room keeper is deaf and mute; only somebody who is left alone hears it once more.
        let is_audible = !self.stage.handed_off || self.voice.is_speaking();
        tokio::select! {
            biased;
            () = self.kill.cancelled() => Wake::Kill,
            () = self.shutdown.cancelled(), if !self.told_shutdown => Wake::Shutdown,
            () = self.cadence.beat(), if is_audible => Wake::Beat,
            answer = self.legs.answer() => Wake::Leg(answer),
            (call, result) = self.tools.done() => Wake::Tool(call, result),
            news = gate_news(&mut self.gate) => Wake::Gate(news),
            news = self.room.next() => Wake::Room(news),
            event = self.voice.tts_event() => Wake::Tts(event),
            event = self.dialogue.event(), if !self.voice.is_paused() => Wake::Llm(event),
            event = self.ears.stt_event() => Wake::Stt(event),
            () = sleep_until(deadline) => Wake::Deadline,
            () = sleep_until(self.room_expires) => Wake::RoomExpires,
        }
    }

    fn take(&mut self, wake: Wake) {
        match wake {
            Wake::Beat => self.on_beat(),
            Wake::Room(RoomNews::Event(event)) => self.on_room(event),
            Wake::Room(RoomNews::Audio(leg, frame)) => self.on_audio(&leg, frame),
            Wake::Leg(answer) => self.on_answer(answer),
            Wake::Tool(call, result) => self.on_tool_done(call, result),
            Wake::Gate(news) => self.on_gate(news),
            Wake::Tts(event) => {
                if let Ok(Some(TtsEvent::Audio { context, .. })) = &event
                    && let Some(Speech::Reply(reply)) = self.voice.speech_of(*context)
                {
                    self.latency.mark(reply, Mark::FirstAudio);
                }
                if let Err(error) = self.voice.on_tts(event) {
                    self.service_failed(Service::Tts, error);
                }
            }
            Wake::Stt(event) => {
                if let Err(error) = self.ears.on_stt(self.began.elapsed(), event) {
                    self.service_failed(Service::Stt, error);
                }
            }
            Wake::Llm(News::Stalled) => {
                if let Some(said) = self.dialogue.on_stall() {
                    self.on_said(said);
                }
            }
            Wake::Llm(News::Event(event)) => {
                if let (Some(reply), Some(LlmEvent::Text(_))) = (self.dialogue.live(), &event) {
                    self.latency.mark(reply, Mark::FirstWord);
                }
                for said in self.dialogue.on_event(event) {
                    self.on_said(said);
                }
            }
            // Looked at after every wake-up: a busy call must not put its deadlines off.
            Wake::Deadline => {}
            Wake::RoomExpires => {
                tracing::info!("the room expires soon");
                self.room_expires = None;
                self.inbox.push_back(Input::RoomExpiring);
            }
            Wake::Shutdown => {
                self.told_shutdown = true;
                self.inbox.push_back(Input::Shutdown);
            }
            Wake::Kill => {
                tracing::warn!("call torn down on request");
                self.end(if self.stage.handed_off { Outcome::Transferred } else { Outcome::Failed });
            }
        }
    }

    /// Everything that can be decided now is decided now.
    fn decide(&mut self) {
        if self.machine.next_deadline().is_some_and(|(at, _)| at <= self.now()) {
            self.inbox.push_back(Input::Timeout);
        }
        while self.stage.end.is_none() {
            self.hear_turns();
            self.hear_ourselves();
            let Some(input) = self.inbox.pop_front() else { break };
            self.step(input);
        }
        self.end_needless_pause();
        self.guess_in_a_pause();
        self.show_status();
        if self.idle && self.room.is_silent() && self.voice.is_ready() {
            self.idle = false;
            self.cadence.at_once();
        }
    }

    fn step(&mut self, input: Input) {
        let now = self.now();
        let state = self.machine.state();
        let mut effects = Vec::new();
        self.machine.handle(now, input.clone(), &mut effects);
        if let Some(journal) = &self.journal {
            journal.write(&Step {
                t: now,
                call: &self.info.id,
                state: &self.plan.state(state).name,
                input: &input,
                effects: &effects,
                flow_hash: &self.plan.hash,
            });
        }
        if let Input::TurnEnded { text } = &input
            && !effects.iter().any(|effect| matches!(effect, Effect::Reply { user: Some(_), .. }))
        {
            self.dialogue.overheard(text);
        }
        for effect in effects {
            self.enact(effect);
        }
    }

    /// What the caller did becomes inputs.
    fn hear_turns(&mut self) {
        let now = self.now();
        while let Some(event) = self.ears.poll() {
            match event {
                TurnEvent::SpeechStarted => {
                    self.guesses.go_on(self.ears.unfinished());
                    self.dialogue.drop_guess();
                    if self.onset != Onset::Dismissed {
                        self.dead_air.caller_speaks();
                    }
                    self.dialogue.warm();
                    self.on_speech_started(now);
                }
                TurnEvent::SpeechStopped => {
                    self.guesses.pausing = true;
                    let known_after = self.turns.caller_stopped(now);
                    if self.onset != Onset::Dismissed {
                        self.dead_air.caller_is_silent(known_after);
                    }
                    self.latency.speech_ended(known_after);
                }
                TurnEvent::EagerTurnEnd { text } => self.guesses.expected = Some(text),
                TurnEvent::TurnResumed => {
                    self.guesses.expected = None;
                    self.dialogue.drop_guess();
                }
                TurnEvent::Overdue => {}
                TurnEvent::TurnEnded { text } => {
                    self.guesses.forget();
                    self.on_turn_ended(now, text);
                }
            }
        }
        self.settle_doubt(now);
    }

    /// What became of our own speech becomes inputs. To be called after every cut, before the model is asked
    /// again: it is told what was heard.
    pub(super) fn hear_ourselves(&mut self) {
        let now = self.now();
        while let Some(spoken) = self.voice.poll(now) {
            let (speech, failed, heard_all) = (spoken.speech, spoken.failed, spoken.heard.all);
            if !failed {
                // The voice is there: what is said when it no longer is has to be rendered now.
                let of_flow = self.plan.sentences_of_failure().into_iter().map(|text| Utterance::new(&*text));
                let of_engine = [APOLOGY, FILLER, ONCE_MORE].map(Utterance::new);
                self.voice.prepare_later(of_flow.take(MOST_PREPARED).chain(of_engine));
            }
            if let Speech::Fixed(utterance) = speech
                && failed
                && spoken.heard.text.is_blank()
                && self.machine.is_ending()
                && self.voice.apologise(utterance)
            {
                continue;
            }
            self.note_spoken(spoken, now);
            self.inbox.push_back(match (speech, failed) {
                (Speech::Fixed(utterance), false) => Input::Said { utterance, heard_all },
                (Speech::Fixed(utterance), true) => Input::SayFailed { utterance },
                (Speech::Reply(reply), false) => Input::ReplyDone { reply, heard_all },
                (Speech::Reply(reply), true) => Input::ReplyFailed { reply, service: Service::Tts },
            });
            if let Speech::Reply(reply) = speech
                && self.dialogue.is_live(reply)
            {
                // The voice has failed: nobody would hear the rest.
                self.dialogue.cancel();
            }
        }
    }

    /// Puts what was said into the model's memory, the record and the transcript.
    pub(super) fn note_spoken(&mut self, spoken: Spoken, now: Millis) {
        let Spoken { speech, text, heard, start, .. } = spoken;
        if !matches!(speech, Speech::Fixed(utterance) if self.asides.remove(&utterance)) {
            self.dialogue.heard(&heard.text);
        }
        self.turns.bot_said(text.clone(), heard.text.clone(), start, now);
        self.watch.event(CallEvent::BotSaid { text, heard: heard.text });
    }

    fn on_beat(&mut self) {
        self.ears.bot_speaking(self.voice.is_speaking());
        self.ears.tick(self.began.elapsed());
        if let Some(error) = self.voice.never_heard() {
            self.service_failed(Service::Tts, Some(error));
        }
        let frame = self.voice.next_frame();
        self.room.play(frame);
        self.idle = !self.voice.is_ready();
        self.mind_dead_air();
        if let Some(reply) = self.latency.awaited()
            && self.voice.has_begun(Speech::Reply(reply))
        {
            self.latency.mark(reply, Mark::Sent);
        }
        if let Some(error) = self.gate.as_mut().and_then(|gate| gate.beat(&mut self.voice)) {
            self.on_gate(GateNews::Failed(error));
        }
    }

    fn on_said(&mut self, said: Said) {
        match said {
            Said::Clause(reply, clause) => {
                self.latency.mark(reply, Mark::FirstText);
                self.voice.add_to_reply(reply, &clause);
            }
            Said::WordsEnd(reply) => {
                if !self.voice.end_reply(reply) {
                    self.inbox.push_back(Input::ReplyDone { reply, heard_all: true });
                }
            }
            Said::Proposed(reply, intent, slots) => {
                self.inbox.push_back(Input::IntentProposed { reply, intent, slots });
            }
            Said::ToolsProposed(reply, calls) => {
                self.inbox.push_back(Input::ToolsProposed { reply, calls });
            }
            Said::Failed(reply, error) => {
                tracing::warn!(%error, "the model's reply failed");
                self.voice.end_reply(reply);
                self.inbox.push_back(Input::ReplyFailed { reply, service: Service::Llm });
            }
        }
    }

    fn service_failed(&mut self, service: Service, error: Option<SpeechError>) {
        match error {
            Some(error) => tracing::error!(?service, %error, "a vendor is gone"),
            None => tracing::error!(?service, "a vendor closed its stream"),
        }
        self.inbox.push_back(Input::ServiceFailed { service });
    }

    fn show_status(&self) {
        self.watch.status(CallStatus {
            state: match self.machine.path().last() {
                Some(&id) => Arc::clone(&self.plan.state(id).name),
                None => Arc::default(),
            },
            bot_busy: self.voice.is_speaking() || self.dialogue.is_thinking() || self.tools.is_busy(),
            listening: self.machine.accepts_speech() && !self.stage.handed_off,
            ringing: self.stage.ringing.is_some(),
            asked: self.gate.as_ref().is_some_and(Gate::was_heard),
            handed_off: self.stage.handed_off,
            over: false,
        });
    }
}

/// How long a call may go on before it is told that its room ends at that time. Both in seconds since 1970.
fn until_told(room_ends: i64, call_began: i64) -> Duration {
    let left = u64::try_from(room_ends.saturating_sub(call_began)).unwrap_or_default();
    Duration::from_secs(left).saturating_sub(ROOM_EXPIRES_IN)
}

async fn gate_news(gate: &mut Option<Gate>) -> GateNews {
    match gate {
        Some(gate) => gate.news().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
