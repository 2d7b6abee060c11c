//! The whole telephone and vendor world on loopback.

pub mod clock;
pub mod faults;
pub mod site;
