//! The loop of a call: wait for one thing, make it an input, step the machine, enact its effects.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::dialogue::{Dialogue, Said};
use super::ears::Ears;
use super::journal::{Journal, Step};
use super::legs::{self, Answer, Legs};
use super::record::{self, CallRecord, RECORD_VERSION, TransferRecord, Turns};
use super::voice::{Speech, Spoken, Voice};
use super::watch::{CallEvent, CallStatus, Watch};
use super::{CallSetup, Vendors};
use crate::audio::{FRAME_MS, Frame};
use crate::machine::{CallInfo, Effect, Input, LegEvent, Machine, Millis, Outcome, Service};
use crate::plan::Plan;
use crate::speech::turn::TurnEvent;
use crate::speech::{LlmEvent, SttEvent, SttParams, SttStream, TtsEvent, TtsParams, TtsStream};
use crate::telephony::{DialIn, LegId, Room, RoomCommand, RoomEvent, RoomSession, TelephonyError};

/// A call in progress.
pub(super) struct Call {
    pub(super) plan: Arc<Plan>,
    pub(super) info: CallInfo,
    pub(super) machine: Machine,
    pub(super) inbox: VecDeque<Input>,
    pub(super) room: RoomSession,
    pub(super) ears: Ears,
    pub(super) voice: Voice,
    pub(super) dialogue: Dialogue,
    pub(super) legs: Legs,
    pub(super) people: People,
    pub(super) turns: Turns,
    pub(super) watch: Watch,
    pub(super) stage: Stage,
    pub(super) began: Instant,
    ticker: Interval,
    journal: Option<Journal>,
    shutdown: CancellationToken,
    kill: CancellationToken,
    told_shutdown: bool,
}

/// Who is who in the room.
#[derive(Default)]
pub(super) struct People {
    pub(super) dial_in: Option<DialIn>,
    pub(super) caller: Option<LegId>,
    pub(super) caller_here: bool,
    pub(super) caller_gone: bool,
}

/// How far the call has come, for the record and the teardown.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) ringing: bool,
    pub(super) answered_at: Option<Millis>,
    pub(super) bot_left: Option<u64>,
    pub(super) handed_off: bool,
    pub(super) left_room: bool,
    pub(super) room_closed: bool,
    pub(super) outcome: Option<Outcome>,
}

/// One thing that happened.
enum Wake {
    Room(Option<RoomEvent>),
    Ear(Option<(LegId, Frame)>),
    Stt(Option<SttEvent>),
    Llm(Option<LlmEvent>),
    Tts(Option<TtsEvent>),
    Leg(Option<Answer>),
    Tick,
    Deadline,
    Shutdown,
    Kill,
}

/// Runs a call; see [`super::run`].
pub(super) async fn run(setup: CallSetup) -> CallRecord {
    let CallSetup { plan, info, room, dial_in, vendors, watch, journal, shutdown, kill } = setup;
    let began = Instant::now();
    let opened = open(&vendors, &plan, &info, &room).await;
    let session = match opened.room {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(%error, "the room could not be joined");
            delete_room(&vendors, &room.name).await;
            return failed(&plan, &info, &watch, began);
        }
    };
    let mut ticker = tokio::time::interval(Duration::from_millis(FRAME_MS));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut call = Call {
        machine: Machine::new(Arc::clone(&plan), info.clone()),
        inbox: VecDeque::from([Input::Start]),
        room: session,
        ears: Ears::new(opened.stt, vendors.stt.capabilities()),
        voice: Voice::new(opened.tts),
        dialogue: Dialogue::new(Arc::clone(&plan), Arc::clone(&vendors.llm), Arc::clone(&info.id)),
        legs: Legs::new(Arc::clone(&vendors.telephony), &room.name),
        people: People { dial_in, ..People::default() },
        turns: Turns::default(),
        stage: Stage::default(),
        plan,
        info,
        watch,
        began,
        ticker,
        journal,
        shutdown,
        kill,
        told_shutdown: false,
    };
    call.inbox.extend(opened.failures.into_iter().map(|service| Input::ServiceFailed { service }));
    call.send_room(RoomCommand::Subscribe(true));
    call.send_room(RoomCommand::Microphone(true));
    call.pump();
    while call.stage.outcome.is_none() {
        let wake = call.next().await;
        call.take(wake);
        call.pump();
    }
    call.tear_down(&vendors, &room).await
}

/// What could be opened before the call.
struct Opened {
    room: Result<RoomSession, TelephonyError>,
    stt: Option<SttStream>,
    tts: Option<TtsStream>,
    failures: Vec<Service>,
}

/// Joins the room and opens the vendors' streams, all at the same time: the caller is waiting.
async fn open(vendors: &Vendors, plan: &Plan, info: &CallInfo, room: &Room) -> Opened {
    let language = &plan.call.language;
    let stt = vendors.stt.open(SttParams {
        model: Arc::clone(&plan.services.stt.model),
        language: Arc::clone(language),
        call_id: Arc::clone(&info.id),
    });
    let tts = vendors.tts.open(TtsParams {
        model: Arc::clone(&plan.services.tts.model),
        voice: plan.services.tts.voice.clone(),
        language: Arc::clone(language),
        call_id: Arc::clone(&info.id),
    });
    let (room, stt, tts) = tokio::join!(vendors.rooms.join(room), stt, tts);
    let mut failures = Vec::new();
    let mut keep = |service, error: crate::speech::SpeechError| {
        tracing::error!(%error, "a vendor could not be opened");
        failures.push(service);
    };
    let stt = stt.map_err(|error| keep(Service::Stt, error)).ok();
    let tts = tts.map_err(|error| keep(Service::Tts, error)).ok();
    Opened { room, stt, tts, failures }
}

impl Call {
    pub(super) fn now(&self) -> Millis {
        Millis::default().after(self.began.elapsed())
    }

    async fn next(&mut self) -> Wake {
        let deadline = self.machine.next_deadline().map(|(at, _)| self.began + Duration::from_millis(at.0));
        let frames_wanted = !self.stage.handed_off || self.voice.is_speaking();
        tokio::select! {
            biased;
            () = self.kill.cancelled() => Wake::Kill,
            () = self.shutdown.cancelled(), if !self.told_shutdown => Wake::Shutdown,
            _ = self.ticker.tick(), if frames_wanted => Wake::Tick,
            event = self.room.events.recv(), if !self.stage.room_closed => Wake::Room(event),
            answer = self.legs.answer() => Wake::Leg(answer),
            event = self.voice.tts_event() => Wake::Tts(event),
            event = self.dialogue.event() => Wake::Llm(event),
            event = self.ears.stt_event() => Wake::Stt(event),
            heard = self.room.audio.recv(), if !self.stage.room_closed => Wake::Ear(heard),
            () = sleep_until(deadline) => Wake::Deadline,
        }
    }

    fn take(&mut self, wake: Wake) {
        match wake {
            Wake::Tick => self.on_tick(),
            Wake::Ear(Some((leg, frame))) => self.on_audio(&leg, frame),
            // The audio queue closes with the room; the room's last event says why.
            Wake::Ear(None) | Wake::Leg(None) => {}
            Wake::Room(event) => self.on_room(event),
            Wake::Leg(Some(answer)) => self.on_answer(answer),
            Wake::Tts(event) => {
                if let Err(error) = self.voice.on_tts(event) {
                    self.service_failed(Service::Tts, error);
                }
            }
            Wake::Stt(event) => {
                let now = self.began.elapsed();
                if let Err(error) = self.ears.on_stt(now, event) {
                    self.service_failed(Service::Stt, error);
                }
            }
            Wake::Llm(event) => {
                for said in self.dialogue.on_event(event) {
                    self.on_said(said);
                }
            }
            Wake::Deadline => self.inbox.push_back(Input::Timeout),
            Wake::Shutdown => {
                self.told_shutdown = true;
                self.inbox.push_back(Input::Shutdown);
            }
            Wake::Kill => {
                tracing::warn!("call torn down on request");
                self.stage.outcome =
                    Some(if self.stage.handed_off { Outcome::Transferred } else { Outcome::Failed });
            }
        }
    }

    /// Everything that can be decided now is decided now.
    fn pump(&mut self) {
        loop {
            self.collect();
            let Some(input) = self.inbox.pop_front() else { break };
            self.step(input);
        }
        self.show_status();
    }

    fn step(&mut self, input: Input) {
        let now = self.now();
        let state = self.machine.state();
        let mut effects = Vec::new();
        self.machine.handle(now, input.clone(), &mut effects);
        // Wake-ups that changed nothing would only fill the journal.
        if let Some(journal) = &self.journal
            && !(effects.is_empty() && input == Input::Timeout)
        {
            journal.write(&Step {
                t: now,
                call: &self.info.id,
                state: &self.plan.state(state).name,
                input: &input,
                effects: &effects,
                flow_hash: &self.plan.hash,
            });
        }
        tracing::trace!(t = now.0, ?input, ?effects, "step");
        if let Input::TurnEnded { text } = &input
            && !effects.iter().any(|e| matches!(e, Effect::Reply { user: Some(_), .. }))
        {
            self.dialogue.overheard(text);
        }
        for effect in effects {
            self.enact(effect);
        }
    }

    /// Turns of the caller and ends of speech become inputs.
    fn collect(&mut self) {
        let now = self.now();
        while let Some(event) = self.ears.poll() {
            match event {
                TurnEvent::SpeechStarted => {
                    self.turns.caller_started(now);
                    self.inbox.push_back(Input::SpeechStarted);
                }
                TurnEvent::SpeechStopped
                | TurnEvent::EagerTurnEnd { .. }
                | TurnEvent::TurnResumed
                | TurnEvent::Overdue => {}
                TurnEvent::TurnEnded { text } => {
                    self.turns.caller_ended(now, &text);
                    if !text.is_blank() {
                        self.watch.event(CallEvent::CallerSaid { text: text.clone() });
                    }
                    self.inbox.push_back(Input::TurnEnded { text });
                }
            }
        }
        while let Some(spoken) = self.voice.poll(now) {
            self.on_spoken(spoken, now);
        }
    }

    fn on_spoken(&mut self, spoken: Spoken, now: Millis) {
        let Spoken { speech, text, heard, start, failed } = spoken;
        self.dialogue.heard(&heard.text);
        self.turns.bot_said(text.clone(), heard.text.clone(), start, now);
        self.watch.event(CallEvent::BotSaid { text, heard: heard.text });
        self.inbox.push_back(match (speech, failed) {
            (Speech::Fixed(utterance), false) => Input::Said { utterance, heard_all: heard.all },
            (Speech::Fixed(utterance), true) => Input::SayFailed { utterance },
            (Speech::Reply(reply), false) => Input::ReplyDone { reply, heard_all: heard.all },
            (Speech::Reply(reply), true) => Input::ReplyFailed { reply, service: Service::Tts },
        });
    }

    fn on_tick(&mut self) {
        self.ears.bot_speaking(self.voice.is_speaking());
        self.ears.tick(self.began.elapsed());
        let frame = self.voice.next_frame();
        self.send_room(RoomCommand::Audio(frame));
    }

    fn on_audio(&mut self, leg: &LegId, frame: Frame) {
        if self.people.caller.as_ref() == Some(leg) {
            self.caller_is_here();
            self.ears.hear(self.began.elapsed(), frame);
        }
    }

    fn on_said(&mut self, said: Said) {
        match said {
            Said::Clause(reply, clause) => self.voice.add_to_reply(reply, &clause),
            Said::WordsEnd(reply) => {
                if !self.voice.end_reply(reply) {
                    self.inbox.push_back(Input::ReplyDone { reply, heard_all: true });
                }
            }
            Said::Proposed(reply, intent, slots) => {
                self.inbox.push_back(Input::IntentProposed { reply, intent, slots });
            }
            Said::Failed(reply, error) => {
                tracing::warn!(%error, "the model's reply failed");
                self.voice.end_reply(reply);
                self.inbox.push_back(Input::ReplyFailed { reply, service: Service::Llm });
            }
        }
    }

    fn on_answer(&mut self, answer: Answer) {
        let (attempt, event) = match answer {
            Answer::Started(attempt, leg) => {
                self.inbox.push_back(Input::Leg { attempt, event: LegEvent::Started });
                for early in self.legs.started(attempt, leg) {
                    self.on_room(Some(early));
                }
                return;
            }
            Answer::Transferred(attempt) => (attempt, LegEvent::Started),
            Answer::Refused(attempt, error) => {
                tracing::warn!(%error, "the dial-out was refused");
                self.legs.refused(attempt);
                (attempt, legs::refusal(&error))
            }
            Answer::Stopped(attempt) => (attempt, LegEvent::Stopped),
            Answer::StopFailed(attempt, error) => {
                tracing::warn!(%error, "a leg could not be stopped");
                (attempt, LegEvent::StopFailed)
            }
            Answer::Forwarded => return,
            Answer::ForwardFailed(error) => {
                tracing::warn!(%error, "the caller could not be forwarded");
                self.inbox.push_back(Input::CallerLeft);
                return;
            }
        };
        self.inbox.push_back(Input::Leg { attempt, event });
    }

    fn service_failed(&mut self, service: Service, error: Option<crate::speech::SpeechError>) {
        match error {
            Some(error) => tracing::error!(?service, %error, "a vendor is gone"),
            None => tracing::error!(?service, "a vendor closed its stream"),
        }
        self.inbox.push_back(Input::ServiceFailed { service });
    }

    pub(super) fn send_room(&self, command: RoomCommand) {
        if !self.stage.room_closed && self.room.commands.try_send(command).is_err() {
            tracing::debug!("the room does not keep up; something for it was dropped");
        }
    }

    fn show_status(&self) {
        self.watch.status(CallStatus {
            state: match self.machine.path().last() {
                Some(&id) => Arc::clone(&self.plan.state(id).name),
                None => Arc::default(),
            },
            bot_busy: self.voice.is_speaking() || self.dialogue.is_thinking(),
            listening: self.machine.accepts_speech() && !self.stage.handed_off,
            ringing: self.stage.ringing,
            handed_off: self.stage.handed_off,
            over: false,
        });
    }

    async fn tear_down(mut self, vendors: &Vendors, room: &Room) -> CallRecord {
        self.ears.close();
        self.dialogue.cancel();
        self.voice.close();
        if !self.stage.left_room {
            self.legs.stop_all().await;
        }
        leave(&mut self.room, self.stage.room_closed).await;
        if !self.stage.left_room {
            delete_room(vendors, &room.name).await;
        }
        let duration_ms = self.now().0;
        let record = CallRecord {
            version: RECORD_VERSION,
            flow: Arc::clone(&self.plan.name),
            flow_hash: self.plan.hash.clone(),
            call_id: Arc::clone(&self.info.id),
            from: self.info.from.clone(),
            to: self.info.to.clone(),
            started_at: self.info.started_at,
            duration_ms,
            outcome: self.stage.outcome.unwrap_or(Outcome::Failed),
            states: record::names(&self.plan, self.machine.path()),
            transfer: self.machine.transfer().cloned().map(|t| TransferRecord::new(t, self.stage.bot_left)),
            turns: self.turns.take(),
        };
        announce_end(&self.watch, &record);
        record
    }
}

/// Leaves politely; the task that holds the connection is dropped right after.
async fn leave(room: &mut RoomSession, closed: bool) {
    const PATIENCE: Duration = Duration::from_secs(2);
    if closed || room.commands.send_timeout(RoomCommand::Leave, PATIENCE).await.is_err() {
        return;
    }
    let closed = async {
        while let Some(event) = room.events.recv().await {
            if matches!(event, RoomEvent::Closed { .. }) {
                break;
            }
        }
    };
    if tokio::time::timeout(PATIENCE, closed).await.is_err() {
        tracing::debug!("the room did not confirm that we left");
    }
}

async fn delete_room(vendors: &Vendors, name: &str) {
    if let Err(error) = vendors.telephony.delete_room(name).await {
        tracing::warn!(%error, "the room could not be deleted; it ends at its expiry");
    }
}

fn failed(plan: &Plan, info: &CallInfo, watch: &Watch, began: Instant) -> CallRecord {
    let record = CallRecord {
        version: RECORD_VERSION,
        flow: Arc::clone(&plan.name),
        flow_hash: plan.hash.clone(),
        call_id: Arc::clone(&info.id),
        from: info.from.clone(),
        to: info.to.clone(),
        started_at: info.started_at,
        duration_ms: Millis::default().after(began.elapsed()).0,
        outcome: Outcome::Failed,
        states: Vec::new(),
        transfer: None,
        turns: Vec::new(),
    };
    announce_end(watch, &record);
    record
}

fn announce_end(watch: &Watch, record: &CallRecord) {
    watch.event(CallEvent::Ended(Arc::new(record.clone())));
    let state = record.states.last().cloned().unwrap_or_default();
    watch.status(CallStatus { state, over: true, ..CallStatus::default() });
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
