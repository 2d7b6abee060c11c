//! The sandbox's telephone network, rooms and REST API over real sockets on loopback, on virtual time.

mod audio;
mod bot;
mod call;
mod calls;
mod command;
mod hostile;
mod raw_phone;
mod rest;
mod socket;
mod talk;
mod world;
