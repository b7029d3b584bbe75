//! The analysis: tensor by tensor, then layers, modules and the whole model from their sums.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use crate::input::{Change, Inputs};
use crate::place::Place;
use crate::spectrum::{Ranks, ranks};
use crate::table::{Row, Scope, Table};
use crate::totals::{Totals, pairs};
use crate::{VectorError, largest, pass};

/// What is computed.
#[derive(Default)]
pub struct Options<'a> {
    /// Whether effective and stable ranks are left out. They take a matrix product and an
    /// eigenvalue decomposition for each matrix and model, which is most of the time.
    pub skip_ranks: bool,
    /// Ends the analysis when set.
    pub interrupt: Option<&'a AtomicBool>,
    /// Told steps done and steps in all.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
}

/// The table and what was left out of it.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The rows: the whole model, layers, modules, tensors.
    pub rows: Vec<Row>,
    /// Tensors that were left out, and why.
    pub notes: Vec<String>,
}

struct Steps<'a> {
    options: &'a Options<'a>,
    done: AtomicU64,
    total: u64,
}

impl Steps<'_> {
    fn next(&self) -> Result<(), VectorError> {
        let interrupt = self.options.interrupt;
        if interrupt.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(VectorError::Interrupted);
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(progress) = self.options.progress {
            progress(done, self.total);
        }
        Ok(())
    }
}

/// Compares the task vectors of all models.
///
/// Tensors are read in tiles, three times where two models change one; memory is bounded by the
/// tiles and, for the ranks, by a square matrix of the smaller side for each thread. The result
/// does not depend on the number of threads.
///
/// # Errors
/// When a file cannot be read, a value is not finite, or the models share no tensor with the base.
pub fn analyse(inputs: &Inputs, options: &Options<'_>) -> Result<Analysis, VectorError> {
    let (tensors, notes) = shared(inputs);
    if tensors.is_empty() {
        return Err(VectorError::NothingShared);
    }
    let models: Vec<String> = inputs.models.iter().map(|m| m.name.clone()).collect();
    let matrices: Vec<(usize, usize)> = if options.skip_ranks {
        Vec::new()
    } else {
        let matrix = |t: &usize| tensors[*t].shape.len() == 2;
        let jobs = (0..tensors.len()).filter(matrix);
        jobs.flat_map(|t| (0..models.len()).map(move |m| (t, m)))
            .collect()
    };
    let steps = Steps {
        options,
        done: AtomicU64::new(0),
        total: (tensors.len() + matrices.len()) as u64,
    };
    let mut whole = Totals::new(models.len());
    let mut layers: BTreeMap<u32, Totals> = BTreeMap::new();
    let mut modules: BTreeMap<String, Totals> = BTreeMap::new();
    let mut own = Vec::with_capacity(tensors.len());
    for tensor in &tensors {
        steps.next()?;
        let totals = of_tensor(inputs, tensor)?;
        let place = Place::of(&tensor.name);
        let new = || Totals::new(models.len());
        whole.add(&totals);
        if let Some(layer) = place.layer {
            layers.entry(layer).or_insert_with(new).add(&totals);
        }
        modules.entry(place.module).or_insert_with(new).add(&totals);
        own.push(totals);
    }
    let ranks: Vec<Option<Ranks>> = matrices
        .par_iter()
        .map(|(t, model)| {
            steps.next()?;
            let tensor = &tensors[*t];
            // A model that leaves the tensor alone has no ranks, which the sums know already.
            if own[*t].squares[*model] == 0.0 {
                return Ok(None);
            }
            let (rows, columns) = (tensor.shape[0], tensor.shape[1]);
            ranks(inputs, &tensor.name, rows, columns, *model)
        })
        .collect::<Result<_, VectorError>>()?;

    let mut table = Table {
        models: &models,
        rows: Vec::new(),
    };
    table.add(Scope::Model, "", &whole);
    for (layer, totals) in &layers {
        table.add(Scope::Layer, &layer.to_string(), totals);
    }
    for (module, totals) in &modules {
        table.add(Scope::Module, module, totals);
    }
    let mut ranks = matrices.iter().zip(&ranks).peekable();
    for (t, tensor) in tensors.iter().enumerate() {
        table.add(Scope::Tensor, &tensor.name, &own[t]);
        while let Some(((_, model), ranks)) = ranks.next_if(|((of, _), _)| *of == t) {
            if let Some(ranks) = ranks {
                table.add_ranks(&tensor.name, *model, own[t].entries, *ranks);
            }
        }
    }
    Ok(Analysis {
        rows: table.rows,
        notes,
    })
}

struct Tensor {
    name: String,
    shape: Vec<usize>,
    elements: usize,
}

/// The tensors that the base and all models have in one shape, and notes on the others.
fn shared(inputs: &Inputs) -> (Vec<Tensor>, Vec<String>) {
    let mut tensors = Vec::new();
    let mut notes = Vec::new();
    for view in inputs.base.tensors() {
        if !view.dtype.is_float() || view.elements() == 0 {
            continue;
        }
        let without = inputs.models.iter().find(|m| !m.has(view.name, view.shape));
        match without {
            Some(model) => notes.push(format!(
                "{:?} is left out: {} lacks it or has it in another shape",
                view.name, model.name
            )),
            None => tensors.push(Tensor {
                name: view.name.to_owned(),
                shape: view.shape.to_vec(),
                elements: view.elements(),
            }),
        }
    }
    for model in &inputs.models {
        let more = model
            .names()
            .iter()
            .filter(|name| !inputs.base.contains(name));
        let more: Vec<&String> = more.collect();
        if let Some(first) = more.first() {
            notes.push(format!(
                "{} tensor(s) of {} are left out, which the base lacks, such as {first:?}",
                more.len(),
                model.name
            ));
        }
    }
    (tensors, notes)
}

fn of_tensor(inputs: &Inputs, tensor: &Tensor) -> Result<Totals, VectorError> {
    let (name, elements) = (&tensor.name, tensor.elements);
    let (mut totals, histograms) = pass::sums(inputs, name, elements)?;
    let changed = totals.squares.iter().filter(|square| **square > 0.0);
    if changed.count() > 1 {
        totals.overlaps = largest::overlaps(inputs, name, elements, &histograms)?;
    }
    // The factors give these without the rounding of each entry.
    let factors: Vec<_> = inputs
        .models
        .iter()
        .map(|model| match model.change(name) {
            Change::LowRank(factors) => Some(factors),
            _ => None,
        })
        .collect();
    for (square, factors) in totals.squares.iter_mut().zip(&factors) {
        if let Some(factors) = factors {
            // A sum of squares, but for rounding.
            *square = factors.dot(factors).max(0.0);
        }
    }
    for (pair, (i, j)) in pairs(inputs.models.len()).enumerate() {
        if let (Some(a), Some(b)) = (factors[i], factors[j]) {
            totals.dots[pair] = a.dot(b);
        }
    }
    Ok(totals)
}
