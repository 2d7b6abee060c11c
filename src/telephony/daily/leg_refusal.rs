//! Which refusal of a leg a text of Daily's means.
//!
//! The same texts come as `info` of a REST answer, as `errorMsg` of an event and as the error of a client's
//! request. They are prose: matched by the words that tell them apart, and what matches nothing stays prose.

use crate::telephony::LegRefusal;

/// Words that stand together in a text, and what it then means. The first line that fits counts: the texts
/// about approval name `PhoneNumber` and `enable_dialout`, too.
///
/// Sources: "Daily PSTN dial-out", troubleshooting (docs.pipecat.ai); `startDialOut` and SIP guides
/// (docs.daily.co); the native library's own words (pipecat issue 2418).
const TEXTS: [(&[&str], LegRefusal); 17] = [
    (&["international", "dialout"], LegRefusal::International),
    (&["enabledialout", "plan"], LegRefusal::Plan),
    (&["dialout", "not enabled for domain"], LegRefusal::Domain),
    (&["allowdialout"], LegRefusal::Domain),
    (&["dialout", "not enabled for room"], LegRefusal::Room),
    (&["maxsippstnsessionsperroom"], LegRefusal::TooManyLegs),
    (&["dialout already exists"], LegRefusal::InProgress),
    (&["dialoutinprogress"], LegRefusal::InProgress),
    (&["temporarilynotavailable"], LegRefusal::NoWorker),
    (&["no sip call in progress"], LegRefusal::NoSuchLeg),
    (&["invalid sessionid"], LegRefusal::NoSuchLeg),
    (&["is dialout enabled?"], LegRefusal::NotAllowed),
    (&["unknowncallclienterror"], LegRefusal::NotAllowed),
    (&["notallowed"], LegRefusal::NotAllowed),
    (&["owner", "admin"], LegRefusal::NotOwner),
    (&["callerid"], LegRefusal::CallerId),
    (&["extension"], LegRefusal::Extension),
];
/// The keys of an address; last, because texts about other things name them.
const ADDRESSES: [&str; 3] = ["phonenumber", "sipuri", "toendpoint"];

/// The refusal that a text means, if it is one that is documented.
#[must_use]
pub fn leg_refusal(text: &str) -> Option<LegRefusal> {
    let text: String =
        text.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect();
    let fits = |words: &[&str]| words.iter().all(|word| text.contains(word));
    let known = TEXTS.iter().find(|(words, _)| fits(words)).map(|&(_, refusal)| refusal);
    let is_address = || ADDRESSES.iter().any(|key| text.contains(key)).then_some(LegRefusal::Address);
    known.or_else(is_address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_texts_mean_what_is_to_be_changed() {
        for (text, refusal) in [
            ("dial-out not enabled for room. add enable_dialout property to room", LegRefusal::Room),
            (
                "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it for your domain",
                LegRefusal::Domain,
            ),
            (
                "property 'enable_dialout' cannot be set to that value with your current plan",
                LegRefusal::Plan,
            ),
            (
                "International dialout not supported. Contact sales to enable it for your domain",
                LegRefusal::International,
            ),
            ("allow_dialout is not set for your organization", LegRefusal::Domain),
            ("NOT_ALLOWED", LegRefusal::NotAllowed),
            ("Dialout(Properties(UnknownCallClientError))", LegRefusal::NotAllowed),
            (
                "unable to start dialout (is dialout enabled? are you a room owner or participant admin?)",
                LegRefusal::NotAllowed,
            ),
            ("DIALOUT_IN_PROGRESS", LegRefusal::InProgress),
            ("Dialout already exists", LegRefusal::InProgress),
            ("TEMPORARILY_NOT_AVAILABLE", LegRefusal::NoWorker),
            ("max_sip_pstn_sessions_per_room reached", LegRefusal::TooManyLegs),
            ("dial-out needs an owner or admin in the room", LegRefusal::NotOwner),
            ("No SIP call in progress", LegRefusal::NoSuchLeg),
            ("invalid sessionId", LegRefusal::NoSuchLeg),
            ("callerId not found", LegRefusal::CallerId),
            ("extension must be at most 20 keys", LegRefusal::Extension),
            ("phoneNumber must be E.164", LegRefusal::Address),
            ("toEndPoint is missing or not an endpoint", LegRefusal::Address),
        ] {
            assert_eq!(leg_refusal(text), Some(refusal), "{text}");
        }
        for text in ["", "Missing fields", "busy here", "Call Forwarding Failed", "something broke", "486"] {
            assert_eq!(leg_refusal(text), None, "{text}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let mut said: Vec<String> = TEXTS.iter().map(|(_, refusal)| refusal.to_string()).collect();
        said.push(LegRefusal::Address.to_string());
        for text in said {
            assert!(text.len() > 60 && !text.ends_with('.'), "{text}");
            assert!(!text.starts_with(char::is_uppercase) || text.starts_with("Daily"), "{text}");
        }
    }
}
