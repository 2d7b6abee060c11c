//! The process environment with an `.env` file below it.
//!
//! The file is read into a map: changing the environment of a running process is neither safe nor needed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Variables of an `.env` file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Dotenv(BTreeMap<String, String>);

/// Where variables are looked up: in the process environment first, then in the `.env` file.
#[derive(Clone, Debug, Default)]
pub struct Env {
    file: Dotenv,
}

/// Why an `.env` file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DotenvError {
    /// It cannot be read.
    #[error("cannot read {path}: {cause}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Lines that are not `NAME=value`. Their text is not repeated: it may be a key.
    #[error("{path}: not `NAME=value` in line {lines}; quote values with spaces or special characters", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The lines, counted from one, separated by commas.
        lines: String,
    },
}

impl Env {
    /// The process environment with the variables of a file below it.
    #[must_use]
    pub fn new(file: Dotenv) -> Self {
        Self { file }
    }

    /// A variable. One that the process has counts, even if it is empty; one that is not Unicode does not.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
        let own = std::env::var(name).ok();
        own.or_else(|| self.file.get(name).map(str::to_owned))
    }
}

impl Dotenv {
    /// A variable of the file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Dotenv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Reads an `.env` file; `None` if there is no such file. Of a name that stands twice, the first counts.
///
/// # Errors
/// See [`DotenvError`]. All bad lines are reported together.
pub fn load_dotenv(path: &Path) -> Result<Option<Dotenv>, DotenvError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(DotenvError::Io { path: path.to_owned(), cause }),
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        DotenvError::Syntax { path: path.to_owned(), lines: line.to_string() }
    })?;
    parse(&text).map(Some).map_err(|lines| DotenvError::Syntax { path: path.to_owned(), lines })
}

pub(super) fn parse(text: &str) -> Result<Dotenv, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut file = Dotenv::default();
    let mut bad = Vec::new();
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        match item {
            Ok((name, value)) => drop(file.0.entry(name).or_insert(value)),
            Err(dotenvy::Error::LineParse(line, _)) => bad.push(line_of(text, &line)),
            Err(_) => bad.push(1),
        }
    }
    if bad.is_empty() {
        return Ok(file);
    }
    Err(bad.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

/// The line, counted from one, that begins with what the parser complained about.
fn line_of(text: &str, wrong: &str) -> usize {
    let wrong = wrong.lines().next().unwrap_or_default();
    text.lines().position(|line| line.starts_with(wrong)).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_as_people_write_it_is_read() {
        let text =
            "\u{feff}# keys\nA=1\nexport B = two words \n\nC=\"x # y\"\nD='$HOME'\nA=2\nE=\nF=a#b # c\r\n";
        let file = parse(&text.replace("two words", "'two words'")).unwrap();
        let get = |name| file.get(name);
        assert_eq!([get("A"), get("B"), get("C")], [Some("1"), Some("two words"), Some("x # y")]);
        assert_eq!([get("D"), get("E"), get("G")], [Some("$HOME"), Some(""), None]);
    }

    #[test]
    fn bad_lines_are_named_by_number_and_not_repeated() {
        let error = parse("A=1\nmy secret key\nB=2\nsk-123 456\n").unwrap_err();
        assert_eq!(error, "2, 4");
    }

    #[test]
    fn an_open_quote_is_an_error_and_not_the_end_of_the_file() {
        assert_eq!(parse("A=1\nB='open\nC=3\n").unwrap_err(), "2");
    }

    #[test]
    fn values_are_not_printed() {
        assert_eq!(format!("{:?}", parse("KEY=sk-1").unwrap()), "{\"KEY\"}");
    }

    #[test]
    fn the_process_environment_wins_and_a_missing_file_is_no_error() {
        let file = parse("PATH=nowhere\nCALLFLOW_ONLY_IN_FILE=yes").unwrap();
        let env = Env::new(file);
        assert_ne!(env.get("PATH").as_deref(), Some("nowhere"));
        assert_eq!(env.get("CALLFLOW_ONLY_IN_FILE").as_deref(), Some("yes"));
        assert!(load_dotenv(Path::new("no/such/.env")).unwrap().is_none());
    }
}
