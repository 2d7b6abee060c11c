//! The pages of the rules: what they show as found is found, and what they show as fine is fine.

use callflow::check::{Checked, EnvMode, check};
use callflow::cli::explore::in_check;
use callflow::diagnostic::{Diagnostic, Rule, Style, render_human};
use callflow::source::SourceFile;

/// Rules that no flow of a page can show broken: of an environment, of tests, of length, and those that the language's
/// defaults, the room's maker or the machine itself keep.
const NOT_SHOWN: &[Rule] = &[
    Rule::EnvMissing,
    Rule::TokenBudget,
    Rule::Uncovered,
    Rule::UntestedOutcome,
    Rule::ImpossibleEvent,
    Rule::Locked,
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
    let Checked { flow, mut diagnostics, .. } = check(source, EnvMode::Unknown);
    if let (Rule::LeftAlone | Rule::MustPrecede, Some(flow)) = (rule, flow) {
        diagnostics.extend(in_check(flow).0);
    }
    diagnostics
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

#[test]
fn what_a_page_shows_is_so() {
    for rule in Rule::ALL {
        let (found, fine) = (examples(rule.page(), "found"), examples(rule.page(), "fine"));
        let shown = if NOT_SHOWN.contains(rule) { (0, 0) } else { (1, 1) };
        assert_eq!((found.len(), fine.len()), shown, "{rule}");
        for text in found {
            let diagnostics = found_by_check(*rule, &SourceFile::new("found.yaml", text));
            assert!(!diagnostics.is_empty(), "{rule}");
            for diagnostic in diagnostics {
                assert_eq!(diagnostic.id, *rule, "{}", diagnostic.message);
                let severity = format!("*{}*", diagnostic.severity.name());
                assert!(rule.page().contains(&severity), "{rule} is {severity}");
            }
        }
        for text in fine {
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
