//! The files of a new project, from the templates beside this file. Writes none of them.

use crate::{flow, scenario};

/// What stands for the flow's name in the templates.
const NAME: &str = "__NAME__";

/// A file of the new project.
pub(super) struct StarterFile {
    /// Its path in the project's folder.
    pub(super) path: String,
    /// What it is for, in a few words.
    pub(super) about: &'static str,
    /// What is in it.
    pub(super) text: String,
}

/// Path, purpose and template of each. The templates have no leading dots: a `.gitignore` would be one here too.
const TEMPLATES: [(&str, &str, &str); 8] = [
    ("flows/__NAME__.yaml", "the flow: begin here", include_str!("starter/flow.yaml")),
    (
        "flows/__NAME__.test.yaml",
        "calls of it, told step by step: its tests",
        include_str!("starter/flow.test.yaml"),
    ),
    ("README.md", "the commands", include_str!("starter/README.md")),
    (".env.example", "the keys; none is needed offline", include_str!("starter/env.example")),
    (".gitignore", "keeps keys and recorded calls out of git", include_str!("starter/gitignore")),
    (
        ".vscode/settings.json",
        "completion and hover in VS Code",
        include_str!("starter/vscode-settings.json"),
    ),
    (".vscode/extensions.json", "the extension they need", include_str!("starter/vscode-extensions.json")),
    (".github/workflows/flows.yml", "checks each pull request", include_str!("starter/workflow.yml")),
];

/// The files of a project whose flow has this name.
pub(super) fn files(name: &str) -> Vec<StarterFile> {
    let schema = |path: &str, about, text| StarterFile { path: path.to_owned(), about, text };
    let schemas = [
        schema("flow.schema.json", "what editors know about flows", flow::json_schema_text()),
        schema("test.schema.json", "and about their tests", scenario::json_schema_text()),
    ];
    TEMPLATES
        .into_iter()
        .map(|(path, about, template)| StarterFile {
            path: path.replace(NAME, name),
            about,
            text: template.replace(NAME, name),
        })
        .chain(schemas)
        .collect()
}
