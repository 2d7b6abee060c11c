//! What docs/ci.md shows works as it stands.

use serde_json::Value;

use crate::folder::Folder;

const PAGE: &str = include_str!("../../docs/ci.md");
const GOOD: &str = include_str!("../../flows/cold_transfer.yaml");
const BAD: &str = "callflow: 1\nstart: nowhere\nstates:\n  bye: {end: Goodbye.}\n";

/// The blocks of the page in one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(&*begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn project(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("flows/cold_transfer.yaml", GOOD);
    folder
}

/// The steps of the workflow that do not install.
fn steps() -> Vec<(String, String)> {
    let workflow: Value = serde_yaml::from_str(blocks("yaml")[0]).unwrap();
    let steps = workflow["jobs"]["flows"]["steps"].as_array().unwrap();
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .map(|step| (text(step, "name"), text(step, "run")))
        .filter(|(_, run)| !run.is_empty() && !run.contains("cargo"))
        .collect()
}

#[test]
fn the_workflow_passes_with_a_flow_that_is_right() {
    let folder = project("ci-right");
    let steps = steps();
    assert_eq!(steps.len(), 3);
    for (name, script) in steps {
        let ran = folder.shell(&script);
        assert_eq!(ran.code, Some(0), "{name}\n{}\n{}", ran.out, ran.err);
    }
    let sarif: Value = serde_json::from_str(&folder.read("flows.sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn the_workflow_uploads_the_findings_and_fails_with_a_flow_that_is_wrong() {
    let folder = project("ci-wrong");
    folder.write("flows/bad.yaml", BAD);
    let steps = steps();
    assert_eq!(folder.shell(&steps[0].1).code, Some(0), "the upload must follow");
    let sarif: Value = serde_json::from_str(&folder.read("flows.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "F014");
    let annotated = folder.shell(&steps[1].1);
    assert_eq!(annotated.code, Some(1));
    assert!(annotated.out.starts_with("::error file=flows/bad.yaml,line=2,"), "{}", annotated.out);
    // Where nothing could be looked at, nothing is uploaded.
    let empty = Folder::new("ci-empty");
    assert_ne!(empty.shell(&steps[0].1).code, Some(0));
}

#[test]
fn the_git_hook_stops_a_commit_with_a_flow_that_is_wrong() {
    let folder = project("ci-hook");
    folder.write(".git-hook", blocks("sh")[0]);
    let commit = "git -c user.name=a -c user.email=a@example.com commit -qm flows";
    let prepared =
        folder.shell("git init -q && install -m 755 .git-hook .git/hooks/pre-commit && git add flows");
    assert_eq!(prepared.code, Some(0), "{}", prepared.err);
    assert_eq!(folder.shell(commit).code, Some(0));
    folder.write("flows/bad one.yaml", BAD);
    folder.write("flows/bad.test.yaml", "tests: []\n");
    folder.write("flows.txt", "no flow\n");
    let refused = folder.shell(&format!("git add flows flows.txt && {commit}"));
    assert_ne!(refused.code, Some(0));
    assert!(refused.out.contains("error[F014]") || refused.err.contains("error[F014]"), "{}", refused.err);
    assert_eq!(folder.shell(&format!("git reset -q 'flows/bad one.yaml' && {commit}")).code, Some(0));
}

#[test]
fn the_hooks_of_pre_commit_are_named_as_the_page_names_them() {
    let hooks: Value = serde_yaml::from_str(include_str!("../../.pre-commit-hooks.yaml")).unwrap();
    let shown: Value = serde_yaml::from_str(blocks("yaml")[1]).unwrap();
    let used = shown["repos"][0]["hooks"][0]["id"].as_str().unwrap();
    let ids: Vec<&str> = hooks.as_array().unwrap().iter().map(|hook| hook["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&used), "{ids:?}");
    for hook in hooks.as_array().unwrap() {
        assert!(PAGE.contains(hook["id"].as_str().unwrap()));
        assert_eq!(hook["entry"], "callflow check");
    }
}
