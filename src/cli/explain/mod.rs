//! `callflow explain`: a flow with every default in its place, or what a rule is about.

mod flow;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::ExitStatus;
use super::check::read;
use crate::check::{self, EnvMode};
use crate::diagnostic::{Rule, Style, render_human};
use crate::plan::compile;
use crate::source::SourceFile;

/// Arguments of `callflow explain`.
#[derive(Args, Debug, Clone)]
#[command(after_help = "\
What a flow does that it does not say:   callflow explain flows/cold_transfer.yaml
What a finding means:                    callflow explain F033
All rules:                               callflow explain rules")]
pub struct ExplainArgs {
    /// A flow file, the code of a rule, or `rules`.
    #[arg(value_name = "FLOW|RULE")]
    pub what: PathBuf,
}

/// Explains. [`ExitStatus::Findings`] if it is a flow with errors, [`ExitStatus::Error`] if it is nothing
/// that can be explained.
#[must_use]
pub fn run(args: &ExplainArgs) -> ExitStatus {
    let text = match explain(&args.what) {
        Ok(Some(text)) => text,
        Ok(None) => return ExitStatus::Findings,
        Err(message) => {
            anstream::eprintln!("error: {message}");
            return ExitStatus::Error;
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        // The reader has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            anstream::eprintln!("error: cannot write to standard output: {error}");
            ExitStatus::Error
        }
        _ => ExitStatus::Success,
    }
}

fn explain(what: &Path) -> Result<Option<String>, String> {
    let word = what.to_string_lossy();
    if word == "rules" {
        return Ok(Some(rules()));
    }
    if is_code(&word) {
        let rule = Rule::ALL.iter().find(|rule| rule.code().eq_ignore_ascii_case(&word));
        let unknown = || format!("there is no rule {word}; `callflow explain rules` lists them");
        return Ok(Some(rule.ok_or_else(unknown)?.page().to_owned()));
    }
    let source = read(what).map_err(|error| format!("{error}\nhelp: {}", error.help()))?;
    let checked = check::check(&source, EnvMode::Unknown);
    let Some(flow) = checked.flow else {
        anstream::eprint!("{}", render_human(&checked.source, &checked.diagnostics, Style::Colour));
        return Ok(None);
    };
    let written = written(&checked.source);
    Ok(Some(flow::explain(&compile(flow), &written)))
}

/// The flow as plain data, with the states of the files that it uses.
fn written(source: &SourceFile) -> Value {
    let mut read = source.files().map(|(_, text)| serde_yaml::from_str(text).unwrap_or_default());
    let mut flow: Value = read.next().unwrap_or_default();
    for mut used in read {
        if let (Some(states), Some(more)) = (flow["states"].as_object_mut(), used["states"].as_object_mut()) {
            states.append(more);
        }
    }
    flow
}

/// Whether a word looks like the code of a rule.
fn is_code(word: &str) -> bool {
    let digits = word.strip_prefix(['F', 'f']).unwrap_or("");
    digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn rules() -> String {
    let title =
        |rule: &Rule| rule.page().lines().next().unwrap_or_default().trim_start_matches("# ").to_owned();
    Rule::ALL.iter().map(|rule| title(rule) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_of_the_shipped_flow_is_shown_in_its_place() {
        insta::assert_snapshot!(explain(Path::new("flows/cold_transfer.yaml")).unwrap().unwrap());
    }

    #[test]
    fn rules_are_explained_by_code_and_nothing_else_is_taken_for_one() {
        assert!(explain(Path::new("f033")).unwrap().unwrap().starts_with("# F033: "));
        assert!(rules().starts_with("F001: ") && rules().lines().count() == Rule::ALL.len());
        assert_eq!(
            explain(Path::new("F999")).unwrap_err(),
            "there is no rule F999; `callflow explain rules` lists them"
        );
        assert!(explain(Path::new("F44")).unwrap_err().contains("help: "));
    }
}
