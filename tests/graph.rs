//! Pictures of flows: the shipped ones as they are, hostile ones without harm.

use std::path::Path;

use callflow::check::{EnvMode, check};
use callflow::plan::graph::{Graph, Mark, Reached, Trace};
use callflow::plan::{Plan, compile};
use callflow::source::SourceFile;
use proptest::prelude::*;
use std::sync::Arc;

fn plan(name: &str, text: &str) -> Arc<Plan> {
    let checked = check(&SourceFile::new(Path::new(name), text), EnvMode::Unknown);
    compile(checked.flow.unwrap_or_else(|| panic!("{}", checked.diagnostics[0].message)))
}

fn shipped(name: &str) -> Arc<Plan> {
    let path = format!("flows/{name}.yaml");
    plan(&path, &std::fs::read_to_string(&path).unwrap())
}

#[test]
fn the_shipped_flow_in_every_language() {
    let graph = Graph::of(&shipped("cold_transfer"), true);
    insta::assert_snapshot!("cold_transfer_mermaid", graph.mermaid());
    insta::assert_snapshot!("cold_transfer_dot", graph.dot());
    insta::assert_snapshot!("business_hours_mermaid", Graph::of(&shipped("business_hours"), false).mermaid());
}

#[test]
fn the_picture_of_the_readme_is_that_of_the_shipped_flow() {
    let drawn = Graph::of(&shipped("cold_transfer"), true).svg();
    let kept = std::fs::read_to_string("docs/cold_transfer.svg").unwrap();
    assert!(
        drawn == kept,
        "draw it again: callflow graph flows/cold_transfer.yaml -o docs/cold_transfer.svg"
    );
}

#[test]
fn a_recorded_call_is_drawn_over_its_flow_and_over_no_other() {
    let plan = shipped("cold_transfer");
    let step = |call: &str, states: &[usize]| {
        let effects: Vec<_> =
            states.iter().map(|state| serde_json::json!({"do": "enter", "state": state})).collect();
        let hash = plan.hash.to_string();
        serde_json::json!({"call": call, "flow_hash": hash, "effects": effects}).to_string()
    };
    let journal = [step("a", &[0]), step("b", &[0, 1]), step("a", &[1, 2]), step("a", &[3, 1, 5])].join("\n");
    let mut graph = Graph::of(&plan, true);
    graph.overlay(&Trace::read(&journal, &plan).unwrap());
    let visits = |name: &str| graph.nodes.iter().find(|node| node.name == name).unwrap().visits;
    assert_eq!((visits("greet"), visits("converse"), visits("goodbye"), visits("handed_off")), (2, 3, 1, 0));
    let taken: Vec<_> =
        graph.links.iter().filter(|l| l.visits > 0).map(|l| (l.from, l.to, l.visits)).collect();
    assert_eq!(taken, [(0, 1, 2), (1, 2, 2), (2, 3, 1), (2, 6, 1), (3, 4, 1), (4, 2, 1)]);
    assert!(graph.svg().contains("class=\"link normal taken\""));

    let other = shipped("business_hours");
    let refused = Trace::read(&journal, &other).unwrap_err().to_string();
    assert!(refused.contains("this version of the flow"), "{refused}");
    let refused = Trace::read("{\"version\":1}", &plan).unwrap_err().to_string();
    assert_eq!(refused, "line 1 is not a step of a journal (written by --record)");
    for empty in ["", "\n", "{\"journal\":1}\n"] {
        assert_eq!(Trace::read(empty, &plan).unwrap_err().to_string(), "there is no call in it");
    }
}

/// What a few tests reach of the shipped flow: everything but what follows a failed transfer.
fn covered() -> Graph {
    let plan = shipped("cold_transfer");
    let mut graph = Graph::of(&plan, true);
    let count = |name: &str| u32::from(name != "handed_off") * 3;
    let states: Vec<_> = plan.states.iter().map(|state| count(&state.name)).collect();
    let failing = |edge: &callflow::plan::Edge| {
        matches!(
            edge.event,
            Some(
                callflow::plan::Event::Failed
                    | callflow::plan::Event::Otherwise
                    | callflow::plan::Event::OperatorAnswered
            )
        )
    };
    let edges: Vec<_> = plan.edges.iter().map(|edge| u32::from(!failing(edge)) * 2).collect();
    let sums = ["states 5 of 6".to_owned(), "edges 7 of 11".to_owned(), "outcomes 5 of 12".to_owned()];
    graph.cover(&Reached { states: &states, edges: &edges, sums: &sums });
    graph
}

#[test]
fn what_tests_reach_is_drawn_over_a_flow_with_a_legend_in_every_language() {
    let graph = covered();
    insta::assert_snapshot!("covered_mermaid", graph.mermaid());
    insta::assert_snapshot!("covered_dot", graph.dot());
    insta::assert_snapshot!("covered_svg", graph.svg());
}

/// Of an attribute that is given twice, Graphviz takes one.
#[test]
fn no_attribute_of_a_node_or_an_edge_is_given_twice() {
    for graph in [covered(), Graph::of(&shipped("business_hours"), true)] {
        let dot = graph.dot();
        for line in dot.lines().filter(|line| line.contains('[')) {
            let attributes = line.split_once('[').unwrap().1;
            for name in ["label", "shape", "style", "color", "fillcolor", "fontcolor", "penwidth"] {
                let name = format!("{name}=");
                let given = attributes.match_indices(&name).filter(|(at, _)| {
                    attributes[..*at].is_empty() || attributes[..*at].ends_with([' ', '['])
                });
                assert!(given.count() <= 1, "{name}: {line}");
            }
        }
    }
}

#[test]
fn what_no_test_reaches_is_told_from_what_is_not_counted() {
    let graph = covered();
    let mark = |name: &str| graph.nodes.iter().find(|node| node.name == name).unwrap().mark;
    assert_eq!((mark("greet"), mark("handed_off")), (Mark::Reached(3), Mark::Missing));
    assert_eq!((mark("any state"), mark("the call ends")), (Mark::Uncounted, Mark::Uncounted));
    let labels: Vec<_> = graph.links.iter().flat_map(|link| &link.labels).map(String::as_str).collect();
    // `next` is two edges: said, and not said.
    for label in ["◐ 2×  next", "✓ 2×  accepted", "✗  answered", "✗  otherwise", "caller.left"] {
        assert!(labels.contains(&label), "{label}: {labels:?}");
    }
    let svg = graph.svg();
    assert!(svg.contains("class=\"legend\"") && svg.contains(">no test</text>"));
    assert!(!Graph::of(&shipped("cold_transfer"), true).svg().contains("legend"));
}

/// A flow of so many conversations, each with ways to some others.
fn web(states: usize, ways: &[(usize, usize)]) -> String {
    let mut text = String::from("callflow: 1\nstart: s0\nintents:\n");
    for state in 0..states {
        text.push_str(&format!(
            "  i{state}: {{when: The caller wants {state}., examples: [\"number {state}\"]}}\n"
        ));
    }
    text.push_str("  bye: {when: Goodbye., examples: [bye]}\nstates:\n  over: {end: Goodbye.}\n");
    for state in 0..states {
        text.push_str(&format!(
            "  s{state}:\n    converse: Talk.\n    on:\n      intent.bye: over\n      intent.i{state}: s{}\n",
            (state + 1) % states
        ));
        for (_, to) in ways.iter().filter(|(from, to)| *from == state && *to != state) {
            text.push_str(&format!("      intent.i{to}: s{to}\n"));
        }
    }
    text
}

/// Left, top, right and bottom of every box of a node.
fn boxes(svg: &str) -> Vec<[f64; 4]> {
    let shapes = svg.lines().filter(|line| line.starts_with("<g class=\"node"));
    shapes
        .map(|line| {
            let path = line.split_once(" d=\"").unwrap().1.split_once('"').unwrap().0;
            // `M x y H x A … r y V y …`: of a rounded box, which all these states have.
            let numbers: Vec<f64> = path
                .split(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')
                .filter_map(|n| n.parse().ok())
                .collect();
            let (radius, top, right) = (numbers[3], numbers[1], numbers[8]);
            [numbers[0] - radius, top, right, numbers[17]]
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_two_states_lie_on_each_other(states in 2usize..14, ways in prop::collection::btree_set((0usize..14, 0usize..14), 0..20)) {
        // An intent may be named once in a state.
        let ways: Vec<_> = ways.into_iter().filter(|(from, to)| *from < states && *to < states && from != to).collect();
        let svg = Graph::of(&plan("web.yaml", &web(states, &ways)), false).svg();
        let boxes = boxes(&svg);
        prop_assert_eq!(boxes.len(), states + 2);
        for (i, a) in boxes.iter().enumerate() {
            for b in &boxes[i + 1..] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                prop_assert!(apart, "{:?} {:?}", a, b);
            }
        }
    }
}

#[test]
fn names_and_sentences_cannot_break_out_of_the_picture() {
    let text = "callflow: 1\nstart: s\nstates:\n  s: {end: '<script> <b>\"]\\x & --> `'}\n";
    let graph = Graph::of(&plan("hostile.yaml", text), true);
    let svg = graph.svg();
    assert!(!svg.contains("<script>") && !svg.contains("<b>") && svg.contains("&lt;b&gt;"));
    assert!(graph.mermaid().contains("#lt;b#gt;#quot;]\\x #amp; --#gt; #96;"));
    assert!(graph.dot().contains(r#"<b>\"]\\x & --> `"#));
}

#[test]
fn two_hundred_states_are_laid_out() {
    let ways: Vec<_> = (0..200).flat_map(|s| [(s, (s * 7 + 3) % 200), (s, (s * 13 + 5) % 200)]).collect();
    let ways: Vec<_> = ways.into_iter().filter(|(from, to)| from != to && (from + 1) % 200 != *to).collect();
    let plan = plan("big.yaml", &web(200, &ways));
    assert!(Graph::of(&plan, true).svg().ends_with("</svg>\n"));
}
