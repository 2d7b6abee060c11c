//! How far to the right each vertex stands: long links straight, everything else near the middle of what it is
//! linked with.
//!
//! The method is that of Brandes and Köpf (2001): four layouts, each pushed into another corner, and of these the
//! mean of the two in the middle. Parts of the picture without a link between them are moved together at last.

use std::collections::{HashSet, VecDeque};

use super::layers::Layers;

/// Between two vertices of a layer.
const BESIDE: f64 = 22.0;
/// Between parts of the picture that no link joins.
const APART: f64 = 40.0;

/// Segments between neighbouring layers that a straight link crosses: they are not the ones to be straight.
type Bent = HashSet<(usize, usize)>;

/// The first vertex of the block of each vertex: what stands exactly below each other.
type Blocks = Vec<usize>;

impl Layers {
    /// The middle of each vertex.
    pub(super) fn columns(&self) -> Vec<f64> {
        let bent = self.bent();
        let mut layouts = Vec::new();
        for down in [true, false] {
            for left in [true, false] {
                let rows = self.rows(down, left);
                let blocks = self.blocks(&rows, down, &bent);
                let mut xs = self.compact(&rows, &blocks);
                if !left {
                    xs.iter_mut().for_each(|x| *x = -*x);
                }
                layouts.push((left, xs));
            }
        }
        let mut xs = self.balance(layouts);
        self.pack(&mut xs);
        xs
    }

    /// The layers, as one looks at them from this corner.
    fn rows(&self, down: bool, left: bool) -> Vec<Vec<usize>> {
        let mut rows = self.layers.clone();
        if !down {
            rows.reverse();
        }
        if !left {
            rows.iter_mut().for_each(|row| row.reverse());
        }
        rows
    }

    /// Where each vertex stands in its row.
    fn positions(&self, rows: &[Vec<usize>]) -> Vec<usize> {
        let mut positions = vec![0; self.vertices.len()];
        for row in rows {
            for (at, &vertex) in row.iter().enumerate() {
                positions[vertex] = at;
            }
        }
        positions
    }

    fn bent(&self) -> Bent {
        let positions = self.positions(&self.layers);
        let is_passing = |vertex: usize| !self.vertices[vertex].is_node;
        let mut bent = Bent::new();
        for pair in self.layers.windows(2) {
            let (above, row) = (&pair[0], &pair[1]);
            let (mut from, mut scanned) = (0, 0);
            for (at, &vertex) in row.iter().enumerate() {
                let passing =
                    self.vertices[vertex].above.iter().find(|&&n| is_passing(n) && is_passing(vertex));
                if passing.is_none() && at + 1 < row.len() {
                    continue;
                }
                let until = passing.map_or(above.len(), |&n| positions[n]);
                for &lower in &row[scanned..=at] {
                    for &upper in &self.vertices[lower].above {
                        let crosses = positions[upper] < from || until < positions[upper];
                        if crosses && !(is_passing(upper) && is_passing(lower)) {
                            bent.insert((upper, lower));
                        }
                    }
                }
                (scanned, from) = (at + 1, until);
            }
        }
        bent
    }

    /// Puts each vertex below the middle one of its neighbours, if no other that is so placed lies between.
    fn blocks(&self, rows: &[Vec<usize>], down: bool, bent: &Bent) -> Blocks {
        let positions = self.positions(rows);
        let count = self.vertices.len();
        let mut root: Vec<usize> = (0..count).collect();
        for row in rows.iter().skip(1) {
            // The first position of the row before that is still free.
            let mut free = 0;
            for &vertex in row {
                let v = &self.vertices[vertex];
                let mut before = if down { v.above.clone() } else { v.below.clone() };
                before.sort_by_key(|&n| positions[n]);
                let Some(last) = before.len().checked_sub(1) else { continue };
                for &near in &before[last / 2..=last.div_ceil(2)] {
                    let segment = if down { (near, vertex) } else { (vertex, near) };
                    if positions[near] >= free && !bent.contains(&segment) {
                        root[vertex] = root[near];
                        free = positions[near] + 1;
                        break;
                    }
                }
            }
        }
        root
    }

    /// Every block as far to the left as those on its left allow, and then as near to those on its right.
    fn compact(&self, rows: &[Vec<usize>], root: &Blocks) -> Vec<f64> {
        let count = self.vertices.len();
        let mut right: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
        let mut waits = vec![0usize; count];
        for pair in rows.iter().flat_map(|row| row.windows(2)) {
            right[root[pair[0]]].push((root[pair[1]], self.gap(pair[0], pair[1])));
            waits[root[pair[1]]] += 1;
        }
        let mut ready: VecDeque<usize> = (0..count).filter(|&v| root[v] == v && waits[v] == 0).collect();
        let mut order = Vec::with_capacity(count);
        let mut xs = vec![0.0_f64; count];
        while let Some(block) = ready.pop_front() {
            order.push(block);
            for &(next, gap) in &right[block] {
                xs[next] = xs[next].max(xs[block] + gap);
                waits[next] -= 1;
                if waits[next] == 0 {
                    ready.push_back(next);
                }
            }
        }
        for &block in order.iter().rev() {
            let limit = right[block].iter().map(|&(next, gap)| xs[next] - gap).fold(f64::MAX, f64::min);
            if limit < f64::MAX {
                xs[block] = xs[block].max(limit);
            }
        }
        (0..count).map(|vertex| xs[root[vertex]]).collect()
    }

    /// The middle of four layouts, each moved to where the narrowest one ends.
    fn balance(&self, mut layouts: Vec<(bool, Vec<f64>)>) -> Vec<f64> {
        let extents: Vec<(f64, f64)> = layouts.iter().map(|(_, xs)| self.extent_of(xs)).collect();
        let narrowest = extents.iter().copied().min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
        let (left_end, right_end) = narrowest.unwrap_or_default();
        for ((left, xs), own) in layouts.iter_mut().zip(extents) {
            let shift = if *left { left_end - own.0 } else { right_end - own.1 };
            xs.iter_mut().for_each(|x| *x += shift);
        }
        let middle = |vertex: usize| {
            let mut all: Vec<f64> = layouts.iter().map(|(_, xs)| xs[vertex]).collect();
            all.sort_by(f64::total_cmp);
            f64::midpoint(all[1], all[2])
        };
        (0..self.vertices.len()).map(middle).collect()
    }

    fn extent_of(&self, xs: &[f64]) -> (f64, f64) {
        let ends = xs.iter().zip(&self.vertices).map(|(x, v)| (x - v.size.w / 2.0, x + v.size.w / 2.0));
        ends.fold((f64::MAX, f64::MIN), |all, own| (all.0.min(own.0), all.1.max(own.1)))
    }

    /// Moves parts without a link between them as near to each other as their layers allow.
    fn pack(&self, xs: &mut [f64]) {
        let part = self.parts();
        let parts = part.iter().max().map_or(0, |last| last + 1);
        let mut ends = vec![f64::MIN; self.layers.len()];
        for this in 0..parts {
            let own = || (0..xs.len()).filter(|&vertex| part[vertex] == this);
            let half = |vertex: usize| self.vertices[vertex].size.w / 2.0;
            let mut shift = f64::MIN;
            for vertex in own() {
                // Links bulge between the layers, so the layers beside count as well.
                let layer = self.vertices[vertex].layer;
                let near = layer.saturating_sub(1)..(layer + 2).min(ends.len());
                let end = ends[near].iter().copied().fold(f64::MIN, f64::max);
                if end > f64::MIN {
                    shift = shift.max(end + APART - (xs[vertex] - half(vertex)));
                }
            }
            let members: Vec<usize> = own().collect();
            for vertex in members {
                if shift > f64::MIN {
                    xs[vertex] += shift;
                }
                let end = &mut ends[self.vertices[vertex].layer];
                *end = end.max(xs[vertex] + half(vertex));
            }
        }
    }

    fn gap(&self, left: usize, right: usize) -> f64 {
        let (left, right) = (&self.vertices[left], &self.vertices[right]);
        (left.size.w + right.size.w) / 2.0 + BESIDE
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Size, Wire};
    use super::*;

    fn columns(nodes: usize, wires: &[(usize, usize)]) -> (Layers, Vec<f64>) {
        let size = Size { w: 100.0, h: 40.0 };
        let wires: Vec<_> = wires.iter().map(|&(from, to)| Wire { from, to, label: size }).collect();
        let mut layers = Layers::new(&vec![size; nodes], &wires);
        layers.untangle();
        let xs = layers.columns();
        (layers, xs)
    }

    #[test]
    fn a_long_link_is_straight_where_it_passes() {
        let (layers, xs) = columns(5, &[(0, 1), (1, 2), (2, 3), (0, 3), (1, 4)]);
        let long = layers.chains[3].as_ref().unwrap();
        let passing: Vec<_> = long.path[1..long.path.len() - 1].iter().map(|&v| xs[v]).collect();
        assert!(passing.len() > 3 && passing.windows(2).all(|pair| pair[0] == pair[1]), "{passing:?}");
    }

    #[test]
    fn parts_without_a_link_between_them_stand_side_by_side() {
        let (_, xs) = columns(8, &[(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 5), (6, 7)]);
        let first = xs[..6].iter().copied().fold(f64::MIN, f64::max);
        assert!(xs[6] > xs[0] && xs[6] < first + 100.0 + 2.0 * APART, "{xs:?}");
    }
}
