//! The closed vocabulary of events, and how their names are read.

use std::fmt;
use std::time::Duration;

use super::value::{parse_duration, show_duration};

/// Something that can happen to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An event without an argument.
    Plain(Plain),
    /// `caller.dtmf("0")`.
    CallerDtmf(char),
    /// `caller.silent(8s)`.
    CallerSilent(Duration),
    /// `intent.<name>`.
    Intent(String),
}

macro_rules! plain {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An event without an argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Plain { $($(#[$doc])* $variant,)* }

        impl Plain {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As written in full.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

plain! {
    /// The caller's audio is there.
    CallerJoined = "caller.joined",
    /// The caller hung up.
    CallerLeft = "caller.left",
    /// The caller talked over the bot.
    CallerInterrupted = "caller.interrupted",
    /// The state's own sentence was played to its end.
    Said = "said",
    /// A yes.
    Accepted = "accepted",
    /// A no.
    Declined = "declined",
    /// All slots are filled.
    Filled = "filled",
    /// The tries are used up.
    Exhausted = "exhausted",
    /// The tool answered.
    Ok = "ok",
    /// The state's own command failed.
    Failed = "failed",
    /// It rings.
    OperatorRinging = "operator.ringing",
    /// Picked up.
    OperatorAnswered = "operator.answered",
    /// Picked up, and the gate was passed.
    OperatorAccepted = "operator.accepted",
    /// Our ring limit.
    OperatorNoAnswer = "operator.no_answer",
    /// Busy.
    OperatorBusy = "operator.busy",
    /// Declined by the far end.
    OperatorRejected = "operator.rejected",
    /// No such number, no route.
    OperatorUnreachable = "operator.unreachable",
    /// A machine answered.
    OperatorVoicemail = "operator.voicemail",
    /// Anything else.
    OperatorFailed = "operator.failed",
    /// The operator hung up after the handoff.
    OperatorLeft = "operator.left",
    /// The caller's leg was moved.
    Transferred = "transferred",
    /// The last target of the list failed.
    TargetsExhausted = "targets.exhausted",
    /// Any completion of the state's own command that no other edge takes.
    Otherwise = "otherwise",
    /// The state's timer.
    Timeout = "timeout",
    /// The call has lasted too long.
    MaxDuration = "call.max_duration",
    /// A vendor is gone for good.
    ServiceFailed = "service.failed",
    /// The room will close soon.
    RoomExpiring = "room.expiring",
    /// The process is asked to stop.
    Shutdown = "shutdown",
}

/// Events that may stand without `operator.` inside a `dial`.
const SHORT_IN_DIAL: &[Plain] = &[
    Plain::OperatorRinging,
    Plain::OperatorAnswered,
    Plain::OperatorAccepted,
    Plain::OperatorNoAnswer,
    Plain::OperatorBusy,
    Plain::OperatorRejected,
    Plain::OperatorUnreachable,
    Plain::OperatorVoicemail,
    Plain::OperatorFailed,
];

/// Events of the language that no state of this version can be left by.
const NOT_YET: &[Plain] = &[Plain::CallerJoined, Plain::OperatorRinging];

/// Why a text is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadEvent {
    /// There is no such event.
    Unknown,
    /// The argument is missing or malformed; how to write it.
    Argument(&'static str),
}

impl Event {
    /// Reads an event's name. Inside a `dial` the prefix `operator.` may be left out.
    ///
    /// # Errors
    /// [`BadEvent`].
    pub fn parse(text: &str, in_dial: bool) -> Result<Self, BadEvent> {
        let (name, argument) = match text.split_once('(') {
            Some((name, rest)) => (name, Some(rest.strip_suffix(')').unwrap_or(rest))),
            None => (text, None),
        };
        match name {
            "caller.dtmf" => argument
                .and_then(key)
                .map(Self::CallerDtmf)
                .ok_or(BadEvent::Argument("name one key in quotes: caller.dtmf(\"0\"), with 0 to 9, * or #")),
            "caller.silent" => argument
                // Nobody is silent for no time at all.
                .and_then(|a| parse_duration(a).ok().filter(|time| !time.is_zero()))
                .map(Self::CallerSilent)
                .ok_or(BadEvent::Argument("say for how long: caller.silent(8s)")),
            _ => match (name.strip_prefix("intent."), argument) {
                (Some(intent), None) if !intent.is_empty() => Ok(Self::Intent(intent.to_owned())),
                (Some(_), _) => Err(BadEvent::Argument("name the intent after the dot: intent.goodbye")),
                (None, None) => plain(name, in_dial).map(Self::Plain).ok_or(BadEvent::Unknown),
                (None, Some(_)) if plain(name, in_dial).is_some() => {
                    Err(BadEvent::Argument("this event takes nothing in parentheses"))
                }
                (None, Some(_)) => Err(BadEvent::Unknown),
            },
        }
    }

    /// The names worth suggesting.
    #[must_use]
    pub fn names(in_dial: bool) -> Vec<&'static str> {
        let short = SHORT_IN_DIAL.iter().filter(|e| in_dial && !NOT_YET.contains(e));
        let all = Plain::ALL.iter().filter(|e| !NOT_YET.contains(e));
        let mut names: Vec<_> = all.map(|e| e.name()).collect();
        for name in short.map(|e| short_name(*e)) {
            // `failed` and `accepted` are names of their own elsewhere.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, plain: Plain) -> bool {
        *self == Self::Plain(plain)
    }
}

fn plain(name: &str, in_dial: bool) -> Option<Plain> {
    let short = SHORT_IN_DIAL.iter().find(|e| in_dial && short_name(**e) == name);
    short.or_else(|| Plain::ALL.iter().find(|e| e.name() == name)).copied()
}

fn short_name(event: Plain) -> &'static str {
    event.name().trim_start_matches("operator.")
}

fn key(argument: &str) -> Option<char> {
    let bare = ['"', '\''].iter().find_map(|q| argument.strip_prefix(*q)?.strip_suffix(*q))?;
    let mut chars = bare.chars();
    let key = chars.next().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#'))?;
    chars.next().is_none().then_some(key)
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(event) => f.write_str(event.name()),
            Self::CallerDtmf(key) => write!(f, "caller.dtmf(\"{key}\")"),
            Self::CallerSilent(after) => write!(f, "caller.silent({})", show_duration(*after)),
            Self::Intent(name) => write!(f, "intent.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_itself() {
        for event in Plain::ALL {
            assert_eq!(Event::parse(event.name(), false), Ok(Event::Plain(*event)));
        }
        for text in ["caller.dtmf(\"#\")", "caller.silent(8s)", "intent.goodbye"] {
            assert_eq!(Event::parse(text, false).unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_prefix_may_be_dropped_inside_dial_only() {
        assert_eq!(Event::parse("answered", true), Ok(Event::Plain(Plain::OperatorAnswered)));
        assert_eq!(Event::parse("failed", true), Ok(Event::Plain(Plain::OperatorFailed)));
        assert_eq!(Event::parse("failed", false), Ok(Event::Plain(Plain::Failed)));
        assert_eq!(Event::parse("answered", false), Err(BadEvent::Unknown));
        assert_eq!(Event::parse("left", true), Err(BadEvent::Unknown));
    }

    #[test]
    fn every_name_is_named_once() {
        let mut names = Event::names(true);
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn arguments_are_checked() {
        for text in [
            "caller.dtmf",
            "caller.dtmf(0)",
            "caller.dtmf(\"10\")",
            "caller.dtmf(\"A\")",
            "caller.silent",
            "caller.silent(8)",
            "caller.silent(0s)",
            "intent.",
            "intent.x(1)",
            "said(1)",
        ] {
            assert!(matches!(Event::parse(text, false), Err(BadEvent::Argument(_))), "{text}");
        }
        assert_eq!(Event::parse("shouted(1)", false), Err(BadEvent::Unknown));
    }
}
