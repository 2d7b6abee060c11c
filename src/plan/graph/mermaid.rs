//! Mermaid, as GitHub and many editors draw it.

use std::fmt::Write as _;

use super::{Graph, Link, Mark, Node, Shape, Tone};

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
        if let Some(sums) = &self.sums {
            self.legend(sums, &mut out);
        }
        for (index, link) in self.links.iter().enumerate() {
            let style = match self.mark(link) {
                Some(mark) => Some(covered(mark)),
                None => link_style(link),
            };
            if let Some(style) = style {
                line(&mut out, format_args!("  linkStyle {index} {style}"));
            }
        }
        for (index, _) in self.nodes.iter().enumerate().filter(|(_, node)| node.visits > 0) {
            line(&mut out, format_args!("  style n{index} stroke-width:3px"));
        }
        out
    }

    /// What the colours mean, beside the flow.
    fn legend(&self, sums: &[String], out: &mut String) {
        line(
            out,
            format_args!(
                "  subgraph legend [\"tests: {}\"]",
                sums.iter().map(|sum| escaped(sum)).collect::<Vec<_>>().join(" · ")
            ),
        );
        for mark in Mark::ALL {
            let class = mark.class();
            line(out, format_args!("    legend_{class}[\"{}\"]:::{class}", escaped(mark.meaning())));
        }
        out.push_str("  end\n");
        for mark in Mark::ALL {
            let (fill, dash) = match mark {
                Mark::Reached(_) => ("#f0fdf4", ""),
                Mark::Partly(_) => ("#fefce8", ""),
                Mark::Missing => ("#fef2f2", ",stroke-dasharray:5 3"),
                Mark::Uncounted => ("#ffffff", ",stroke-dasharray:2 3"),
            };
            let (class, color) = (mark.class(), mark.color());
            line(
                out,
                format_args!(
                    "  classDef {class} fill:{fill},stroke:{color},stroke-width:2px,color:#0f172a{dash}"
                ),
            );
            let of_mark =
                |(_, node): &(usize, &Node)| node.mark.class() == class && node.shape != Shape::Start;
            let nodes: Vec<_> =
                self.nodes.iter().enumerate().filter(of_mark).map(|(index, _)| format!("n{index}")).collect();
            if !nodes.is_empty() {
                line(out, format_args!("  class {} {class}", nodes.join(",")));
            }
        }
    }
}

fn covered(mark: Mark) -> String {
    let color = mark.color();
    match mark {
        Mark::Missing => format!("stroke:{color},stroke-width:3px,stroke-dasharray:6 4,color:{color}"),
        Mark::Uncounted => format!("stroke:{color},color:#94a3b8"),
        Mark::Reached(_) | Mark::Partly(_) => format!("stroke:{color},stroke-width:2px"),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}

/// A shape for each kind, of those that every Mermaid since version 9 knows.
fn brackets(shape: Shape) -> [&'static str; 2] {
    match shape {
        Shape::Start => ["((", "))"],
        Shape::Say => ["[", "]"],
        Shape::Converse => ["(", ")"],
        Shape::Confirm => ["{{", "}}"],
        Shape::Collect => ["[/", "/]"],
        Shape::Choose => ["{", "}"],
        Shape::CallApi => ["[(", ")]"],
        Shape::Dial => ["[/", "\\]"],
        Shape::Handoff => ["[[", "]]"],
        Shape::End | Shape::Ended => ["([", "])"],
        Shape::Anywhere => [">", "]"],
    }
}

fn text(node: &Node) -> String {
    if node.shape == Shape::Start {
        return "call".to_owned();
    }
    let caption = Some(node.caption.clone()).filter(|caption| !caption.is_empty());
    let lines = [Some(node.name.clone()), caption, node.mark.words()];
    lines.iter().flatten().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>")
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
    let color = (link.tone == Tone::Failure).then_some("stroke:#dc2626,color:#dc2626");
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
