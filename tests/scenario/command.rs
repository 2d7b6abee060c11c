//! The command: exit statuses, formats, and what is written where.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

const FAILING: &str = "tests:\n  - {name: good, script: [\"that's all, bye\"], expect: {outcome: completed}}\n  \
    - name: bad <one>\n    script: [\"I want to speak to a manager\"]\n    expect: {state: goodbye}\n  \
    - {name: talks, tags: [llm], script: [\"hello\"]}\n";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, tests: &str) -> Self {
        let root = std::env::temp_dir().join(format!("callflow-test-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        fs::copy("flows/cold_transfer.yaml", root.join("a.yaml")).unwrap();
        fs::write(root.join("a.test.yaml"), tests).unwrap();
        Self(root)
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_callflow"))
            .current_dir(&self.0)
            .arg("test")
            .args(args)
            // A key of whoever runs the tests would have a model asked.
            .env_remove("OPENAI_API_KEY")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Times differ from run to run.
fn timeless(text: &str) -> String {
    let mut words = text.split_inclusive(['[', ']', ' ', '\n']);
    let is_time =
        |word: &str| word.contains('.') && word.trim_end_matches([']', ' ', ':', 's']).parse::<f64>().is_ok();
    words.by_ref().map(|word| if is_time(word) { "TIME " } else { word }).collect()
}

#[test]
fn a_failed_test_is_shown_with_its_place_what_was_expected_and_the_call_up_to_there() {
    let folder = Folder::new("human", FAILING);
    let (status, out, err) = folder.run(&["."]);
    assert_eq!((status, err.as_str()), (1, ""));
    insta::assert_snapshot!(timeless(&out));
}

#[test]
fn tests_are_chosen_listed_and_stopped_at_the_first_failure() {
    let folder = Folder::new("choice", FAILING);
    let (status, out, _) = folder.run(&["a.yaml", "--filter", "good"]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("1 test in") && out.contains("1 passed"), "{out}");
    let (status, out, _) = folder.run(&["a.test.yaml", "--list"]);
    assert_eq!(
        (status, out.as_str()),
        (0, "a.test.yaml: good\na.test.yaml: bad <one>\na.test.yaml: talks\n")
    );
    let (status, out, _) = folder.run(&["a.test.yaml", "--fail-fast"]);
    assert_eq!(status, 1);
    assert!(out.contains("2 tests in"), "{out}");
}

#[test]
fn a_run_that_looked_at_no_test_has_not_passed() {
    let folder = Folder::new("nothing", FAILING);
    for args in [&["a.yaml", "--filter", "zzz"][..], &[".", "--filter", "zzz", "--list", "--format", "json"]]
    {
        let (status, out, err) = folder.run(args);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.starts_with("error: no test (of 3) has `zzz` in its name"), "{err}");
        assert!(err.contains("help: `--list`"), "{err}");
    }
    // What is put through the catalogue or written are no tests with names to choose by.
    for args in [
        &["a.yaml", "--filter", "good", "--faults", "all"][..],
        &["a.yaml", "--filter", "good", "--generate"],
    ] {
        let (status, out, err) = folder.run(args);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.contains("cannot be used with") && err.contains("--filter"), "{err}");
    }
    fs::write(folder.0.join("a.test.yaml"), "tests: []\n").unwrap();
    let (status, _, err) = folder.run(&["a.yaml"]);
    assert_eq!((status, err.lines().next()), (2, Some("error: there is no test in a.test.yaml")));
}

#[test]
fn where_every_test_needs_a_model_that_cannot_be_asked_that_is_said_and_is_no_failure() {
    let folder = Folder::new("skipped", "tests:\n  - {name: talks, tags: [llm], script: [\"hello\"]}\n");
    for (args, why) in [
        (&["."][..], "needs a real model, and OPENAI_API_KEY is not set"),
        (&["a.yaml", "--format", "json"], "needs a real model, and OPENAI_API_KEY is not set"),
        (&["a.yaml", "--offline"], "needs a real model, and --offline asks none"),
    ] {
        let (status, _, err) = folder.run(args);
        assert_eq!((status, err), (0, format!("note: nothing was tested: every test {why}\n")));
    }
    fs::write(folder.0.join("a.test.yaml"), FAILING).unwrap();
    let (status, _, err) = folder.run(&["a.yaml", "--filter", "good"]);
    assert_eq!((status, err.as_str()), (0, ""), "one was run");
}

#[test]
fn a_test_file_that_is_found_twice_is_run_once() {
    let folder = Folder::new("twice", "tests:\n  - {name: x, script: [\"hello\"]}\n");
    let (status, out, _) = folder.run(&["a.yaml", "a.test.yaml", ".", "--list"]);
    assert_eq!((status, out.as_str()), (0, "a.test.yaml: x\n"));
}

#[test]
fn what_is_to_be_written_to_a_folder_that_is_not_there_is_refused_before_any_test_is_run() {
    let folder = Folder::new("no-place", FAILING);
    for args in [
        &["a.yaml", "--junit", "nodir/x.xml"][..],
        &["a.yaml", "--coverage-json", "nodir/x.xml"],
        &["a.yaml", "--generate", "-o", "nodir/x.xml"],
    ] {
        let (status, out, err) = folder.run(args);
        assert_eq!((status, out.as_str()), (2, ""));
        assert_eq!(
            err,
            "error: cannot write nodir/x.xml: there is no folder nodir\n\
             help: make the folder first (`mkdir -p`), or give a path in one that is there\n"
        );
    }
}

#[test]
fn programs_are_told_the_same_as_json_and_junit() {
    let folder = Folder::new("formats", FAILING);
    let (status, out, _) = folder.run(&[".", "--format", "json", "--junit", "out.xml"]);
    assert_eq!(status, 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["passed"], &json["failed"], &json["skipped"]), (&1.into(), &1.into(), &1.into()));
    let bad = &json["tests"][1];
    assert_eq!(bad["message"], "expected the call to be in `goodbye`");
    assert_eq!((&bad["place"]["line"], &bad["place"]["column"]), (&5.into(), &21.into()));
    let xml = fs::read_to_string(folder.0.join("out.xml")).unwrap();
    assert!(xml.contains("<testsuites tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{xml}");
    assert!(xml.contains("name=\"bad &lt;one&gt;\"") && !xml.contains("bad <one>"), "{xml}");
    let (_, again, _) = folder.run(&[".", "--format", "junit"]);
    assert_eq!(again.lines().count(), xml.lines().count());
}

#[test]
fn what_is_no_test_is_status_2_with_every_finding() {
    let folder =
        Folder::new("unusable", "tests:\n  - {name: x, script: [operator.answerd], expect: {sate: x}}\n");
    let (status, out, err) = folder.run(&["."]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(
        err.contains("did you mean `operator.answered`?") && err.contains("did you mean `state`?"),
        "{err}"
    );
    // Names of the flow are not kept for the next run, nor are the mistakes of the flow itself.
    fs::write(
        folder.0.join("a.test.yaml"),
        "tests:\n  - {name: x, start_in: convers, script: [operator.answerd], expect: {final: goodby}}\n",
    )
    .unwrap();
    let (status, _, err) = folder.run(&["."]);
    let codes: Vec<_> =
        ["F008", "F009"].iter().map(|code| err.matches(&format!("error[{code}]")).count()).collect();
    assert_eq!((status, codes), (2, vec![2, 1]), "{err}");
    assert!(
        err.find("`convers`").unwrap() < err.find("`operator.answerd`").unwrap(),
        "in the file's order: {err}"
    );
    fs::write(folder.0.join("a.yaml"), "callflow: 1\nstart: nowhere\nstates: {bye: {end: Bye.}}\n").unwrap();
    let (_, _, err) = folder.run(&["."]);
    assert!(err.contains("error[F009]") && err.contains("error[F014]"), "{err}");
    for (path, says) in [
        ("nowhere", "error: nowhere does not exist\nhelp: "),
        ("b.yaml", "error: b.yaml does not exist\nhelp: "),
    ] {
        let (status, _, err) = folder.run(&[path]);
        assert_eq!(status, 2);
        assert!(err.starts_with(says), "{err}");
    }
    fs::remove_file(folder.0.join("a.test.yaml")).unwrap();
    let (status, _, err) = folder.run(&["a.yaml"]);
    assert_eq!(status, 2);
    assert!(err.contains("--generate` writes one"), "{err}");
}

#[test]
fn missing_tests_are_written_pass_and_are_not_written_over() {
    let folder = Folder::new("generate", "tests: []\n");
    fs::remove_file(folder.0.join("a.test.yaml")).unwrap();
    let (status, _, err) = folder.run(&["a.yaml", "--generate", "-o", "a.test.yaml"]);
    assert_eq!(status, 0, "{err}");
    let (status, out, _) =
        folder.run(&[".", "--coverage", "--min-coverage", "90", "--coverage-json", "c.json"]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("a.yaml: states 6/6 (100 %)"), "{out}");
    let json: Value = serde_json::from_str(&fs::read_to_string(folder.0.join("c.json")).unwrap()).unwrap();
    assert_eq!(json["flows"][0]["summary"]["states"]["percent"], 100);
    let (status, _, err) = folder.run(&["a.yaml", "--generate", "-o", "a.test.yaml"]);
    assert_eq!(status, 2);
    assert!(err.contains("is there already"), "{err}");
}

#[test]
fn too_little_coverage_fails_if_that_is_asked_for() {
    let folder = Folder::new("least", "tests:\n  - {name: x, script: [\"hello\"]}\n");
    assert_eq!(folder.run(&["."]).0, 0);
    let (status, out, _) = folder.run(&[".", "--min-coverage", "80", "--coverage"]);
    assert_eq!(status, 1);
    assert!(
        out.contains("warning[F070]: no test enters `confirm_transfer`") && out.contains("wanted are 80 %"),
        "{out}"
    );
}

#[test]
fn a_flow_is_put_through_the_catalogue() {
    let folder = Folder::new("faults", "tests: []\n");
    let (status, out, _) = folder.run(&["a.yaml", "--faults", "E17,E19"]);
    assert_eq!(status, 0, "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("  survived")).count(), 2, "{out}");
    let (status, _, err) = folder.run(&["a.yaml", "--faults", "E53"]);
    assert_eq!(status, 2);
    assert!(err.contains(r#"POST {"id":"E53"} to its /control/faults"#), "{err}");
    let (status, _, err) = folder.run(&["a.yaml", "--faults", "E99"]);
    assert!(status == 2 && err.contains("E99 is no case of the catalogue"), "{err}");
    let (_, out, _) = folder.run(&["--list-faults"]);
    assert_eq!(out.lines().count(), 71);
    let injected = out.lines().filter(|line| line.ends_with(": injected by `faults:`")).count();
    assert_eq!(injected, 63, "{out}");
}

fn graph(folder: &Folder, args: &[&str]) -> (i32, String, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_callflow"))
        .current_dir(&folder.0)
        .args(["graph", "a.yaml"])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (ran.status.code().unwrap(), text(ran.stdout), text(ran.stderr))
}

#[test]
fn the_picture_of_a_flow_shows_what_the_tests_beside_it_reach() {
    let folder = Folder::new("graph", FAILING);
    let (status, out, err) = graph(&folder, &["--coverage"]);
    // A test that fails reaches nothing, and one that needs a model is not asked.
    assert_eq!((status, err.lines().count()), (0, 1), "{err}");
    assert!(err.starts_with("warning: `bad <one>` fails"), "{err}");
    assert!(out.contains("tests: states 3 of 6") && out.contains("✓ 1×  intent.terminate_call"), "{out}");
    assert!(out.contains("✗  accepted"), "{out}");
    fs::write(folder.0.join("other.test.yaml"), "flow: a.yaml\ntests:\n  - {name: x, script: []}\n").unwrap();
    let (_, out, _) = graph(&folder, &["--coverage=other.test.yaml", "--format", "dot"]);
    assert!(out.contains("label=\"tests: states 2 of 6"), "{out}");
    fs::remove_file(folder.0.join("a.test.yaml")).unwrap();
    let (status, out, err) = graph(&folder, &["--coverage"]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(err.contains("has no test file beside it"), "{err}");
    fs::write(folder.0.join("b.yaml"), "callflow: 1\nstart: bye\nstates: {bye: {end: Goodbye.}}\n").unwrap();
    fs::write(folder.0.join("b.test.yaml"), "tests:\n  - {name: x, script: []}\n").unwrap();
    let (status, _, err) = graph(&folder, &["--coverage=b.test.yaml"]);
    assert_eq!(status, 2);
    assert!(err.contains("b.test.yaml tests another flow than a.yaml"), "{err}");
}

#[test]
fn a_picture_is_written_in_the_language_of_its_name_or_not_at_all() {
    let folder = Folder::new("pictures", FAILING);
    for (args, says) in [
        (&["-o", "x.png"][..], "x.png: no picture can be written as `.png`"),
        (&["-o", "x.txt"], "x.txt: no picture can be written as `.txt`"),
        (&["--format", "dot", "-o", "x.PDF"], "x.PDF: no picture can be written as `.pdf`"),
        (&["--format", "svg", "-o", "x.dot"], "x.dot is named as dot, and `--format` says svg"),
    ] {
        let (status, out, err) = graph(&folder, args);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(err.starts_with(&format!("error: {says}\nhelp: ")), "{err}");
        assert!(!folder.0.join(args[args.len() - 1]).exists());
    }
    for (args, begins) in [
        (&["-o", "x.SVG"][..], "<svg"),
        (&["-o", "x.gv"], "digraph"),
        (&["--format", "mermaid", "-o", "x.md"], "flowchart"),
        (&["--format", "dot", "-o", "x"], "digraph"),
    ] {
        let (status, _, err) = graph(&folder, args);
        assert_eq!((status, err.as_str()), (0, ""));
        let text = fs::read_to_string(folder.0.join(args[args.len() - 1])).unwrap();
        assert!(text.contains(begins), "{text}");
    }
    let (status, _, err) = graph(&folder, &["-o", "nodir/x.svg"]);
    assert_eq!(status, 2);
    assert!(err.starts_with("error: cannot write nodir/x.svg: there is no folder nodir\nhelp: "), "{err}");
    // Said once, and findings as they are said everywhere.
    let (status, _, err) = graph(&folder, &["--coverage=missing.test.yaml"]);
    assert_eq!(status, 2);
    assert!(err.starts_with("error: missing.test.yaml does not exist\nhelp: "), "{err}");
    fs::write(folder.0.join("a.test.yaml"), "tests:\n  - {name: x, script: [operator.answerd]}\n").unwrap();
    let (_, _, err) = graph(&folder, &["--coverage"]);
    assert!(err.starts_with("error[F009]: "), "{err}");
}
