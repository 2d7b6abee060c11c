//! Mermaid, as GitHub and many editors draw it.

use std::fmt::Write as _;

use super::{Graph, Link, Node, Shape, Tone};

impl Graph {
    /// A Mermaid flow chart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for (index, node) in self.nodes.iter().enumerate() {
            let [open, close] = brackets(node.shape);
            line(&mut out, format_args!("  n{index}{open}\"{}\"{close}", text(node)));
        }
        for link in &self.links {
            line(&mut out, format_args!("  {}", arrow(link)));
        }
        for (index, link) in self.links.iter().enumerate() {
            if let Some(style) = link_style(link) {
                line(&mut out, format_args!("  linkStyle {index} {style}"));
            }
        }
        for (index, _) in self.nodes.iter().enumerate().filter(|(_, node)| node.visits > 0) {
            line(&mut out, format_args!("  style n{index} stroke-width:3px"));
        }
        out
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}

fn brackets(shape: Shape) -> [&'static str; 2] {
    match shape {
        Shape::Start => ["((", "))"],
        Shape::Say => ["[", "]"],
        Shape::Converse => ["(", ")"],
        Shape::Question => ["{{", "}}"],
        Shape::Choice => ["{", "}"],
        Shape::Dial => ["[/", "/]"],
        Shape::Handoff => ["[[", "]]"],
        Shape::End | Shape::Ended => ["([", "])"],
        Shape::Anywhere => [">", "]"],
    }
}

fn text(node: &Node) -> String {
    if node.shape == Shape::Start {
        return "call".to_owned();
    }
    if node.caption.is_empty() {
        return escaped(&node.name);
    }
    format!("{}<br/>{}", escaped(&node.name), escaped(&node.caption))
}

fn arrow(link: &Link) -> String {
    let Link { from, to, labels, tone, .. } = link;
    let label = labels.iter().map(|label| escaped(label)).collect::<Vec<_>>().join("<br/>");
    match (tone, label.as_str()) {
        (Tone::Default, label) => format!("n{from} -. \"{label}\" .-> n{to}"),
        (_, "") => format!("n{from} --> n{to}"),
        (_, label) => format!("n{from} -- \"{label}\" --> n{to}"),
    }
}

fn link_style(link: &Link) -> Option<String> {
    let color = (link.tone == Tone::Failure).then_some("stroke:#c2410c");
    let width = (link.visits > 0).then_some("stroke-width:4px");
    let style: Vec<_> = color.into_iter().chain(width).collect();
    (!style.is_empty()).then(|| style.join(","))
}

/// What would end a label, or be read as markup, as Mermaid's entity codes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '#' => out.push_str("#35;"),
            '&' => out.push_str("#amp;"),
            '`' => out.push_str("#96;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
