//! `callflow init`: what it writes works as it stands.

use std::path::Path;

use serde_json::Value;

use crate::folder::Folder;

/// Every file below a folder, with its path from there.
fn files(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, into);
            } else {
                into.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

#[test]
fn a_new_project_is_checked_clean_and_carries_a_whole_call() {
    let folder = Folder::new("new");
    let made = folder.callflow(&["init", "bakery"], "");
    assert_eq!((made.code, &*made.err), (Some(0), ""), "{}", made.out);
    insta::assert_snapshot!("init", made.out);
    for path in files(&folder.0) {
        assert!(made.out.contains(path.strip_prefix("bakery/").unwrap()), "{path} is not named");
        assert!(!folder.read(&path).contains("__NAME__"), "{path} is not filled in");
    }

    let checked = folder.callflow(&["check", "--strict", "bakery"], "");
    assert_eq!((checked.code, &*checked.err), (Some(0), ""));
    assert_eq!(checked.out, "1 flow checked, nothing found\n");

    // The tests that come along pass, and leave nothing out.
    let tested = folder.callflow(&["test", "bakery/flows", "--min-coverage", "100"], "");
    assert_eq!((tested.code, &*tested.err), (Some(0), ""), "{}", tested.out);
    let checked = folder.callflow(&["check", "--strict", "--tests", "bakery"], "");
    assert_eq!((checked.code, &*checked.err), (Some(0), ""), "{}", checked.out);

    let call = ["--flow", "bakery/flows/bakery.yaml", "--once", "--json", "--offline", "--port", "0"];
    let lines = "what kinds of bread do you have\ncan I speak to somebody\nyes\n/answer\n/hangup\n";
    let called = folder.callflow(&[&call[..], &["--speed", "max"]].concat(), lines);
    assert_eq!(called.code, Some(0), "{}", called.err);
    let record = called.record();
    assert_eq!(record["outcome"], "transferred");
    assert_eq!(record["flow"], "bakery");
    let lines = "put me through to a person\nyes\n/reject busy\nthat is all, thank you\n";
    let called = folder.callflow(&[&call[..], &["--speed", "max"]].concat(), lines);
    assert_eq!(called.record()["outcome"], "completed", "{}", called.err);
}

#[test]
fn editors_are_pointed_at_the_schema_that_comes_along_and_the_flow_fits_it() {
    let folder = Folder::new("editor");
    assert_eq!(folder.callflow(&["init", ".", "--name", "shop"], "").code, Some(0));
    for (schema, file) in [("flow.schema.json", "shop.yaml"), ("test.schema.json", "shop.test.yaml")] {
        let schema: Value = serde_json::from_str(&folder.read(schema)).unwrap();
        let text = folder.read(&format!("flows/{file}"));
        let as_json: Value = serde_yaml::from_str(&text).unwrap();
        let errors: Vec<_> = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&as_json)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");

        let modeline = text.lines().next().unwrap().split("$schema=").nth(1).unwrap();
        assert!(folder.0.join("flows").join(modeline).is_file(), "{modeline}");
    }
    let settings: Value = serde_json::from_str(&folder.read(".vscode/settings.json")).unwrap();
    for path in settings["yaml.schemas"].as_object().unwrap().keys() {
        assert!(folder.0.join(path).is_file(), "{path}");
    }
    let _: Value = serde_json::from_str(&folder.read(".vscode/extensions.json")).unwrap();
    let _: Value = serde_yaml::from_str(&folder.read(".github/workflows/flows.yml")).unwrap();
}

/// The shell lines of the workflow that call callflow, run as they stand.
#[test]
fn the_commands_of_the_workflow_are_commands_that_work() {
    let folder = Folder::new("workflow");
    assert_eq!(folder.callflow(&["init", ".", "--name", "shop"], "").code, Some(0));
    let workflow: Value = serde_yaml::from_str(&folder.read(".github/workflows/flows.yml")).unwrap();
    let steps = workflow["jobs"]["flows"]["steps"].as_array().unwrap();
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    for script in runs.iter().filter(|script| !script.contains("cargo")) {
        let ran = folder.shell(script);
        assert_eq!(ran.code, Some(0), "{script}\n{}\n{}", ran.out, ran.err);
    }
    assert!(runs.len() > 2);
    assert!(runs.contains(&"callflow test flows/"), "{runs:?}");
    assert!(folder.read("README.md").contains("\ncallflow test flows/ "));
}

#[test]
fn what_is_there_is_named_and_kept_until_force_is_given() {
    let folder = Folder::new("kept");
    std::fs::write(folder.0.join("README.md"), "mine\n").unwrap();
    let refused = folder.callflow(&["init", ".", "--name", "shop"], "");
    assert_eq!((refused.code, &*refused.out), (Some(2), ""));
    assert_eq!(
        refused.err,
        "error: this is there already: ./README.md\n\
         help: nothing was written; take another folder, or `--force` to write over them\n"
    );
    assert_eq!(files(&folder.0), ["README.md"]);
    assert_eq!(folder.read("README.md"), "mine\n");

    assert_eq!(folder.callflow(&["init", ".", "--name", "shop", "--force"], "").code, Some(0));
    assert!(folder.read("README.md").starts_with("# shop"));
    let again = folder.callflow(&["init", ".", "--name", "shop"], "");
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("these are there already") && again.err.contains("flows/shop.yaml"));
}

#[test]
fn what_else_is_in_the_folder_is_left_and_named() {
    let folder = Folder::new("beside");
    folder.write("flows/old.yaml", "mine\n");
    folder.write("flows/flows/older.yaml", "mine, too\n");
    folder.write("flows/notes/a.txt", "and this\n");
    let made = folder.callflow(&["init", "flows"], "");
    assert_eq!((made.code, &*made.err), (Some(0), ""), "{}", made.out);
    let left = "\nleft as it was:\n  flows/older.yaml\n  notes/\n  old.yaml\n\nnext:\n";
    assert!(made.out.contains(left), "{}", made.out);
    for (path, text) in
        [("old.yaml", "mine\n"), ("flows/older.yaml", "mine, too\n"), ("notes/a.txt", "and this\n")]
    {
        assert_eq!(folder.read(&format!("flows/{path}")), text);
    }
    let forced = folder.callflow(&["init", "flows", "--force"], "");
    assert!(forced.out.contains("the commands (written over the one there was)\n"), "{}", forced.out);
    assert!(forced.out.contains(left), "{}", forced.out);

    for n in 0..30 {
        folder.write(&format!("many/{n:02}.txt"), "");
    }
    let made = folder.callflow(&["init", "many"], "");
    assert!(made.out.contains("\n  19.txt\n  and 10 more\n"), "{}", made.out);
}

#[test]
fn a_file_where_the_folder_should_be_is_an_error_with_advice() {
    let folder = Folder::new("file");
    std::fs::write(folder.0.join("taken"), "").unwrap();
    let refused = folder.callflow(&["init", "taken"], "");
    assert_eq!((refused.code, &*refused.out), (Some(2), ""));
    assert_eq!(
        refused.err,
        "error: taken is a file, and a project is a folder\n\
         help: give the name of a folder; one that is not there is made: `callflow init bakery`\n"
    );
    let refused = folder.callflow(&["init", "taken/below"], "");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.starts_with("error: cannot write taken/below") && refused.err.contains("help: "));
}

#[test]
fn the_next_commands_can_be_typed_as_they_are_shown() {
    let folder = Folder::new("typed");
    let made = folder.callflow(&["init", "the baker's shop"], "");
    assert_eq!(made.code, Some(0), "{}", made.err);
    let (_, next) = made.out.split_once("next:\n").unwrap();
    let typed: Vec<_> = next.lines().filter(|line| !line.contains("--flow")).collect();
    assert_eq!(typed.len(), 3, "{next}");
    let ran = folder.shell(&typed.join("\n"));
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
}
