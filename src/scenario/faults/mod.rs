//! The catalogue of edge cases, E01 to E71: what each is, where it can be brought about, and how it is
//! injected into a scenario.
//!
//! A case of the machine is a disturbance of the world around it: other inputs, or the same at another
//! moment. What the machine is never told of belongs to the sandbox, or to what looks at a flow before its first
//! call; docs/edge-cases.md has all of them.

mod catalogue;
mod inject;

pub use catalogue::CATALOGUE;
pub(super) use inject::{
    after_start, before, begins_at, is_prevented, on_ask, on_bridge, on_dial, on_end, on_handoff, on_reply,
    on_ringing, on_say, on_stop, on_tool, tells_twice,
};

/// One case of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its id.
    pub id: &'static str,
    /// What happens, in one line.
    pub title: &'static str,
    /// Where it can be brought about.
    pub place: Place,
}

/// Where a case can be brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Here, by a fault of this kind.
    Machine(Fault),
    /// Before the first call, by what looks at the flow; the rule, or who else decides.
    Check(&'static str),
    /// Between the program and a vendor, where no machine hears of it: the sandbox brings it about. The body of
    /// the request to its control API.
    Wire(&'static str),
}

impl Place {
    /// How a case is brought about, for somebody who reads a list or has asked for it in the wrong place.
    #[must_use]
    pub fn how(self) -> String {
        match self {
            Self::Machine(_) => "injected by `faults:`".to_owned(),
            Self::Check(rule) => format!("decided before the first call: {rule}"),
            Self::Wire(body) => {
                format!("on the wire: `callflow sandbox`, and POST {body} to its /control/faults")
            }
        }
    }
}

impl Case {
    /// Whether `faults:` can name it.
    #[must_use]
    pub fn is_injectable(&self) -> bool {
        matches!(self.place, Place::Machine(_))
    }

    /// The disturbance, if it is one of the machine.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self.place {
            Place::Machine(fault) => Some(fault),
            _ => None,
        }
    }
}

/// The case of an id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Case> {
    CATALOGUE.iter().find(|case| case.id == id)
}

/// A disturbance of the world around the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every sentence is told to be over twice, the second time when the next one begins.
    OldSentenceOver,
    /// The caller talks over every announcement.
    TalksOverAnnouncement,
    /// The caller asks for the first intent of `listen:` over every announcement.
    TakesBackAnnounced,
    /// No announcement can be spoken.
    AnnouncementFails,
    /// The end of an announcement is never told.
    AnnouncementLost,
    /// An announcement takes twice as long to be heard as it does elsewhere, and two seconds more.
    AnnouncementSlow,
    /// No sentence of a `say` is heard whole, and the model asks for everything it may, all in one reply.
    SentencesUnheard,
    /// The model asks for everything it may, all in one reply.
    AllIntentsAtOnce,
    /// The model asks for every tool it may and for what the caller meant, all in one reply.
    ToolsBesideIntent,
    /// The model asks for what the caller meant while words of the same reply are still to be heard.
    WordsBesideIntent,
    /// The model asks for what there is not, then for something that there is, with values of its own invention.
    Invents,
    /// The model talks and asks for the first thing it may in the same reply, while the caller interrupts.
    InterruptedIntent,
    /// A reply never ends.
    ReplyLost,
    /// The model says it will do something, and asks for nothing.
    OnlyWords,
    /// Nobody ever picks up, whatever a script says.
    NobodyAnswers,
    /// That it rings is not told of the first phone, which is picked up; and of every other one too early, again
    /// and again.
    RingingMistold,
    /// Whoever is asked takes the call, and that the two hear each other is told late or never.
    BridgeUntold,
    /// The caller's leg is moved away, and that comes to nothing.
    MoveFails,
    /// The caller hangs up while it rings.
    LeavesWhileRinging,
    /// The caller hangs up while it rings, and it is picked up at that moment.
    LeavesAsAnswered,
    /// It is picked up at the instant of the ring limit.
    AnsweredAtLimit,
    /// Busy.
    Busy,
    /// A machine picks up and presses nothing.
    Machine,
    /// The leg is gone without an answer, and nobody asked for that.
    StoppedUnasked,
    /// That a stopped leg is gone is told twice.
    StoppedTwice,
    /// An answer is told twice.
    AnsweredTwice,
    /// An attempt that is long over is picked up.
    StaleAnswer,
    /// The dial command is refused, and nothing follows.
    Refused,
    /// The dial command is refused, and an error follows.
    RefusedAndFailed,
    /// It fails after it rang.
    FailsAfterRinging,
    /// It rings and rings, and is told so again and again.
    RingsOnly,
    /// The caller talks while it rings.
    TalksWhileRinging,
    /// The caller asks for the first intent of `listen:` while it rings.
    TakesBackRinging,
    /// The call's time is up while it rings.
    TimeUpWhileRinging,
    /// The caller presses 0 while it rings, twice.
    KeysWhileRinging,
    /// A stopped leg takes its time.
    SlowStop,
    /// Every attempt fails.
    EverybodyFails,
    /// It is picked up while the bot still speaks.
    AnsweredAtOnce,
    /// The operator leaves after the handoff.
    OperatorLeaves,
    /// The caller leaves after the handoff.
    CallerLeavesOperator,
    /// The caller neither speaks nor presses a key.
    SaysNothing,
    /// The caller talks over the last sentence of the call.
    TalksOverGoodbye,
    /// All kinds of things are told after the end.
    AfterTheEnd,
    /// The room will close during the conversation of the two.
    RoomExpiresBridged,
    /// The bot's leaving has ended the room.
    RoomClosesBridged,
    /// For more than an hour after the handoff nothing happens; then the caller leaves.
    HoursTogether,
    /// Everything that the flow asks for is closed.
    OutOfHours,
    /// The caller is there before the bot is ready, and is told of again afterwards.
    JoinsBefore,
    /// The caller cannot be brought to the bot.
    CallerUnreachable,
    /// The caller is gone before the bot is ready.
    GoneBefore,
    /// The dial command is never answered.
    CommandLost,
    /// The program is asked to stop while it rings.
    ShutdownWhileRinging,
    /// The voice is gone at the first sentence.
    NoVoice,
    /// Nobody may be dialled.
    NotPermitted,
    /// There is nothing left to stop when a leg is stopped.
    NothingToStop,
    /// The room is closed while it rings.
    RoomClosesWhileRinging,
    /// No tool ever answers.
    ToolHangs,
    /// Every tool's server fails.
    ToolFails,
    /// Every tool answers what is no answer.
    ToolTalksGarbage,
}
