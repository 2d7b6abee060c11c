//! Exit statuses of the program, one line each.

use std::process::{ExitCode, Termination};

/// What a command came to. The numbers are stable: scripts and CI rely on them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// 0: done; with `--once`, the call ended in a final state; `check` found no errors; every test passed.
    Success,
    /// 1: a flow has errors; a test failed; a replay went another way; with `doctor`, a check failed.
    Findings,
    /// 2: anything else: wrong usage, a missing file, nothing to look at, a setting, a busy port.
    Error,
    /// 3: with `--once`, the call did not end in a final state.
    CallFailed,
    /// 4: `explore` gave up before it had seen every call; nothing wrong so far.
    Incomplete,
}

impl ExitStatus {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Findings => 1,
            Self::Error => 2,
            Self::CallFailed => 3,
            Self::Incomplete => 4,
        }
    }
}

impl Termination for ExitStatus {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitStatus;

    /// The comments above are what users read in docs/ci.md.
    #[test]
    fn the_table_of_the_documentation_says_what_the_statuses_say() {
        let page = include_str!("../../docs/ci.md");
        let table: Vec<&str> = page
            .lines()
            .filter(|line| {
                line.strip_prefix("| ").is_some_and(|row| row.starts_with(|c: char| c.is_ascii_digit()))
            })
            .collect();
        let source = include_str!("exit.rs");
        let comments = source.lines().filter_map(|line| line.strip_prefix("    /// "));
        let rows: Vec<String> = comments
            .filter_map(|comment| comment.split_once(": "))
            .filter(|(code, _)| code.parse::<u8>().is_ok())
            .map(|(code, meaning)| format!("| {code} | {} |", meaning.trim_end_matches('.')))
            .collect();
        assert_eq!(table, rows);
        use ExitStatus::{CallFailed, Error, Findings, Incomplete, Success};
        let all = [Success, Findings, Error, CallFailed, Incomplete];
        for (status, row) in all.into_iter().zip(&rows) {
            assert!(row.starts_with(&format!("| {} |", status.code())), "{status:?}: {row}");
        }
        assert_eq!(all.len(), rows.len());
    }
}
