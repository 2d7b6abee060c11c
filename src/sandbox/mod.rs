//! The whole telephone and vendor world on loopback.
