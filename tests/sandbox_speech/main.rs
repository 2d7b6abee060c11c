//! The emulated speech services over real sockets, on virtual time, as a client sees them.

mod account;
mod cartesia;
mod circle;
mod deepgram;
mod flux;
mod http_speech;
mod openai;
mod place;
