//! Parses the arguments, runs, and maps the result to an exit status; nothing else.

fn main() {}
