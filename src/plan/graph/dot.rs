//! DOT, the language of Graphviz.

use std::fmt::Write as _;

use super::{Graph, Link, Mark, Node, Shape, Tone};

impl Graph {
    /// A directed graph in DOT.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut out = String::new();
        line(&mut out, format_args!("digraph {} {{", quoted(&self.name)));
        out.push_str("  rankdir=TB;\n  node [fontname=\"Helvetica\", fontsize=12];\n");
        out.push_str("  edge [fontname=\"Helvetica\", fontsize=10];\n");
        for (index, node) in self.nodes.iter().enumerate() {
            line(&mut out, format_args!("  n{index} [{}{}];", attributes(node), self.manner(node)));
        }
        for link in &self.links {
            line(
                &mut out,
                format_args!("  n{} -> n{}{};", link.from, link.to, manner(link, self.mark(link))),
            );
        }
        if let Some(sums) = &self.sums {
            legend(sums, &mut out);
        }
        out.push_str("}\n");
        out
    }

    /// How a state is drawn: by its kind, and over that by what tests reach.
    fn manner(&self, node: &Node) -> String {
        let kind = match node.shape {
            // A box without `rounded` is what is only said.
            Shape::Converse => Some("rounded"),
            Shape::Anywhere | Shape::Ended => Some("dashed"),
            _ => None,
        };
        if node.shape == Shape::Start {
            return String::new();
        }
        if self.sums.is_none() {
            let (fill, color) = node.shape.colors();
            let style = kind.map(|style| format!(",{style}")).unwrap_or_default();
            let font = if node.shape == Shape::End { ", fontcolor=\"#ffffff\"" } else { "" };
            return format!(", style=\"filled{style}\", fillcolor=\"{fill}\", color=\"{color}\"{font}");
        }
        let (fill, color) = (fill(node.mark), node.mark.color());
        let dashed = matches!(node.mark, Mark::Missing | Mark::Uncounted).then_some("dashed");
        let mut styles: Vec<_> = ["filled"].into_iter().chain(kind).chain(dashed).collect();
        styles.dedup();
        let style = styles.join(",");
        format!(", style=\"{style}\", fillcolor=\"{fill}\", color=\"{color}\", penwidth=1.8")
    }
}

fn fill(mark: Mark) -> &'static str {
    match mark {
        Mark::Reached(_) => "#f0fdf4",
        Mark::Partly(_) => "#fefce8",
        Mark::Missing => "#fef2f2",
        Mark::Uncounted => "#ffffff",
    }
}

/// What the colours mean, in a box of its own.
fn legend(sums: &[String], out: &mut String) {
    let title = sums.iter().map(|sum| escaped(sum)).collect::<Vec<_>>().join("  ·  ");
    line(out, format_args!("  subgraph cluster_legend {{"));
    line(
        out,
        format_args!("    label=\"tests: {title}\"; fontname=\"Helvetica\"; fontsize=11; color=\"#cbd5e1\";"),
    );
    for mark in Mark::ALL {
        let style = if mark == Mark::Missing || mark == Mark::Uncounted { "filled,dashed" } else { "filled" };
        let (class, meaning, fill, color) = (mark.class(), mark.meaning(), fill(mark), mark.color());
        line(
            out,
            format_args!(
                "    legend_{class} [label=\"{meaning}\", shape=box, style=\"{style}\", fillcolor=\"{fill}\", color=\"{color}\", penwidth=1.8, fontsize=10];"
            ),
        );
    }
    out.push_str("  }\n");
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}

fn attributes(node: &Node) -> String {
    let shape = match node.shape {
        Shape::Start => return "label=\"\", shape=point, width=0.15".to_owned(),
        Shape::Say | Shape::Converse | Shape::Anywhere => "shape=box",
        Shape::Confirm => "shape=hexagon",
        Shape::Collect => "shape=parallelogram",
        Shape::Choose => "shape=diamond",
        Shape::CallApi => "shape=cylinder",
        Shape::Dial => "shape=trapezium",
        Shape::Handoff => "shape=box, peripheries=2",
        Shape::End | Shape::Ended => "shape=oval",
    };
    let mut label = escaped(&node.name);
    if !node.caption.is_empty() {
        label = format!("{label}\\n{}", escaped(&node.caption));
    }
    if let Some(words) = node.mark.words() {
        label = format!("{label}\\n{words}");
    }
    let width = if node.visits > 0 { ", penwidth=2.5" } else { "" };
    format!("label=\"{label}\", {shape}{width}")
}

fn manner(link: &Link, mark: Option<Mark>) -> String {
    let mut parts = Vec::new();
    if !link.labels.is_empty() {
        let label: Vec<_> = link.labels.iter().map(|label| escaped(label)).collect();
        parts.push(format!("label=\"{}\"", label.join("\\n")));
    }
    match (link.tone, mark) {
        (_, Some(mark @ Mark::Missing)) => {
            let color = mark.color();
            parts.push(format!("style=dashed, color=\"{color}\", fontcolor=\"{color}\", penwidth=2"));
        }
        (_, Some(mark @ (Mark::Reached(_) | Mark::Partly(_)))) => {
            parts.push(format!("color=\"{}\", penwidth=1.8", mark.color()));
        }
        (Tone::Normal, _) => {}
        (Tone::Failure, _) => parts.push("color=\"#dc2626\", fontcolor=\"#dc2626\"".to_owned()),
        (Tone::Default, _) => parts.push("style=dotted, color=\"#64748b\", fontcolor=\"#64748b\"".to_owned()),
    }
    if link.visits > 0 {
        parts.push("penwidth=2.5".to_owned());
    }
    if parts.is_empty() { String::new() } else { format!(" [{}]", parts.join(", ")) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    plain.replace('\\', "\\\\").replace('"', "\\\"")
}
