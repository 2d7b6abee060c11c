//! What `callflow check` prints and how it ends, in folders of its own.

use super::*;

const GOOD: &str = "callflow: 1\nstart: bye\nstates:\n  bye: {end: Goodbye.}\n";
const WARNED: &str = "callflow: 1\nstart: bye\nvars: {x: text}\nstates:\n  bye: {end: Goodbye.}\n";
const BAD: &str = "callflow: 1\nstart: by\nstates:\n  bye: {end: Goodbye.}\n";

/// Progress where standard error is no terminal.
fn unseen() -> Progress<Vec<u8>> {
    Progress::on(None)
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("callflow-check-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        for (name, text) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(root)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn args(&self, paths: &[&str], format: Format) -> CheckArgs {
        CheckArgs {
            paths: paths.iter().map(|p| self.0.join(p)).collect(),
            format,
            env: false,
            no_explore: false,
            no_cache: false,
            tests: false,
            strict: false,
        }
    }

    fn run(&self, paths: &[&str], format: Format, strict: bool) -> (ExitStatus, String, String) {
        self.checked(&CheckArgs { strict, ..self.args(paths, format) })
    }

    /// A strict check with the tests of the flows.
    fn run_with_tests(&self, paths: &[&str]) -> (ExitStatus, String, String) {
        let args = self.args(paths, Format::Short);
        self.checked(&CheckArgs { no_explore: true, tests: true, strict: true, ..args })
    }

    fn checked(&self, args: &CheckArgs) -> (ExitStatus, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = check_all(args, &|_| None, &mut out, &mut err, &mut unseen()).unwrap();
        let shown = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", self.0.display()), "");
        (status, shown(out), shown(err))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_short_form_is_one_line_a_finding() {
    let folder = Folder::new("short", &[("a.yaml", BAD)]);
    let (status, out, err) = folder.run(&["a.yaml"], Format::Short, false);
    assert_eq!(status, ExitStatus::Findings);
    assert_eq!(out, "a.yaml:2:8: error[F014]: the call cannot begin in `by`: there is no such state\n");
    assert_eq!(err, "");
}

#[test]
fn warnings_fail_only_a_strict_check() {
    let folder = Folder::new("strict", &[("a.yaml", WARNED)]);
    assert_eq!(folder.run(&["a.yaml"], Format::Short, false).0, ExitStatus::Success);
    assert_eq!(folder.run(&["a.yaml"], Format::Short, true).0, ExitStatus::Findings);
}

#[test]
fn a_folder_is_searched_for_flows_and_what_is_skipped_is_said() {
    let files = [
        ("b.yml", GOOD),
        ("deep/a.yaml", BAD),
        ("deep/marked.yaml", &format!("\u{feff}{GOOD}")),
        ("b.test.yaml", "callflow: 1\n"),
        ("compose.yaml", "services: {}\n"),
        ("part.yaml", "states:\n  bye: {end: Goodbye.}\n"),
        ("gates.yaml", "start: 1\nstatus: 2\n"),
        (".hidden/c.yaml", BAD),
        ("notes.txt", "callflow: 1\n"),
    ];
    let folder = Folder::new("folder", &files);
    let (status, out, err) = folder.run(&[""], Format::Human, false);
    assert_eq!(status, ExitStatus::Findings);
    assert!(out.contains("deep/a.yaml:2:8") && out.ends_with("3 flows checked: 1 error\n"), "{out}");
    let skipped = |name: &str| format!("skipped: {name} has no `callflow:` line, so it is not a flow\n");
    assert_eq!(err, ["compose.yaml", "gates.yaml", "part.yaml"].map(skipped).concat());
}

#[test]
fn a_flow_of_a_folder_that_forgot_its_version_is_a_finding() {
    let forgot = GOOD.strip_prefix("callflow: 1\n").unwrap();
    let folder = Folder::new("forgot", &[("a.yaml", GOOD), ("b.yaml", forgot)]);
    let (status, out, err) = folder.run(&[""], Format::Short, false);
    assert_eq!((status, err.as_str()), (ExitStatus::Findings, ""));
    assert_eq!(out, folder.run(&["b.yaml"], Format::Short, false).1);
    assert!(out.starts_with("b.yaml:1:1: error[F004]: a flow needs `callflow`"), "{out}");
}

#[test]
fn tests_are_run_only_when_asked_for_and_what_they_leave_out_is_a_warning_that_can_be_waived() {
    let flow = "callflow: 1\nstart: hi\nstates:\n  hi: {say: Hello., next: bye}\n  bye: {end: Goodbye.}\n";
    let tests = "tests: [{name: hello, script: [caller.joined, said], expect: {final: bye}}]\n";
    let folder = Folder::new("tests", &[("a.yaml", flow), ("a.test.yaml", tests), ("b.yaml", flow)]);
    let run = |paths: &[&str]| folder.run_with_tests(paths);
    assert_eq!(
        folder.run(&["a.yaml", "b.yaml"], Format::Short, true),
        (ExitStatus::Success, String::new(), String::new())
    );
    let warned = "a.yaml:4:27: warning[F070]: no test takes `failed` of `hi` to `bye`\n";
    assert_eq!(run(&["a.yaml", "b.yaml"]), (ExitStatus::Findings, warned.to_owned(), String::new()));
    let waived = flow.replace("next: bye}", "next: bye, allow: [F070: not worth it]}");
    std::fs::write(folder.0.join("a.yaml"), waived).unwrap();
    assert_eq!(run(&["a.yaml"]), (ExitStatus::Success, String::new(), String::new()));
    assert_eq!(folder.run(&["a.yaml"], Format::Short, true).0, ExitStatus::Success);
    std::fs::write(folder.0.join("a.test.yaml"), tests.replace("bye", "hi")).unwrap();
    let (status, _, err) = run(&["a.yaml"]);
    assert_eq!((status, err.as_str()), (ExitStatus::Findings, "error: a test of a.yaml fails: hello\n"));
    std::fs::write(folder.0.join("a.test.yaml"), tests.replace("tests:", "test:")).unwrap();
    let (status, _, err) = run(&["a.yaml"]);
    assert_eq!(status, ExitStatus::Error);
    assert!(err.contains("a.test.yaml:1:"), "{err}");
}

#[test]
fn a_test_file_of_another_name_is_about_the_flow_that_it_names() {
    let flow = "callflow: 1\nstart: hi\nstates:\n  hi: {say: Hello., next: bye}\n  bye: {end: Goodbye.}\n";
    let first = "tests: [{name: hello, script: [said], expect: {final: bye}}]\n";
    let second = "flow: ../a.yaml\ntests: [{name: mute, script: [say.failed], expect: {final: bye}}]\n";
    let files = [("a.yaml", flow), ("a.test.yaml", first), ("more/zz.test.yaml", second)];
    let folder = Folder::new("named-flow", &files);
    let run = |path: &str| folder.run_with_tests(&[path]);
    // What the two reach together is counted.
    assert_eq!(run(""), (ExitStatus::Success, String::new(), String::new()));
    assert_eq!(run("a.yaml").0, ExitStatus::Findings, "the second is in another folder");
    std::fs::rename(folder.0.join("more/zz.test.yaml"), folder.0.join("zz.test.yaml")).unwrap();
    std::fs::write(folder.0.join("zz.test.yaml"), second.replace("../", "")).unwrap();
    assert_eq!(run("a.yaml").0, ExitStatus::Success);

    for (wrong, says) in [
        (second.replace("../", "").replace("say.failed", "say.faild"), "no event `say.faild`"),
        (second.replace("../a", "gone"), "gone.yaml does not exist"),
    ] {
        std::fs::write(folder.0.join("zz.test.yaml"), wrong).unwrap();
        let (status, _, err) = run("");
        assert_eq!(status, ExitStatus::Error);
        assert!(err.contains(says), "{err}");
    }
    let fails = second.replace("../", "").replace("final: bye", "final: hi");
    std::fs::write(folder.0.join("zz.test.yaml"), fails).unwrap();
    let (status, _, err) = run("");
    assert_eq!(status, ExitStatus::Findings);
    assert!(err.contains("a.yaml fails: mute"), "{err}");
}

#[test]
fn what_only_exploring_decides_is_said_to_be_open_without_it() {
    let wishes = "properties: [{before: {bye: hi}}]\n";
    let flow = format!(
        "callflow: 1\nstart: hi\n{wishes}states:\n  hi: {{say: Hello., next: bye}}\n  bye: {{end: Goodbye.}}\n"
    );
    let folder = Folder::new("open", &[("a.yaml", &*flow), ("b.yaml", &flow.replace(wishes, ""))]);
    let run = |no_explore: bool| {
        let paths = ["a.yaml", "b.yaml"].iter().map(|p| folder.0.join(p)).collect();
        let args = CheckArgs {
            paths,
            format: Format::Short,
            env: false,
            no_explore,
            no_cache: false,
            tests: false,
            strict: false,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = check_all(&args, &|_| None, &mut out, &mut err, &mut unseen()).unwrap();
        let shown =
            |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{}/", folder.0.display()), "");
        (status, shown(out), shown(err))
    };
    let (status, out, err) = run(false);
    assert_eq!((status, err.as_str()), (ExitStatus::Findings, ""));
    assert!(out.starts_with("a.yaml:5:27: error[F059]: "), "{out}");
    let open =
        "note: a.yaml has `properties:`, which only exploring decides (F059); leave out `--no-explore`\n";
    assert_eq!(run(true), (ExitStatus::Success, String::new(), open.to_owned()));
}

#[test]
fn what_was_explored_is_remembered_and_what_was_found_is_found_again() {
    let wishes = "properties: [{before: {bye: hi}}]\n";
    let bad = format!(
        "callflow: 1\nstart: hi\n{wishes}states:\n  hi: {{say: Hello., next: bye}}\n  bye: {{end: Goodbye.}}\n"
    );
    let folder = Folder::new("cache", &[("f/good.yaml", GOOD), ("f/bad.yaml", &bad)]);
    let cache = folder.0.join("cache");
    let run = |no_cache: bool, env: bool| {
        let args = CheckArgs {
            paths: vec![folder.0.join("f")],
            format: Format::Short,
            env,
            no_explore: false,
            no_cache,
            tests: false,
            strict: false,
        };
        let home = |name: &str| (name == "XDG_CACHE_HOME").then(|| cache.display().to_string());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = check_all(&args, &home, &mut out, &mut err, &mut unseen()).unwrap();
        (status, out, err)
    };
    let remembered = || std::fs::read_to_string(cache.join("callflow/explored")).ok();
    let fresh = run(true, false);
    assert_eq!(fresh.0, ExitStatus::Findings);
    assert_eq!(run(false, true), fresh);
    assert_eq!(remembered(), None);
    for _ in 0..2 {
        assert_eq!(run(false, false), fresh);
        assert_eq!(remembered().unwrap().lines().count(), 1, "the good one, once");
    }
}

#[test]
fn a_file_given_by_name_is_checked_whatever_it_holds() {
    let folder = Folder::new("named", &[("compose.yaml", "services: {}\n")]);
    let (status, out, _) = folder.run(&["compose.yaml"], Format::Short, false);
    assert_eq!(status, ExitStatus::Findings);
    assert!(out.contains("error[F004]: a flow needs `callflow`"), "{out}");
}

#[test]
fn what_cannot_be_looked_at_ends_with_an_error_and_a_remedy() {
    let folder = Folder::new("unusable", &[("a.yaml", GOOD), ("empty/readme.md", "")]);
    std::fs::write(folder.0.join("latin1.yaml"), b"callflow: 1 # \xe4\n").unwrap();
    for (path, says) in [
        ("nowhere.yaml", "nowhere.yaml does not exist"),
        ("empty", "there are no flows in empty"),
        ("latin1.yaml", "latin1.yaml is not UTF-8"),
    ] {
        let (status, _, err) = folder.run(&["a.yaml", path], Format::Short, false);
        assert_eq!(status, ExitStatus::Error, "{path}");
        assert!(err.contains(says) && err.contains("help: "), "{err}");
    }
}

#[test]
fn tests_that_fail_or_cannot_be_run_are_counted_at_the_end() {
    let flow = "callflow: 1\nstart: hi\nstates:\n  hi: {say: Hello., next: bye, allow: [F070: not worth it]}\n  \
                bye: {end: Goodbye.}\n";
    let test =
        |name: &str, last: &str| format!("  - {{name: {name}, script: [said], expect: {{final: {last}}}}}\n");
    let failing = format!("tests:\n{}{}{}", test("one", "hi"), test("two", "hi"), test("three", "bye"));
    let folder = Folder::new("counted", &[("a.yaml", flow), ("a.test.yaml", &failing)]);
    let last_line = || {
        let mut args = folder.args(&[""], Format::Human);
        args.tests = true;
        let (status, out, _) = folder.checked(&args);
        (status, out.lines().last().unwrap().to_owned())
    };
    assert_eq!(last_line(), (ExitStatus::Findings, "1 flow checked: 2 tests failed".to_owned()));
    folder.write("a.test.yaml", &format!("tests:\n{}", test("one", "hi")));
    folder.write("b.yaml", WARNED);
    folder.write("c.yaml", BAD);
    // Two of the warnings are what is not covered, since a test that fails covers nothing.
    let said = "3 flows checked: 1 error, 3 warnings, 1 test failed";
    assert_eq!(last_line(), (ExitStatus::Findings, said.to_owned()));
    folder.write("b.yaml", GOOD);
    folder.write("c.yaml", GOOD);
    folder.write("a.test.yaml", "test: []\n");
    assert_eq!(last_line(), (ExitStatus::Error, "3 flows checked: 1 test file could not be run".to_owned()));
}

#[test]
fn a_flow_that_is_named_twice_is_looked_at_once_where_it_was_named_first() {
    let files = [("f/a.yaml", BAD), ("f/b.yaml", BAD), ("f/compose.yaml", "services: {}\n")];
    let folder = Folder::new("twice", &files);
    let one = |name: &str| {
        format!("f/{name}.yaml:2:8: error[F014]: the call cannot begin in `by`: there is no such state\n")
    };
    let (_, out, _) = folder.run(&["f/a.yaml", "f/../f/a.yaml"], Format::Short, false);
    assert_eq!(out, one("a"));
    let (_, out, err) = folder.run(&["f/b.yaml", "f", "f", "f/a.yaml"], Format::Short, false);
    assert_eq!((out, err.lines().count()), (one("b") + &one("a"), 1));
    let (_, out, err) = folder.run(&["f/b.yaml", "f/b.yaml"], Format::Human, false);
    assert!(out.ends_with("\n1 flow checked: 1 error\n") && err.is_empty(), "{out}{err}");
    // What a link takes in stands beside it, so that it is not what it leads to.
    std::os::unix::fs::symlink("f/b.yaml", folder.0.join("link.yaml")).unwrap();
    let (_, out, _) = folder.run(&["f/b.yaml", "link.yaml"], Format::Short, false);
    assert_eq!(out.lines().count(), 2);
    // What is all known already is not an empty folder.
    std::fs::remove_file(folder.0.join("f/b.yaml")).unwrap();
    let (status, _, err) = folder.run(&["f/a.yaml", "f"], Format::Short, false);
    assert_eq!((status, err.lines().count()), (ExitStatus::Findings, 1), "{err}");
}

#[test]
fn a_test_file_given_by_name_is_said_to_be_one() {
    let folder = Folder::new("test-by-name", &[("a.yaml", GOOD), ("a.test.yaml", "tests: []\n")]);
    let (status, out, err) = folder.run(&["a.test.yaml"], Format::Human, false);
    assert_eq!((status, out.as_str()), (ExitStatus::Error, ""));
    assert_eq!(
        err,
        "error: a.test.yaml is a test file, and not a flow: `callflow test a.test.yaml` runs it\n\
         help: for the flow that it tests, give the path of the flow\n"
    );
    let (_, _, err) = folder.run(&["b.test.yaml"], Format::Human, false);
    assert!(err.starts_with("error: b.test.yaml does not exist\n"), "{err}");
}

#[test]
fn a_link_that_leads_back_to_itself_is_said_to_be_one() {
    let folder = Folder::new("loop", &[("a.yaml", GOOD)]);
    std::os::unix::fs::symlink("there.yaml", folder.0.join("here.yaml")).unwrap();
    std::os::unix::fs::symlink("here.yaml", folder.0.join("there.yaml")).unwrap();
    let (status, _, err) = folder.run(&["here.yaml"], Format::Human, false);
    assert_eq!(status, ExitStatus::Error);
    assert_eq!(
        err,
        "error: here.yaml is a symbolic link that leads back to itself\n\
         help: `ls -l` shows where the link leads; give the path of the file itself\n"
    );
}

#[test]
fn a_link_in_a_folder_that_leads_nowhere_is_not_passed_over() {
    let folder = Folder::new("nowhere", &[("f/a.yaml", GOOD)]);
    std::os::unix::fs::symlink("gone.yaml", folder.0.join("f/b.yaml")).unwrap();
    std::os::unix::fs::symlink("c.yaml", folder.0.join("f/c.yaml")).unwrap();
    let (status, out, err) = folder.run(&["f"], Format::Human, false);
    assert_eq!((status, out.as_str()), (ExitStatus::Error, "1 flow checked, nothing found\n"));
    let help = "help: `ls -l` shows where the link leads; give the path of the file itself\n";
    assert_eq!(
        err,
        format!(
            "error: f/b.yaml is a symbolic link to something that does not exist\n{help}\
             error: f/c.yaml is a symbolic link that leads back to itself\n{help}"
        )
    );
}

#[test]
fn how_far_it_has_come_is_shown_at_a_terminal_and_gone_before_anything_else_is() {
    let folder = Folder::new("progress", &[("a.yaml", GOOD), ("b.yaml", GOOD)]);
    let seen = |paths: &[&str]| {
        let (mut out, mut err, mut shown) = (Vec::new(), Vec::new(), Vec::new());
        let args = folder.args(paths, Format::Human);
        let progress = &mut Progress::on(Some(&mut shown));
        check_all(&args, &|_| None, &mut out, &mut err, progress).unwrap();
        assert!(err.is_empty());
        String::from_utf8(shown).unwrap()
    };
    let shown = seen(&["a.yaml", "b.yaml"]);
    assert!(shown.starts_with("\rchecking: 0 of 2 flows"), "{shown:?}");
    assert!(shown.contains("\rchecking: 1 of 2 flows"), "{shown:?}");
    assert!(shown.ends_with("\rchecking: 2 of 2 flows\r\u{1b}[K"), "{shown:?}");
    assert_eq!(seen(&["a.yaml"]), "");
}
