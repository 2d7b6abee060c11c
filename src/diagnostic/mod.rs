//! A diagnostic is a value; each renderer is a file.
