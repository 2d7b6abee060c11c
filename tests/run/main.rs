//! `callflow --flow FILE` as a process of its own: what is typed, what is shown, and how it ends.

mod calls;
mod logs;
mod process;
mod providers;
mod refusals;
