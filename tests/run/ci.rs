//! What docs/ci.md shows works as it stands.

use serde_json::Value;

use crate::folder::Folder;

const PAGE: &str = include_str!("../../docs/ci.md");
const GOOD: &str = include_str!("../../flows/cold_transfer.yaml");
const TESTS: &str = include_str!("../../flows/cold_transfer.test.yaml");
const BAD: &str = "callflow: 1\nstart: nowhere\nstates:\n  bye: {end: Goodbye.}\n";

/// The blocks of the page in one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let begin = format!("```{language}\n");
    PAGE.split(&*begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

fn project(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("flows/cold_transfer.yaml", GOOD);
    folder.write("flows/cold_transfer.test.yaml", TESTS);
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
    assert_eq!(steps.len(), 4);
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
    folder.write("flows/cold_transfer.test.yaml", &TESTS.replace("state: handed_off", "state: goodbye"));
    let (name, script) = &steps[2];
    assert_eq!((name.as_str(), folder.shell(script).code), ("calls go as the tests say", Some(1)));
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
    for name in ["bad one.yaml", "bad.yml"] {
        folder.write(&format!("flows/{name}"), BAD);
        folder.write("flows.txt", name);
        let refused = folder.shell(&format!("git add flows flows.txt && {commit}"));
        assert_eq!((refused.code, folder.shell("sh .git/hooks/pre-commit").code), (Some(1), Some(1)));
        assert!(
            refused.out.contains("error[F014]") || refused.err.contains("error[F014]"),
            "{}",
            refused.err
        );
        assert_eq!(folder.shell(&format!("git reset -q 'flows/{name}' && {commit}")).code, Some(0));
        std::fs::remove_file(folder.0.join("flows").join(name)).unwrap();
    }
    // A test that fails stops it, too, and what has nothing to do with flows asks for nothing.
    folder.write(
        "flows/cold_transfer.test.yml",
        "tests: [{name: x, script: [said], expect: {state: goodbye}}]\n",
    );
    folder.write("flows.txt", "no flow\n");
    assert_eq!(folder.shell(&format!("git add flows.txt && {commit}")).code, Some(0));
    let refused = folder.shell(&format!("git add flows && {commit}"));
    assert_eq!(refused.code, Some(1));
    assert!(refused.out.contains("FAILED x") || refused.err.contains("FAILED x"), "{}", refused.err);
}

/// Each status of the second table that a test file can bring about.
#[test]
fn a_mistake_in_a_test_file_is_what_the_page_says_it_is() {
    let folder = Folder::new("ci-statuses");
    folder.write("flows/cold_transfer.yaml", GOOD);
    let file = "flows/cold_transfer.test.yaml";
    folder.write(file, "tests: [{name: x, script: [operator.answerd]}]\n");
    for (args, code) in [
        (&["test", "flows"][..], 2),
        (&["check", "--tests", "flows"], 2),
        (&["check", "flows"], 0),
        (&["check", file], 2),
    ] {
        let ran = folder.callflow(args, "");
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.err);
    }
    folder.write(file, "tests: [{name: x, tags: [llm], script: [\"hello\"]}]\n");
    let skipped = folder.callflow(&["test", "flows"], "");
    assert_eq!(skipped.code, Some(0));
    assert!(skipped.err.starts_with("note: nothing was tested: "), "{}", skipped.err);
    assert_eq!(folder.callflow(&["test", "flows", "--filter", "zzz"], "").code, Some(2));
}

#[test]
fn the_log_of_a_ci_has_no_progress_in_it() {
    let folder = project("ci-log");
    folder.write("flows/second.yaml", GOOD);
    let ran = folder.callflow(&["check", "--no-explore", "flows"], "");
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "2 flows checked, nothing found\n", ""));
}

#[test]
fn the_hooks_of_pre_commit_are_named_as_the_page_names_them() {
    let shown: Value = serde_yaml::from_str(blocks("yaml")[1]).unwrap();
    let used = shown["repos"][0]["hooks"].as_array().unwrap();
    let hooks = hooks();
    assert!(!used.is_empty() && used.iter().all(|used| hooks.iter().any(|hook| hook["id"] == used["id"])));
    for hook in &hooks {
        let id = hook["id"].as_str().unwrap();
        assert!(PAGE.contains(&format!("`{id}`")), "{id}");
        let what = id.split('-').nth(1).unwrap();
        assert_eq!(hook["entry"], format!("callflow {what}"));
        // pre-commit builds it, unless the name says that it is there.
        assert_eq!(hook["language"], if id.ends_with("-system") { "system" } else { "rust" });
    }
    for what in ["check", "test"] {
        for end in ["", "-system"] {
            let id = format!("callflow-{what}{end}");
            assert_eq!(hooks.iter().filter(|hook| hook["id"] == id.as_str()).count(), 1, "{id}");
        }
    }
}

/// What pre-commit runs: the entry, the arguments, and the files of the commit if they are wanted.
#[test]
fn the_hooks_of_pre_commit_stop_a_flow_with_errors_and_a_test_that_fails() {
    let folder = project("ci-hooks");
    let run = |hook: &Value| {
        let words = |key: &str| {
            let args = hook[key].as_array().into_iter().flatten();
            args.map(|arg| arg.as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let files = if hook["pass_filenames"] == false { "" } else { "flows/cold_transfer.yaml" };
        folder.shell(&format!("{} {} {files}", hook["entry"].as_str().unwrap(), words("args"))).code
    };
    let codes = || {
        let of = |id: &str| run(hooks().iter().find(|hook| hook["id"] == id).unwrap());
        (of("callflow-check-system"), of("callflow-test-system"))
    };
    assert_eq!(codes(), (Some(0), Some(0)));
    folder.write("flows/cold_transfer.test.yaml", &TESTS.replace("state: handed_off", "state: goodbye"));
    assert_eq!(codes(), (Some(0), Some(1)));
    folder.write("flows/cold_transfer.yaml", BAD);
    assert_eq!(codes().0, Some(1));
}

fn hooks() -> Vec<Value> {
    let hooks: Value = serde_yaml::from_str(include_str!("../../.pre-commit-hooks.yaml")).unwrap();
    hooks.as_array().unwrap().clone()
}
