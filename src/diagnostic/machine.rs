//! Findings for programs: one JSON object, SARIF 2.1.0, and the annotations of GitHub Actions.
//!
//! Lines and columns count from one, columns in characters, ends exclusive. A place in a file that the flow
//! takes in names that file (`path`).

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Diagnostic, Label, Rule, Severity};
use crate::source::{SourceFile, Span};

/// A file and what was found in it.
pub type Findings = (SourceFile, Vec<Diagnostic>);

/// Where SARIF's schema is published.
const SARIF_SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// `{"version": 1, "files": [{"path", "findings": [{"rule", "severity", "message", "help", "span", "related"}]}]}`.
#[must_use]
pub fn render_json(files: &[Findings]) -> String {
    let finding = |source: &SourceFile, d: &Diagnostic| {
        json!({
            "rule": d.id.code(),
            "severity": d.severity.name(),
            "message": d.message,
            "help": d.help,
            "span": span(source, d.primary.span),
            "related": related(source, d),
        })
    };
    let file = |(source, diagnostics): &Findings| {
        let findings: Vec<Value> = diagnostics.iter().map(|d| finding(source, d)).collect();
        json!({"path": source.path(), "findings": findings})
    };
    let files: Vec<Value> = files.iter().map(file).collect();
    line(&json!({"version": 1, "files": files}))
}

/// The Static Analysis Results Interchange Format, version 2.1.0 (OASIS, errata 01), as code scanning takes it.
#[must_use]
pub fn render_sarif(files: &[Findings]) -> String {
    let rules: Vec<Value> = Rule::ALL.iter().map(|rule| sarif_rule(*rule)).collect();
    let results: Vec<Value> = files
        .iter()
        .flat_map(|(source, diagnostics)| diagnostics.iter().map(|d| sarif_result(source, d)))
        .collect();
    let driver = json!({
        "name": "callflow",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    line(&json!({
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }))
}

/// `::error file=…,line=…::…`, one finding a line: workflow commands of GitHub Actions.
#[must_use]
pub fn render_github(source: &SourceFile, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for d in diagnostics {
        let ((line, column), (end_line, end_column)) = ends(source, d.primary.span);
        let path = property(&source.path_at(d.primary.span.start).display().to_string());
        let mut message = d.message.clone();
        if let Some(help) = &d.help {
            message = format!("{message}\nhelp: {help}");
        }
        // Columns mark a piece of one line only; the last one is meant to be included.
        let columns = if line == end_line {
            format!(",col={column},endColumn={}", (end_column - 1).max(column))
        } else {
            String::new()
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::{} file={path},line={line},endLine={end_line}{columns},title={}::{}",
            d.severity.name(),
            d.id,
            data(&message)
        );
    }
    out
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn ends(source: &SourceFile, span: Span) -> ((usize, usize), (usize, usize)) {
    (source.position(span.start), source.position(span.end))
}

fn span(source: &SourceFile, span: Span) -> Value {
    let ((line, column), (end_line, end_column)) = ends(source, span);
    let (path, begin) = (source.path_at(span.start), source.begin_of(span.start));
    let mut place = json!({
        "start": {"line": line, "column": column, "offset": span.start.saturating_sub(begin)},
        "end": {"line": end_line, "column": end_column, "offset": span.end.saturating_sub(begin)},
    });
    if path != source.path() {
        place["path"] = json!(path);
    }
    place
}

fn related(source: &SourceFile, d: &Diagnostic) -> Vec<Value> {
    d.secondary.iter().map(|label| json!({"message": label.text, "span": span(source, label.span)})).collect()
}

fn sarif_rule(rule: Rule) -> Value {
    let page = rule.page();
    let title = page.lines().next().unwrap_or_default().split_once(": ").map_or("", |(_, title)| title);
    json!({
        "id": rule.code(),
        "name": format!("{rule:?}"),
        "shortDescription": {"text": title},
        "help": {"text": page, "markdown": page},
    })
}

fn sarif_result(source: &SourceFile, d: &Diagnostic) -> Value {
    let level = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let text = match &d.help {
        Some(help) => format!("{}. Help: {help}", d.message),
        None => d.message.clone(),
    };
    let mut result = json!({
        "ruleId": d.id.code(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == d.id),
        "level": level,
        "message": {"text": text},
        "locations": [sarif_location(source, &d.primary)],
    });
    if !d.secondary.is_empty() {
        let related: Vec<Value> = d.secondary.iter().map(|label| sarif_location(source, label)).collect();
        result["relatedLocations"] = Value::from(related);
    }
    result
}

fn sarif_location(source: &SourceFile, label: &Label) -> Value {
    let ((line, column), (end_line, end_column)) = ends(source, label.span);
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(source.path_at(label.span.start))},
            "region": {
                "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column,
            },
        },
    });
    if !label.text.is_empty() {
        location["message"] = json!({"text": label.text});
    }
    location
}

/// A path as a URI reference: with slashes, and everything else that is not plain in percent form.
fn uri(path: &std::path::Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let mut out = String::new();
    for byte in path.trim_start_matches("./").bytes() {
        // `//` at the beginning would make a host of what follows.
        if byte == b'/' && out == "/" {
            continue;
        }
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The text of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Findings {
        let source = SourceFile::new("./flows/a b,c.yaml", "ä: Grüße\nb: x\nc: y\n");
        let first =
            Diagnostic::error(Rule::UnknownState, Span::new(15, 16), "state `x`\ndoes not exist: 100%")
                .help("did you mean `y`?")
                .also(Span::new(20, 21), "this one");
        let second = Diagnostic::warning(Rule::Unused, Span::new(0, 16), "unused");
        (source, vec![first, second])
    }

    #[test]
    fn json_has_every_place_in_lines_and_columns_and_bytes() {
        let value: Value = serde_json::from_str(&render_json(&[findings()])).unwrap();
        let finding = &value["files"][0]["findings"][0];
        assert_eq!(finding["rule"], "F008");
        assert_eq!(finding["span"]["start"], json!({"line": 2, "column": 4, "offset": 15}));
        assert_eq!(finding["span"]["end"], json!({"line": 2, "column": 5, "offset": 16}));
        assert_eq!(finding["related"][0]["span"]["start"]["line"], 3);
        assert_eq!(render_json(&[]), "{\"version\":1,\"files\":[]}\n");
    }

    #[test]
    fn sarif_points_from_each_result_to_its_rule_and_its_place() {
        let value: Value = serde_json::from_str(&render_sarif(&[findings()])).unwrap();
        let run = &value["runs"][0];
        let result = &run["results"][0];
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "F008");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "flows/a%20b%2Cc.yaml");
        assert_eq!(place["region"], json!({"startLine": 2, "startColumn": 4, "endLine": 2, "endColumn": 5}));
        assert_eq!(result["relatedLocations"][0]["message"]["text"], "this one");
        assert_eq!(run["results"][1]["level"], "warning");
    }

    #[test]
    fn nothing_in_a_finding_can_end_its_workflow_command() {
        let (source, diagnostics) = findings();
        assert_eq!(
            render_github(&source, &diagnostics),
            "::error file=./flows/a b%2Cc.yaml,line=2,endLine=2,col=4,endColumn=4,title=F008::state `x`%0Adoes not exist: 100%25%0Ahelp: did you mean `y`?\n\
             ::warning file=./flows/a b%2Cc.yaml,line=1,endLine=2,title=F013::unused\n"
        );
    }
}
