//! The catalogue of edge cases, E01 to E71: what each is, where it can be brought about, and how it is
//! injected into a scenario.
//!
//! A case of the machine is a disturbance of the world around it: other inputs, or the same at another
//! moment. Cases of the wire belong to the sandbox and its tests; docs/edge-cases.md has all of them.

mod catalogue;
mod inject;

pub use catalogue::CATALOGUE;
pub(super) use inject::{
    before, is_silenced, on_dial, on_end, on_handoff, on_reply, on_ringing, on_say, on_stop, on_tool,
    tells_twice,
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
    /// Here, by an ordinary step of a script; what to write.
    Script(&'static str),
    /// In the flow's own text: `callflow check` decides.
    Check,
    /// Between the program and a vendor: the sandbox brings it about.
    Wire,
    /// In the live service only.
    Live,
}

impl Place {
    /// Why a case cannot be injected, and what to do instead.
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Self::Machine(_) => "it can be injected".to_owned(),
            Self::Script(step) => format!("a script says it: {step}"),
            Self::Check => "`callflow check` decides it from the flow alone".to_owned(),
            Self::Wire => {
                "it happens on the wire: see docs/edge-cases.md for its tests against the sandbox".to_owned()
            }
            Self::Live => "only the live service can show it: see docs/live-checklist.md".to_owned(),
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
    /// The model asks for everything it may, all in one reply.
    AllIntentsAtOnce,
    /// The model talks and asks for the first thing it may in the same reply, while the caller interrupts.
    InterruptedIntent,
    /// A reply never ends.
    ReplyLost,
    /// The model says it will do something, and asks for nothing.
    OnlyWords,
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
