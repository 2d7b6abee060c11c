//! Cases of the catalogue that the emulated vendors bring about by themselves, by their ids. What is made by people
//! at phones, by what a model says (`--llm-script`) or by a flow is not here; docs/edge-cases.md has all of them.

use super::faults::{Fault, Injection, Service};

/// The faults that produce a case, once each; `None` if no fault does.
#[must_use]
pub fn faults_of(id: &str) -> Option<Vec<Injection>> {
    let daily = |fault, on: &str| Injection::once(Service::Daily, fault).on(on);
    let refuse = |status, info: &str| Fault::Refuse { status, info: Some(info.to_owned()) };
    let faults = match id {
        // The announcement's speech fails.
        "E05" => vec![Injection::once(Service::Cartesia, Fault::Silent)],
        // The model is asked and never answers.
        "E10" => vec![Injection::once(Service::Openai, Fault::Silent).on("chat")],
        // The operator's answer comes late, after the ring timer.
        "E19" => vec![daily(Fault::Slow { ms: 2_000 }, "dialout-answered")],
        // The end of a leg is told twice.
        "E23" => vec![daily(Fault::Duplicate, "dialout-stopped")],
        // Two `answered` for one leg.
        "E24" => vec![daily(Fault::Duplicate, "dialout-answered")],
        // The start is refused and no event follows.
        "E26" => vec![daily(refuse(400, "UnknownCallClientError"), "dialOut/start")],
        // A warning comes while it rings.
        "E29" => vec![daily(Fault::Warning, "dialout-connected")],
        // A leg takes four seconds to stop.
        "E36" => vec![daily(Fault::Slow { ms: 4_000 }, "dialOut/stop")],
        // The participant is there before `dialout-answered` is told.
        "E42" => vec![daily(Fault::Reorder, "dialout-answered")],
        // Somebody who is nobody's joins while it rings and leaves before it is answered, or comes to the two.
        "E48" => vec![daily(Fault::Visitor, "dialout-connected")],
        "E49" => vec![daily(Fault::Visitor, "dialout-answered")],
        // The webhook is delivered twice.
        "E53" => vec![daily(Fault::Duplicate, "webhook")],
        // The webhook is signed with another secret.
        "E54" => vec![daily(Fault::Garbage, "webhook")],
        // The room is ready long after the bot.
        "E55" => vec![daily(Fault::Slow { ms: 3_000 }, "dialin-ready")],
        // Forwarding fails.
        "E56" => vec![daily(refuse(404, "Call Forwarding Failed"), "pinlessCallUpdate")],
        // What the room sees of a bot that dies while it rings: its socket breaks.
        "E58" => vec![daily(Fault::Disconnect, "dialout-connected")],
        // Signalling drops.
        "E59" => vec![daily(Fault::Disconnect, "dtmf-event")],
        // A speech or language service is down.
        "E63" => [Service::Deepgram, Service::Openai, Service::Cartesia]
            .map(|service| Injection::once(service, refuse(503, "down")))
            .to_vec(),
        // Dialling out is not permitted.
        "E65" => vec![daily(
            refuse(
                400,
                "dial-out to PhoneNumber is not enabled for domain. Contact support to enable it for your domain",
            ),
            "dialOut/start",
        )],
        // Nothing is ever told of the command.
        "E67" => vec![daily(Fault::Silent, "dialOut/start")],
        // The leg to be stopped is gone.
        "E69" => vec![daily(refuse(404, "no such session"), "dialOut/stop")],
        _ => return None,
    };
    Some(faults)
}
