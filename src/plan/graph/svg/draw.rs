//! The picture: shapes, curves and words.

use std::fmt::Write as _;

use super::cover;
use super::layers::{Chain, Layers};
use super::shape::{inner, lowered, node_size, outline, reach, rim};
use super::text::{width, xml};
use super::{Point, Size, Wire};
use crate::plan::graph::{Graph, Link, Mark, Node, Shape, Tone};

/// Around the whole.
const MARGIN: f64 = 24.0;
/// Sizes of the letters.
pub(super) const NAME: f64 = 13.0;
pub(super) const SMALL: f64 = 11.0;
/// From one line of a label to the next.
const LINE: f64 = 14.0;
/// Most space between two links at one side of a node.
const PORT: f64 = 20.0;
/// How far a link from a node to itself reaches out.
const LOOP: f64 = 34.0;

const STYLE: &str = "text{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;text-anchor:middle}\
.name{font-weight:600;font-size:13px;fill:#0f172a}.caption{font-size:11px;fill:#475569}\
.label{font-size:11px;fill:#334155}.failure .label{fill:#b91c1c}.default .label{fill:#64748b}\
.link path{fill:none;stroke:#475569;stroke-width:1.4}.failure path{stroke:#dc2626}\
.default path{stroke:#94a3b8;stroke-dasharray:2 4}\
.taken path{stroke:#2563eb;stroke-width:3}.taken .label{fill:#1d4ed8;font-weight:600}\
.ground{fill:#fff}.node path{stroke-width:1.4}.visited>path:first-of-type{stroke:#2563eb;stroke-width:3}\
.node.unseen,.link.unseen>path,.unseen .label{opacity:.38}.dark .name{fill:#fff}.dark .caption{fill:#cbd5e1}\
.count circle{fill:#2563eb}.count text{fill:#fff;font-size:10px;font-weight:600}";

impl Graph {
    /// A drawing of its own: no script, no font, nothing to be loaded.
    #[must_use]
    pub fn svg(&self) -> String {
        let sizes: Vec<Size> = self.nodes.iter().enumerate().map(|(i, node)| self.room(i, node)).collect();
        let wire = |link: &Link| Wire { from: link.from, to: link.to, label: label_size(link) };
        let wires: Vec<Wire> = self.links.iter().map(wire).collect();
        let mut layers = Layers::new(&sizes, &wires);
        layers.untangle();
        let points = layers.place();
        Drawing { graph: self, layers: &layers, points: &points, out: String::new() }.draw()
    }

    /// The space of a node, with that of its links to itself.
    fn room(&self, index: usize, node: &Node) -> Size {
        let size = node_size(node);
        let loops = self.links.iter().filter(|link| link.from == index && link.to == index);
        let beside = loops.map(|link| LOOP + label_size(link).w).fold(0.0, f64::max);
        Size { w: size.w + 2.0 * beside, h: size.h }
    }
}

fn label_size(link: &Link) -> Size {
    let w = link.labels.iter().map(|label| width(label, SMALL)).fold(0.0, f64::max);
    Size { w: w + 6.0, h: LINE * link.labels.len() as f64 }
}

struct Drawing<'g> {
    graph: &'g Graph,
    layers: &'g Layers,
    points: &'g [Point],
    out: String,
}

impl Drawing<'_> {
    fn draw(mut self) -> String {
        let (mut left, mut right, mut bottom) = self.extent();
        let legend = self.graph.sums.as_ref().map(|sums| {
            let wanting = (cover::legend_width(sums) - (right - left)).max(0.0) / 2.0;
            (left, right) = (left - wanting, right + wanting);
            let at = Point { x: left, y: bottom + MARGIN };
            bottom += MARGIN + cover::LEGEND - 14.0;
            cover::legend(sums, at)
        });
        let (w, h) = (right - left + 2.0 * MARGIN, bottom + 2.0 * MARGIN);
        let (x, y) = (left - MARGIN, -MARGIN);
        let style = if legend.is_some() { cover::STYLE } else { "" };
        self.write(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{x:.0} {y:.0} {w:.0} {h:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" role=\"img\">\n"
        ));
        self.write(format_args!(
            "<title>{}</title>\n<style>{STYLE}{style}</style>\n<defs>\n",
            xml(&self.graph.name)
        ));
        let heads =
            [("normal", "#475569"), ("failure", "#dc2626"), ("default", "#94a3b8"), ("taken", "#2563eb")];
        let of_cover = cover::HEADS.iter().filter(|_| legend.is_some());
        for (name, color) in heads.iter().chain(of_cover) {
            self.write(format_args!(
                "<marker id=\"{name}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 1 10 5 0 9Z\" fill=\"{color}\"/></marker>\n"
            ));
        }
        self.write(format_args!(
            "</defs>\n<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" rx=\"10\" fill=\"#fff\"/>\n"
        ));
        for (index, link) in self.graph.links.iter().enumerate() {
            self.line(index, link);
        }
        // After all lines, so that none runs through words.
        for (index, link) in self.graph.links.iter().enumerate() {
            self.words(index, link);
        }
        for (index, node) in self.graph.nodes.iter().enumerate() {
            self.node(node, self.points[index]);
        }
        if let Some(legend) = legend {
            self.out.push_str(&legend);
        }
        self.out.push_str("</svg>\n");
        self.out
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("writing to a string does not fail");
    }

    fn extent(&self) -> (f64, f64, f64) {
        let all = self.layers.vertices.iter().zip(self.points);
        all.fold((f64::MAX, f64::MIN, 0.0), |(left, right, bottom), (v, p)| {
            (
                left.min(p.x - v.size.w / 2.0),
                right.max(p.x + v.size.w / 2.0),
                f64::max(bottom, p.y + v.size.h / 2.0),
            )
        })
    }

    /// The class of a link, and its arrow head.
    fn manner(&self, link: &Link) -> (String, &'static str) {
        let tone = match link.tone {
            Tone::Normal => "normal",
            Tone::Failure => "failure",
            Tone::Default => "default",
        };
        match (self.graph.mark(link), self.graph.traced, link.visits) {
            (Some(Mark::Uncounted), ..) => (format!("cover {tone} uncounted"), "uncounted"),
            (Some(mark), ..) => (format!("cover {}", mark.class()), mark.class()),
            (None, true, 0) => (format!("{tone} unseen"), tone),
            (None, true, _) => (format!("{tone} taken"), "taken"),
            (None, false, _) => (tone.to_owned(), tone),
        }
    }

    /// Opens the group of a link; what is said on the way is told to who points at it.
    fn open(&mut self, link: &Link, class: &str) {
        self.write(format_args!("<g class=\"link {class}\">"));
        if !link.says.is_empty() {
            self.write(format_args!("<title>{}</title>", xml(&link.says.join("\n"))));
        }
    }

    fn line(&mut self, index: usize, link: &Link) {
        let path = match &self.layers.chains[index] {
            Some(chain) => self.curve(index, chain),
            None => self.round(index, link).0,
        };
        let (class, marker) = self.manner(link);
        self.open(link, &class);
        self.write(format_args!("<path d=\"{path}\" marker-end=\"url(#{marker})\"/></g>\n"));
    }

    /// What takes a link, on a ground of its own.
    fn words(&mut self, index: usize, link: &Link) {
        if link.labels.is_empty() {
            return;
        }
        let Point { x, y } = match &self.layers.chains[index] {
            Some(chain) => self.points[chain.path[chain.label]],
            None => self.round(index, link).1,
        };
        let (class, _) = self.manner(link);
        self.open(link, &class);
        let Size { w, h } = label_size(link);
        self.write(format_args!(
            "<rect class=\"ground\" x=\"{:.1}\" y=\"{:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/>",
            x - w / 2.0,
            y - h / 2.0
        ));
        let top = y - LINE * (link.labels.len() as f64 - 1.0) / 2.0 + 4.0;
        let counted = self.graph.mark(link).is_some();
        for (line, text) in link.labels.iter().enumerate() {
            let y = top + LINE * line as f64;
            let reached = if counted { format!(" {}", cover::label(link, line)) } else { String::new() };
            self.write(format_args!(
                "<text class=\"label{reached}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                xml(text)
            ));
        }
        self.out.push_str("</g>\n");
    }

    /// Through the middle of everything on its way, upright where it passes a layer.
    fn curve(&self, index: usize, chain: &Chain) -> String {
        let (&top, &bottom) = (chain.path.first().expect("two ends"), chain.path.last().expect("two ends"));
        let mut points = vec![self.touch(index, top, true)];
        for &vertex in &chain.path[1..chain.path.len() - 1] {
            let Point { x, y } = self.points[vertex];
            let half = self.layers.height(&self.layers.layers[self.layers.vertices[vertex].layer]) / 2.0;
            points.extend([Point { x, y: y - half }, Point { x, y: y + half }]);
        }
        points.push(self.touch(index, bottom, false));
        if chain.upwards {
            points.reverse();
        }
        let is_upright = |a: Point, b: Point| (a.x - b.x).abs() < 0.05;
        let mut path = format!("M{:.1} {:.1}", points[0].x, points[0].y);
        for (at, pair) in points.windows(2).enumerate() {
            let (a, b) = (pair[0], pair[1]);
            let middle = f64::midpoint(a.y, b.y);
            let piece = match points.get(at + 2) {
                // A straight line is drawn once, to its end.
                Some(&next) if is_upright(a, b) && is_upright(b, next) => continue,
                _ if is_upright(a, b) => format!(" V{:.1}", b.y),
                _ => {
                    format!(" C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}", a.x, b.x, b.x, b.y)
                }
            };
            path.push_str(&piece);
        }
        path
    }

    /// The point where a link touches its node, on its upper or lower edge.
    fn touch(&self, index: usize, node: usize, below: bool) -> Point {
        let x = self.port(index, node, below);
        let (of, middle) = (&self.graph.nodes[node], self.points[node]);
        let half = node_size(of).h / 2.0 - rim(of, x - middle.x);
        Point { x, y: if below { middle.y + half } else { middle.y - half } }
    }

    /// Where a link touches its node: all of one side beside each other, in the order of where they lead.
    fn port(&self, index: usize, node: usize, below: bool) -> f64 {
        let neighbour = |chain: &Chain| if below { chain.path[1] } else { chain.path[chain.path.len() - 2] };
        let here =
            |chain: &Chain| if below { chain.path[0] == node } else { chain.path.last() == Some(&node) };
        let mut others: Vec<(f64, usize)> = Vec::new();
        for (other, chain) in self.layers.chains.iter().enumerate() {
            if let Some(chain) = chain.as_ref().filter(|chain| here(chain)) {
                others.push((self.points[neighbour(chain)].x, other));
            }
        }
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (middle, reach) = (self.points[node].x, reach(&self.graph.nodes[node]));
        if let [(alone, _)] = others[..] {
            // Straight down, if that is on the node.
            return if (alone - middle).abs() <= reach { alone } else { middle };
        }
        let at = others.iter().position(|(_, other)| *other == index).unwrap_or(0) as f64;
        let count = others.len() as f64;
        middle + (at - (count - 1.0) / 2.0) * PORT.min(2.0 * reach / count)
    }

    /// A link from a node to itself, on its right; what fails is on the left, if something else does not.
    fn round(&self, index: usize, link: &Link) -> (String, Point) {
        let others = &self.graph.links[..index];
        let is_second = others.iter().any(|other| (other.from, other.to) == (link.from, link.to));
        let aside = if is_second { -1.0 } else { 1.0 };
        let (size, Point { x, y }) = (node_size(&self.graph.nodes[link.from]), self.points[link.from]);
        let side = x + aside * size.w / 2.0;
        let (up, down, out) = (y - size.h / 4.0, y + size.h / 4.0, side + aside * (LOOP - 8.0));
        let path = format!("M{side:.1} {down:.1} C{out:.1} {down:.1} {out:.1} {up:.1} {side:.1} {up:.1}");
        (path, Point { x: side + aside * (LOOP - 10.0 + label_size(link).w / 2.0), y })
    }

    fn node(&mut self, node: &Node, Point { x, y }: Point) {
        let Size { w, h } = node_size(node);
        let (fill, stroke) = node.shape.colors();
        let outline = outline(node.shape, x - w / 2.0, y - h / 2.0, w, h);
        let dark = if node.shape == Shape::End { " dark" } else { "" };
        let seen = match (self.graph.traced, node.visits) {
            _ if self.graph.sums.is_some() => match node.mark {
                Mark::Uncounted => " uncounted",
                Mark::Reached(_) | Mark::Partly(_) => " reached",
                Mark::Missing => " missing",
            },
            (true, 0) => " unseen",
            (true, _) => " visited",
            (false, _) => "",
        };
        let dashes = match node.shape {
            Shape::Anywhere | Shape::Ended => " stroke-dasharray=\"4 4\"",
            _ => "",
        };
        self.write(format_args!("<g class=\"node{dark}{seen}\"><path d=\"{outline}\" fill=\"{fill}\" stroke=\"{stroke}\"{dashes}/>"));
        if let Some(inner) = inner(node.shape, x - w / 2.0, y - h / 2.0, w, h) {
            self.write(format_args!("<path d=\"{inner}\" fill=\"none\" stroke=\"{stroke}\"/>"));
        }
        let lines = [("name", &node.name), ("caption", &node.caption)];
        let lines: Vec<_> = lines.into_iter().filter(|(_, text)| !text.is_empty()).collect();
        let first = y + lowered(node.shape) + if lines.len() == 2 { -3.0 } else { 4.5 };
        for (line, (class, text)) in lines.into_iter().enumerate() {
            let y = first + 16.0 * line as f64;
            self.write(format_args!(
                "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                xml(text)
            ));
        }
        if self.graph.traced && node.visits > 1 {
            let (x, y) = (x + w / 2.0 - 4.0, y - h / 2.0 + 2.0);
            self.write(format_args!("<g class=\"count\"><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"9\"/><text x=\"{x:.1}\" y=\"{:.1}\">{}×</text></g>", y + 3.5, node.visits));
        }
        let badge = cover::badge(node, Point { x: x + w / 2.0, y: y - h / 2.0 });
        self.out.push_str(&badge);
        self.out.push_str("</g>\n");
    }
}
