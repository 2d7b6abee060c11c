//! The coverage of tests in the picture: colours, badges at states, and a legend.

use super::Point;
use super::text::{width, xml};
use crate::plan::graph::{Link, Mark, Node};

/// Height of the legend below the picture.
pub(super) const LEGEND: f64 = 74.0;
/// Around what is in the legend.
const PADDING: f64 = 16.0;
/// Length of a sample line, and from it to its words.
const SAMPLE: f64 = 30.0;
const GAP: f64 = 8.0;
const TITLE: &str = "What the tests reach";

/// Style sheet of what is drawn over the flow.
pub(super) const STYLE: &str = "\
.reached>path{stroke:#16a34a}.partly>path{stroke:#ca8a04}.missing>path{stroke:#dc2626;stroke-dasharray:6 4}\
.link.reached>path{stroke-width:1.8}.link.partly>path{stroke-width:2}.link.missing>path{stroke-width:2.4}\
.node.uncounted,.link.uncounted>path,.label.uncounted{opacity:.75}.label.uncounted{fill:#64748b}.node.missing>path{stroke-width:2.2;fill:#fef2f2}.node.reached>path{stroke-width:1.8}\
.node.missing .name{fill:#991b1b}.node.missing .caption{fill:#b91c1c}\
.label.reached{fill:#15803d}.label.partly{fill:#a16207}.label.missing{fill:#b91c1c;font-weight:600}\
.badge text{font-size:10px;font-weight:700;fill:#fff}.badge.reached rect{fill:#16a34a}.badge.missing rect{fill:#dc2626}\
.legend .title{font-size:12px;font-weight:600;fill:#0f172a;text-anchor:start}\
.legend .words{font-size:11px;fill:#475569;text-anchor:start}.legend path{fill:none}";

/// Arrow heads, by the name that links give them.
pub(super) const HEADS: [(&str, &str); 4] =
    [("reached", "#16a34a"), ("partly", "#ca8a04"), ("missing", "#dc2626"), ("uncounted", "#94a3b8")];

/// The class of one label of a link.
pub(super) fn label(link: &Link, line: usize) -> &'static str {
    link.marks.get(line).map_or("uncounted", |mark| mark.class())
}

/// A badge at the upper right corner of a state.
pub(super) fn badge(node: &Node, corner: Point) -> String {
    let text = match node.mark {
        Mark::Uncounted => return String::new(),
        Mark::Missing => "no test".to_owned(),
        Mark::Reached(count) | Mark::Partly(count) => format!("{count}×"),
    };
    let w = width(&text, 10.0) + 12.0;
    let Point { x, y } = corner;
    format!(
        "<g class=\"badge {}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{w:.1}\" height=\"16\" rx=\"8\"/><text x=\"{:.1}\" y=\"{:.1}\">{text}</text></g>",
        node.mark.class(),
        x - w + 8.0,
        y - 9.0,
        x - w / 2.0 + 8.0,
        y + 2.5
    )
}

/// How wide the legend is.
pub(super) fn legend_width(sums: &[String]) -> f64 {
    let samples = Mark::ALL.iter().map(|mark| entry(*mark)).sum::<f64>() + 2.0 * PADDING;
    let title = width(TITLE, 12.0) + width(&sums.join("  ·  "), 11.0) + 12.0 + 2.0 * PADDING;
    samples.max(title)
}

fn entry(mark: Mark) -> f64 {
    SAMPLE + GAP + width(mark.meaning(), 11.0) + 14.0
}

/// What the colours mean, and the sums; `at` is its upper left corner.
pub(super) fn legend(sums: &[String], at: Point) -> String {
    let (x, y, w) = (at.x, at.y, legend_width(sums));
    let mut out = format!(
        "<g class=\"legend\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"#f8fafc\" stroke=\"#e2e8f0\"/>",
        LEGEND - 14.0
    );
    out += &format!(
        "<text class=\"title\" x=\"{:.1}\" y=\"{:.1}\">{TITLE}<tspan class=\"words\" font-weight=\"400\" dx=\"12\">{}</tspan></text>",
        x + PADDING,
        y + 22.0,
        xml(&sums.join("  ·  "))
    );
    let mut left = x + PADDING;
    for mark in Mark::ALL {
        let (line, class) = (y + 43.0, mark.class());
        let tone = if mark == Mark::Uncounted { " default" } else { "" };
        out += &format!(
            "<g class=\"link{tone} {class}\"><path d=\"M{left:.1} {line:.1}H{:.1}\" stroke=\"{}\" stroke-width=\"2\"/></g><text class=\"words\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left + SAMPLE,
            mark.color(),
            left + SAMPLE + GAP,
            line + 4.0,
            xml(mark.meaning())
        );
        left += entry(mark);
    }
    out + "</g>\n"
}
