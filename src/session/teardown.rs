//! The end of a call, however it came: legs first, then the room, and the record.

use tokio::time::Instant;

use super::call::Call;
use super::record::{CallRecord, TransferRecord};
use super::watch::{CallEvent, CallStatus, Watch};
use super::{CallSetup, record};
use crate::machine::{Millis, Outcome};
use crate::telephony::Telephony;

impl Call {
    /// Ends everything and leaves the record.
    pub(super) async fn tear_down(mut self) -> CallRecord {
        self.note_what_was_cut_off();
        self.ears.close();
        self.dialogue.cancel();
        if !self.stage.left_room {
            self.legs.stop_all().await;
        }
        let (outcome, ended) = self.stage.end.unwrap_or_else(|| (Outcome::Failed, self.now()));
        self.room.leave().await;
        if !self.stage.left_room {
            delete_room(&*self.vendors.telephony, &self.room_name).await;
        }
        let mut record = CallRecord::new(&self.plan, &self.info);
        record.duration_ms = ended.0;
        record.outcome = outcome;
        record.states = record::names(&self.plan, self.machine.path());
        let report = self.machine.transfer().cloned();
        record.transfer = report.map(|report| TransferRecord::new(report, self.stage.bot_left_ms));
        record.turns = self.turns.take();
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

/// The end of a call whose room could not be joined.
pub(super) async fn without_room(setup: CallSetup, began: Instant) -> CallRecord {
    let mut record = CallRecord::new(&setup.plan, &setup.info);
    record.duration_ms = Millis::default().after(began.elapsed()).0;
    delete_room(&*setup.vendors.telephony, &setup.room.name).await;
    announce_end(&setup.watch, &record);
    record
}

async fn delete_room(telephony: &dyn Telephony, name: &str) {
    if let Err(error) = telephony.delete_room(name).await {
        tracing::warn!(%error, "the room could not be deleted; it ends at its expiry");
    }
}

fn announce_end(watch: &Watch, record: &CallRecord) {
    watch.event(CallEvent::Ended(record.clone().into()));
    let state = record.states.last().cloned().unwrap_or_default();
    watch.status(CallStatus { state, over: true, ..CallStatus::default() });
}
