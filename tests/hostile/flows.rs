//! Whatever is in a file, checking it ends soon and says something.

use std::path::Path;
use std::time::Duration;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Rule, Style, render_human, render_short};
use callflow::explore::{Limits, explore, holds};
use callflow::plan;
use callflow::source::SourceFile;
use proptest::prelude::*;

pub fn examine(text: &str) -> Checked {
    let source = SourceFile::new("x.yaml", text);
    let checked = check(&source, EnvMode::Unknown);
    for d in &checked.diagnostics {
        let places = d.secondary.iter().map(|label| label.span).chain([d.primary.span]);
        for place in places {
            assert!(place.start <= place.end && place.end as usize <= text.len(), "{d:?} lies outside");
        }
    }
    assert_eq!(checked.flow.is_none(), checked.diagnostics.iter().any(|d| d.is_error()));
    let human = render_human(&source, &checked.diagnostics, Style::Plain);
    let short = render_short(&source, &checked.diagnostics);
    assert_eq!(short.lines().count(), checked.diagnostics.len());
    assert_eq!(human.is_empty(), checked.diagnostics.is_empty());
    checked
}

/// Against hanging and doubling, not a measurement: the bound is far above what any machine needs.
pub fn quickly(what: &str, text: &str) -> Checked {
    within_a_minute(what, || examine(text))
}

fn within_a_minute(what: &str, run: impl FnOnce() -> Checked) -> Checked {
    #[expect(clippy::disallowed_methods, reason = "this measures real time")]
    let start = std::time::Instant::now();
    let checked = run();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{what} took {took:?}");
    checked
}

fn shipped() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["flows/cold_transfer.yaml", "flows/business_hours.yaml", "tests/flows/ok/everything.yaml"]
        .iter()
        .map(|path| std::fs::read_to_string(root.join(path)).unwrap())
        .collect()
}

#[test]
fn attacks_on_the_parser_are_refused_at_once() {
    for (what, text) in attacks() {
        let checked = quickly(what, &text);
        assert!(checked.flow.is_none(), "{what} passed");
    }
}

/// Files that are made to take all time or all memory.
pub fn attacks() -> Vec<(&'static str, String)> {
    let bomb = {
        let first = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        ('b'..='j').fold((first, 'a'), |(text, last), next| {
            (text + &format!("{next}: &{next} [{}]\n", format!("*{last}, ").repeat(10)), next)
        })
    };
    let long_text = "é".repeat(100_000);
    vec![
        ("an alias bomb", bomb.0),
        ("a text repeated by alias", format!("a: &a {long_text}\nb: [{}]\n", "*a, ".repeat(10_000))),
        ("nested lists", "[".repeat(100_000)),
        ("nested maps", "{a: ".repeat(100_000)),
        ("nested blocks", (0..300).map(|i| format!("{}a:\n", " ".repeat(i))).collect()),
        ("ten megabytes", "callflow: 1\n".repeat(900_000)),
        ("one long line", format!("callflow: {}", "x".repeat(1_000_000))),
        ("many values", format!("callflow: [{}]", "1, ".repeat(200_000))),
    ]
}

/// A template can take all memory when it is rendered; checking a stranger's flow renders none.
#[test]
fn no_template_of_a_flow_is_rendered_while_it_is_checked() {
    let doubled = "{% set a = a ~ a %}".repeat(40);
    let replaced = "|replace('x','xxxxxxxxxx')".repeat(12);
    for bomb in [
        "{{ 'x' * 100000000000 }}".to_owned(),
        "{{ 'x' | indent(100000000000) }}".to_owned(),
        "{{ '%099999999999d' | format(1) }}".to_owned(),
        format!("{{% set a = 'x' %}}{doubled}{{{{ a }}}}"),
        format!("{{{{ 'x'{replaced} }}}}"),
    ] {
        let flow = |address: &str, say: &str| {
            format!(
                "callflow: 1\nstart: a\nenv: {{NUMBER: phone}}\ntargets: {{t: {{phone: \"{address}\"}}}}\nstates:\n  \
                 a: {{say: \"Hello. {say}\", next: b}}\n  b: {{dial: t, on: {{answered: d, otherwise: e}}}}\n  \
                 d: {{handoff: keep_room}}\n  e: {{end: \"{say}\"}}\n"
            )
        };
        let in_address = quickly(&bomb, &flow(&format!("{{{{ env.NUMBER }}}}{bomb}"), ""));
        assert!(in_address.flow.is_none(), "{bomb}");
        let in_text = quickly(&bomb, &flow("{{ env.NUMBER }}", &bomb));
        assert!(in_text.flow.is_some(), "{:?}", in_text.diagnostics);
    }
}

#[test]
fn large_and_entangled_flows_are_checked_in_reasonable_time() {
    let chain: String = (0..300)
        .map(|i| format!("  s{i}: {{say: Hello., next: s{}}}\n", i + 1))
        .chain(["  s300: {end: Goodbye.}\n".to_owned()])
        .collect();
    let checked = quickly("a chain", &format!("callflow: 1\nstart: s0\nstates:\n{chain}"));
    assert!(checked.flow.is_some());
    let _ = plan::compile(checked.flow.unwrap());

    // Every state counts another one: the search for unbounded circles could double with each.
    let counters: String = (0..24)
        .map(|i| {
            let choices: String = (0..24)
                .map(|j| format!("      - {{if: attempts(s{}) < 3, to: s{j}}}\n", (i * 7 + j) % 24))
                .collect();
            format!("  s{i}:\n    choose:\n{choices}      - else: bye\n")
        })
        .collect();
    let head = "callflow: 1\nstart: s0\nstates:\n  bye: {end: Goodbye.}\n";
    let _ = quickly("counters", &format!("{head}{counters}"));

    let wrong: String = (0..500).map(|i| format!("  s{i}: {{sya: Hello., next: nowhere{i}}}\n")).collect();
    let checked = quickly("five hundred mistakes", &format!("{head}{wrong}"));
    assert!(checked.diagnostics.len() < 300);
    assert!(checked.diagnostics.iter().any(|d| d.id == Rule::UnknownKey));

    // Each mistake could have meant any of the names.
    let many: String =
        (0..4000).map(|i| format!("  state{i:04}: {{say: Hello., next: stote{:04}}}\n", 3999 - i)).collect();
    let checked = quickly("four thousand names, each written wrong", &format!("{head}{many}"));
    assert!(checked.diagnostics.iter().any(|d| d.help.iter().any(|help| help.contains("did you mean"))));

    let vars: String = (0..300).map(|i| format!("  v{i}: text\n")).collect();
    let uses: String = (0..300).map(|i| format!("{{{{ v{i} }}}}")).collect();
    let text = format!(
        "callflow: 1\nstart: a\nvars:\n{vars}states:\n  a: {{say: \"{uses}\", next: b}}\n  b: {{end: silent}}\n"
    );
    let _ = quickly("three hundred variables", &text);
}

/// A flow with one conversation.
fn prompted(prompt: &str) -> String {
    let prompt = serde_json::to_string(prompt).unwrap();
    format!(
        "callflow: 1\nstart: talk\nvars: {{a: {{type: text, default: x}}}}\nintents: {{bye: {{when: Goodbye.}}}}\nstates:\n  \
         talk:\n    converse: {prompt}\n    on: {{intent.bye: bye}}\n  bye: {{end: Bye.}}\n"
    )
}

/// Each piece is worth a look, and looking at each took as long as the text is.
#[test]
fn long_texts_are_read_in_the_time_that_they_take_to_read() {
    for (before, piece) in [
        ("", "{{a}}"),
        ("", "{{ a|nope }}"),
        ("", "{% if a %}x{% endif %}"),
        ("", "{# "),
        ("not ", "transfer you "),
        ("", "asks transfer you "),
        ("", "call order_statu "),
        ("", "`x`() "),
        ("", "+1555010012 "),
        ("", "sip:a"),
        ("", "I'll connect "),
    ] {
        let prompt = before.to_owned() + &piece.repeat(900_000 / piece.len());
        // Showing two hundred findings in one line of a megabyte is another matter.
        let source = SourceFile::new("x.yaml", prompted(&prompt));
        let _ = within_a_minute(piece, || check(&source, EnvMode::Unknown));
    }
}

/// Few lines that stand for many: a long phrase that is used often, edges that every state has, names written wrong.
#[test]
fn what_a_flow_shares_does_not_multiply() {
    let talk = |count: usize, rest: &str| -> String {
        (0..count).map(|i| format!("  s{i}: {{converse: Talk.{rest}}}\n")).collect()
    };
    let branches: String = (0..4_000).map(|i| format!("{{if: a == 'x{i}', to: bye}}, ")).collect();
    let many = format!("{{caller.dtmf(\"0\"): [{branches}bye]}}");
    let head = "callflow: 1\nstart: s0\nvars: {a: {type: text, default: x}}\n";
    let bye = "  bye: {end: Bye.}\n";
    let group = format!("{head}groups: {{g: {{on: {many}}}}}\nstates:\n{}{bye}", talk(3_500, ", group: g"));
    let always = format!("{head}always: {many}\nstates:\n{}{bye}", talk(3_500, ""));
    for (what, text) in [("a group", group), ("edges of the whole flow", always)] {
        let checked = quickly(what, &text);
        let found: Vec<_> = checked.diagnostics.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(found.len(), 1, "{what}: {found:#?}");
        assert!(found[0].contains("ways lead from state to state"), "{what}: {found:#?}");
    }

    let says: String =
        (0..4_000).map(|i| format!("  s{i}: {{say: {{phrase: p}}, next: s{}}}\n", i + 1)).collect();
    let long = "{{a}} ".repeat(50_000);
    let phrases = format!("{head}phrases: {{p: \"{long}\"}}\nstates:\n{says}  s4000: {{end: Bye.}}\n");
    let checked = quickly("a phrase", &phrases);
    assert!(checked.diagnostics.iter().any(|found| found.message.contains("phrases come to more than")));

    let names = |what: &str| -> String { (0..6_000).map(|i| format!("  {what}{i:04}: X\n")).collect() };
    let wrong: String = (0..6_000)
        .map(|i| format!("  s{i}: {{say: {{phrase: phrose{i:04}}}, next: s{}}}\n", i + 1))
        .collect();
    let _ = quickly(
        "phrases written wrong",
        &format!("{head}phrases:\n{}states:\n{wrong}{bye}", names("phrase")),
    );
    let groups: String =
        (0..4_000).map(|i| format!("  group{i:04}: {{on: {{caller.dtmf(\"0\"): bye}}}}\n")).collect();
    let wrong: String =
        (0..4_000).map(|i| format!("  s{i}: {{converse: Talk., group: groop{i:04}}}\n")).collect();
    let _ = quickly("groups written wrong", &format!("{head}groups:\n{groups}states:\n{wrong}{bye}"));
}

/// A shipped flow with some of its text damaged.
fn damaged() -> impl Strategy<Value = String> {
    let flows = shipped();
    let piece = prop_oneof![
        Just(String::new()),
        "[a-z_:{}\\[\\]\"' \\n#&*!|>%@`,.0-9-]{0,12}",
        Just("{{ ".to_owned()),
        Just("\n  ".to_owned()),
        Just(": ".to_owned()),
        Just("ä\u{2028}\u{feff}\0".to_owned()),
        Just("\t".to_owned()),
        Just("[]".to_owned()),
        Just("~".to_owned()),
    ];
    let cut = (any::<prop::sample::Index>(), 0usize..40, piece);
    (0..flows.len(), prop::collection::vec(cut, 1..6)).prop_map(move |(flow, cuts)| {
        let mut text: Vec<char> = flows[flow].chars().collect();
        for (at, length, piece) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

/// A shipped flow with whole lines moved about, as when editing.
fn rearranged() -> impl Strategy<Value = String> {
    let flows = shipped();
    let swap = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3);
    (0..flows.len(), prop::collection::vec(swap, 1..8)).prop_map(move |(flow, swaps)| {
        let mut lines: Vec<String> = flows[flow].lines().map(str::to_owned).collect();
        for (a, b, what) in swaps {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            match what {
                0 => lines.swap(a, b),
                1 => lines[a] = lines[b].clone(),
                _ => lines.insert(a, lines[b].clone()),
            }
        }
        lines.join("\n")
    })
}

/// Texts and conditions made of the pieces of texts and conditions.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            " ",
            "if ",
            "else",
            "endif",
            "for ",
            "in ",
            "set ",
            "endfor",
            "raw",
            "endraw",
            "topic",
            "call.from",
            "env.SHOP",
            "|upper",
            "|replace(",
            "(",
            ")",
            "[",
            "]",
            "'",
            "\"",
            "not ",
            "and ",
            "or ",
            "==",
            "<",
            "is set",
            "within(office)",
            "attempts(a)",
            "8s",
            "-1",
            "1e99",
            "~",
            ",",
            ".",
            "\\",
        ])
        .prop_map(str::to_owned),
        ".{0,3}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_checked_without_panic(text in any::<String>()) {
        examine(&text);
    }

    #[test]
    fn damaged_flows_are_checked_without_panic_and_compile_if_they_pass(text in damaged()) {
        if let Some(flow) = examine(&text).flow {
            let _ = plan::compile(flow);
        }
    }

    /// The machine itself keeps its properties, whatever the flow; what a flow can break is told as a story.
    #[test]
    fn damaged_flows_that_pass_are_explored_without_panic(text in prop_oneof![damaged(), rearranged()]) {
        if let Some(flow) = examine(&text).flow {
            let plan = plan::compile(flow);
            let report = explore(&plan, &Limits { configurations: 60, findings: 5 }, &mut |_| {});
            for finding in &report.findings {
                let of_flow = [Rule::Inevitable, Rule::LeftAlone, Rule::MustPrecede];
                prop_assert!(of_flow.contains(&finding.violation.rule), "{:?}", finding.violation);
                prop_assert!(!finding.trace.in_a_line(&plan).is_empty());
                let _ = finding.trace.written(&plan);
            }
            prop_assert!(report.findings.is_empty() || !holds(&plan, 60));
        }
    }

    #[test]
    fn rearranged_flows_are_checked_without_panic_and_compile_if_they_pass(text in rearranged()) {
        if let Some(flow) = examine(&text).flow {
            let _ = plan::compile(flow);
        }
    }

    #[test]
    fn texts_and_conditions_of_any_make_are_checked_without_panic(text in soup(), condition in soup()) {
        let (text, condition) = (serde_json::to_string(&text).unwrap(), serde_json::to_string(&condition).unwrap());
        let flow = examine(&format!(
            "callflow: 1\nstart: a\nenv: {{SHOP: text}}\nvars: {{topic: text}}\nstates:\n  \
             a:\n    choose:\n      - {{if: {condition}, to: b}}\n      - {{else: b}}\n  b: {{end: {text}}}\n"
        ))
        .flow;
        if let Some(flow) = flow {
            let _ = plan::compile(flow);
        }
    }
}
