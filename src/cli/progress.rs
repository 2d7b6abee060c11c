//! One line that says how far something has come, where a person sees it: on standard error, if that is a terminal.

use std::fmt::Arguments;
use std::io::{self, IsTerminal as _, Stderr, Write};

/// A line that is written over again and again, and is gone at the end.
pub(super) struct Progress<W: Write> {
    /// None where nobody sees it.
    out: Option<W>,
    drawn: bool,
}

impl Progress<Stderr> {
    /// On standard error; shows nothing if that is no terminal.
    pub(super) fn at_terminal() -> Self {
        let out = io::stderr();
        Self::on(out.is_terminal().then_some(out))
    }
}

impl<W: Write> Progress<W> {
    /// On this; on nothing, it shows nothing.
    pub(super) fn on(out: Option<W>) -> Self {
        Self { out, drawn: false }
    }

    /// Shows how far it has come. What cannot be shown is no reason to stop.
    pub(super) fn show(&mut self, how_far: Arguments<'_>) {
        if let Some(out) = &mut self.out {
            let _gone = write!(out, "\r{how_far}").and_then(|()| out.flush());
            self.drawn = true;
        }
    }

    /// Takes the line away, so that something else can stand there.
    pub(super) fn clear(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.drawn) {
            let _gone = write!(out, "\r\x1b[K").and_then(|()| out.flush());
            self.drawn = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_taken_away_once_and_only_if_it_is_there() {
        let mut shown = Vec::new();
        let mut progress = Progress::on(Some(&mut shown));
        progress.clear();
        progress.show(format_args!("1 of 2"));
        progress.show(format_args!("2 of 2"));
        progress.clear();
        progress.clear();
        assert_eq!(String::from_utf8(shown).unwrap(), "\r1 of 2\r2 of 2\r\u{1b}[K");
    }
}
