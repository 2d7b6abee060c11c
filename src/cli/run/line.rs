//! What a person at the terminal, or a line of a piped script, can ask for.

use std::time::Duration;

use crate::pii::Utterance;
use crate::sandbox::phone::RejectReason;

/// One line, understood.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Line {
    /// The caller says this.
    Say(Utterance),
    /// Place a call.
    Call,
    /// The caller presses these keys.
    Dtmf(String),
    /// The caller hangs up.
    HangUp,
    /// The operator hangs up.
    OperatorHangUp,
    /// The operator answers.
    Answer,
    /// The operator's phone declines.
    Reject(RejectReason),
    /// The operator says this.
    Operator(Utterance),
    /// The operator presses these keys.
    OperatorDtmf(String),
    /// Nothing happens for so long.
    Wait(Duration),
    /// Show the commands.
    Help,
    /// Leave the program.
    Quit,
    /// An empty line or a comment.
    Nothing,
}

/// A line that means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("there is no command {0:?}; /help shows what there is")]
    Unknown(String),
    #[error("{0}")]
    Usage(&'static str),
}

/// What `/help` shows.
pub(super) const HELP: &str = "  TEXT               say it, as the caller
  /call              place a call
  /dtmf 0            press keys: 0-9 * #
  /hangup            hang up, as the caller
  /answer            pick up, as the operator
  /reject [REASON]   decline: busy (default), rejected or unreachable
  /operator TEXT     say it, as the operator
  /dtmf operator 1   press keys, as the operator
  /hangup operator   hang up, as the operator
  /wait 2s           let time pass (in scripts)
  /quit              leave; a call in progress is ended politely
";

/// Understands a line.
pub(super) fn parse(line: &str) -> Result<Line, LineError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(Line::Nothing);
    }
    let Some(command) = line.strip_prefix('/') else { return Ok(Line::Say(Utterance::new(line))) };
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    Ok(match (name, rest) {
        ("call", "") => Line::Call,
        ("answer", "") => Line::Answer,
        ("help" | "?", _) => Line::Help,
        ("quit" | "exit", "") => Line::Quit,
        ("hangup", "") => Line::HangUp,
        ("hangup", "operator") => Line::OperatorHangUp,
        ("hangup", _) => return Err(LineError::Usage("write /hangup, or /hangup operator")),
        ("dtmf", keys) => match keys.strip_prefix("operator") {
            Some(keys) => Line::OperatorDtmf(keys_of(keys)?),
            None => Line::Dtmf(keys_of(keys)?),
        },
        ("reject", "" | "busy") => Line::Reject(RejectReason::Busy),
        ("reject", "rejected" | "declined") => Line::Reject(RejectReason::Rejected),
        ("reject", "unreachable") => Line::Reject(RejectReason::Unreachable),
        ("reject", _) => {
            return Err(LineError::Usage("write /reject busy, /reject rejected or /reject unreachable"));
        }
        ("operator", "") => return Err(LineError::Usage("write /operator and what the operator says")),
        ("operator", words) => Line::Operator(Utterance::new(words)),
        ("wait", wait) => Line::Wait(duration(wait)?),
        _ => return Err(LineError::Unknown(format!("/{name}"))),
    })
}

fn keys_of(keys: &str) -> Result<String, LineError> {
    let keys: String = keys.chars().filter(|c| !c.is_whitespace()).collect();
    let valid = !keys.is_empty()
        && keys.len() <= 32
        && keys.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    if valid {
        Ok(keys)
    } else {
        Err(LineError::Usage("write /dtmf, or /dtmf operator, and keys out of 0-9 * #"))
    }
}

fn duration(text: &str) -> Result<Duration, LineError> {
    const USAGE: LineError =
        LineError::Usage("write /wait and a time with its unit: /wait 500ms or /wait 2s");
    let (number, scale) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err(USAGE),
    };
    match number.trim().parse::<f64>() {
        Ok(n) if (0.0..=600.0).contains(&(n * scale)) => Ok(Duration::from_secs_f64(n * scale)),
        _ => Err(USAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_help_is_understood() {
        for line in HELP.lines() {
            let example =
                line.trim().split("   ").next().unwrap().replace(" [REASON]", "").replace("TEXT", "hi");
            assert!(parse(&example).is_ok(), "{example}");
        }
    }

    #[test]
    fn lines_mean_what_they_say() {
        assert_eq!(parse("  hello there "), Ok(Line::Say(Utterance::new("hello there"))));
        assert_eq!(parse("/hangup operator"), Ok(Line::OperatorHangUp));
        assert_eq!(parse("/reject busy"), Ok(Line::Reject(RejectReason::Busy)));
        assert_eq!(parse("/wait 1500ms"), Ok(Line::Wait(Duration::from_millis(1500))));
        assert_eq!(parse("# a comment"), Ok(Line::Nothing));
        assert_eq!(parse("/dtmf 1 2 #"), Ok(Line::Dtmf("12#".to_owned())));
        assert_eq!(parse("/dtmf operator 1"), Ok(Line::OperatorDtmf("1".to_owned())));
        for wrong in [
            "/hangop",
            "/dtmf",
            "/dtmf 12a",
            "/dtmf operator",
            "/wait 2",
            "/wait -1s",
            "/wait 9e9s",
            "/operator",
            "/hangup bot",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
