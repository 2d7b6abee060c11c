//! DOT, the language of Graphviz.

use std::fmt::Write as _;

use super::{Graph, Link, Node, Shape, Tone};

impl Graph {
    /// A directed graph in DOT.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut out = String::new();
        line(&mut out, format_args!("digraph {} {{", quoted(&self.name)));
        out.push_str("  rankdir=TB;\n  node [fontname=\"Helvetica\", fontsize=12];\n");
        out.push_str("  edge [fontname=\"Helvetica\", fontsize=10];\n");
        for (index, node) in self.nodes.iter().enumerate() {
            line(&mut out, format_args!("  n{index} [{}];", attributes(node)));
        }
        for link in &self.links {
            line(&mut out, format_args!("  n{} -> n{}{};", link.from, link.to, manner(link)));
        }
        out.push_str("}\n");
        out
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}

fn attributes(node: &Node) -> String {
    let shape = match node.shape {
        Shape::Start => return "label=\"\", shape=point, width=0.15".to_owned(),
        Shape::Say => "shape=box",
        Shape::Converse => "shape=box, style=rounded",
        Shape::Question => "shape=hexagon",
        Shape::Choice => "shape=diamond",
        Shape::Dial => "shape=parallelogram",
        Shape::Handoff => "shape=box, peripheries=2",
        Shape::End => "shape=oval",
        Shape::Anywhere => "shape=box, style=dashed",
        Shape::Ended => "shape=oval, style=dashed",
    };
    let mut label = escaped(&node.name);
    if !node.caption.is_empty() {
        label = format!("{label}\\n{}", escaped(&node.caption));
    }
    let width = if node.visits > 0 { ", penwidth=2.5" } else { "" };
    format!("label=\"{label}\", {shape}{width}")
}

fn manner(link: &Link) -> String {
    let mut parts = Vec::new();
    if !link.labels.is_empty() {
        let label: Vec<_> = link.labels.iter().map(|label| escaped(label)).collect();
        parts.push(format!("label=\"{}\"", label.join("\\n")));
    }
    match link.tone {
        Tone::Normal => {}
        Tone::Failure => parts.push("color=\"#c2410c\", fontcolor=\"#c2410c\"".to_owned()),
        Tone::Default => parts.push("style=dotted, color=\"#64748b\", fontcolor=\"#64748b\"".to_owned()),
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
