//! The accept gate through the C functions: who picks up is asked first, by a second client of ours.

use std::time::Duration;

use callflow::machine::{LegOutcome, Outcome};
use callflow::sandbox::faults::Fault;
use tokio::time::sleep;

use crate::live::{ANNOUNCEMENT, Call, OPERATOR, Person, SORRY, World, flow};
use crate::within;

const ASK: &str = "Press 1 to take it, 2 to decline.";

fn gated() -> String {
    let dial = format!(r#"{{to: operator, announce: "{ANNOUNCEMENT}", ring: 20s, accept: "{ASK}"}}"#);
    flow(&dial, "keep_room")
}

/// Somebody has picked up, was asked, and neither of the two has heard the other.
async fn is_asked(call: &mut Call, operator: &Person) {
    call.rings_at(operator).await;
    operator.phone.answer().unwrap();
    operator.is_connected().await;
    operator.hears(ASK).await;
    operator.phone.say("who is there").unwrap();
    call.caller.phone.say("is anybody there").unwrap();
    sleep(Duration::from_millis(2500)).await;
    let (caller, operator) = (call.caller.heard(), operator.heard());
    assert!(caller.iter().all(|heard| !heard.contains("who") && !heard.contains("Press")), "{caller:?}");
    assert!(operator.iter().all(|heard| !heard.contains("anybody")), "{operator:?}");
}

async fn taken(mut world: World) {
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    is_asked(&mut call, &operator).await;
    assert_eq!(world.rooms.clients(), 2, "the bot and its gatekeeper");
    operator.phone.press('1').unwrap();
    call.until("left").await;
    operator.phone.say("this is Sam").unwrap();
    call.caller.hears("this is Sam").await;
    call.caller.phone.say("hello Sam").unwrap();
    operator.hears("hello Sam").await;
    world.bot_is(false, false).await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::Transferred).await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Answered);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_presses_the_key_is_put_through() {
    taken(World::new(&gated()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_presses_the_key_is_put_through_by_our_client() {
    taken(World::by_client(&gated()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declines_is_hung_up_and_the_caller_goes_on_with_the_bot() {
    let mut world = World::new(&gated()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    is_asked(&mut call, &operator).await;
    operator.phone.press('2').unwrap();
    operator.is_hung_up().await;
    call.caller.hears(SORRY).await;
    call.until("entered converse").await;
    call.caller.phone.hang_up().unwrap();
    let record = call.ends(Outcome::CallerLeft).await;
    assert_eq!(record.transfer.as_ref().unwrap().outcome, LegOutcome::Rejected);
    world.end().await;
}

/// Dialled by our client, the leg hears nobody from its first moment: not even while the permissions that keep it
/// apart are late.
#[tokio::test(flavor = "multi_thread")]
async fn dialled_by_our_client_who_picks_up_hears_nothing_of_the_caller_not_even_at_first() {
    let mut world = World::by_client(&gated()).await;
    let operator = world.person_at(OPERATOR).await;
    let mut call = world.call().await;
    call.rings_at(&operator).await;
    // The one that hides the leg from the caller was answered when it rang; this is the one after the answer.
    sleep(Duration::from_millis(500)).await;
    world.daily_will(Fault::Slow { ms: 3000 }, "update-permissions", 1);
    operator.phone.answer().unwrap();
    operator.is_connected().await;
    call.caller.phone.say("is anybody there").unwrap();
    // Nothing is passed over: what was heard before the question counts.
    let asked = async {
        while !operator.heard().iter().any(|heard| heard.contains("decline")) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(asked).await;
    let heard = operator.heard();
    assert!(heard.iter().all(|heard| !heard.contains("anybody")), "{heard:?}");
    call.caller.phone.hang_up().unwrap();
    call.ends(Outcome::CallerLeft).await;
    world.end().await;
}
