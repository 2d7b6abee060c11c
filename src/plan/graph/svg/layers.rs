//! Which layer each node stands in, and what a link passes on its way through the layers between.

use super::{Size, Wire};

/// Layers from a node to the next: one for the node, one for labels.
const STEP: usize = 2;

/// A node, a label, or the place where a link passes a layer.
#[derive(Debug, Clone)]
pub(super) struct Vertex {
    pub(super) size: Size,
    pub(super) layer: usize,
    pub(super) above: Vec<usize>,
    pub(super) below: Vec<usize>,
    pub(super) is_node: bool,
}

/// A link's way, from its upper node to its lower one.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Vertices from the upper node to the lower one.
    pub(super) path: Vec<usize>,
    /// Index in `path` of the vertex that carries the label.
    pub(super) label: usize,
    /// The link leads upwards.
    pub(super) upwards: bool,
}

/// Everything in its layer; the first vertices are the nodes.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) vertices: Vec<Vertex>,
    /// Vertices of each layer, from left to right.
    pub(super) layers: Vec<Vec<usize>>,
    /// One for each link; `None` for a link from a node to itself.
    pub(super) chains: Vec<Option<Chain>>,
}

impl Layers {
    pub(super) fn new(nodes: &[Size], wires: &[Wire]) -> Self {
        let upwards = upward(nodes.len(), wires);
        let layer = layers_of(nodes.len(), wires, &upwards);
        let node = |(index, size): (usize, &Size)| Vertex {
            size: *size,
            layer: layer[index],
            above: Vec::new(),
            below: Vec::new(),
            is_node: true,
        };
        let vertices = nodes.iter().enumerate().map(node).collect();
        let mut layers = Self { vertices, layers: Vec::new(), chains: Vec::new() };
        for (wire, &upwards) in wires.iter().zip(&upwards) {
            let chain = (wire.from != wire.to).then(|| layers.chain(wire, upwards));
            layers.chains.push(chain);
        }
        layers.fill();
        layers
    }

    fn chain(&mut self, wire: &Wire, upwards: bool) -> Chain {
        let (top, bottom) = if upwards { (wire.to, wire.from) } else { (wire.from, wire.to) };
        let (first, last) = (self.vertices[top].layer + 1, self.vertices[bottom].layer);
        // A label stands near where its link begins: there a reader decides which way to follow.
        let labelled = if upwards { last - 1 } else { first };
        let mut path = vec![top];
        for layer in first..last {
            let size = if layer == labelled { wire.label } else { Size { w: 6.0, h: 0.0 } };
            self.vertices.push(Vertex { size, layer, above: vec![], below: vec![], is_node: false });
            path.push(self.vertices.len() - 1);
        }
        path.push(bottom);
        for pair in path.windows(2) {
            self.vertices[pair[0]].below.push(pair[1]);
            self.vertices[pair[1]].above.push(pair[0]);
        }
        Chain { path, label: labelled + 1 - first, upwards }
    }

    /// Puts the vertices into their layers in the order in which a walk from the top finds them.
    fn fill(&mut self) {
        let depth = self.vertices.iter().map(|v| v.layer + 1).max().unwrap_or(0);
        self.layers = vec![Vec::new(); depth];
        let mut seen = vec![false; self.vertices.len()];
        for root in 0..self.vertices.len() {
            let mut waiting = vec![root];
            while let Some(vertex) = waiting.pop() {
                if std::mem::replace(&mut seen[vertex], true) {
                    continue;
                }
                self.layers[self.vertices[vertex].layer].push(vertex);
                waiting.extend(self.vertices[vertex].below.iter().rev());
            }
        }
    }
}

/// Links that lead back to where a walk from the first node came from; turned round, the rest has no cycle.
fn upward(nodes: usize, wires: &[Wire]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        OnTheWay,
        Done,
    }
    let mut out = vec![Vec::new(); nodes];
    for (index, wire) in wires.iter().enumerate() {
        out[wire.from].push(index);
    }
    let mut upwards = vec![false; wires.len()];
    let mut seen = vec![Seen::No; nodes];
    for root in 0..nodes {
        if seen[root] != Seen::No {
            continue;
        }
        seen[root] = Seen::OnTheWay;
        let mut way = vec![(root, 0)];
        while let Some((node, next)) = way.last_mut() {
            let Some(&index) = out[*node].get(*next) else {
                seen[*node] = Seen::Done;
                way.pop();
                continue;
            };
            *next += 1;
            let to = wires[index].to;
            match seen[to] {
                Seen::No => {
                    seen[to] = Seen::OnTheWay;
                    way.push((to, 0));
                }
                Seen::OnTheWay => upwards[index] = true,
                Seen::Done => {}
            }
        }
    }
    upwards
}

/// Each node as high as its links allow; one that nothing leads to just above what it leads to.
fn layers_of(nodes: usize, wires: &[Wire], upwards: &[bool]) -> Vec<usize> {
    let downward: Vec<(usize, usize)> = wires
        .iter()
        .zip(upwards)
        .filter(|(wire, _)| wire.from != wire.to)
        .map(|(wire, &up)| if up { (wire.to, wire.from) } else { (wire.from, wire.to) })
        .collect();
    let mut layer = vec![0; nodes];
    settle(&mut layer, &downward);
    for node in 1..nodes {
        if downward.iter().any(|&(_, to)| to == node) {
            continue;
        }
        let below = || downward.iter().filter(|(from, _)| *from == node).map(|&(_, to)| to);
        // What only this node leads to comes down with it.
        let held = below().filter(|&to| downward.iter().any(|&(from, other)| other == to && from != node));
        if let Some(nearest) = held.map(|to| layer[to]).min().or_else(|| below().map(|to| layer[to]).min()) {
            layer[node] = nearest - STEP;
        }
    }
    settle(&mut layer, &downward);
    layer
}

/// Moves nodes down until every link leads down.
fn settle(layer: &mut [usize], downward: &[(usize, usize)]) {
    // There is no cycle, so this settles after as many rounds as the longest way has links.
    let mut settled = false;
    while !settled {
        settled = true;
        for &(from, to) in downward {
            if layer[to] < layer[from] + STEP {
                layer[to] = layer[from] + STEP;
                settled = false;
            }
        }
    }
}
