//! `callflow --flow FILE` as a process of its own: what is typed, what is shown, and how it ends.

mod calls;
mod ci;
mod folder;
mod front_desk;
mod init;
mod logs;
mod process;
mod providers;
mod refusals;
mod replay;
