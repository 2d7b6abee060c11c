//! Audio as numbers: frames, G.711, resampling, DTMF and call-progress tones, the bundled hold audio and apology.
//!
//! Inside a call all audio is 16 kHz, 16-bit, mono, in frames of 20 ms. No clock, no I/O, no call logic.

mod apology;
mod dtmf;
mod fade;
mod frame;
mod framer;
pub mod g711;
mod hold;
mod recording;
mod resample;
pub mod spectrum;
mod tone;

pub use apology::apology;
pub use dtmf::DtmfDetector;
pub use fade::fade;
pub use frame::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE};
pub use framer::Framer;
pub use hold::hold_audio;
pub use recording::{RecordingError, read_wav};
pub use resample::Resampler;
#[cfg(test)]
pub(crate) use tone::tones;
pub use tone::{busy, dtmf_tone, ringback};
