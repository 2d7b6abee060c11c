//! Where each vertex stands: in its column, and below the layers above it.

use super::Point;
use super::layers::Layers;

/// Between two layers, at least and at most: more where links go far to the side.
const BELOW: (f64, f64) = (18.0, 56.0);
/// Height that a link wants for each pixel to the side.
const SLOPE: f64 = 0.28;

impl Layers {
    /// The middle of each vertex.
    pub(super) fn place(&self) -> Vec<Point> {
        let xs = self.columns();
        let mut y = 0.0;
        let mut points: Vec<Point> = xs.into_iter().map(|x| Point { x, y: 0.0 }).collect();
        for layer in &self.layers {
            let height = self.height(layer);
            for &vertex in layer {
                points[vertex].y = y + height / 2.0;
            }
            y += height + self.below(layer, &points);
        }
        points
    }

    /// The space between a layer and the next.
    fn below(&self, layer: &[usize], points: &[Point]) -> f64 {
        let aside = |vertex: usize| {
            let below = &self.vertices[vertex].below;
            below.iter().map(|&n| (points[n].x - points[vertex].x).abs()).fold(0.0, f64::max)
        };
        let farthest = layer.iter().map(|&vertex| aside(vertex)).fold(0.0, f64::max);
        (farthest * SLOPE).clamp(BELOW.0, BELOW.1)
    }

    /// The height of a layer.
    pub(super) fn height(&self, layer: &[usize]) -> f64 {
        layer.iter().map(|&vertex| self.vertices[vertex].size.h).fold(0.0, f64::max)
    }
}
