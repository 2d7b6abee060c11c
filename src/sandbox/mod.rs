//! The whole telephone and vendor world on loopback.
//!
//! [`Sandbox::start`] serves, on one port, everything that a call needs and a vendor would bill: Daily's
//! REST API, a room server in the place of Daily's media plane, a telephone network with phones, the
//! speech and language services, and Pipecat Cloud's start API. Whatever a vendor documents is spoken as documented; the rest is ours
//! (`docs/sandbox-protocol.md`). No wire type is shared with the clients under `telephony` and `speech`,
//! so that a misreading of a vendor's page cannot agree with itself.

pub mod cartesia;
pub mod catalogue;
pub mod clock;
mod control;
mod conversation;
mod daily;
pub mod deepgram;
pub mod faults;
mod network;
pub mod openai;
mod outbox;
pub mod phone;
mod pipecat;
mod room;
mod server;
pub mod site;
mod spoken_body;
mod state;
mod tasks;
pub mod traces;
pub mod voice;
mod world;

pub use network::{Direction, LegState, NotBase64, Progress};
pub use pipecat::BadAgent;
pub use room::{ParticipantState, RoomState};
pub use server::{Sandbox, SandboxError, SandboxOptions, Urls};
pub use state::SandboxState;
