//! Audio as numbers: frames, G.711, resampling, DTMF and call-progress tones, the bundled hold audio.
//!
//! Inside a call all audio is 16 kHz, 16-bit, mono, in frames of 20 ms. No clock, no I/O, no call logic.

mod frame;

pub use frame::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE};
