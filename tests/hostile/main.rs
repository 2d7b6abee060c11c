//! What an enemy, a broken disk or a careless editor may put before a reader: no panic, no hang, bounded memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod flows;
mod guards;
mod journals;
mod memory;

/// What is fuzzed by hand now and then has a twin that runs with every change.
#[test]
fn every_fuzz_target_is_described_and_names_a_twin_that_there_is() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    let page = std::fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let mut targets = 0;
    for entry in std::fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not built");
        assert!(page.contains(&format!("| `{name}` |")), "CONTRIBUTING.md says nothing about {name}");
        let text = std::fs::read_to_string(&path).unwrap();
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let twins: Vec<_> = header
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quoted| quoted.starts_with("tests/") || quoted.starts_with("src/"))
            .collect();
        assert!(!twins.is_empty(), "{name} names no twin");
        twins.iter().for_each(|twin| assert!(root.join(twin).exists(), "{twin}"));
        targets += 1;
    }
    assert_eq!(targets, manifest.matches("[[bin]]").count());
}
