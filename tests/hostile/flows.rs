//! Whatever is in a file, checking it ends soon and says something.

use std::path::Path;
use std::time::Duration;

use callflow::check::{Checked, EnvMode, check};
use callflow::diagnostic::{Rule, Style, render_human, render_short};
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
    #[expect(clippy::disallowed_methods, reason = "this measures real time")]
    let start = std::time::Instant::now();
    let checked = examine(text);
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
