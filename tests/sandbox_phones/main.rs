//! The sandbox's telephone network, rooms and REST API over real sockets on loopback, on virtual time.

mod bot;
mod calls;
mod raw_phone;
mod socket;
mod world;
