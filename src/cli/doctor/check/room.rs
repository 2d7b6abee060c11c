//! The room that was made for the examination: what it can do, and who owns it.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::probe::account::RoomTrial;
use super::{details, refused, unanswered};
use crate::telephony::TelephonyError;
use crate::telephony::daily::account::RoomFacts;

/// D25: a room can dial.
pub(super) fn dial_out(facts: &Facts<'_>) -> Verdict {
    let trial = match details(facts) {
        Ok(details) => &details.room,
        Err(skipped) => return skipped,
    };
    let trial = match trial {
        Ok(trial) => trial,
        Err(error) => return no_room(error),
    };
    let room = match &trial.room {
        Ok(room) => room,
        Err(error) => return unanswered("a room was made, but could not be read", error),
    };
    if !room.dial_out {
        return Verdict::failed(
            "rooms come without dial-out, although it was asked for",
            "ask Daily's support to enable dial-out for the domain",
        );
    }
    match &trial.deleted {
        Ok(()) => Verdict::ok("a room was made with dial-out enabled, and deleted again"),
        Err(error) => Verdict::warning(
            format!("a room was made, but not deleted: {error}"),
            "nothing: it ends by itself within two minutes",
        ),
    }
}

fn no_room(error: &TelephonyError) -> Verdict {
    match error {
        TelephonyError::LegRefused { why, .. } => refused(*why),
        error => unanswered("no room could be made", error),
    }
}

/// D26: callers can be forwarded into a room.
pub(super) fn sip(facts: &Facts<'_>) -> Verdict {
    let room = match room(facts) {
        Ok(room) => room,
        Err(skipped) => return skipped,
    };
    match (&room.sip_endpoint, room.dial_in) {
        (Some(_), true) => Verdict::ok("the room has a SIP endpoint for the caller"),
        (Some(_), false) => Verdict::warning(
            "the room has a SIP endpoint, but does not say that it is for dial-in",
            "make a test call; if callers stay on hold, ask Daily's support",
        ),
        (None, _) => Verdict::failed(
            "rooms come without a SIP endpoint: callers cannot be forwarded",
            "add a credit card in Daily's dashboard: telephony is part of paid plans only",
        ),
    }
}

/// D27: the bot may dial and is let in.
pub(super) fn token(facts: &Facts<'_>) -> Verdict {
    let trial = match trial(facts) {
        Ok(trial) => trial,
        Err(skipped) => return skipped,
    };
    let token = match &trial.token {
        Ok(token) => token,
        Err(error) => return unanswered("the room's token could not be read", error),
    };
    let room = token.room.as_deref();
    if !token.is_owner {
        return Verdict::failed(
            "the token is not an owner's: the bot could not dial out",
            "ask Daily's support why `is_owner` is not kept",
        );
    }
    if room.is_some_and(|room| room != trial.name) {
        return Verdict::failed("the token is for another room", "ask Daily's support");
    }
    Verdict::ok("the token is an owner's")
}

fn trial<'a>(facts: &'a Facts<'_>) -> Result<&'a RoomTrial, Verdict> {
    details(facts)?.room.as_ref().map_err(|_| Verdict::skipped("needs a room (D25)"))
}

fn room<'a>(facts: &'a Facts<'_>) -> Result<&'a RoomFacts, Verdict> {
    trial(facts)?.room.as_ref().map_err(|_| Verdict::skipped("needs a room (D25)"))
}

#[cfg(test)]
mod tests {
    use super::super::facts::{fine, subject};
    use super::*;
    use crate::telephony::LegRefusal;

    fn trial_of<'a>(facts: &'a mut Facts<'_>) -> &'a mut Result<RoomTrial, TelephonyError> {
        &mut facts.daily.as_mut().unwrap().details.as_mut().unwrap().room
    }

    fn room_of<'a>(facts: &'a mut Facts<'_>) -> &'a mut RoomFacts {
        trial_of(facts).as_mut().unwrap().room.as_mut().unwrap()
    }

    #[test]
    fn d25_tells_the_plan_from_the_room_and_never_hides_one_that_is_left() {
        let subject = subject();
        let mut facts = fine(&subject);
        room_of(&mut facts).dial_out = false;
        assert_eq!(dial_out(&facts).word(), "failed");
        room_of(&mut facts).dial_out = true;
        let gone_wrong = TelephonyError::Unreachable("refused".to_owned());
        trial_of(&mut facts).as_mut().unwrap().deleted = Err(gone_wrong.clone());
        assert_eq!(dial_out(&facts).word(), "warning");
        trial_of(&mut facts).as_mut().unwrap().room = Err(gone_wrong);
        assert_eq!((dial_out(&facts).word(), sip(&facts).word()), ("failed", "skipped"));
        let plan = TelephonyError::LegRefused { why: LegRefusal::Plan, info: String::new() };
        *trial_of(&mut facts) = Err(plan);
        let verdict = dial_out(&facts);
        assert!(verdict.text().0.contains("plan") && verdict.text().1.unwrap().contains("credit card"));
        assert_eq!((sip(&facts).word(), token(&facts).word()), ("skipped", "skipped"));
    }

    #[test]
    fn d26_wants_an_endpoint_for_callers() {
        let subject = subject();
        let mut facts = fine(&subject);
        room_of(&mut facts).dial_in = false;
        assert_eq!(sip(&facts).word(), "warning");
        room_of(&mut facts).sip_endpoint = None;
        assert_eq!(sip(&facts).word(), "failed");
    }

    #[test]
    fn d27_wants_an_owner_s_token_of_this_room() {
        let subject = subject();
        let mut facts = fine(&subject);
        let other = Some("other".to_owned());
        let token_of = |facts: &mut Facts<'_>, is_owner: bool, room: &Option<String>| {
            let token = trial_of(facts).as_mut().unwrap().token.as_mut().unwrap();
            (token.is_owner, token.room) = (is_owner, room.clone());
        };
        token_of(&mut facts, false, &None);
        assert!(token(&facts).text().0.contains("owner"));
        token_of(&mut facts, true, &other);
        assert!(token(&facts).text().0.contains("another room"));
        token_of(&mut facts, true, &None);
        assert_eq!(token(&facts).word(), "ok", "a token of the whole domain opens this room, too");
    }
}
