//! What is built in. `cargo deny` says it in full; this holds also where it cannot be installed.

use std::fs;

/// Names that deny.toml bans altogether.
fn banned() -> Vec<String> {
    let text = fs::read_to_string("deny.toml").unwrap();
    let entries = text.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \""));
    let whole = entries.filter(|entry| !entry.contains("deny-multiple-versions"));
    whole.map(|entry| entry.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn the_lock_file_has_only_crates_of_the_registry_and_none_that_are_banned() {
    let lock = fs::read_to_string("Cargo.lock").unwrap();
    let values = |key: &str| {
        let start = format!("{key} = \"");
        lock.lines()
            .filter_map(move |line| line.strip_prefix(&start).map(|v| v.trim_end_matches('"').to_owned()))
    };
    let others: Vec<_> = values("source")
        .filter(|source| source != "registry+https://github.com/rust-lang/crates.io-index")
        .collect();
    assert!(others.is_empty(), "not of the registry: {others:?}");
    assert_eq!(values("name").count(), values("source").count() + 1, "only callflow itself has no source");
    assert_eq!(values("source").count(), values("checksum").count(), "every crate has a checksum");
    let banned = banned();
    assert!(banned.iter().any(|name| name == "openssl-sys"), "{banned:?}");
    let present: Vec<_> = values("name").filter(|name| banned.contains(name)).collect();
    assert!(present.is_empty(), "banned by deny.toml: {present:?}");
}

#[test]
fn ci_checks_dependencies() {
    let script = fs::read_to_string(".ci/run").unwrap();
    assert!(script.contains("check licenses bans sources"));
    let workflow = fs::read_to_string(".github/workflows/ci.yml").unwrap();
    assert!(workflow.contains("cargo deny check advisories"));
}
