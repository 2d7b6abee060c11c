//! A shape for each kind of state: how large it is, its outline, and where links touch it.

use super::Size;
use super::draw::{NAME, SMALL};
use super::text::width;
use crate::plan::graph::{Node, Shape};

/// How far the slanted sides of a shape lean.
const LEAN: f64 = 14.0;
/// Half the height of the lid of a cylinder.
const LID: f64 = 6.0;

/// The size of a node with its words.
pub(super) fn node_size(node: &Node) -> Size {
    if node.shape == Shape::Start {
        return Size { w: 14.0, h: 14.0 };
    }
    let text = width(&node.name, NAME).max(width(&node.caption, SMALL));
    let one_line = node.caption.is_empty();
    match node.shape {
        // Words fit where a diamond is still wide enough for them.
        Shape::Choose => Size { w: (text * 1.3 + 26.0).max(120.0), h: 56.0 },
        Shape::CallApi => Size { w: (text + 34.0).max(96.0), h: if one_line { 44.0 } else { 58.0 } },
        shape => {
            let sides = match shape {
                Shape::Confirm | Shape::Collect | Shape::Dial => 56.0,
                _ => 34.0,
            };
            Size { w: (text + sides).max(80.0), h: if one_line { 30.0 } else { 46.0 } }
        }
    }
}

/// How far from its middle links may touch a node.
pub(super) fn reach(node: &Node) -> f64 {
    let share = if node.shape == Shape::Choose { 0.25 } else { 0.35 };
    node_size(node).w * share
}

/// How far the edge of a shape lies inside its box, so far from its middle.
pub(super) fn rim(node: &Node, aside: f64) -> f64 {
    let Size { w, h } = node_size(node);
    let share = (aside.abs() / (w / 2.0)).min(1.0);
    match node.shape {
        Shape::Choose => share * h / 2.0,
        Shape::CallApi => LID * (1.0 - (1.0 - share * share).sqrt()),
        _ => 0.0,
    }
}

/// How far below the middle words stand.
pub(super) fn lowered(shape: Shape) -> f64 {
    if shape == Shape::CallApi { LID * 0.75 } else { 0.0 }
}

/// The outline of a shape in a box with this upper left corner.
pub(super) fn outline(shape: Shape, x: f64, y: f64, w: f64, h: f64) -> String {
    let (r, b) = (x + w, y + h);
    match shape {
        Shape::Say | Shape::Handoff | Shape::Anywhere => rounded(x, y, w, h, 4.0),
        Shape::Converse => rounded(x, y, w, h, 16.0),
        Shape::Start | Shape::End | Shape::Ended => rounded(x, y, w, h, h / 2.0),
        Shape::Confirm => hexagon(x, y, w, h),
        Shape::Collect => format!("M{:.1} {y:.1}H{r:.1}L{:.1} {b:.1}H{x:.1}Z", x + LEAN, r - LEAN),
        Shape::Dial => {
            format!("M{:.1} {y:.1}H{:.1}L{r:.1} {b:.1}H{x:.1}Z", x + LEAN, r - LEAN)
        }
        Shape::Choose => {
            let (middle, aside) = (y + h / 2.0, x + w / 2.0);
            format!("M{x:.1} {middle:.1}L{aside:.1} {y:.1}L{r:.1} {middle:.1}L{aside:.1} {b:.1}Z")
        }
        Shape::CallApi => {
            let (top, bottom, half) = (y + LID, b - LID, w / 2.0);
            format!(
                "M{x:.1} {top:.1}A{half:.1} {LID:.1} 0 0 1 {r:.1} {top:.1}V{bottom:.1}A{half:.1} {LID:.1} 0 0 1 {x:.1} {bottom:.1}Z"
            )
        }
    }
}

/// A line inside of the outline: the second border of a handoff, the lid of a cylinder.
pub(super) fn inner(shape: Shape, x: f64, y: f64, w: f64, h: f64) -> Option<String> {
    match shape {
        Shape::Handoff => Some(rounded(x + 3.5, y + 3.5, w - 7.0, h - 7.0, 2.5)),
        Shape::CallApi => {
            let (top, half) = (y + LID, w / 2.0);
            Some(format!("M{x:.1} {top:.1}A{half:.1} {LID:.1} 0 0 0 {:.1} {top:.1}", x + w))
        }
        _ => None,
    }
}

fn hexagon(x: f64, y: f64, w: f64, h: f64) -> String {
    let (r, b, middle) = (x + w, y + h, y + h / 2.0);
    let (inner, outer) = (x + LEAN, r - LEAN);
    format!(
        "M{x:.1} {middle:.1}L{inner:.1} {y:.1}H{outer:.1}L{r:.1} {middle:.1}L{outer:.1} {b:.1}H{inner:.1}Z"
    )
}

fn rounded(x: f64, y: f64, w: f64, h: f64, radius: f64) -> String {
    let (r, b) = (x + w, y + h);
    let k = radius;
    format!(
        "M{:.1} {y:.1}H{:.1}A{k:.1} {k:.1} 0 0 1 {r:.1} {:.1}V{:.1}A{k:.1} {k:.1} 0 0 1 {:.1} {b:.1}H{:.1}A{k:.1} {k:.1} 0 0 1 {x:.1} {:.1}V{:.1}A{k:.1} {k:.1} 0 0 1 {:.1} {y:.1}Z",
        x + k,
        r - k,
        y + k,
        b - k,
        r - k,
        x + k,
        b - k,
        y + k,
        x + k
    )
}
