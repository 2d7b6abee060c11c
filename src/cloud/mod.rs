//! Pipecat Cloud as the server sees it: the start API that puts a bot on a call, and the body that travels.
//!
//! The platform's other half, the contract that a container keeps, is in `server::bot`. Facts are from
//! docs.pipecat.ai (deployment, active sessions, Daily WebRTC) and github daily-co/pipecat-cloud-images.

mod args;
mod refusal;
mod start;

pub use args::{DailyAccess, FlowRef, GivenRoom, SessionArgs};
pub use refusal::CloudError;
pub use start::PipecatCloud;
