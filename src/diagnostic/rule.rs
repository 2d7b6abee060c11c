//! The rules by name, with the codes that messages, documentation and waivers use.

use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// A rule that a flow can break. Codes never change their meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// Every rule, in the order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, such as `F008`.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Its page, in Markdown: what it is about, a flow that breaks it, and one that does not.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self { $(
                    Self::$name => {
                        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rules/", $code, ".md"))
                    }
                )* }
            }
        }
    };
}

rules! {
    /// The file is not YAML, or uses YAML that a flow may not use (aliases, tags, several documents).
    Syntax = "F001";
    /// A key stands twice in one map.
    DuplicateKey = "F002";
    /// A key that is not part of the language here.
    UnknownKey = "F003";
    /// A key that must be there is missing.
    MissingKey = "F004";
    /// A value of the wrong type, without its unit, or out of range.
    WrongValue = "F005";
    /// A version of the language that this program does not know.
    UnsupportedVersion = "F006";
    /// A state without a kind, with two, or with one that does not exist.
    StateKind = "F007";
    /// A state is named that does not exist.
    UnknownState = "F008";
    /// An event that does not exist or cannot happen in this state.
    UnknownEvent = "F009";
    /// An intent, target, variable, filter or set of hours that does not exist.
    UnknownName = "F010";
    /// A name that is reserved, malformed or used twice.
    BadName = "F011";
    /// Text that readers of older YAML take for something else.
    YamlTrap = "F012";
    /// Something is declared and never used.
    Unused = "F013";
    /// `start` names no state.
    Start = "F014";
    /// No path leads to a state.
    Unreachable = "F015";
    /// No path leads from a state to an end.
    NoEnd = "F016";
    /// A state that has no way out for something that will happen in it.
    NoExit = "F017";
    /// A final state with ways out.
    FinalExit = "F018";
    /// A circle that nothing from outside can leave.
    Livelock = "F019";
    /// A template uses a variable that may have no value.
    Unset = "F020";
    /// A guard that is malformed or compares what cannot be compared.
    GuardType = "F021";
    /// A condition that holds always, or never.
    Constant = "F022";
    /// A branch that is never tried.
    Shadowed = "F023";
    /// A secret would be spoken or shown to the model.
    Secret = "F024";
    /// Text of the call would decide who is dialled, or which server is asked.
    DialTargetInput = "F025";
    /// A list of branches whose last one has a condition.
    NoElse = "F026";
    /// A template uses an environment variable that is not listed.
    EnvUnlisted = "F027";
    /// An environment variable has no usable value here.
    EnvMissing = "F028";
    /// A timer without an edge, or an edge without a timer.
    Timer = "F030";
    /// A ring limit outside 5 to 120 seconds.
    RingLimit = "F031";
    /// By its own timers a call can take longer than `max_duration`.
    WorstCase = "F032";
    /// A circle without a bound.
    Unbounded = "F033";
    /// More than ten seconds in which the caller hears nothing.
    DeadAir = "F034";
    /// Attempts that cannot all be made before the state's own timer.
    RetryBudget = "F035";
    /// The silence of a caller comes to no good end.
    Silence = "F036";
    /// A moment from which timers alone do not end the call.
    Inevitable = "F037";
    /// A target that is neither E.164 nor a SIP address.
    Address = "F040";
    /// A `dial` without anybody to reach.
    NoTarget = "F041";
    /// A `dial` that says nothing about some outcome.
    DialOutcome = "F042";
    /// A handoff that can be entered without an answer.
    HandoffUnanswered = "F043";
    /// The bot leaves the room of the people it has connected, which may end with it.
    LeavesRoom = "F044";
    /// Outcomes are told apart that nothing reports reliably.
    ToldApart = "F045";
    /// Keys behind an answer that no telephone has, or that would not be pressed.
    Extension = "F046";
    /// The number that the person called sees is not chosen.
    NoCallerId = "F047";
    /// An answer in the moment in which it is given up, without a policy.
    LateAnswer = "F048";
    /// Whatever picks up is taken for a person.
    NoGate = "F049";
    /// A transfer is announced on a way on which nobody is dialled.
    EmptyPromise = "F04A";
    /// A room that ends before the people in it.
    RoomLife = "F04B";
    /// The caller hanging up leads to something else than the end.
    CallerLeft = "F050";
    /// Two operator legs alive at the same time.
    SecondLeg = "F051";
    /// The call is handed over while the bot may still speak.
    BotSpeaks = "F052";
    /// The caller is left alone and nothing is said.
    LeftAlone = "F053";
    /// The second of the same, or an answer to nothing, changes something.
    Duplicate = "F054";
    /// A command without exactly one completion.
    Completion = "F055";
    /// Somebody answers at the moment the attempt is given up, and stays on the line.
    Crossing = "F056";
    /// Something happens after the end of the call.
    AfterEnd = "F057";
    /// A tool call of a discarded turn leads on.
    DiscardedTurn = "F058";
    /// Something could happen before what must precede it.
    MustPrecede = "F059";
    /// What the model is offered and what the flow means by it do not match.
    ToolOffer = "F060";
    /// Two things that a model is offered together and can hardly tell apart.
    AlikeIntents = "F061";
    /// A prompt speaks of something that the model is not offered.
    Mention = "F062";
    /// A prompt holds a telephone number or another destination.
    Destination = "F063";
    /// A prompt promises a transfer where none can follow.
    Promise = "F064";
    /// A prompt and what is offered with it are longer than a conversation can afford.
    TokenBudget = "F065";
    /// A tool that may take too long, or no time at all.
    ToolTimeout = "F066";
    /// A tool that writes without anything that tells a repeated request.
    NotIdempotent = "F067";
    /// No test enters a state, or takes an edge.
    Uncovered = "F070";
    /// No test has a kind of state end in a way in which it can.
    UntestedOutcome = "F071";
    /// A test has something happen that cannot happen in its flow.
    ImpossibleEvent = "F072";
    /// A waiver that is not needed, has no reason, or waives an error.
    Waiver = "F073";
    /// A flow that was edited since its version was written beside it.
    Locked = "F074";
    /// A model of another provider than the one that is named.
    ServiceModel = "F080";
    /// A provider that cannot do what the flow asks of it.
    ServiceAbility = "F081";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
