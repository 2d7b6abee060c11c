//! Settings: the environment read once, into types.
