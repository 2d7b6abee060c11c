//! The end of a call, however it came: legs first, then the room, and the record.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::call::Call;
use super::record::{CallRecord, Guessing, TransferRecord};
use super::watch::{CallEvent, CallStatus, Watch};
use super::{CallSetup, record};
use crate::machine::{Millis, Outcome};
use crate::telephony::Telephony;

/// How long a call that is killed still waits for its legs to be stopped.
const HURRIED: Duration = Duration::from_secs(2);

impl Call {
    /// Ends everything and leaves the record.
    pub(super) async fn tear_down(mut self) -> CallRecord {
        self.note_what_was_cut_off();
        self.ears.close();
        self.dialogue.cancel();
        self.gate = None;
        let now = self.now();
        let tools = self.tools.close(&self.plan, now);
        let in_a_hurry = async {
            self.kill.cancelled().await;
            sleep(HURRIED).await;
        };
        // Legs of a room that is left to others go on; keys that are due to one of them are still sent.
        let legs_end = async {
            if self.stage.left_room { self.legs.finish().await } else { self.legs.stop_all().await }
        };
        tokio::select! {
            () = legs_end => {}
            () = in_a_hurry => tracing::warn!("a leg may be left; the room's end will end it"),
        }
        let (outcome, ended) = self.stage.end.unwrap_or_else(|| (Outcome::Failed, self.now()));
        self.room.leave().await;
        if !self.stage.left_room {
            delete_room(&*self.vendors.telephony, &self.place.name).await;
        }
        let late = self.cadence.lateness();
        tracing::info!(
            beats = late.beats,
            p99_ms = late.p99_ms,
            most_ms = late.most_ms,
            "how late the beats came"
        );
        let mut record = CallRecord::new(&self.plan, &self.info);
        record.duration_ms = ended.0;
        record.outcome = outcome;
        record.states = record::names(&self.plan, self.machine.path());
        let report = self.machine.transfer().cloned();
        record.transfer = report.map(|report| TransferRecord::new(report, self.stage.bot_left_ms));
        record.tools = tools;
        record.turns = self.turns.take();
        record.answers = self.latency.take();
        record.guesses = Guessing { asked: self.dialogue.guesses(), used: self.latency.hits };
        announce_end(&self.watch, &record);
        record
    }

    /// What either side was saying when the call ended belongs to the record, too.
    fn note_what_was_cut_off(&mut self) {
        let now = self.now();
        if let Some(words) = self.ears.unfinished() {
            self.turns.caller_ended(now, &words);
            self.watch.event(CallEvent::CallerSaid { text: words });
        }
        self.voice.close();
        while let Some(spoken) = self.voice.poll(now) {
            self.note_spoken(spoken, now);
        }
    }
}

/// What must be put in order when a call cannot do it itself, because it never was in its room or it broke.
/// Its streams and tasks end with it; its legs end with the room.
pub(super) struct Wreckage {
    telephony: Arc<dyn Telephony>,
    room: String,
    watch: Watch,
    record: CallRecord,
    began: Instant,
}

impl Wreckage {
    pub(super) fn of(setup: &CallSetup, began: Instant) -> Self {
        Self {
            telephony: Arc::clone(&setup.vendors.telephony),
            room: setup.room.name.clone(),
            watch: setup.watch.clone(),
            record: CallRecord::new(&setup.plan, &setup.info),
            began,
        }
    }

    /// Ends the call that never was, or is no more. What it did is not known.
    pub(super) async fn clear(mut self) -> CallRecord {
        self.record.duration_ms = Millis::default().after(self.began.elapsed()).0;
        delete_room(&*self.telephony, &self.room).await;
        announce_end(&self.watch, &self.record);
        self.record
    }
}

async fn delete_room(telephony: &dyn Telephony, name: &str) {
    match telephony.delete_room(name).await {
        Ok(()) => tracing::info!("the room is deleted"),
        Err(error) => tracing::warn!(%error, "the room could not be deleted; it ends at its expiry"),
    }
}

fn announce_end(watch: &Watch, record: &CallRecord) {
    watch.event(CallEvent::Ended(record.clone().into()));
    let state = record.states.last().cloned().unwrap_or_default();
    watch.status(CallStatus { state, over: true, ..CallStatus::default() });
}
