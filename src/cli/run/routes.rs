//! Which flow answers which number: `--flow` given several times, or a file of routes (`--routes`).
//!
//! Reads the choice; opening the flows is `flows`' business.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, Rule, Style, render_human};
use crate::flow::{self, Key, Node, Value, did_you_mean};
use crate::pii::PhoneNumber;
use crate::source::{SourceFile, Span};

/// One `--flow`: a file, and perhaps the number that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowArg {
    /// The number, in `--flow NUMBER=FILE`.
    pub number: Option<PhoneNumber>,
    /// The file.
    pub file: PathBuf,
}

impl FromStr for FlowArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, file) = match text.split_once('=') {
            // A file's name may hold a `=`, but does not begin with a `+`.
            Some((number, file)) if number.trim_start().starts_with('+') => {
                (Some(PhoneNumber::parse(number).map_err(|error| error.to_string())?), file)
            }
            _ => (None, text),
        };
        match file {
            "" => Err("write FILE, or NUMBER=FILE such as +15550100002=flows/sales.yaml".to_owned()),
            file => Ok(Self { number, file: file.into() }),
        }
    }
}

/// The files of a run, and who answers what. The first is the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Routes {
    /// Each file once.
    pub(super) files: Vec<PathBuf>,
    /// A number and the index of its file.
    pub(super) numbers: Vec<(PhoneNumber, usize)>,
}

/// Why the choice of flows cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RoutesError {
    /// No flow was named.
    #[error(
        "which flow? Name one with `--flow flows/cold_transfer.yaml`, or several with `--routes FILE`; `--help` shows the rest"
    )]
    NoFlow,
    /// Two flows for one number.
    #[error("--flow: two flows are to answer {number}; a number has one")]
    Twice {
        /// The number as given: the operator's own, and on the command line.
        number: String,
    },
    /// The file of routes cannot be read.
    #[error("cannot read --routes {path}: {source}")]
    Unreadable {
        /// As given.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file of routes has errors.
    #[error("the routes have errors")]
    Findings {
        /// The findings, rendered.
        rendered: String,
    },
}

impl Routes {
    /// The choice of the command line.
    pub(in crate::cli) fn chosen(flows: &[FlowArg], file: Option<&Path>) -> Result<Self, RoutesError> {
        match file {
            Some(file) => Self::read(file),
            None if flows.is_empty() => Err(RoutesError::NoFlow),
            None => Self::of_args(flows),
        }
    }

    fn of_args(flows: &[FlowArg]) -> Result<Self, RoutesError> {
        let mut routes = Self::default();
        for FlowArg { number, file } in flows {
            let index = routes.file(file.clone());
            if let Some(number) = number
                && !routes.answer(number.clone(), index)
            {
                return Err(RoutesError::Twice { number: number.reveal().to_owned() });
            }
        }
        Ok(routes)
    }

    fn read(path: &Path) -> Result<Self, RoutesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RoutesError::Unreadable { path: path.display().to_string(), source })?;
        let source = SourceFile::new(path, text);
        parse(&source).map_err(|diagnostics| RoutesError::Findings {
            rendered: render_human(&source, &diagnostics, Style::Colour),
        })
    }

    fn file(&mut self, file: PathBuf) -> usize {
        self.files.iter().position(|known| *known == file).unwrap_or_else(|| {
            self.files.push(file);
            self.files.len() - 1
        })
    }

    /// False if the number has a flow already.
    fn answer(&mut self, number: PhoneNumber, file: usize) -> bool {
        let is_new = self.numbers.iter().all(|(known, _)| *known != number);
        if is_new {
            self.numbers.push((number, file));
        }
        is_new
    }
}

/// The keys of a file of routes.
const KEYS: [&str; 2] = ["default", "routes"];

/// Reads a file of routes; everything that is wrong with it is reported together.
fn parse(source: &SourceFile) -> Result<Routes, Vec<Diagnostic>> {
    let mut reader = Reader { source, routes: Routes::default(), diagnostics: Vec::new() };
    if let Some(root) = flow::load(source, &mut reader.diagnostics) {
        reader.root(&root);
    } else if reader.diagnostics.is_empty() {
        reader.error(Rule::MissingKey, Span::new(0, 1), "the file is empty", EXAMPLE);
    }
    if reader.diagnostics.iter().any(Diagnostic::is_error) {
        Err(reader.diagnostics)
    } else {
        Ok(reader.routes)
    }
}

const EXAMPLE: &str =
    "write `default: cold_transfer.yaml`, and under `routes:` lines such as `\"+15550100002\": sales.yaml`";

struct Reader<'s> {
    source: &'s SourceFile,
    routes: Routes,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, rule: Rule, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(rule, span, message).help(help));
    }

    fn root(&mut self, root: &Node) {
        let Value::Mapping(entries) = &root.value else {
            let message = format!("expected a map, found {}", root.what());
            return self.error(Rule::WrongValue, root.span, message, EXAMPLE);
        };
        for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&&*key.text)) {
            let help = did_you_mean(&key.text, KEYS).unwrap_or_else(|| EXAMPLE.to_owned());
            self.error(Rule::UnknownKey, key.span, format!("`{}` means nothing here", key.text), help);
        }
        let find = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
        match find("default") {
            Some(node) => drop(self.file(node)),
            None => {
                let message = "`default` is missing: which flow answers all other numbers?";
                self.error(Rule::MissingKey, Span::new(0, 1), message, EXAMPLE);
            }
        }
        match find("routes").map(|node| (node, &node.value)) {
            None => {}
            Some((_, Value::Mapping(routes))) => routes.iter().for_each(|(key, node)| self.route(key, node)),
            Some((node, _)) => {
                let message = format!("expected numbers and their flows, found {}", node.what());
                self.error(Rule::WrongValue, node.span, message, EXAMPLE);
            }
        }
    }

    fn route(&mut self, key: &Key, node: &Node) {
        let file = self.file(node);
        let number = match PhoneNumber::parse(&key.text) {
            Ok(number) => number,
            Err(_) => {
                let help = "write it in quotes as `+` and 8 to 15 digits: \"+15550100002\"";
                return self.error(Rule::Address, key.span, "not a phone number", help);
            }
        };
        if let Some(file) = file
            && !self.routes.answer(number, file)
        {
            self.error(
                Rule::DuplicateKey,
                key.span,
                "this number has a flow already",
                "a number has one flow",
            );
        }
    }

    /// A flow's file, beside the file of routes unless it says otherwise.
    fn file(&mut self, node: &Node) -> Option<usize> {
        let text = node.scalar().map(|scalar| scalar.text.trim()).filter(|text| !text.is_empty());
        let Some(text) = text else {
            let message = format!("expected the path of a flow, found {}", node.what());
            self.error(Rule::WrongValue, node.span, message, "paths begin where this file is: sales.yaml");
            return None;
        };
        let folder = self.source.path().parent().unwrap_or(Path::new(""));
        let file = folder.join(text);
        if !file.is_file() {
            let message = format!("there is no file {}", file.display());
            self.error(Rule::WrongValue, node.span, message, "paths begin where this file is: sales.yaml");
            return None;
        }
        Some(self.routes.file(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    /// A file of routes beside this project's flows.
    fn parsed(text: &str) -> Result<Routes, Vec<(String, String)>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/routes.yaml");
        let source = SourceFile::new(path, text);
        parse(&source).map_err(|found| {
            found.into_iter().map(|d| (d.id.to_string(), source.slice(d.primary.span).to_owned())).collect()
        })
    }

    #[test]
    fn a_file_of_routes_names_a_default_and_flows_by_number() {
        let routes = parsed(
            "default: cold_transfer.yaml\nroutes:\n  \"+1 555 010 0002\": business_hours.yaml\n  +15550100003: cold_transfer.yaml\n",
        )
        .unwrap();
        let names: Vec<_> =
            routes.files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["cold_transfer.yaml", "business_hours.yaml"]);
        assert_eq!(routes.numbers, [(number("+15550100002"), 1), (number("+15550100003"), 0)]);
        assert!(parsed("default: cold_transfer.yaml").unwrap().numbers.is_empty());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_its_place() {
        let text = "defualt: x.yaml\nroutes:\n  \"5550100\": nowhere.yaml\n  \"+15550100002\": cold_transfer.yaml\n  \
                    \"+1 (555) 010-0002\": cold_transfer.yaml\n  \"+15550100003\": [a]\n";
        let found = parsed(text).unwrap_err();
        let expected = [
            ("F003", "defualt"),
            ("F004", "d"),
            ("F005", "nowhere.yaml"),
            ("F040", "\"5550100\""),
            ("F002", "\"+1 (555) 010-0002\""),
            ("F005", "[a]"),
        ];
        assert_eq!(found, expected.map(|(rule, at)| (rule.to_owned(), at.to_owned())));
        for bad in ["", "- a", "default:", "default: cold_transfer.yaml\nroutes: 7", "a: [", "a: &x b\nc: *x"]
        {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn flows_of_the_command_line_may_name_their_number() {
        let arg = |text: &str| text.parse::<FlowArg>().unwrap();
        let routes =
            Routes::of_args(&[arg("a.yaml"), arg("+15550100002=b.yaml"), arg("+15550100003=a.yaml")]);
        let routes = routes.unwrap();
        assert_eq!(routes.files, [Path::new("a.yaml"), Path::new("b.yaml")]);
        assert_eq!(routes.numbers, [(number("+15550100002"), 1), (number("+15550100003"), 0)]);
        assert_eq!(arg("folder=x/a.yaml").file, Path::new("folder=x/a.yaml"));
        for bad in ["", "+1555=b.yaml", "+15550100002="] {
            assert!(bad.parse::<FlowArg>().is_err(), "{bad}");
        }
        let twice = Routes::of_args(&[arg("+15550100002=a.yaml"), arg("+1 555 010 0002=b.yaml")]);
        assert!(matches!(twice, Err(RoutesError::Twice { .. })));
        assert!(matches!(Routes::chosen(&[], None), Err(RoutesError::NoFlow)));
    }
}
