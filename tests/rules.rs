//! The pages of the rules: what they show as found is found, and what they show as fine is fine.

use callflow::check::{Checked, EnvMode, check};
use callflow::cli::explore::in_check;
use callflow::cli::lock;
use callflow::cli::test::{TestFiles, Uncovered};
use callflow::diagnostic::{Diagnostic, Rule, Style, render_human};
use callflow::source::SourceFile;

/// Rules that no flow of a page can show broken: those that the language's defaults, the room's maker or the machine
/// itself keep (`tests/check.rs` says which does what).
const NOT_SHOWN: &[Rule] = &[
    Rule::Inevitable,
    Rule::LateAnswer,
    Rule::RoomLife,
    Rule::SecondLeg,
    Rule::BotSpeaks,
    Rule::Duplicate,
    Rule::Completion,
    Rule::Crossing,
    Rule::AfterEnd,
    Rule::DiscardedTurn,
];

/// What `callflow check` finds; calls are explored for the rules that need it.
fn found_by_check(rule: Rule, source: &SourceFile) -> Vec<Diagnostic> {
    let mode = if rule == Rule::EnvMissing { EnvMode::Known(&|_| None) } else { EnvMode::Unknown };
    let Checked { flow, mut diagnostics, .. } = check(source, mode);
    if let (Rule::LeftAlone | Rule::MustPrecede, Some(flow)) = (rule, flow) {
        diagnostics.extend(in_check(flow).0);
    }
    diagnostics
}

/// A file beside the flow of a page: its tests, or its lock.
fn beside(rule: Rule) -> Option<&'static str> {
    match rule {
        Rule::Uncovered | Rule::UntestedOutcome | Rule::ImpossibleEvent => Some("flow.test.yaml"),
        Rule::Locked => Some("flow.lock"),
        _ => None,
    }
}

/// What is found in the flow of a page with this file beside it, a code and a severity for each.
fn found_beside(rule: Rule, text: &str) -> Vec<(String, String)> {
    let folder = std::env::temp_dir().join(format!("callflow-page-{rule}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let flow = folder.join("flow.yaml");
    let [flow_text] = examples(rule.page(), "flow")[..] else { panic!("the page of {rule} has no flow") };
    std::fs::write(&flow, flow_text).unwrap();
    std::fs::write(folder.join(beside(rule).unwrap()), text).unwrap();
    let Checked { flow: checked, mut diagnostics, .. } =
        check(&SourceFile::new(&flow, flow_text), EnvMode::Unknown);
    diagnostics.extend(lock::finding(&flow, checked.unwrap().document()));
    let tested = TestFiles::at(std::slice::from_ref(&flow)).uncovered(&flow);
    std::fs::remove_dir_all(folder).unwrap();
    let Uncovered { findings, failed, unusable } = tested.unwrap_or_default();
    assert_eq!(failed, [""; 0], "{rule}");
    diagnostics.extend(findings);
    // What keeps tests from being run is no finding of the flow: it is there as it is printed.
    let printed = unusable.concat();
    let mut found: Vec<_> =
        diagnostics.iter().map(|d| (d.id.code().to_owned(), d.severity.name().to_owned())).collect();
    for severity in ["error", "warning"] {
        let before = format!("{severity}[");
        let codes = printed.split(&before).skip(1);
        found.extend(codes.map(|rest| (rest.split(']').next().unwrap().to_owned(), severity.to_owned())));
    }
    found
}

/// The flows of a page: what stands in its blocks after this comment.
fn examples<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let begin = format!("```yaml\n# {kind}\n");
    page.split(&*begin).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_rule_has_a_page_with_a_title_of_its_code_and_whether_it_is_an_error() {
    for rule in Rule::ALL {
        let page = rule.page();
        assert!(page.starts_with(&format!("# {rule}: ")), "{rule}");
        assert!(page.contains("\n*error*\n") != page.contains("\n*warning*\n"), "{rule}");
        assert!(page.lines().all(|line| line.chars().count() <= 120), "{rule}");
    }
    let pages = std::fs::read_dir("docs/rules").unwrap().count();
    assert_eq!(pages, Rule::ALL.len() + 1, "a page for each rule, and their table");
}

/// An example as it is meant: a line that says how far the one before it goes on, with a number in it that counts up, is
/// that many lines. What is found for its length would fill a page.
fn spelt_out(example: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in example.lines() {
        let last =
            line.trim().strip_prefix("[and so on, up to article ").and_then(|rest| rest.strip_suffix(']'));
        match last {
            Some(last) => {
                let first = lines.last().unwrap().clone();
                assert!(first.contains("Article 1 "), "{first}");
                let more = 2..=last.parse::<usize>().unwrap();
                lines.extend(more.map(|n| first.replace("Article 1 ", &format!("Article {n} "))));
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

/// How many examples a page has of what is found, and of what is fine.
fn shown(rule: Rule) -> (usize, usize) {
    match rule {
        rule if NOT_SHOWN.contains(&rule) => (0, 0),
        _ => (1, 1),
    }
}

#[test]
fn what_a_page_shows_is_so() {
    for rule in Rule::ALL {
        let (found, fine) = (examples(rule.page(), "found"), examples(rule.page(), "fine"));
        assert_eq!((found.len(), fine.len()), shown(*rule), "{rule}");
        for text in found.into_iter().map(spelt_out) {
            let text = text.as_str();
            let found = match beside(*rule) {
                Some(_) => found_beside(*rule, text),
                None => found_by_check(*rule, &SourceFile::new("found.yaml", text))
                    .iter()
                    .map(|d| (d.id.code().to_owned(), d.severity.name().to_owned()))
                    .collect(),
            };
            assert!(!found.is_empty(), "{rule}");
            for (code, severity) in found {
                assert_eq!(code, rule.code());
                assert!(rule.page().contains(&format!("*{severity}*")), "{rule} is *{severity}*");
            }
        }
        for text in fine {
            if beside(*rule).is_some() {
                assert_eq!(found_beside(*rule, text), [], "{rule}");
                continue;
            }
            let source = SourceFile::new("fine.yaml", text);
            let diagnostics = found_by_check(*rule, &source);
            assert!(diagnostics.is_empty(), "{}", render_human(&source, &diagnostics, Style::Plain));
        }
    }
}

#[test]
fn the_table_of_rules_lists_them_all() {
    let rows = Rule::ALL.iter().map(|rule| {
        let title = rule.page().lines().next().unwrap().split_once(": ").unwrap().1;
        let severity = if rule.page().contains("\n*error*\n") { "error" } else { "warning" };
        format!("| [{rule}]({rule}.md) | {severity} | {title} |\n")
    });
    let table: String = rows.collect();
    let kept = std::fs::read_to_string("docs/rules/README.md").unwrap();
    assert!(kept.ends_with(&table), "the table in docs/rules/README.md must end with:\n{table}");
}
