//! The way of a call from here to the operator: who is dialled, whether Daily dials, and what is shown.

use super::super::finding::Verdict;
use super::super::probe::Facts;
use super::super::subject::Target;
use super::{details, refused, unanswered};
use crate::pii::{Address, PhoneNumber};
use crate::telephony::daily::account::LogEntry;
use crate::telephony::daily::leg_refusal;

/// Area codes with the country code 1 that are neither in a state of the US nor in Canada, by the plan of
/// NANPA. Territories of the US are among them: Daily's documents say "US and Canada" and nothing of these.
const ELSEWHERE: [&str; 27] = [
    "242", "246", "264", "268", "284", "340", "345", "441", "473", "649", "658", "664", "670", "671", "684",
    "721", "758", "767", "784", "787", "809", "829", "849", "868", "869", "876", "939",
];

/// Where a number is, as far as Daily's conditions are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the US or Canada.
    Home,
    /// The country code 1, but another country or a territory.
    Near,
    /// Another country.
    Abroad,
}

fn place(number: &PhoneNumber) -> Place {
    let Some(national) = number.reveal().strip_prefix("+1") else { return Place::Abroad };
    let is_elsewhere = ELSEWHERE.iter().any(|code| national.starts_with(code));
    if national.len() != 10 || is_elsewhere { Place::Near } else { Place::Home }
}

/// D28: whoever is to be dialled can be.
pub(super) fn targets(facts: &Facts<'_>) -> Verdict {
    let targets = &facts.subject.flow.targets;
    if targets.is_empty() {
        return match facts.subject.flow.name {
            Some(_) => Verdict::ok("the flow dials nobody"),
            None => Verdict::failed(
                "OPERATOR_NUMBER is not set, or is neither a number nor a sip: address",
                "set it to a number like +15550100123 or to an address like sip:desk@example.com",
            ),
        };
    }
    if let Some((target, (what, fix))) = find(targets, |target| target.refused.clone()) {
        return Verdict::failed(format!("{}: {what}", target.name), fix);
    }
    let far = |target: &Target| match &target.address {
        Address::Phone(number) => (place(number) != Place::Home).then(|| (number.clone(), place(number))),
        Address::Sip(_) => None,
    };
    if let Some((target, (number, place))) = find(targets, far) {
        let (is, fix) = match place {
            Place::Near => {
                ("is perhaps", "try a call; if Daily refuses, ask its sales to enable international dial-out")
            }
            _ => (
                "is",
                "ask Daily's sales to enable international dial-out for the domain, or dial a sip: address",
            ),
        };
        let what = format!("{} ({}) {is} outside of the US and Canada", target.name, number.reveal());
        return Verdict::warning(what, fix);
    }
    let names: Vec<String> =
        targets.iter().map(|target| format!("{} is {}", target.name, target.address.reveal())).collect();
    Verdict::ok(names.join(", "))
}

/// D29: the domain may dial telephone numbers. Daily has no way to ask, so its log is looked at.
pub(super) fn permission(facts: &Facts<'_>) -> Verdict {
    let log = match details(facts) {
        Ok(details) => &details.api_log,
        Err(skipped) => return skipped,
    };
    if !facts.subject.flow.targets.iter().any(|target| matches!(target.address, Address::Phone(_))) {
        return Verdict::ok("not needed: no telephone number is dialled");
    }
    let log = match log {
        Ok(log) => log,
        Err(error) => return unanswered("Daily's log could not be read", error),
    };
    // The latest that tells anything.
    let is_dialling = |entry: &&LogEntry| entry.dials_phone && entry.url.ends_with("/dialOut/start");
    let told = log.iter().filter(is_dialling).find_map(|entry| {
        if !entry.is_failure() {
            return Some(Verdict::ok("Daily took a dial-out to a telephone number lately"));
        }
        entry.refusal.as_deref().and_then(leg_refusal).map(refused)
    });
    told.unwrap_or_else(|| {
        Verdict::skipped(
            "Daily cannot be asked, and has dialled no number lately: the first transfer shows it",
        )
    })
}

/// D30: what the operator sees is ours to show.
pub(super) fn caller_id(facts: &Facts<'_>) -> Verdict {
    let numbers = match details(facts) {
        Ok(details) => &details.numbers,
        Err(skipped) => return skipped,
    };
    let numbers = match numbers {
        Ok(numbers) => numbers,
        Err(error) => return unanswered("the numbers could not be listed", error),
    };
    let targets = &facts.subject.flow.targets;
    let unknown = |target: &Target| {
        let id = target.caller_id.as_ref()?;
        (!numbers.iter().any(|one| one.id == *id)).then(|| id.clone())
    };
    if let Some((target, id)) = find(targets, unknown) {
        let number = numbers.iter().find(|one| one.number.reveal() == id);
        return match number {
            Some(one) => Verdict::failed(
                format!("`caller_id` of {} is a number; Daily wants its id", target.name),
                format!("write caller_id: {}", one.id),
            ),
            None => Verdict::failed(
                format!("`caller_id` of {} is not the id of a number of this account", target.name),
                "`callflow phone list` shows the ids",
            ),
        };
    }
    let dials_phones = targets.iter().any(|target| matches!(target.address, Address::Phone(_)));
    match numbers.first() {
        _ if !targets.is_empty() && targets.iter().all(|target| target.caller_id.is_some()) => {
            Verdict::ok("every target shows a number of this account")
        }
        Some(_) => Verdict::ok("targets without `caller_id` see the oldest number of the account"),
        None if dials_phones => Verdict::warning(
            "there is no number to show to who is dialled",
            "`callflow phone buy` buys one; whether Daily dials without one is not documented",
        ),
        None => Verdict::ok("not needed: no telephone number is dialled"),
    }
}

fn find<T>(targets: &[Target], what: impl Fn(&Target) -> Option<T>) -> Option<(&Target, T)> {
    targets.iter().find_map(|target| Some((target, what(target)?)))
}

#[cfg(test)]
mod tests {
    use super::super::facts::{details_of, fine, subject, target};
    use super::*;

    #[test]
    fn d28_wants_an_operator_whom_daily_and_our_limits_let_be_dialled() {
        let mut subject = subject();
        for (number, word) in [
            ("+14155550110", "ok"),
            ("+16045550110", "ok"),
            ("sip:desk@example.com", "ok"),
            ("+442071838750", "warning"),
            ("+18765550110", "warning"),
            ("+19395550110", "warning"),
            ("+1415555011", "warning"),
        ] {
            subject.flow.targets = vec![target(number)];
            assert_eq!(targets(&fine(&subject)).word(), word, "{number}");
        }
        subject.flow.targets[0].refused = Some(("not allowed".to_owned(), "allow it".to_owned()));
        assert_eq!(targets(&fine(&subject)).text(), ("operator: not allowed", Some("allow it")));
        subject.flow.targets.clear();
        assert!(targets(&fine(&subject)).text().0.contains("OPERATOR_NUMBER"));
        subject.flow.name = Some("greeting".to_owned());
        assert_eq!(targets(&fine(&subject)).word(), "ok", "a flow may dial nobody");
    }

    #[test]
    fn d29_reads_the_last_dial_out_that_tells_something() {
        let mut subject = subject();
        let dial = |status, refusal: Option<&str>| LogEntry {
            method: "POST".to_owned(),
            url: "/v1/rooms/a/dialOut/start".to_owned(),
            status,
            at: None,
            refusal: refusal.map(str::to_owned),
            dials_phone: true,
            is_test: false,
        };
        let domain = "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it";
        let mut facts = fine(&subject);
        details_of(&mut facts).api_log = Ok(vec![dial(400, Some(domain)), dial(200, None)]);
        let verdict = permission(&facts);
        assert!(verdict.text().0.contains("not approved") && verdict.text().1.unwrap().contains("support"));
        details_of(&mut facts).api_log = Ok(vec![dial(503, None), dial(200, None), dial(400, Some(domain))]);
        assert_eq!(permission(&facts).word(), "ok", "it has been enabled since, and an outage tells nothing");
        let to_sip = LogEntry { dials_phone: false, ..dial(200, None) };
        details_of(&mut facts).api_log = Ok(vec![to_sip]);
        assert_eq!(permission(&facts).word(), "skipped");
        subject.flow.targets = vec![target("sip:desk@example.com")];
        assert_eq!(permission(&fine(&subject)).word(), "ok");
    }

    #[test]
    fn d30_wants_ids_of_our_numbers() {
        let mut subject = subject();
        subject.flow.targets[0].caller_id = Some("85a70a9a".to_owned());
        assert_eq!(caller_id(&fine(&subject)).word(), "failed");
        subject.flow.targets[0].caller_id = Some(super::super::facts::NUMBER.to_owned());
        let verdict = caller_id(&fine(&subject));
        assert!(verdict.text().0.contains("is a number"), "{verdict:?}");
        subject.flow.targets[0].caller_id = Some(super::super::facts::NUMBER_ID.to_owned());
        assert_eq!(caller_id(&fine(&subject)).word(), "ok");
        subject.flow.targets[0].caller_id = None;
        let mut facts = fine(&subject);
        details_of(&mut facts).numbers = Ok(Vec::new());
        assert_eq!(caller_id(&facts).word(), "warning");
    }
}
