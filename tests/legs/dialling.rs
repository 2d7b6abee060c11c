//! `dial` with a leg of its own: whose number is shown, extensions, lists, repeats, late answers, what is said and
//! pressed on hold.

use std::time::Duration;

use callflow::machine::{Known, LegOutcome, Outcome};
use callflow::pii::PhoneNumber;
use callflow::sandbox::SandboxOptions;
use callflow::sandbox::faults::{Fault, Injection, Service};
use callflow::sandbox::phone::RejectReason;
use callflow::session::CallEvent;
use tokio::time::Instant;

use crate::world::{BACK, CALLER, DESK, PBX, World, flow, flow_to, flow_with};

const TAIL: &str = "
  connected: {handoff: keep_room}
  over: {end: Goodbye.}
";

#[tokio::test]
async fn a_sip_address_is_reached_like_a_number_and_the_two_talk() {
    let mut world = World::new().await;
    let mut operator = world.operator_at(PBX).await;
    let states = format!("  begin: {{dial: pbx, on: {{answered: connected, otherwise: over}}}}{TAIL}");
    let mut call = world.call(&flow(&states)).await;
    operator.picks_up().await;
    operator.listens(Duration::from_millis(600)).await;
    tokio::join!(operator.says("good morning"), call.caller.hears("good morning"));
    operator.phone.hang_up().unwrap();
    call.caller.hears("The other person has left the call. Goodbye.").await;
    let record = call.record().await;
    assert_eq!(record.outcome, Outcome::Transferred);
    assert_eq!(&*record.transfer.as_ref().unwrap().target, "pbx");
    world.quiet().await;
}

#[tokio::test]
async fn the_person_called_sees_the_number_that_the_flow_names() {
    let number = |text| PhoneNumber::parse(text).unwrap();
    let numbers = vec![number("+15550100201"), number("+15550100202")];
    let mut world = World::with(SandboxOptions { numbers, ..SandboxOptions::default() }).await;
    let second = world.purchased(1).await;
    let mut operator = world.operator_at(DESK).await;
    for (caller_id, shown) in
        [(String::new(), "+15550100201"), (format!(", caller_id: {second}"), "+15550100202")]
    {
        let states = format!(
            "  begin: {{dial: {{to: desk{caller_id}}}, on: {{answered: connected, otherwise: over}}}}{TAIL}"
        );
        let call = world.call(&flow(&states)).await;
        assert_eq!(operator.rings().await.unwrap().reveal(), shown);
        call.hangs_up().await;
        operator.hung_up().await;
        world.quiet().await;
    }
}

#[tokio::test]
async fn an_extension_is_dialled_after_the_answer_and_its_pauses() {
    let mut world = World::new().await;
    let mut operator = world.operator_at("+15550100103").await;
    let states = format!("  begin: {{dial: far, on: {{answered: connected, otherwise: over}}}}{TAIL}");
    let target = "far: {phone: \"+15550100103\", extension: \"wwww20#\"}";
    let call = world.call(&flow_to(target, &states)).await;
    operator.picks_up().await;
    let answered = Instant::now();
    operator.gets_keys("20#").await;
    let after = answered.elapsed();
    assert!((Duration::from_millis(1_900)..Duration::from_millis(2_600)).contains(&after), "{after:?}");
    call.hangs_up().await;
    world.quiet().await;
}

#[tokio::test]
async fn a_list_is_tried_in_order_and_the_last_failure_is_told() {
    let states = format!(
        "  begin:
    dial: {{to: [desk, back, pbx], ring: 6s, hold: {{say: Still trying., say_every: 5s}}}}
    on: {{answered: connected, targets.exhausted: {{to: over, say: Nobody on the list.}}}}{TAIL}"
    );
    let mut world = World::new().await;
    let (mut desk, mut back) = (world.operator_at(DESK).await, world.operator_at(BACK).await);
    let mut call = world.call(&flow(&states)).await;
    desk.rings().await;
    desk.phone.reject(RejectReason::Busy).unwrap();
    back.rings().await;
    back.hung_up().await;
    call.caller.hears("Still trying.").await;
    // Nobody waits at the third.
    call.caller.hears("Nobody on the list.").await;
    let record = call.record().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.attempts, &*transfer.target), (3, "pbx"));
    assert_eq!((transfer.outcome, transfer.known), (LegOutcome::Unreachable, Known::Inferred));
    world.quiet().await;
}

#[tokio::test]
async fn a_target_is_dialled_again_after_the_pause() {
    let states = format!(
        "  begin: {{dial: {{to: desk, retry: {{times: 1, wait: 3s}}}}, on: {{answered: connected, otherwise: over}}}}{TAIL}"
    );
    let mut world = World::new().await;
    let mut desk = world.operator_at(DESK).await;
    let call = world.call(&flow(&states)).await;
    desk.rings().await;
    desk.phone.reject(RejectReason::Busy).unwrap();
    let refused = Instant::now();
    desk.picks_up().await;
    assert!(refused.elapsed() >= Duration::from_secs(3), "{:?}", refused.elapsed());
    let record = call.hangs_up().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.attempts, transfer.outcome), (2, LegOutcome::Answered));
    world.quiet().await;
}

#[tokio::test]
async fn an_answer_that_crosses_the_ring_limit_is_taken_or_hung_up_as_the_flow_says() {
    let mut world = World::new().await;
    let mut desk = world.operator_at(DESK).await;
    for (policy, taken) in [("accept", true), ("hang_up", false)] {
        let states = format!(
            "  begin: {{dial: {{to: [desk, back], ring: 5s, late_answer: {policy}}}, on: {{answered: connected, otherwise: over}}}}{TAIL}"
        );
        // The stop reaches the network late, so that somebody can still pick up.
        let slow = Injection::once(Service::Daily, Fault::Slow { ms: 3_000 }).on("dialOut/stop");
        world.sandbox.faults().inject(slow).unwrap();
        let mut call = world.call(&flow(&states)).await;
        desk.rings().await;
        desk.listens(Duration::from_secs(6)).await;
        desk.phone.answer().unwrap();
        if taken {
            call.caller.listens(Duration::from_millis(500)).await;
            let told = call.told();
            let left = told.iter().any(|e| matches!(e, CallEvent::BotLeft { .. }));
            assert!(left, "{told:?}");
        } else {
            desk.hung_up().await;
            call.caller.hears("Goodbye.").await;
        }
        let record = if taken { call.hangs_up().await } else { call.record().await };
        let reached = record.states.iter().any(|state| &**state == "connected");
        assert_eq!(reached, taken, "{:?}", record.states);
        if taken {
            desk.hung_up().await;
        }
        world.quiet().await;
    }
}

#[tokio::test]
async fn keys_of_the_caller_count_while_it_rings_and_the_phone_stops() {
    let states = format!(
        "  begin:
    dial: {{to: desk, announce: Press nine to stop., ring: 30s}}
    on: {{answered: connected, caller.dtmf(\"9\"): {{to: over, say: Stopped.}}, otherwise: over}}{TAIL}"
    );
    let mut world = World::new().await;
    let mut desk = world.operator_at(DESK).await;
    let mut call = world.call(&flow(&states)).await;
    call.caller.hears("Press nine to stop.").await;
    desk.rings().await;
    call.caller.phone.press('9').unwrap();
    desk.hung_up().await;
    call.caller.hears("Stopped.").await;
    assert_eq!(call.record().await.transfer.as_ref().unwrap().outcome, LegOutcome::Cancelled);
    world.quiet().await;
}

#[tokio::test]
async fn a_refusal_says_in_the_record_what_to_change() {
    let states = format!("  begin: {{dial: desk, on: {{answered: connected, otherwise: over}}}}{TAIL}");
    let mut world = World::new().await;
    let info = "International dialout not supported. Contact sales to enable it for your domain".to_owned();
    let refusal = Fault::Refuse { status: 400, info: Some(info.clone()) };
    world.sandbox.faults().inject(Injection::once(Service::Daily, refusal).on("dialOut/start")).unwrap();
    let call = world.call(&flow_with("description: abroad", &states)).await;
    let record = call.record().await;
    let transfer = record.transfer.as_ref().unwrap();
    assert_eq!((transfer.outcome, transfer.raw.as_ref()), (LegOutcome::Failed, Some(&info)));
    assert!(transfer.fix.as_ref().unwrap().contains("ask Daily's sales"), "{transfer:?}");
    assert_eq!(record.from.as_ref().unwrap().reveal(), CALLER);
    world.quiet().await;
}
