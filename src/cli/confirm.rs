//! Asks a person before something is done that costs money or cannot be undone.

use std::io::{self, BufRead, IsTerminal as _, Write as _};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotConfirmed {
    /// The answer was not yes.
    #[error("nothing was done")]
    Declined,
    /// Nobody is there to ask.
    #[error("nobody can be asked here; --yes answers")]
    NobodyToAsk,
    /// The terminal broke off.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Asks at the terminal. The question goes to standard error: standard output is for results.
///
/// # Errors
/// [`NotConfirmed`] unless the answer is a plain yes.
pub fn at_terminal(question: &str) -> Result<(), NotConfirmed> {
    ask(question, &mut io::stdin().lock(), io::stdin().is_terminal())
}

fn ask(question: &str, input: &mut dyn BufRead, is_terminal: bool) -> Result<(), NotConfirmed> {
    if !is_terminal {
        return Err(NotConfirmed::NobodyToAsk);
    }
    anstream::eprint!("{question} [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(NotConfirmed::Declined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        let answer = |text: &str| ask("Buy it?", &mut text.as_bytes(), true);
        assert!(answer("y\n").is_ok() && answer(" YES \n").is_ok());
        for no in ["", "\n", "n\n", "yeah\n"] {
            assert!(matches!(answer(no), Err(NotConfirmed::Declined)), "{no:?}");
        }
        assert!(matches!(ask("", &mut "y\n".as_bytes(), false), Err(NotConfirmed::NobodyToAsk)));
    }
}
