//! Which nodes a target needs, what can be computed next, and what nobody reads any more.
//!
//! Each node and each edge is looked at a fixed number of times in one evaluation, and no walk is
//! recursive: a method may record thousands of steps.

use super::budget::{Budget, bits_by_row};
use super::{Fact, Facts};
use crate::error::Error;
use crate::graph::{Kind, Nodes, Recorded};
use mergelab_abi::ops::{Node, Op, rows};
use std::collections::{BTreeSet, HashMap};

/// How a node is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Has shape `[]` and follows from nodes of that shape.
    Number,
    /// Its elements are computed in each pass that needs them.
    Streamed,
    /// A pass over its input collects a number, or what a mask keeps.
    Statistic,
    /// A pass over its input collects a number for each row or column.
    Lines,
    /// Computed once, as all others read from any place of it.
    Whole,
}

pub(super) struct Demand<'a> {
    nodes: &'a Nodes,
    roles: Vec<Role>,
    /// Whether someone reads the node from any place of it.
    in_memory: Vec<bool>,
    /// Operands of each node that cannot be read yet.
    waiting: Vec<u32>,
    /// How many have still to read each node.
    readers: Vec<u32>,
    /// Who reads node `n`: `users[starts[n]..starts[n + 1]]`.
    users: Vec<Node>,
    starts: Vec<usize>,
    ready: BTreeSet<Node>,
    /// Nodes in memory that nobody reads any more.
    unread: Vec<Node>,
}

impl<'a> Demand<'a> {
    /// What `target` needs beyond `facts`, and the nodes that can be read from the start.
    pub(super) fn new(
        nodes: &'a Nodes,
        facts: &Facts,
        target: Node,
        budget: Budget,
    ) -> (Self, Vec<Node>) {
        let count = target as usize + 1;
        let matrices = depends_on_matrices(&nodes[..count]);
        let mut needed = vec![false; count];
        let mut demand = Self {
            nodes,
            roles: vec![Role::Streamed; count],
            in_memory: vec![false; count],
            waiting: vec![0; count],
            readers: vec![0; count],
            users: Vec::new(),
            starts: vec![0; count + 1],
            ready: BTreeSet::new(),
            unread: Vec::new(),
        };
        needed[target as usize] = true;
        // Readers come after what they read, so each node is met after all of its readers.
        for index in (0..count).rev() {
            if !needed[index] {
                continue;
            }
            let node = index as Node;
            if settled(facts.get(&node)) {
                demand.roles[index] = match nodes[index].is_scalar() {
                    true => Role::Statistic,
                    false => Role::Whole,
                };
                continue;
            }
            let in_memory = demand.in_memory[index];
            let is_target = node == target;
            let streams = !in_memory && streams(&nodes[index], is_target, matrices[index], budget);
            demand.roles[index] = match streams {
                true => Role::Streamed,
                false => role(nodes, facts, node, in_memory),
            };
            let anywhere = reads_anywhere(&nodes[index]);
            for &operand in nodes[index].operands() {
                let operand = operand as usize;
                needed[operand] = true;
                demand.in_memory[operand] |= anywhere;
                demand.readers[operand] += 1;
                demand.waiting[index] += 1;
            }
        }
        for index in 0..count {
            demand.starts[index + 1] = demand.starts[index] + demand.readers[index] as usize;
        }
        let mut next = demand.starts.clone();
        demand.users = vec![0; demand.starts[count]];
        let mut readable = Vec::new();
        for index in (0..count).filter(|&index| needed[index]) {
            let node = index as Node;
            if settled(facts.get(&node)) {
                readable.push(node);
                continue;
            }
            for &operand in nodes[index].operands() {
                demand.users[next[operand as usize]] = node;
                next[operand as usize] += 1;
            }
            if demand.waiting[index] == 0 {
                match demand.roles[index] {
                    Role::Number | Role::Streamed => readable.push(node),
                    _ => drop(demand.ready.insert(node)),
                }
            }
        }
        // The target is read at the end.
        demand.readers[target as usize] += 1;
        (demand, readable)
    }

    /// The first node in the order of recording that can be computed, and how.
    ///
    /// A method's own order needs no more memory than its author meant to use.
    pub(super) fn first(&self) -> Option<(Node, Role)> {
        let node = *self.ready.first()?;
        Some((node, self.roles[node as usize]))
    }

    /// All nodes that can be computed in this way.
    pub(super) fn ready(&self, role: Role) -> Vec<Node> {
        let of = |node: &&Node| self.roles[**node as usize] == role;
        self.ready.iter().filter(of).copied().collect()
    }

    /// Whether the target needs the node, known or not.
    pub(super) fn reads(&self, node: Node) -> bool {
        self.readers.get(node as usize).is_some_and(|&n| n > 0)
    }

    /// Whether the node can be computed, and is not.
    pub(super) fn misses(&self, node: Node) -> bool {
        self.ready.contains(&node)
    }

    /// How the node is computed.
    pub(super) fn role(&self, node: Node) -> Role {
        self.roles[node as usize]
    }

    /// Others that are computed from the same node.
    pub(super) fn users(&self, node: Node) -> &[Node] {
        let node = node as usize;
        &self.users[self.starts[node]..self.starts[node + 1]]
    }

    /// Of the row statistics that can be computed, those of tensors of this many rows and elements
    /// in each, with all that can be computed once they are known: what depends on them row by row
    /// alone. In the order of recording.
    pub(super) fn chain(&self, shape: (usize, usize)) -> Vec<Node> {
        /// Uses that are looked at, so that a graph of many steps is not walked again for each.
        const LOOK: usize = 500;
        let is_row = |node: Node| match &self.nodes[node as usize].kind {
            Kind::Operation { op, inputs, .. } => {
                matches!(op, Op::RowSum | Op::RowDot | Op::RowMax)
                    && rows(&self.nodes[inputs[0] as usize].shape) == shape
            }
            Kind::Input(_) => false,
        };
        let spreads = |node: Node| match &self.nodes[node as usize].kind {
            Kind::Operation { op, .. } => {
                *op == Op::SpreadRows && rows(&self.nodes[node as usize].shape) == shape
            }
            Kind::Input(_) => false,
        };
        let mut found = self.ready(Role::Lines);
        found.retain(|&node| is_row(node));
        let mut waiting: HashMap<Node, u32> = HashMap::new();
        let mut stack = found.clone();
        let mut looked = 0;
        while let Some(node) = stack.pop() {
            let is_line = self.roles[node as usize] == Role::Lines;
            for &user in self.users(node) {
                looked += 1;
                if looked > LOOK {
                    stack.clear();
                    break;
                }
                let fits = match self.roles[user as usize] {
                    // Places in whole rows are found out before anything is streamed.
                    Role::Streamed if bits_by_row(&self.nodes[user as usize]).is_some() => false,
                    Role::Streamed => !is_line || spreads(user),
                    Role::Lines => !is_line && is_row(user),
                    _ => false,
                };
                if !fits {
                    continue;
                }
                let waits = self.waiting[user as usize];
                let left = waiting.entry(user).or_insert(waits);
                *left -= 1;
                if *left == 0 {
                    if self.roles[user as usize] == Role::Lines {
                        found.push(user);
                    }
                    stack.push(user);
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Takes note that these nodes can be read. `compute` is called for each node of shape `[]`
    /// that follows, operands first.
    pub(super) fn readable(
        &mut self,
        nodes: Vec<Node>,
        mut compute: impl FnMut(Node) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut stack = nodes;
        while let Some(node) = stack.pop() {
            if self.roles[node as usize] == Role::Number {
                compute(node)?;
                self.release(node);
            }
            let node = node as usize;
            for index in self.starts[node]..self.starts[node + 1] {
                let user = self.users[index];
                let waiting = &mut self.waiting[user as usize];
                *waiting -= 1;
                if *waiting == 0 {
                    match self.roles[user as usize] {
                        Role::Number | Role::Streamed => stack.push(user),
                        _ => drop(self.ready.insert(user)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes note that a node which was ready is computed. Returns whether it can be read.
    pub(super) fn computed(&mut self, node: Node) -> bool {
        let index = node as usize;
        let mask = self.roles[index] == Role::Statistic && !self.nodes[index].is_scalar();
        if mask && self.in_memory[index] {
            // What it keeps is known, so now it can be put into memory.
            self.roles[index] = Role::Whole;
            return false;
        }
        self.ready.remove(&node);
        if mask {
            // It goes on reading what it masks.
            self.roles[index] = Role::Streamed;
        } else {
            self.release(node);
        }
        true
    }

    /// Nodes in memory that nobody reads any more.
    pub(super) fn unread(&mut self) -> Vec<Node> {
        std::mem::take(&mut self.unread)
    }

    /// A node does not read its operands any more, nor do those that were computed for it alone.
    fn release(&mut self, node: Node) {
        let mut stack = vec![node];
        while let Some(node) = stack.pop() {
            for &operand in self.nodes[node as usize].operands() {
                let readers = &mut self.readers[operand as usize];
                *readers -= 1;
                if *readers > 0 {
                    continue;
                }
                match self.roles[operand as usize] {
                    Role::Lines | Role::Whole => self.unread.push(operand),
                    Role::Streamed => stack.push(operand),
                    Role::Number | Role::Statistic => {}
                }
            }
        }
    }
}

/// Whether a node can be read without its operands.
fn settled(fact: Option<&Fact>) -> bool {
    !matches!(fact, None | Some(Fact::Cut(_)))
}

/// Which nodes are computed from the result of an operation on a whole matrix.
fn depends_on_matrices(nodes: &Nodes) -> Vec<bool> {
    let mut found = vec![false; nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let operands = node.operands();
        found[index] = is_matrix_operation(node) || operands.iter().any(|&n| found[n as usize]);
    }
    found
}

fn is_matrix_operation(recorded: &Recorded) -> bool {
    match &recorded.kind {
        Kind::Input(_) => false,
        Kind::Operation { op, .. } => {
            is_decomposition(*op)
                || matches!(op, Op::MatMul | Op::Transpose | Op::Concat | Op::Narrow)
        }
    }
}

pub(super) fn is_decomposition(op: Op) -> bool {
    matches!(op, Op::SvdU | Op::SvdS | Op::SvdV | Op::QrQ | Op::QrR)
}

/// Whether a node that would be in memory is not, unless someone reads it from any place.
fn streams(recorded: &Recorded, is_target: bool, of_matrices: bool, budget: Budget) -> bool {
    match &recorded.kind {
        // At the end of a graph there is nobody to keep it for.
        Kind::Operation {
            op: Op::Materialize,
            ..
        } => {
            // Without it, the matrices that it is computed from would be kept instead.
            let too_large = !of_matrices && 4 * recorded.len > budget.kept;
            !recorded.is_scalar() && (is_target || too_large)
        }
        // A band of it is in memory in each pass.
        _ => budget.band.is_some() && bits_by_row(recorded).is_some(),
    }
}

fn role(nodes: &Nodes, facts: &Facts, node: Node, in_memory: bool) -> Role {
    let recorded = &nodes[node as usize];
    let Kind::Operation { op, inputs, .. } = &recorded.kind else {
        return match (recorded.is_scalar(), in_memory) {
            (true, _) => Role::Number,
            (false, true) => Role::Whole,
            (false, false) => Role::Streamed,
        };
    };
    let of_tensor = inputs
        .first()
        .is_some_and(|&input| !nodes[input as usize].is_scalar());
    match op {
        Op::Sum | Op::Dot | Op::Max | Op::Min | Op::KthLargestMagnitude if of_tensor => {
            Role::Statistic
        }
        _ if recorded.is_scalar() => Role::Number,
        Op::TopKMask | Op::TopShareMask if !facts.contains_key(&node) => Role::Statistic,
        Op::RowSum | Op::RowDot | Op::RowMax | Op::ColumnSum | Op::ColumnDot => Role::Lines,
        Op::Materialize
        | Op::RowRank
        | Op::RankedKeepMask
        | Op::MatMul
        | Op::Transpose
        | Op::Concat
        | Op::Narrow
        | Op::SvdU
        | Op::SvdS
        | Op::SvdV
        | Op::QrQ
        | Op::QrR => Role::Whole,
        _ if in_memory => Role::Whole,
        _ => Role::Streamed,
    }
}

/// Whether the operation reads its operands at other places than that of the result, or as often
/// as a product does, so that they must be in memory.
fn reads_anywhere(recorded: &Recorded) -> bool {
    match &recorded.kind {
        Kind::Operation {
            op: Op::SpreadRows | Op::SpreadColumns,
            ..
        } => true,
        _ => is_matrix_operation(recorded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::source::Memory;
    use mergelab_abi::working::Working;
    use std::collections::HashSet;
    use std::sync::Arc;

    /// Goes through a graph as an evaluation does, without computing. Returns the order, and how
    /// many nodes were in memory at once.
    fn walk(graph: &Graph, target: Node) -> (Vec<Node>, usize) {
        let facts = Facts::new();
        let budget = Budget::new(graph.nodes(), &facts, 1 << 30);
        let (mut demand, readable) = Demand::new(graph.nodes(), &facts, target, budget);
        demand.readable(readable, |_| Ok(())).unwrap();
        let (mut order, mut most) = (Vec::new(), 0);
        let mut in_memory = HashSet::new();
        while let Some((node, role)) = demand.first() {
            order.push(node);
            if matches!(role, Role::Whole | Role::Lines) {
                in_memory.insert(node);
            }
            most = most.max(in_memory.len());
            if demand.computed(node) {
                demand.readable(vec![node], |_| Ok(())).unwrap();
            }
            for node in demand.unread() {
                assert!(in_memory.remove(&node), "node {node} is freed twice");
            }
        }
        assert!(
            in_memory.len() <= 2,
            "the target, or what its pass reads, is left"
        );
        (order, most)
    }

    fn record(graph: &mut Graph, op: Op, inputs: &[Node], integers: &[u64]) -> Node {
        graph
            .record(Working::F32, op, inputs, &[], integers)
            .unwrap()
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_steps() {
        let mut most = Vec::new();
        for steps in [3, 300] {
            let mut graph = Graph::default();
            let memory = || Arc::new(Memory::new("x", vec![0.0; 4]));
            let a = graph.input(Working::F32, &[2, 2], memory());
            let mut x = graph.input(Working::F32, &[2, 2], memory());
            for _ in 0..steps {
                let product = record(&mut graph, Op::MatMul, &[x, a], &[0, 0]);
                let rows = record(&mut graph, Op::RowDot, &[product, product], &[]);
                let spread = record(&mut graph, Op::SpreadRows, &[rows], &[2, 2]);
                let difference = record(&mut graph, Op::Sub, &[product, spread], &[]);
                let norm = record(&mut graph, Op::Dot, &[difference, difference], &[]);
                x = record(&mut graph, Op::Div, &[difference, norm], &[]);
            }
            let (order, in_memory) = walk(&graph, x);
            assert!(order.is_sorted(), "what can be computed first is");
            most.push(in_memory);
        }
        assert_eq!(most[0], most[1]);
    }

    #[test]
    fn a_mask_that_must_be_in_memory_is_ranked_first() {
        let mut graph = Graph::default();
        let x = graph.input(
            Working::F32,
            &[2, 2],
            Arc::new(Memory::new("x", vec![0.0; 4])),
        );
        let mask = record(&mut graph, Op::TopKMask, &[x], &[2]);
        let transposed = record(&mut graph, Op::Transpose, &[mask], &[]);
        assert_eq!(walk(&graph, transposed).0, [mask, mask, transposed]);
    }
}
