//! The shape of the house: who may import whom, how large a file may be, and that each says what it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules that every other may import. They import only each other.
const LEAVES: &[&str] = &["source", "pii", "settings", "audio", "matcher", "access"];

/// The import table of docs/ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("flow", &["diagnostic"]),
    ("check", &["flow", "diagnostic"]),
    ("plan", &["check", "flow"]),
    ("machine", &["plan"]),
    ("replay", &["machine", "plan"]),
    ("explore", &["machine", "plan", "diagnostic"]),
    ("scenario", &["flow", "check", "plan", "machine", "explore", "diagnostic"]),
    ("speech", &[]),
    ("telephony", &[]),
    ("cloud", &["telephony"]),
    ("session", &["machine", "plan", "speech", "telephony"]),
    ("sandbox", &[]),
    ("server", &["session", "plan", "telephony", "cloud"]),
    ("telemetry", &[]),
];

/// Modules that may import everything.
const TOP: &[&str] = &["cli", "main", "lib"];

#[test]
fn modules_import_only_what_the_table_allows() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in sources() {
        let module = module_of(&file);
        if TOP.contains(&&*module) {
            continue;
        }
        let allowed = table.get(&*module).copied().unwrap_or(&[]);
        assert!(
            table.contains_key(&*module) || LEAVES.contains(&&*module),
            "{module} is not in the import table"
        );
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let fine = import == module || LEAVES.contains(&&*import) || allowed.contains(&&*import);
            if !fine {
                wrong.push(format!("{}: {module} may not import {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_document_and_the_test_agree() {
    let document = fs::read_to_string("docs/ARCHITECTURE.md").unwrap();
    for (module, imports) in MAY_IMPORT.iter().filter(|(m, _)| *m != "telemetry") {
        let row = document
            .lines()
            .find(|line| {
                line.starts_with("| ")
                    && line.split('|').nth(1).is_some_and(|c| c.contains(&format!("`{module}`")))
            })
            .unwrap_or_else(|| panic!("docs/ARCHITECTURE.md has no row for {module}"));
        let cell = row.split('|').nth(2).unwrap();
        for import in *imports {
            assert!(cell.contains(&format!("`{import}`")), "the row of {module} does not name {import}");
        }
    }
}

#[test]
fn the_machine_does_no_io_and_reads_no_clock() {
    for file in sources().iter().filter(|f| module_of(f) == "machine") {
        let text = fs::read_to_string(file).unwrap();
        for banned in ["tokio", "async", ".await", "std::env", "std::fs", "Instant", "SystemTime", "reqwest"]
        {
            let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
            let whole_word = |line: &str| {
                line.split(banned)
                    .skip(1)
                    .any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            assert!(!code.clone().any(whole_word), "{} uses {banned}", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_stays_small() {
    let mut sizes = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{} has no header", file.display());
        let lines = text.lines().count();
        assert!(lines <= 700, "{} has {lines} lines", file.display());
        sizes.push(lines);
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(median <= 200, "the median file has {median} lines");
}

#[test]
fn no_tracked_text_names_a_machine() {
    // Written in two halves, so that this file does not find itself.
    let banned = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/tm", "p/wt")];
    let mut files = sources();
    for folder in ["tests", "docs", "flows", "examples", "benches", ".github", ".ci"] {
        walk(Path::new(folder), &mut files);
    }
    for name in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml", "Dockerfile", ".env.example"] {
        files.push(name.into());
    }
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for word in banned {
            assert!(!text.contains(word), "{} names {word}", file.display());
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(Path::new("src"), &mut files);
    files.retain(|f| f.extension().is_some_and(|e| e == "rs"));
    assert!(files.len() > 30, "the sources were not found");
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// `src/flow/tree.rs` and `src/flow.rs` both belong to `flow`.
fn module_of(file: &Path) -> String {
    let first = file.strip_prefix("src").unwrap().components().next().unwrap();
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// First segments of all `crate::…` paths outside comments and inline tests.
fn imports(text: &str) -> Vec<String> {
    let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let code: String =
        production.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let inside = group.split('}').next().unwrap_or("");
            found.extend(inside.split(',').map(|p| head(p.trim())));
        } else {
            found.push(head(rest));
        }
    }
    found.retain(|m| !m.is_empty());
    found
}

fn head(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
