//! `sip_transfer` and `sip_refer`: the caller's own leg leaves, and what comes of it nobody can see.

use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::sandbox::faults::{Fault, Injection, Service};

use crate::world::{DESK, PBX, World, flow};

fn moving(method: &str, target: &str) -> std::sync::Arc<callflow::plan::Plan> {
    flow(&format!(
        "  begin:
    dial: {{to: {target}, method: {method}, announce: One moment.}}
    on: {{transferred: moved, otherwise: {{to: over, say: That did not work.}}}}
  moved: {{handoff: leave}}
  over: {{end: Goodbye.}}\n"
    ))
}

#[tokio::test]
async fn a_caller_who_is_moved_talks_to_the_person_and_the_bot_is_gone() {
    let mut world = World::new().await;
    for (method, target, number) in
        [("sip_transfer", "desk", DESK), ("sip_transfer", "pbx", PBX), ("sip_refer", "pbx", PBX)]
    {
        let mut operator = world.operator_at(number).await;
        let mut call = world.call(&moving(method, target)).await;
        call.caller.hears("One moment.").await;
        operator.picks_up().await;
        operator.listens(Duration::from_millis(600)).await;
        tokio::join!(operator.says("you have reached me"), call.caller.hears("you have reached me"));
        tokio::join!(call.caller.says("good to hear"), operator.hears("good to hear"));
        let record = call.hangs_up().await;
        operator.hung_up().await;
        assert_eq!(record.outcome, Outcome::Transferred, "{method}");
        let transfer = record.transfer.as_ref().unwrap();
        assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Transferred, Known::Unobservable));
        assert_eq!((transfer.bot_left_ms, &*transfer.target), (None, target));
        // The room is left to itself: the vendor may still carry the caller through it.
        drop(operator);
        world.nobody_left().await;
    }
}

#[tokio::test]
async fn a_transfer_that_is_refused_can_still_be_told() {
    let mut world = World::new().await;
    for method in ["sip_transfer", "sip_refer"] {
        let on = if method == "sip_refer" { "sipRefer" } else { "sipCallTransfer" };
        let refusal = Fault::Refuse { status: 400, info: Some("No SIP call in progress".to_owned()) };
        world.sandbox.faults().inject(Injection::once(Service::Daily, refusal).on(on)).unwrap();
        let mut call = world.call(&moving(method, "pbx")).await;
        call.caller.hears("That did not work.").await;
        let record = call.record().await;
        let transfer = record.transfer.as_ref().unwrap();
        assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Failed, Known::Reported));
        assert!(transfer.fix.as_ref().unwrap().contains("not on a call"), "{transfer:?}");
        world.quiet().await;
    }
}
