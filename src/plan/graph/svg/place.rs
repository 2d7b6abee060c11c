//! Where each vertex stands: beside each other at a distance, below each other as straight as possible.

use super::Point;
use super::layers::{Layers, Vertex};

/// Between two vertices of a layer.
const BESIDE: f64 = 22.0;
/// Between two layers, at least and at most: more where links go far to the side.
const BELOW: (f64, f64) = (18.0, 56.0);
/// Height that a link wants for each pixel to the side.
const SLOPE: f64 = 0.28;
/// Sweeps that straighten.
const SWEEPS: usize = 40;

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

    fn columns(&self) -> Vec<f64> {
        let mut xs = vec![0.0; self.vertices.len()];
        for layer in &self.layers {
            let mut right = 0.0;
            for &vertex in layer {
                let w = self.vertices[vertex].size.w;
                xs[vertex] = right + w / 2.0;
                right += w + BESIDE;
            }
        }
        for sweep in 0..SWEEPS {
            let all: Vec<usize> = if sweep % 2 == 0 {
                (0..self.layers.len()).collect()
            } else {
                (0..self.layers.len()).rev().collect()
            };
            for layer in all {
                self.straighten(layer, sweep, &mut xs);
            }
        }
        xs
    }

    /// Moves the vertices of a layer to where their neighbours want them, as far as the others allow.
    fn straighten(&self, layer: usize, sweep: usize, xs: &mut [f64]) {
        let layer = &self.layers[layer];
        let mut wishes = Vec::with_capacity(layer.len());
        for &vertex in layer {
            let v = &self.vertices[vertex];
            let above = v.above.iter().map(|&n| (xs[n], pull(v, &self.vertices[n])));
            let below = v.below.iter().map(|&n| (xs[n], pull(v, &self.vertices[n])));
            // First one side at a time, so that the whole moves; at last both together.
            let neighbours: Vec<_> = match sweep {
                s if s + 8 >= SWEEPS => above.chain(below).collect(),
                s if s % 2 == 0 => above.collect(),
                _ => below.collect(),
            };
            let weight: f64 = neighbours.iter().map(|(_, pull)| pull).sum();
            let sum: f64 = neighbours.iter().map(|(x, pull)| x * pull).sum();
            wishes.push(if weight > 0.0 { (sum / weight, weight) } else { (xs[vertex], 0.01) });
        }
        let gaps: Vec<f64> = layer.windows(2).map(|pair| self.gap(pair[0], pair[1])).collect();
        for (&vertex, x) in layer.iter().zip(spread(&wishes, &gaps)) {
            xs[vertex] = x;
        }
    }

    fn gap(&self, left: usize, right: usize) -> f64 {
        let (left, right) = (&self.vertices[left], &self.vertices[right]);
        (left.size.w + right.size.w) / 2.0 + BESIDE
    }
}

/// How much a link wants to be straight: most where it only passes.
fn pull(a: &Vertex, b: &Vertex) -> f64 {
    match (a.is_node, b.is_node) {
        (false, false) => 8.0,
        (true, true) => 1.0,
        _ => 2.0,
    }
}

/// The positions nearest to the wishes (value, weight), in the least squares sense, that keep all gaps.
///
/// Without the gaps this is isotonic regression, which pooling neighbours that are out of order solves.
fn spread(wishes: &[(f64, f64)], gaps: &[f64]) -> Vec<f64> {
    let mut offsets = vec![0.0];
    for gap in gaps {
        offsets.push(offsets.last().copied().unwrap_or(0.0) + gap);
    }
    // Pools of (mean, weight, members).
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (&(wish, weight), offset) in wishes.iter().zip(&offsets) {
        let mut pool = (wish - offset, weight, 1);
        while let Some(&last) = pools.last().filter(|last| last.0 > pool.0) {
            let weight = last.1 + pool.1;
            pool = ((last.0 * last.1 + pool.0 * pool.1) / weight, weight, last.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let means = pools.iter().flat_map(|&(mean, _, members)| std::iter::repeat_n(mean, members));
    means.zip(&offsets).map(|(mean, offset)| mean + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_nobodys_way_stands_where_it_wants() {
        assert_eq!(spread(&[(0.0, 1.0), (100.0, 1.0)], &[10.0]), [0.0, 100.0]);
    }

    #[test]
    fn who_wants_the_same_place_shares_it_by_weight_and_keeps_the_gap() {
        let placed = spread(&[(50.0, 3.0), (50.0, 1.0)], &[40.0]);
        assert!((placed[1] - placed[0] - 40.0).abs() < 1e-9, "{placed:?}");
        assert!((placed[0] - 40.0).abs() < 1e-9, "{placed:?}");
    }
}
