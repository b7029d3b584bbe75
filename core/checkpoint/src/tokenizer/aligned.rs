//! Embeddings and output heads in the order of another vocabulary.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::AlignError;
use crate::tensor_view::check_range;
use crate::{CheckpointError, LowRankUpdate, TensorInfo, TensorSource};

/// Where a row of an aligned tensor comes from. Sources are numbered as in [`Aligned::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// A row of one source.
    Of {
        /// Its number.
        source: usize,
        /// The row there.
        row: usize,
    },
    /// The plain mean of rows, added in this order.
    Mean(Vec<(usize, usize)>),
    /// Zeros.
    Zero,
    /// The mean of all rows that are not padding.
    Padding,
}

/// Rows looked at for one read; more than a tile has.
const LONGEST_RUN: usize = 256;

/// One source with some of its tensors replaced by rows gathered from several sources.
///
/// Nothing is held but one mean row per tensor that has padding: rows are gathered as they are
/// read. Sums are in f32, the mean of padding rows in f64.
pub struct Aligned<S> {
    own: usize,
    sources: Vec<S>,
    rows: Arc<[Row]>,
    /// From an aligned tensor to its elements per row.
    widths: HashMap<String, usize>,
    /// Mean rows, once they were needed.
    means: Mutex<HashMap<String, Arc<[f32]>>>,
}

impl<S: TensorSource> Aligned<S> {
    /// The tensors of source `own`, with `tensors` made of `rows`.
    ///
    /// # Errors
    /// When a source that a row is taken from has no such tensor or row, or another width.
    pub fn new(
        own: usize,
        sources: Vec<S>,
        rows: Arc<[Row]>,
        tensors: &BTreeSet<String>,
    ) -> Result<Aligned<S>, AlignError> {
        let mut last: HashMap<usize, usize> = HashMap::new();
        let single = rows.iter().filter_map(|row| match row {
            Row::Of { source, row } => Some((*source, *row)),
            _ => None,
        });
        let averaged = rows.iter().flat_map(|row| match row {
            Row::Mean(of) => of.as_slice(),
            _ => &[],
        });
        for (source, row) in single.chain(averaged.copied()) {
            let last = last.entry(source).or_default();
            *last = row.max(*last);
        }
        let mut widths = HashMap::new();
        for tensor in tensors {
            let fail = |reason: String| AlignError {
                tensor: tensor.clone(),
                reason,
            };
            let shape = |source: usize| -> Result<Vec<usize>, AlignError> {
                let source = sources
                    .get(source)
                    .ok_or_else(|| fail(format!("there is no source {source}")))?;
                let info = source.info(tensor).map_err(|e| fail(e.to_string()))?;
                if info.dtype.is_float() && !info.shape.is_empty() {
                    return Ok(info.shape);
                }
                let (path, shape) = (source.path().display(), info.shape);
                Err(fail(format!("in {path} it is {} {shape:?}", info.dtype)))
            };
            let own_shape = shape(own)?;
            let mut used: Vec<_> = last.iter().collect();
            used.sort_unstable();
            for (source, row) in used {
                let theirs = shape(*source)?;
                let path = sources[*source].path().display();
                if theirs[1..] != own_shape[1..] {
                    return Err(fail(format!(
                        "its rows have the shape {:?} in {path} and {:?} in {}",
                        &theirs[1..],
                        &own_shape[1..],
                        sources[own].path().display()
                    )));
                }
                if *row >= theirs[0] {
                    return Err(fail(format!(
                        "row {row} is asked for, it has {} in {path}",
                        theirs[0]
                    )));
                }
            }
            widths.insert(tensor.clone(), own_shape[1..].iter().product());
        }
        Ok(Aligned {
            own,
            sources,
            rows,
            widths,
            means: Mutex::default(),
        })
    }

    fn own(&self) -> &S {
        &self.sources[self.own]
    }

    /// How many rows from this one on follow one another in their source too, so that one read
    /// gets them. Most vocabularies differ in a few tokens only.
    fn run(&self, first: usize) -> usize {
        let Row::Of { source, row } = self.rows[first] else {
            return 1;
        };
        let follows = |(i, next): &(usize, &Row)| {
            **next
                == Row::Of {
                    source,
                    row: row + i,
                }
        };
        let rows = self.rows[first..].iter().take(LONGEST_RUN);
        rows.enumerate().take_while(follows).count()
    }

    /// Elements `range` of a row. Of a row of one source, it may reach into those that follow
    /// there.
    fn row(
        &self,
        tensor: &str,
        width: usize,
        row: &Row,
        range: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let read = |(source, row): (usize, usize), out: &mut [f32]| {
            let start = row * width;
            let range = start + range.start..start + range.end;
            self.sources[source].read_f32(tensor, range, out)
        };
        match row {
            Row::Of { source, row } => read((*source, *row), out),
            Row::Mean(of) => {
                let mut one = vec![0.0; out.len()];
                out.fill(0.0);
                for place in of {
                    read(*place, &mut one)?;
                    out.iter_mut().zip(&one).for_each(|(sum, x)| *sum += x);
                }
                let count = of.len().max(1) as f32;
                out.iter_mut().for_each(|sum| *sum /= count);
                Ok(())
            }
            Row::Zero => {
                out.fill(0.0);
                Ok(())
            }
            Row::Padding => {
                let mean = self.mean(tensor, width)?;
                out.copy_from_slice(&mean[range]);
                Ok(())
            }
        }
    }

    /// The mean of all rows that are not padding.
    fn mean(&self, tensor: &str, width: usize) -> Result<Arc<[f32]>, CheckpointError> {
        // The lock is held while the mean is computed, so that it is computed once.
        let mut means = self.means.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(mean) = means.get(tensor) {
            return Ok(Arc::clone(mean));
        }
        let mut sums = vec![0.0f64; width];
        let mut values = vec![0.0; width];
        let mut count = 0.0f64;
        for row in self.rows.iter().filter(|row| **row != Row::Padding) {
            self.row(tensor, width, row, 0..width, &mut values)?;
            let values = values.iter().map(|x| f64::from(*x));
            sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
            count += 1.0;
        }
        let mean: Arc<[f32]> = sums.iter().map(|s| (s / count.max(1.0)) as f32).collect();
        means.insert(tensor.to_owned(), Arc::clone(&mean));
        Ok(mean)
    }
}

impl<S: TensorSource> TensorSource for Aligned<S> {
    fn names(&self) -> &[String] {
        self.own().names()
    }

    fn path(&self) -> &Path {
        self.own().path()
    }

    fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError> {
        let mut info = self.own().info(name)?;
        if self.widths.contains_key(name)
            && let Some(first) = info.shape.first_mut()
        {
            *first = self.rows.len();
        }
        Ok(info)
    }

    fn read_f32(
        &self,
        name: &str,
        range: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        let Some(&width) = self.widths.get(name) else {
            return self.own().read_f32(name, range, out);
        };
        check_range(name, self.rows.len() * width, &range, out.len())?;
        let mut at = range.start;
        let mut rest = out;
        while !rest.is_empty() {
            let (row, column) = (at / width, at % width);
            let count = rest.len().min(self.run(row) * width - column);
            let (values, tail) = rest.split_at_mut(count);
            self.row(name, width, &self.rows[row], column..column + count, values)?;
            at += count;
            rest = tail;
        }
        Ok(())
    }

    /// Refused for an aligned tensor.
    fn raw_bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        if self.widths.contains_key(name) {
            return Err(CheckpointError::Computed {
                path: self.path().to_owned(),
                tensor: name.to_owned(),
            });
        }
        self.own().raw_bytes(name)
    }

    /// None for an aligned tensor.
    fn low_rank(&self, name: &str) -> Option<LowRankUpdate<'_>> {
        match self.widths.contains_key(name) {
            true => None,
            false => self.own().low_rank(name),
        }
    }
}
