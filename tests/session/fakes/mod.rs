//! Vendors made of channels: scripted, slow, silent, failing, at a test's will.

mod llm;
mod log;
mod phone;
mod room;
mod stt;
mod tts;

pub use llm::{FakeLlm, Step};
pub use log::Log;
pub use phone::{Answer, Phone};
pub use room::FakeRoom;
pub use stt::FakeStt;
pub use tts::FakeTts;

use std::time::Duration;

use callflow::speech::SpeechError;

/// How an opening ends.
#[derive(Clone, Debug, Default)]
pub enum Opening {
    #[default]
    Ok,
    After(Duration),
    Fails,
}

impl Opening {
    pub async fn pass(self) -> Result<(), SpeechError> {
        match self {
            Self::Ok => Ok(()),
            Self::After(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Self::Fails => Err(broken()),
        }
    }
}

pub fn broken() -> SpeechError {
    SpeechError::Disconnected { vendor: "a fake", detail: "as told".to_owned() }
}
