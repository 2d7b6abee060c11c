//! Values that the caller says and keys.

use std::time::Duration;

use callflow::machine::Outcome;
use callflow::telephony::RoomEvent;
use tokio::time::sleep;

use crate::world::{World, bot_said, caller, states};

#[tokio::test(start_paused = true)]
async fn what_is_said_and_keyed_is_read_back_and_what_is_missing_is_asked_for() {
    let mut world = World::with_flow(include_str!("../../flows/table_booking.yaml"));
    world.begin();
    world.until("joined").await;
    world.caller_arrives().await;
    world.until(&bot_said("For how many people, and on which day?")).await;
    world.caller_says("a table for four").await;
    world.until(&bot_said("On which day? Please say the year as well.")).await;
    world.caller_says("the third of May twenty twenty six").await;
    world
        .until(&bot_said("And your telephone number? You can also key it in, and press hash at the end."))
        .await;
    for tone in "5550100122".chars() {
        world.room.event(RoomEvent::Dtmf { id: Some(caller()), tone });
        sleep(Duration::from_millis(400)).await;
    }
    world.until("entered read_back").await;
    world
        .until(&bot_said("A table for 4 on 2026-05-03, and we can reach you at +15550100122. Is that right?"))
        .await;
    world.caller_says("yes").await;
    let record = world.over().await;
    assert_eq!(record.outcome, Outcome::Completed);
    assert_eq!(states(&record), ["greet", "details", "number", "read_back", "booked"]);
}
