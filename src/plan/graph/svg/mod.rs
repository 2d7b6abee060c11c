//! SVG, laid out here: nodes in layers from top to bottom, as few crossings as a few sweeps find.
//!
//! The layout is the layered one of Sugiyama, Tagawa and Toda (1981), with labels as vertices of their own
//! so that nothing is written over a node. No font is measured: widths are estimated, a little too large.

mod columns;
mod cover;
mod draw;
mod layers;
mod order;
mod place;
mod shape;
mod text;

/// A point, x to the right and y downwards, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    x: f64,
    y: f64,
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Size {
    w: f64,
    h: f64,
}

/// A link to be laid out.
#[derive(Debug, Clone, Copy)]
struct Wire {
    from: usize,
    to: usize,
    label: Size,
}
