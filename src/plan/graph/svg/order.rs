//! The order of the vertices in each layer: sweeps up and down that bring each near its neighbours.

use super::layers::Layers;

/// Sweeps through all layers. More were not seen to help.
const SWEEPS: usize = 24;
/// Rounds of swaps after a sweep, at most.
const ROUNDS: usize = 8;
/// More vertices than any flow has that people read; with so many there is one beginning and nothing is swapped.
const MANY: usize = 2000;

impl Layers {
    /// Orders every layer for few crossings, and of two orders with as few for the shorter links.
    pub(super) fn untangle(&mut self) {
        let found = self.layers.clone();
        let mut best: Option<(usize, f64, Vec<Vec<usize>>)> = None;
        let beginnings: &[bool] = if self.are_many() { &[false] } else { &[false, true] };
        for &turned in beginnings {
            self.layers.clone_from(&found);
            if turned {
                self.layers.iter_mut().for_each(|layer| layer.reverse());
            }
            let crossings = self.sweep();
            // What no link joins stands side by side, not between each other.
            let part = self.parts();
            self.layers.iter_mut().for_each(|layer| layer.sort_by_key(|&vertex| part[vertex]));
            let length = self.length();
            if best.as_ref().is_none_or(|best| (crossings, length) < (best.0, best.1)) {
                best = Some((crossings, length, self.layers.clone()));
            }
        }
        if let Some((_, _, layers)) = best {
            self.layers = layers;
        }
    }

    /// Sweeps from this order to the best that is found; how many crossings are left.
    fn sweep(&mut self) -> usize {
        let mut positions = vec![0.0; self.vertices.len()];
        for layer in &self.layers {
            number(layer, &mut positions);
        }
        let mut best = (self.crossings(&positions), self.layers.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            // Those that want the same place change theirs now and then.
            let (downwards, turned) = (sweep % 2 == 0, sweep % 4 >= 2);
            let depth = self.layers.len();
            for step in 1..depth {
                self.sort(if downwards { step } else { depth - 1 - step }, downwards, turned, &mut positions);
            }
            let rounds = if self.are_many() { 0 } else { ROUNDS };
            for _ in 0..rounds {
                if !self.swap(&mut positions) {
                    break;
                }
            }
            let crossings = self.crossings(&positions);
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
        best.0
    }

    fn are_many(&self) -> bool {
        self.vertices.len() > MANY
    }

    /// Swaps neighbours wherever that undoes crossings; whether it did.
    fn swap(&mut self, positions: &mut [f64]) -> bool {
        let mut swapped = false;
        for layer in 0..self.layers.len() {
            for at in 1..self.layers[layer].len() {
                let (left, right) = (self.layers[layer][at - 1], self.layers[layer][at]);
                if self.between(right, left, positions) < self.between(left, right, positions) {
                    self.layers[layer].swap(at - 1, at);
                    positions.swap(left, right);
                    swapped = true;
                }
            }
        }
        swapped
    }

    /// How often the links of two neighbours cross, if one is left of the other.
    fn between(&self, left: usize, right: usize, positions: &[f64]) -> usize {
        let (left, right) = (&self.vertices[left], &self.vertices[right]);
        let crossings = |left: &[usize], right: &[usize]| {
            let over =
                |&end: &usize| right.iter().filter(|&&other| positions[end] > positions[other]).count();
            left.iter().map(over).sum::<usize>()
        };
        crossings(&left.above, &right.above) + crossings(&left.below, &right.below)
    }

    /// How far all links lead to the side.
    fn length(&self) -> f64 {
        let xs = self.columns();
        let aside = |(vertex, x): (usize, &f64)| {
            self.vertices[vertex].below.iter().map(|&n| (xs[n] - x).abs()).sum::<f64>()
        };
        xs.iter().enumerate().map(aside).sum()
    }

    /// Which part each vertex belongs to: links join a part within, and none leads out of it.
    pub(super) fn parts(&self) -> Vec<usize> {
        let mut part = vec![usize::MAX; self.vertices.len()];
        let mut parts = 0;
        for first in 0..part.len() {
            if part[first] != usize::MAX {
                continue;
            }
            let mut waiting = vec![first];
            while let Some(vertex) = waiting.pop() {
                if part[vertex] == usize::MAX {
                    part[vertex] = parts;
                    waiting.extend(self.vertices[vertex].above.iter().chain(&self.vertices[vertex].below));
                }
            }
            parts += 1;
        }
        part
    }

    /// Sorts a layer by the mean position of its neighbours in the layer it is compared with.
    fn sort(&mut self, layer: usize, by_above: bool, turned: bool, positions: &mut [f64]) {
        let key = |&vertex: &usize| {
            let v = &self.vertices[vertex];
            let neighbours = if by_above { &v.above } else { &v.below };
            let sum: f64 = neighbours.iter().map(|&n| positions[n]).sum();
            let mean = if neighbours.is_empty() { positions[vertex] } else { sum / neighbours.len() as f64 };
            (mean, vertex)
        };
        let mut keyed: Vec<(f64, usize)> = self.layers[layer].iter().map(key).collect();
        if turned {
            keyed.reverse();
        }
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.layers[layer] = keyed.into_iter().map(|(_, vertex)| vertex).collect();
        number(&self.layers[layer], positions);
    }

    /// How many pairs of links cross between neighbouring layers.
    fn crossings(&self, positions: &[f64]) -> usize {
        self.layers.iter().map(|layer| crossings_below(self, layer, positions)).sum()
    }
}

fn number(layer: &[usize], positions: &mut [f64]) {
    for (at, &vertex) in layer.iter().enumerate() {
        positions[vertex] = at as f64;
    }
}

fn crossings_below(layers: &Layers, layer: &[usize], positions: &[f64]) -> usize {
    // From left to right above; a crossing is an end below that lies left of an earlier one.
    let mut earlier: Vec<f64> = Vec::new();
    let mut crossings = 0;
    for &vertex in layer {
        let mut ends: Vec<f64> = layers.vertices[vertex].below.iter().map(|&n| positions[n]).collect();
        ends.sort_by(f64::total_cmp);
        for &end in &ends {
            crossings += earlier.len() - earlier.partition_point(|&e| e <= end);
        }
        for end in ends {
            let at = earlier.partition_point(|&e| e <= end);
            earlier.insert(at, end);
        }
    }
    crossings
}
