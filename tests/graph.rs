//! Pictures of flows: the shipped ones as they are, hostile ones without harm.

use std::path::Path;

use callflow::check::{EnvMode, check};
use callflow::plan::graph::{Graph, Mark, Reached, Tone, Trace};
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
    for label in ["◐ 2×  next", "✓ 2×  accepted", "✗  answered", "✗  otherwise · ring 30s", "caller.left"]
    {
        assert!(labels.contains(&label), "{label}: {labels:?}");
    }
    let svg = graph.svg();
    assert!(svg.contains("class=\"legend\"") && svg.contains(">no test</text>"));
    assert!(!Graph::of(&shipped("cold_transfer"), true).svg().contains("legend"));
}

/// A state of each kind.
const KINDS: &str = r#"
callflow: 1
name: kinds
start: decide
env: {OPERATOR_NUMBER: phone}
targets: {operator: {phone: "{{ env.OPERATOR_NUMBER }}"}}
tools:
  stock: {timeout: 5s, http: {url: "http://127.0.0.1:8090/stock"}}
intents:
  buy: {when: The caller wants to buy., examples: [I want to buy]}
states:
  decide: {choose: [{if: attempts(greet) < 1, to: greet}, {else: talk}]}
  greet: {say: Hello., next: talk}
  talk: {converse: Talk., on: {intent.buy: look}}
  look: {call_api: {tool: stock, retry: {times: 1, wait: 1s}}, on: {ok: amount, failed: bye}}
  amount: {collect: {ask: How many?, slots: {guests: int}, tries: 3, timeout: 7s}, on: {filled: sure, exhausted: bye}}
  sure: {confirm: {question: Sure?, tries: 2, timeout: 6s}, on: {accepted: call, declined: bye, otherwise: bye}}
  call: {dial: {to: operator, announce: One moment., ring: 25s}, on: {answered: together, no_answer: bye, otherwise: bye}}
  together: {handoff: keep_room}
  bye: {end: Goodbye.}
"#;

/// The letters of an outline, how round its corners are, and which way each slanted line goes.
fn pen(outline: &str) -> String {
    let starts = outline.char_indices().filter(|(_, c)| c.is_ascii_alphabetic());
    let starts: Vec<(usize, char)> = starts.collect();
    let (mut drawn, mut at) = (String::new(), (0.0, 0.0));
    for (index, &(start, letter)) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(outline.len(), |next| next.0);
        let numbers = outline[start + 1..end].split_whitespace().map(|n| n.parse::<f64>().unwrap());
        drawn.push(letter);
        let before = at;
        match numbers.collect::<Vec<_>>()[..] {
            [to] if letter == 'H' => at.0 = to,
            [to] => at.1 = to,
            [x, y] => at = (x, y),
            [_, round, .., x, y] => {
                at = (x, y);
                drawn.push_str(&round.to_string());
            }
            _ => {}
        }
        if letter == 'L' {
            drawn.push_str(&format!("{:+}{:+}", (at.0 - before.0).signum(), (at.1 - before.1).signum()));
        }
    }
    drawn
}

#[test]
fn each_kind_of_state_has_a_shape_of_its_own_in_every_language() {
    let graph = Graph::of(&plan("kinds.yaml", KINDS), false);
    let (svg, mermaid, dot) = (graph.svg(), graph.mermaid(), graph.dot());
    let drawn = |line: &str| {
        let outlines = line.split(" d=\"").skip(1);
        outlines.map(|rest| pen(rest.split('"').next().unwrap())).collect::<String>()
    };
    let shapes: std::collections::BTreeSet<_> =
        svg.lines().filter(|line| line.starts_with("<g class=\"node")).skip(1).map(drawn).collect();
    assert_eq!(shapes.len(), 9, "{shapes:#?}");
    let brackets = |line: &str| {
        let (open, rest) = line.split_once('"')?;
        let open = open.trim_start().trim_start_matches('n').trim_start_matches(|c: char| c.is_ascii_digit());
        Some(format!("{open}{}", rest.rsplit_once('"')?.1))
    };
    let shapes: std::collections::BTreeSet<_> =
        mermaid.lines().take(11).skip(2).filter_map(brackets).collect();
    assert_eq!(shapes.len(), 9, "{shapes:#?}");
    let manner = |line: &str| {
        let shape = line.split_once("shape=")?.1;
        Some(shape.replace(", fontcolor=\"#ffffff\"", "").split(", fillcolor").next()?.to_owned())
    };
    let shapes: std::collections::BTreeSet<_> =
        dot.lines().filter(|line| !line.contains("shape=point")).filter_map(manner).collect();
    assert_eq!(shapes.len(), 9, "{shapes:#?}");
}

#[test]
fn what_fails_is_a_red_way_of_its_own_and_tells_the_time_it_waits() {
    let graph = Graph::of(&plan("kinds.yaml", KINDS), false);
    let way = |label: &str| {
        let mut with = graph.links.iter().filter(|link| link.labels.iter().any(|l| l == label));
        (with.next().map(|link| link.tone), with.next().is_none())
    };
    for label in ["failed 2 × 5s", "exhausted 3 × 7s", "otherwise 2 × 6s", "no_answer 25s", "otherwise"] {
        assert_eq!(way(label), (Some(Tone::Failure), true), "{label}");
    }
    for label in ["ok", "filled", "accepted", "declined", "answered"] {
        assert_eq!(way(label), (Some(Tone::Normal), true), "{label}");
    }
    let told = Graph::of(&shipped("business_hours"), false);
    assert!(told.links.iter().any(|link| link.labels == ["targets.exhausted · ring 2 × 20s"]));

    // `ok` and `failed` lead to the same state, and are two ways nevertheless.
    let orders = Graph::of(&shipped("order_status"), false);
    let state = |name: &str| orders.nodes.iter().position(|node| node.name == name).unwrap();
    let ways = orders.links.iter().filter(|link| (link.from, link.to) == (state("look_up"), state("talk")));
    let ways: Vec<_> = ways.map(|link| (link.tone, link.labels.join(" "))).collect();
    assert_eq!(ways, [(Tone::Normal, "ok".to_owned()), (Tone::Failure, "failed 2 × 5s".to_owned())]);
    assert!(orders.svg().contains(".failure path{stroke:#dc2626}"));
    assert!(orders.dot().contains("label=\"failed 2 × 5s\", color=\"#dc2626\""));
    assert!(orders.mermaid().contains("stroke:#dc2626"));
}

/// Some renderers know no `paint-order`, and a line through words is hard to read in all of them.
#[test]
fn words_stand_on_a_ground_of_their_own_above_all_lines() {
    let svg = Graph::of(&shipped("cold_transfer"), true).svg();
    assert!(!svg.contains("paint-order"));
    let (lines, words) = svg.split_at(svg.find("<rect class=\"ground\"").unwrap());
    assert!(words.contains("class=\"label\"") && !lines.contains("class=\"label\""));
    assert!(lines.contains("marker-end=") && !words.contains("marker-end="));
    let labelled =
        Graph::of(&shipped("cold_transfer"), true).links.iter().filter(|l| !l.labels.is_empty()).count();
    assert_eq!(words.matches("class=\"ground\"").count(), labelled);
}

#[test]
fn what_no_link_joins_to_the_rest_stands_near_it() {
    let svg = Graph::of(&shipped("table_booking"), true).svg();
    let wide: f64 = svg.split_once(" width=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap();
    assert!(wide < 1100.0, "{wide}");
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
