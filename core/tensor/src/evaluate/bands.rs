//! Passes that go band by band, where the masks of ranks are too large for the memory.
//!
//! Such a mask takes whole rows. Of each band of elements the rows that touch it are ranked, and
//! then the pass goes over the band. Each pass ranks anew, as each computes elementwise values
//! anew.

use super::budget::bits_by_row;
use super::{Facts, Schedule};
use crate::error::Error;
use crate::program::{Bits, Magnitudes, Program, streamed_operands};
use mergelab_abi::ops::{Node, rows};
use std::ops::Range;

impl Schedule<'_> {
    /// Calls `run` with a program that computes `wanted`, for one band of `range` after the other.
    /// Bands but the last have a multiple of `unit` elements.
    pub(super) fn in_bands(
        &self,
        wanted: &[Node],
        range: Range<usize>,
        unit: usize,
        run: impl FnMut(&Program, Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let program = |facts: &Facts| Program::new(self.nodes, facts, wanted);
        self.run_in_bands(wanted, range, unit, program, run)
    }

    /// The same, where groups of nodes are looked at ([`Program::by_groups`]).
    pub(super) fn groups_in_bands(
        &self,
        groups: &[Vec<Node>],
        sums: &[Magnitudes],
        bits: &Bits,
        range: Range<usize>,
        unit: usize,
        run: impl FnMut(&Program, Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let program = |facts: &Facts| Program::by_groups(self.nodes, facts, groups, sums, bits);
        let mut wanted = groups.concat();
        wanted.extend(sums.iter().map(|sums| sums.node));
        self.run_in_bands(&wanted, range, unit, program, run)
    }

    /// The same, where rows of `row` elements are computed as a whole ([`Program::by_rows`]).
    pub(super) fn rows_in_bands(
        &self,
        wanted: &[Node],
        row: usize,
        range: Range<usize>,
        unit: usize,
        run: impl FnMut(&Program, Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let program = |facts: &Facts| Program::by_rows(self.nodes, facts, wanted, row);
        self.run_in_bands(wanted, range, unit, program, run)
    }

    fn run_in_bands(
        &self,
        wanted: &[Node],
        range: Range<usize>,
        unit: usize,
        program: impl Fn(&Facts) -> Program,
        mut run: impl FnMut(&Program, Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let by_rows = self.by_rows(wanted);
        let band = match self.budget.band {
            Some(band) if !by_rows.is_empty() => (band / unit).max(1) * unit,
            _ => return run(&program(self.facts), range),
        };
        let mut facts = self.facts.clone();
        for start in range.clone().step_by(band) {
            let band = start..range.end.min(start + band);
            self.rank_rows(&mut facts, &by_rows, band.clone())?;
            run(&program(&facts), band)?;
        }
        Ok(())
    }

    /// Adds what ranks say about a band of elements to `facts`.
    pub(super) fn rank_rows(
        &self,
        facts: &mut Facts,
        by_rows: &[Node],
        band: Range<usize>,
    ) -> Result<(), Error> {
        // An earlier one is read over all the rows of those after it.
        let mut covered = band;
        let mut stretches = Vec::new();
        for &node in by_rows.iter().rev() {
            let recorded = &self.nodes[node as usize];
            let row = rows(&recorded.shape).1.max(1);
            let end = covered.end.next_multiple_of(row).min(recorded.len);
            covered = covered.start / row * row..end;
            stretches.push((node, covered.clone()));
        }
        for (node, stretch) in stretches.into_iter().rev() {
            let fact = self.ranked(facts, node, stretch)?;
            facts.insert(node, fact);
        }
        Ok(())
    }

    /// What is found out from whole rows and read on the way to `wanted`, in the order of
    /// recording.
    pub(super) fn by_rows(&self, wanted: &[Node]) -> Vec<Node> {
        if self.budget.band.is_none() {
            return Vec::new();
        }
        let mut seen = vec![false; self.nodes.len()];
        let mut open = wanted.to_vec();
        let mut found = Vec::new();
        while let Some(node) = open.pop() {
            if std::mem::replace(&mut seen[node as usize], true)
                || self.facts.contains_key(&node) && self.is_in_memory(node)
            {
                continue;
            }
            if bits_by_row(&self.nodes[node as usize]).is_some() {
                found.push(node);
            }
            open.extend(streamed_operands(self.nodes, self.facts, node));
        }
        found.sort_unstable();
        found
    }

    fn is_in_memory(&self, node: Node) -> bool {
        self.facts.get(&node).is_some_and(super::Fact::is_in_memory)
    }
}
