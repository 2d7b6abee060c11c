//! Commands for legs, given by our client in the room instead of over REST.
//!
//! Daily offers them both ways. Whoever joined the room with a client that can give them has a line to it
//! ([`RoomSession::legs`](super::RoomSession::legs)); [`ByClient`] is a telephony that uses it. Rooms, tokens,
//! forwarding and permissions stay with REST, and so does the end of a leg that the client could not stop.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{DialIn, DialOut, Hearing, LegId, Room, RoomRequest, Telephony, TelephonyError};
use crate::pii::Address;

/// How long a command may take, as over REST.
const COMMAND_WITHIN: Duration = Duration::from_secs(8);

/// What a client in the room can do with legs.
#[derive(Debug, Clone)]
pub enum LegCommand {
    /// Start a new one; answered with its id.
    Start(DialOut),
    /// Stop one.
    Stop(LegId),
    /// Send keys to one.
    Keys(LegId, String),
    /// Move one out of the room (`sipCallTransfer`).
    Transfer(LegId, DialOut),
    /// Send one elsewhere (SIP REFER).
    Refer(LegId, Address),
}

/// A command, and where its answer goes. An answer that nobody takes is of no interest, but for a start's: the
/// leg that came up is stopped.
#[derive(Debug)]
pub struct LegOrder {
    /// What is to be done.
    pub command: LegCommand,
    /// What came of it; the new leg's id after a start.
    pub answer: oneshot::Sender<Result<Option<LegId>, TelephonyError>>,
}

/// A telephony whose legs are commanded by our client in one room.
pub(crate) struct ByClient {
    rest: Arc<dyn Telephony>,
    client: mpsc::Sender<LegOrder>,
}

impl ByClient {
    /// The same telephony, if the client gives no commands.
    pub(crate) fn if_it_can(
        rest: Arc<dyn Telephony>,
        client: Option<mpsc::Sender<LegOrder>>,
    ) -> Arc<dyn Telephony> {
        match client {
            Some(client) => Arc::new(Self { rest, client }),
            None => rest,
        }
    }

    async fn command(&self, command: LegCommand) -> Result<Option<LegId>, TelephonyError> {
        let lost = || TelephonyError::Unreachable("our connection to the room is lost".to_owned());
        let (answer, answered) = oneshot::channel();
        let commanded = async {
            self.client.send(LegOrder { command, answer }).await.map_err(|_| lost())?;
            answered.await.unwrap_or_else(|_| Err(lost()))
        };
        let late = || Err(TelephonyError::Unreachable("no answer in time from the room".to_owned()));
        timeout(COMMAND_WITHIN, commanded).await.unwrap_or_else(|_| late())
    }
}

impl Telephony for ByClient {
    fn create_room(&self, request: RoomRequest) -> BoxFuture<'_, Result<Room, TelephonyError>> {
        self.rest.create_room(request)
    }

    fn delete_room<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.rest.delete_room(name)
    }

    fn forward_caller<'a>(
        &'a self,
        dial_in: &'a DialIn,
        sip_uri: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.rest.forward_caller(dial_in, sip_uri)
    }

    fn start_dial_out<'a>(
        &'a self,
        _room: &'a str,
        request: &'a DialOut,
    ) -> BoxFuture<'a, Result<LegId, TelephonyError>> {
        async move {
            let leg = self.command(LegCommand::Start(request.clone())).await?;
            leg.ok_or_else(|| TelephonyError::Protocol("the dial-out has no session id".to_owned()))
        }
        .boxed()
    }

    fn stop_dial_out<'a>(
        &'a self,
        room: &'a str,
        leg: &'a LegId,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        async move {
            match self.command(LegCommand::Stop(leg.clone())).await {
                Ok(_) => Ok(()),
                // A leg that goes on ringing is worse than one that is stopped twice; and only REST says plainly
                // that it is gone already.
                Err(error) => {
                    tracing::debug!(%error, "the client could not stop a leg; it is stopped over REST");
                    self.rest.stop_dial_out(room, leg).await
                }
            }
        }
        .boxed()
    }

    fn send_dtmf<'a>(
        &'a self,
        _room: &'a str,
        leg: &'a LegId,
        tones: &'a str,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.command(LegCommand::Keys(leg.clone(), tones.to_owned())).map(|done| done.map(drop)).boxed()
    }

    fn set_hearing<'a>(
        &'a self,
        room: &'a str,
        hearing: &'a [Hearing],
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.rest.set_hearing(room, hearing)
    }

    fn sip_transfer<'a>(
        &'a self,
        _room: &'a str,
        leg: &'a LegId,
        to: &'a DialOut,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.command(LegCommand::Transfer(leg.clone(), to.clone())).map(|done| done.map(drop)).boxed()
    }

    fn sip_refer<'a>(
        &'a self,
        _room: &'a str,
        leg: &'a LegId,
        to: &'a Address,
    ) -> BoxFuture<'a, Result<(), TelephonyError>> {
        self.command(LegCommand::Refer(leg.clone(), to.clone())).map(|done| done.map(drop)).boxed()
    }
}
