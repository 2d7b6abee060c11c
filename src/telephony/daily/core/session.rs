//! One room joined over the native library: a task between its line and the call's queues.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::abi;
use super::client::{self, Invitation, NAME, Order, Orders, Unresponsive};
use super::event::{self, Person, Said};
use super::legs::{LegRequest, Pending};
use super::line::{Line, News, next_request};
use crate::audio::Frame;
use crate::telephony::{
    CloseReason, LegCommand, LegId, LegOrder, Room, RoomCommand, RoomEvent, RoomSession, TelephonyError,
};

/// Capacity of the queue of events.
const EVENTS: usize = 64;
/// Capacity of the queue of audio: 200 ms of one participant.
const AUDIO: usize = 10;
/// Capacity of the queue of commands: more than half a second of our own audio.
const COMMANDS: usize = 32;
/// Capacity of the queue of commands for legs.
const LEGS: usize = 8;
/// Events that may come before the join is done.
const EARLY_EVENTS: usize = 64;
/// How long the library may take to let us go.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the call may take to fetch the last events.
const TELL_TIMEOUT: Duration = Duration::from_secs(40);

/// Why one attempt to join failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The library said so.
    Refused(String),
    /// The library said nothing.
    Late,
    /// Another attempt would fail too.
    Final(TelephonyError),
}

/// Joins a room with a fresh client.
pub(super) async fn join(
    library: &'static abi::Library,
    room: &Room,
    place: OwnedSemaphorePermit,
    commands_legs: bool,
    deadline: Instant,
) -> Result<RoomSession, Failure> {
    let line = Arc::new(Line::new());
    let invitation = Invitation { url: room.url.clone(), token: room.token.clone() };
    let orders = client::start(library, invitation, Arc::clone(&line), place)
        .map_err(|error| Failure::Final(TelephonyError::Unreachable(format!("no thread: {error}"))))?;
    // Whatever happens to this future: when `orders` is dropped, the client goes.
    let welcome = timeout_at(deadline, admission(&line)).await.map_err(|_| Failure::Late)??;

    let (events, events_out) = channel(EVENTS);
    let (audio, audio_out) = channel(AUDIO);
    let (commands, commands_in) = channel(COMMANDS);
    let (legs, legs_in) = channel(LEGS);
    let mut session = Session {
        orders,
        line,
        events,
        audio,
        commands: commands_in,
        legs: legs_in,
        pending: Pending::default(),
        own_id: None,
        people: HashSet::new(),
        waiting: VecDeque::new(),
        microphone: Microphone::Silent,
        hears: false,
        leave_by: None,
        said_nonsense: false,
    };
    session.greet(welcome).map_err(|reason| {
        Failure::Final(TelephonyError::Unreachable(format!("out of the room at once: {reason:?}")))
    })?;
    let own_id = session.own_id.clone();
    let task = AbortOnDropHandle::new(tokio::spawn(session.run()));
    let legs = commands_legs.then_some(legs);
    Ok(RoomSession { own_id, events: events_out, audio: audio_out, commands, legs, task })
}

/// What was there when we came in.
struct Welcome {
    joined: Value,
    early: Vec<Said>,
}

/// Waits for the library's word that we are in, and keeps what happens before it.
async fn admission(line: &Line) -> Result<Welcome, Failure> {
    let mut early = Vec::new();
    let mut why = None;
    loop {
        match line.said().await {
            News::Said(Said::Completed { request, outcome }) if request == line.join => {
                return match outcome {
                    Ok(joined) => Ok(Welcome { joined, early }),
                    Err(refusal) => Err(Failure::Refused(why.unwrap_or(refusal))),
                };
            }
            // Comes before the answer to the join, and says more.
            News::Said(Said::Out(reason)) => why = reason.or(why),
            News::Said(said) if early.len() < EARLY_EVENTS => early.push(said),
            News::Said(_) | News::Overflow => {
                let flood = TelephonyError::Protocol("events before the join".to_owned());
                return Err(Failure::Final(flood));
            }
            News::Nonsense(nonsense) => tracing::warn!(nonsense, "Daily's media library, before the join"),
        }
    }
}

/// Our voice in the room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Microphone {
    /// Published; nothing is played.
    Silent,
    /// Published and played.
    On,
    /// Not published.
    Off,
}

/// What comes first.
enum Next {
    /// The call can take an event.
    Give,
    /// Somebody was heard and the call took it.
    Heard,
    /// The call wants something.
    Obey(RoomCommand),
    /// The call wants something of a leg.
    Command(LegOrder),
    /// The library says something.
    Hear(News),
    /// The call is gone.
    Forgotten,
    /// A deadline has passed.
    GiveUp,
}

struct Session {
    orders: Orders,
    line: Arc<Line>,
    events: Sender<RoomEvent>,
    audio: Sender<(LegId, Frame)>,
    commands: Receiver<RoomCommand>,
    legs: Receiver<LegOrder>,
    pending: Pending,
    own_id: Option<LegId>,
    /// Who is in the room besides us.
    people: HashSet<LegId>,
    waiting: VecDeque<RoomEvent>,
    microphone: Microphone,
    hears: bool,
    leave_by: Option<Instant>,
    said_nonsense: bool,
}

impl Session {
    /// Takes in who and what was there before us. The library may tell of people once more, as events.
    fn greet(&mut self, welcome: Welcome) -> Result<(), CloseReason> {
        let came = event::people(&welcome.joined).into_iter().map(Said::Came);
        came.chain(welcome.early).try_for_each(|said| self.hear(News::Said(said)))
    }

    /// Runs until we are out of the room, and tells why as the last event.
    async fn run(mut self) {
        let reason = loop {
            if let Err(reason) = self.step().await {
                break if self.leave_by.is_some() { CloseReason::Left } else { reason };
            }
        };
        tracing::debug!(?reason, "out of the room");
        self.waiting.push_back(RoomEvent::Closed { reason });
        let Self { orders, events, waiting, .. } = self;
        drop(orders);
        let told = async {
            for event in waiting {
                if events.send(event).await.is_err() {
                    break;
                }
            }
        };
        if timeout(TELL_TIMEOUT, told).await.is_err() {
            tracing::warn!("nobody took the last events of a room");
        }
    }

    /// Does whatever comes first; an error is the end.
    async fn step(&mut self) -> Result<(), CloseReason> {
        if self.leave_by.is_some_and(|by| by <= Instant::now()) {
            // A room that talks without end must not keep us.
            return Err(CloseReason::Left);
        }
        let Self { events, audio, line, commands, legs, waiting, leave_by, .. } = self;
        let next = tokio::select! {
            biased;
            room = events.reserve(), if !waiting.is_empty() => {
                if room.is_ok() { Next::Give } else { Next::Forgotten }
            }
            command = commands.recv(), if leave_by.is_none() => Next::Obey(command.unwrap_or(RoomCommand::Leave)),
            Some(order) = legs.recv(), if leave_by.is_none() => Next::Command(order),
            news = line.said(), if waiting.is_empty() => Next::Hear(news),
            () = pass_on(line, audio) => Next::Heard,
            () = passed(*leave_by) => Next::GiveUp,
        };
        match next {
            Next::Give => self.give(),
            Next::Heard => {}
            Next::Obey(command) => self.obey(command)?,
            Next::Command(order) => self.command(order)?,
            Next::Hear(news) => self.hear(news)?,
            Next::Forgotten | Next::GiveUp => return Err(CloseReason::Left),
        }
        Ok(())
    }

    /// Moves what waits into the call's queue, as far as it has room.
    fn give(&mut self) {
        while let Ok(place) = self.events.try_reserve() {
            let Some(event) = self.waiting.pop_front() else { break };
            place.send(event);
        }
    }

    fn obey(&mut self, command: RoomCommand) -> Result<(), CloseReason> {
        match command {
            RoomCommand::Audio(frame) if self.microphone == Microphone::On => self.order(Order::Play(frame)),
            RoomCommand::Audio(_) => Ok(()),
            RoomCommand::Microphone(on) => {
                let before = std::mem::replace(
                    &mut self.microphone,
                    if on { Microphone::On } else { Microphone::Off },
                );
                let was_published = before != Microphone::Off;
                if was_published == on { Ok(()) } else { self.order(Order::Publish(on)) }
            }
            RoomCommand::Subscribe(on) => {
                if std::mem::replace(&mut self.hears, on) == on {
                    return Ok(());
                }
                let order = if on { Order::Listen } else { Order::Ignore };
                self.people.iter().try_for_each(|id| self.order(order(id.clone())))
            }
            RoomCommand::Leave => {
                self.leave_by = Some(Instant::now() + LEAVE_TIMEOUT);
                self.order(Order::Leave)
            }
        }
    }

    /// Passes a command for a leg on, or says why not. Its answer comes as the completion of its request.
    fn command(&mut self, LegOrder { command, answer }: LegOrder) -> Result<(), CloseReason> {
        let request = match LegRequest::new(&command) {
            Ok(request) if self.pending.has_place() => request,
            Ok(_) => {
                let crowd = "too many commands for legs are unanswered".to_owned();
                drop(answer.send(Err(TelephonyError::Unreachable(crowd))));
                return Ok(());
            }
            Err(error) => {
                drop(answer.send(Err(error)));
                return Ok(());
            }
        };
        let number = next_request();
        self.pending.expect(number, request.function, answer);
        self.order(Order::Leg(number, request))
    }

    /// A leg that came up for nobody is hung up; what becomes of that is a warning at most.
    fn stop_stray(&self, leg: LegId) -> Result<(), CloseReason> {
        tracing::warn!("a leg came up whose dial-out was given up; it is stopped");
        match LegRequest::new(&LegCommand::Stop(leg)) {
            Ok(request) => self.order(Order::Leg(next_request(), request)),
            Err(_) => Ok(()),
        }
    }

    fn order(&self, order: Order) -> Result<(), CloseReason> {
        self.orders
            .give(order)
            .map_err(|Unresponsive| CloseReason::Lost("Daily's media library does not respond".to_owned()))
    }

    fn hear(&mut self, news: News) -> Result<(), CloseReason> {
        match news {
            News::Said(Said::Completed { request, .. }) if request == self.line.leave => {
                return Err(CloseReason::Left);
            }
            News::Said(Said::Completed { request, outcome }) if self.pending.awaits(request) => {
                if let Some(stray) = self.pending.take(request, outcome) {
                    self.stop_stray(stray)?;
                }
            }
            News::Said(Said::Completed { outcome: Err(reason), .. }) => {
                let message = format!("Daily's media library refused a request: {reason}");
                self.waiting.push_back(RoomEvent::Warning { message });
            }
            News::Said(Said::Completed { outcome: Ok(_), .. } | Said::Other) => {}
            News::Said(Said::Out(None)) => return Err(CloseReason::Ended),
            News::Said(Said::Out(Some(reason))) => return Err(CloseReason::Lost(reason)),
            News::Said(Said::Came(person)) => self.came(person)?,
            News::Said(Said::Left(id)) => {
                if self.people.remove(&id) {
                    self.line.stop_listening(&id);
                    self.waiting.push_back(RoomEvent::ParticipantLeft { id });
                }
            }
            News::Said(Said::Event(event)) => self.waiting.push_back(event),
            News::Nonsense(nonsense) => self.wonder(&nonsense),
            News::Overflow => return Err(CloseReason::Lost("nobody took the room's events".to_owned())),
        }
        Ok(())
    }

    /// Somebody is there: told once, however often the library tells it. A client of ours that was given up
    /// while it was joining may come in late; it is nobody.
    fn came(&mut self, person: Person) -> Result<(), CloseReason> {
        if person.is_local {
            self.own_id = Some(person.id);
            return Ok(());
        }
        let is_ours = self.own_id.as_ref() == Some(&person.id) || person.name.as_deref() == Some(NAME);
        if is_ours || !self.people.insert(person.id.clone()) {
            return Ok(());
        }
        self.waiting.push_back(RoomEvent::ParticipantJoined { id: person.id.clone() });
        if self.hears { self.order(Order::Listen(person.id)) } else { Ok(()) }
    }

    /// Something that is not the protocol: told once a room, so that a mad library cannot flood the call.
    fn wonder(&mut self, nonsense: &str) {
        if !std::mem::replace(&mut self.said_nonsense, true) {
            let message =
                format!("Daily's media library said something that is not its protocol: {nonsense}");
            self.waiting.push_back(RoomEvent::Warning { message });
        }
    }
}

/// Gives the call the next 20 ms of somebody, once it has room for them. Never, if it hears no more: one who
/// keeps a room for others needs not listen.
async fn pass_on(line: &Line, audio: &Sender<(LegId, Frame)>) {
    // The place first: a frame that was fetched and not given would be lost if this wait is given up.
    match audio.reserve().await {
        Ok(place) => place.send(line.heard().await),
        Err(_) => std::future::pending().await,
    }
}

/// Waits for a point in time; for ever if there is none.
async fn passed(by: Option<Instant>) {
    match by {
        Some(by) => sleep_until(by).await,
        None => std::future::pending().await,
    }
}
