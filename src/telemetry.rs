//! Logs: readable, or JSON; every line of a call carries its id.
