//! Whole calls of the shipped flow on a virtual clock, with fakes of every vendor: what a session does to
//! the world, in which order, and that it leaves nothing behind.

mod fakes;
mod gate;
mod world;

mod barge_in;
mod beginning;
mod chaos;
mod collecting;
mod dead_air;
mod dial_limits;
mod failing_vendors;
mod latency;
mod leaving;
mod operator;
mod recorded;
mod recording;
mod stopping;
mod thinking;
mod tools;
mod transfer;
