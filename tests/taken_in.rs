//! What a flow takes in from its folder: prompts and states, with their places, bounds and versions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::PathBuf;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Style, render_github, render_human, render_json, render_sarif, render_short};
use callflow::plan::{self, Kind};
use callflow::source::SourceFile;

/// A folder of its own with these files; the first is the flow.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("callflow-taken-in-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("deep")).unwrap();
        for (name, text) in files {
            fs::write(root.join(name), text).unwrap();
        }
        Self(root)
    }

    fn check(&self) -> Checked {
        let path = self.0.join("flow.yaml");
        let text = fs::read_to_string(&path).unwrap();
        check(&SourceFile::new(path, text), EnvMode::Unknown)
    }

    /// The findings, one a line, with paths of this folder.
    fn findings(&self) -> Vec<String> {
        let checked = self.check();
        let shown = render_short(&checked.source, &checked.diagnostics);
        shown.replace(&format!("{}/", self.0.display()), "").lines().map(str::to_owned).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const TALK: &str = "callflow: 1
start: talk
vars: {shop: {type: text, default: the shop}}
use: [deep/closing.yaml]
states:
  talk:
    converse: {prompt_file: hailey.md}
    on: {caller.dtmf(\"0\"): closing}
";
const HAILEY: &str = "You are Hailey.\nYou work for {{ shop }}.\n";
const CLOSING: &str = "states:\n  closing: {say: \"Thank you.\", next: bye}\n  bye: {end: Goodbye.}\n";

fn talk(name: &str, hailey: &str, closing: &str) -> Folder {
    Folder::new(name, &[("flow.yaml", TALK), ("hailey.md", hailey), ("deep/closing.yaml", closing)])
}

#[test]
fn a_prompt_and_states_of_other_files_are_the_flows_own_and_part_of_its_version() {
    let folder = talk("good", HAILEY, CLOSING);
    assert_eq!(folder.findings(), [""; 0]);
    let plan = plan::compile(folder.check().flow.unwrap());
    let Kind::Converse(converse) = &plan.state(plan.start).kind else { panic!("not a conversation") };
    assert_eq!(converse.prompt.source(), HAILEY.trim());
    assert!(plan.state_named("closing").is_some() && plan.state_named("bye").is_some());
    for (file, text) in
        [("hailey.md", "Be kind to {{ shop }}."), ("deep/closing.yaml", &*CLOSING.replace("Thank", "Bless"))]
    {
        fs::write(folder.0.join(file), text).unwrap();
        assert_ne!(plan::compile(folder.check().flow.unwrap()).hash, plan.hash, "{file}");
    }
}

#[test]
fn what_is_wrong_in_another_file_is_shown_there_in_every_format() {
    let folder = talk(
        "places",
        "Be kind.\nTo {{ nobody }} and {{ somebody }}.",
        &CLOSING.replace("next: bye", "next: by"),
    );
    // The variable that is not used any more stands first, in the flow itself.
    let findings = &folder.findings()[1..];
    assert!(
        findings[0].starts_with("hailey.md:2:7: error[F010]: there is no variable `nobody`"),
        "{findings:?}"
    );
    assert!(
        findings[1].starts_with("hailey.md:2:24: error[F010]: there is no variable `somebody`"),
        "{findings:?}"
    );
    assert!(
        findings[2].starts_with("deep/closing.yaml:2:38: error[F008]: there is no state `by`"),
        "{findings:?}"
    );
    let Checked { source, diagnostics, .. } = folder.check();
    let human = render_human(&source, &diagnostics, Style::Plain);
    assert!(human.contains("hailey.md:2:7\n  |\n2 | To {{ nobody }}"), "{human}");
    assert!(render_github(&source, &diagnostics).contains("hailey.md,line=2,"));
    let json = render_json(&[(source.clone(), diagnostics.clone())]);
    assert!(json.contains("hailey.md\"") && json.contains("\"offset\":15"), "{json}");
    let sarif = render_sarif(&[(source, diagnostics)]);
    assert!(sarif.contains("hailey.md\"}") && sarif.contains("closing.yaml\"}"), "{sarif}");
}

#[test]
fn a_state_that_stands_in_two_files_is_shown_in_both() {
    let folder = talk("twice", HAILEY, &format!("{CLOSING}  talk: {{end: Bye.}}\n"));
    let Checked { source, diagnostics, .. } = folder.check();
    let human = render_human(&source, &diagnostics, Style::Plain);
    assert!(human.contains("error[F002]: the state `talk` stands in two files"), "{human}");
    assert!(human.contains("closing.yaml:4:3") && human.contains("flow.yaml:6:3"), "{human}");
}

#[test]
fn nothing_outside_the_folder_is_read_and_nothing_without_end() {
    let flow = |line: &str| {
        format!(
            "callflow: 1\nstart: talk\n{line}\nstates:\n  talk: {{converse: {{prompt_file: hailey.md}}, on: {{caller.dtmf(\"0\"): bye}}}}\n  bye: {{end: Bye.}}\n"
        )
    };
    let one = |name: &str, line: &str, hailey: &str| {
        let files = [
            ("flow.yaml", &*flow(line)),
            ("hailey.md", hailey),
            ("a.yaml", "use: [b.yaml]\nstates: {a: {end: silent}}\n"),
            ("b.yaml", "use: [a.yaml]\nstates: {b: {end: silent}}\n"),
            ("c.yaml", "callflow: 1\nstart: c\nstates: {c: {end: silent}}\n"),
            ("d.yaml", "states: [\n"),
        ];
        Folder::new(name, &files).findings().join("\n")
    };
    for (line, says) in [
        (
            "use: [../flow.yaml]",
            "flow.yaml:3:7: error[F005]: `../flow.yaml` cannot be read: it is not in the flow's folder",
        ),
        ("use: [/etc/passwd]", "`/etc/passwd` cannot be read: it is not in the flow's folder"),
        ("use: [none.yaml]", "`none.yaml` cannot be read: there is no such file"),
        ("use: [deep]", "`deep` cannot be read: it is not a file"),
        ("use: [a.yaml]", "b.yaml:1:7: error[F011]: `a.yaml` is used twice, or uses itself"),
        ("use: [c.yaml]", "c.yaml:1:1: error[F003]: `callflow` does not belong here"),
        ("use: [d.yaml]", "d.yaml:1:9: error[F001]: not valid YAML"),
        ("use: a.yaml", "flow.yaml:3:6: error[F005]: expected a list of files"),
    ] {
        let found = one("bounds", line, "Be kind.");
        assert!(found.contains(says), "{line}: {found}");
    }
    let found = one("long", "description: long", &"x".repeat(70_000));
    assert!(found.contains("`hailey.md` cannot be read: it is larger than 64 KB"), "{found}");
    assert!(one("empty", "description: empty", " \n").contains("it is empty"));
}

#[test]
fn what_is_wrong_with_a_prompt_in_another_file_is_waived_in_the_state_that_takes_it() {
    let hailey = "You are Hailey of {{ shop }}.\nCall +1 555 010 0123 if in doubt.\n";
    let folder = talk("waived", hailey, CLOSING);
    let found = folder.findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("hailey.md:2:6: warning[F063]: "), "{found:?}");
    let waived =
        TALK.replace("    on: {caller", "    allow: [F063: the number of the shop]\n    on: {caller");
    fs::write(folder.0.join("flow.yaml"), waived).unwrap();
    assert_eq!(folder.findings(), Vec::<String>::new());
}

#[test]
fn a_flow_that_uses_itself_is_told_so_and_nothing_else() {
    let text =
        "callflow: 1\nstart: a\nuse: [flow.yaml]\nstates:\n  a: {say: Hello., next: b}\n  b: {end: Bye.}\n";
    let folder = Folder::new("itself", &[("flow.yaml", text)]);
    assert_eq!(folder.findings(), ["flow.yaml:3:7: error[F011]: `flow.yaml` is used twice, or uses itself"]);
}
