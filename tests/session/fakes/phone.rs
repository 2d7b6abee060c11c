//! A telephone company that does what it is told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callflow::pii::Address;
use callflow::telephony::{
    DialIn, DialOut, Hearing, LegId, Room, RoomEvent, RoomRequest, Telephony, TelephonyError,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{FakeRoom, Log};

/// How a command is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Ok,
    Err(TelephonyError),
    After(Duration, Box<Answer>),
    Never,
}

impl Answer {
    pub fn after_ms(ms: u64, answer: Answer) -> Self {
        Self::After(Duration::from_millis(ms), Box::new(answer))
    }

    pub fn pass(self) -> BoxFuture<'static, Result<(), TelephonyError>> {
        async move {
            match self {
                Self::Ok => Ok(()),
                Self::Err(error) => Err(error),
                Self::After(wait, then) => {
                    tokio::time::sleep(wait).await;
                    then.pass().await
                }
                Self::Never => std::future::pending().await,
            }
        }
        .boxed()
    }
}

type Answers = Mutex<VecDeque<Answer>>;

pub struct Phone {
    log: Log,
    room: Arc<FakeRoom>,
    legs: AtomicU32,
    /// A leg that was stopped is reported as such, as the vendor does.
    pub reports_stops: AtomicBool,
    pub starts: Answers,
    pub stops: Answers,
    pub forwards: Answers,
    pub deletes: Answers,
    pub hearings: Answers,
}

impl Phone {
    pub fn new(log: &Log, room: &Arc<FakeRoom>) -> Self {
        Self {
            log: log.clone(),
            room: Arc::clone(room),
            legs: AtomicU32::new(0),
            reports_stops: AtomicBool::new(true),
            starts: Answers::default(),
            stops: Answers::default(),
            forwards: Answers::default(),
            deletes: Answers::default(),
            hearings: Answers::default(),
        }
    }
}

/// `caller: all -leg-1`: who hears all, or none, but this one not (`-`) or this one too (`+`).
fn shown(hearing: &Hearing) -> String {
    let base = if hearing.others { "all" } else { "none" };
    let but = hearing.but.iter().map(|(id, on)| format!(" {}{}", if *on { '+' } else { '-' }, id.0));
    format!("{}: {base}{}", hearing.listener.0, but.collect::<String>())
}

fn next(answers: &Answers) -> BoxFuture<'static, Result<(), TelephonyError>> {
    answers.lock().unwrap().pop_front().unwrap_or(Answer::Ok).pass()
}

impl Telephony for Phone {
    fn create_room(&self, _: RoomRequest) -> BoxFuture<'_, Result<Room, TelephonyError>> {
        unreachable!("the room is made before the session")
    }

    fn delete_room<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.log.add(format!("delete {name}"));
        let answer = next(&self.deletes);
        async move {
            answer.await?;
            self.log.add("deleted");
            Ok(())
        }
        .boxed()
    }

    fn forward_caller<'a>(
        &'a self,
        dial_in: &'a DialIn,
        sip_uri: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.log.add(format!("forward {} to {sip_uri}", dial_in.call_id));
        next(&self.forwards)
    }

    fn start_dial_out<'a>(
        &'a self,
        _room: &'a str,
        request: &'a DialOut,
    ) -> BoxFuture<'a, Result<LegId, TelephonyError>> {
        let leg = format!("leg-{}", self.legs.fetch_add(1, Ordering::SeqCst) + 1);
        self.log.add(format!("start {leg} to {}", request.to.reveal()));
        let answer = next(&self.starts);
        async move {
            answer.await?;
            self.log.add(format!("started {leg}"));
            Ok(LegId::new(&leg))
        }
        .boxed()
    }

    fn stop_dial_out<'a>(
        &'a self,
        _room: &'a str,
        leg: &'a LegId,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.log.add(format!("stop {}", leg.0));
        let answer = next(&self.stops);
        async move {
            answer.await?;
            self.log.add(format!("stopped {}", leg.0));
            if self.reports_stops.load(Ordering::SeqCst) {
                self.room.event(RoomEvent::DialoutStopped { id: leg.clone() });
            }
            Ok(())
        }
        .boxed()
    }

    fn send_dtmf<'a>(
        &'a self,
        _: &'a str,
        _: &'a LegId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        unreachable!("no flow sends keys")
    }

    fn set_hearing<'a>(
        &'a self,
        _room: &'a str,
        hearing: &'a [Hearing],
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        let hearing: Vec<String> = hearing.iter().map(shown).collect();
        let hearing = hearing.join(", ");
        self.log.add(format!("hearing {hearing}"));
        let answer = next(&self.hearings);
        async move {
            answer.await?;
            self.log.add(format!("heard {hearing}"));
            Ok(())
        }
        .boxed()
    }

    fn sip_transfer<'a>(
        &'a self,
        _: &'a str,
        leg: &'a LegId,
        to: &'a DialOut,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.log.add(format!("transfer {} to {}", leg.0, to.to.reveal()));
        next(&self.starts)
    }

    fn sip_refer<'a>(
        &'a self,
        _: &'a str,
        leg: &'a LegId,
        to: &'a Address,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.log.add(format!("refer {} to {}", leg.0, to.reveal()));
        next(&self.starts)
    }
}
