//! Numbers about all tensors together, which a method asks for before it merges any.
//!
//! Sums add the sums of the tensors in the plan's order. The k-th largest magnitude is found
//! exactly in bounded memory: one pass over all tensors counts magnitudes by the upper half of
//! their bits, a second one counts by the lower half within the bucket that holds the k-th.

use super::recording::Recording;
use super::tensors::{Failure, Job};
use crate::error::MergeError;
use crate::plan::{Action, PlannedTensor};
use mergelab_abi::PluginError;
use mergelab_abi::method::{Survey, SurveyKind};
use mergelab_abi::ops::Op;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Rounds of questions. One answer may lead to the next question, but not without end.
const MOST_ROUNDS: usize = 16;

impl Job<'_> {
    /// Asks the method what it must know and finds it out.
    pub(super) fn survey(&mut self) -> Result<(), MergeError> {
        let traits = self.plan.plugin.info.method.as_ref();
        if !traits.is_some_and(|traits| traits.surveys) {
            return Ok(());
        }
        for _ in 0..MOST_ROUNDS {
            let questions = self.questions()?;
            if questions.is_empty() {
                return Ok(());
            }
            let answers = self.answers(questions)?;
            self.statistics.extend(answers);
        }
        Err(MergeError::Plugin {
            method: self.plan.plugin.info.id.clone(),
            tensor: None,
            source: PluginError::failed(format!(
                "its survey asks for new numbers without end ({MOST_ROUNDS} rounds): it should ask \
                 for the same names each time"
            )),
        })
    }

    /// One pass over the tensors that are merged, and what each thread's share of it gives, in
    /// the plan's order.
    fn each<T: Send>(
        &self,
        visit: impl Fn(&Recording, &PlannedTensor, Vec<Survey>) -> Result<T, MergeError> + Sync,
    ) -> Result<Vec<T>, MergeError> {
        let results: Vec<Result<Option<T>, MergeError>> = self
            .plan
            .tensors()
            .par_iter()
            .map(|tensor| {
                let Action::Merge {
                    parameters,
                    working,
                } = tensor.action
                else {
                    return Ok(None);
                };
                self.interrupted()?;
                let recording = Recording::new(self, tensor, working);
                let asked = recording.call(self, tensor, parameters, |method, group, host| {
                    method.survey(group, host)
                })?;
                visit(&recording, tensor, asked).map(Some)
            })
            .collect();
        // The first error by name, whichever thread met one first.
        let all: Vec<Option<T>> = results.into_iter().collect::<Result<_, _>>()?;
        Ok(all.into_iter().flatten().collect())
    }

    /// What is asked for and not known, with the number of elements that it is about.
    fn questions(&self) -> Result<BTreeMap<String, Question>, MergeError> {
        let asked = self.each(|recording, tensor, asked| {
            let mut questions = Vec::new();
            for survey in asked {
                let shape = recording.session.handle().shape(survey.node);
                let shape = shape
                    .map_err(|error| recording.failed(self, tensor, Failure::Plugin(error)))?;
                let elements: usize = shape.iter().product();
                questions.push((survey.name, survey.kind, elements as u64));
            }
            Ok(questions)
        })?;
        let mut questions: BTreeMap<String, Question> = BTreeMap::new();
        for (name, kind, elements) in asked.into_iter().flatten() {
            if self.statistics.contains_key(&name) {
                continue;
            }
            let question = questions
                .entry(name)
                .or_insert(Question { kind, elements: 0 });
            question.elements += elements;
        }
        Ok(questions)
    }

    fn answers(
        &self,
        questions: BTreeMap<String, Question>,
    ) -> Result<BTreeMap<String, f64>, MergeError> {
        let mut answers = BTreeMap::new();
        let mut counting: BTreeMap<String, Count> = BTreeMap::new();
        for (name, question) in &questions {
            if let SurveyKind::KthLargestMagnitude { share, more } = question.kind {
                let k = SurveyKind::rank(share, more, question.elements);
                match k {
                    // No elements at all: nothing is above zero.
                    0 => drop(answers.insert(name.clone(), 0.0)),
                    k => drop(counting.insert(name.clone(), Count::new(k))),
                }
            }
        }
        let sums = questions
            .values()
            .any(|question| question.kind == SurveyKind::Sum);
        let mut first = sums;
        while first || !counting.is_empty() {
            let counts = &counting;
            let found = self.each(|recording, tensor, asked| {
                let mut sums = Vec::new();
                for survey in asked {
                    let failed = |error| recording.failed(self, tensor, Failure::Engine(error));
                    if let Some(count) = counts.get(&survey.name) {
                        let sink = |_: usize, values: &[f32]| {
                            count.add(values);
                            Ok(())
                        };
                        recording
                            .session
                            .evaluate(survey.node, &sink)
                            .map_err(failed)?;
                    } else if first && questions.get(&survey.name).is_some_and(Question::is_sum) {
                        let host = recording.session.handle();
                        let sum = host
                            .record(Op::Sum, &[survey.node], &[], &[])
                            .map_err(|e| recording.failed(self, tensor, Failure::Plugin(e)))?;
                        let sum = recording.session.number(sum).map_err(failed)?;
                        sums.push((survey.name, sum));
                    }
                }
                Ok(sums)
            })?;
            for (name, sum) in found.into_iter().flatten() {
                *answers.entry(name).or_insert(0.0) += sum;
            }
            first = false;
            counting.retain(|name, count| match count.next() {
                None => true,
                Some(magnitude) => {
                    answers.insert(name.clone(), magnitude);
                    false
                }
            });
        }
        Ok(answers)
    }
}

struct Question {
    kind: SurveyKind,
    elements: u64,
}

impl Question {
    fn is_sum(&self) -> bool {
        self.kind == SurveyKind::Sum
    }
}

/// Lower bits of a magnitude, which the second pass counts by.
const LOW_BITS: u32 = 15;
const COARSE: usize = 1 << 16;
const FINE: usize = 1 << LOW_BITS;

/// A k-th largest magnitude on the way to its value.
struct Count {
    k: u64,
    /// The upper bits of the k-th and how many are larger than all with these, once known.
    bucket: Option<(u32, u64)>,
    /// Counts of one thread each, so that none waits for another.
    counts: Vec<Mutex<Vec<u64>>>,
}

impl Count {
    fn new(k: u64) -> Self {
        Self {
            k,
            bucket: None,
            counts: shares(COARSE),
        }
    }

    fn add(&self, values: &[f32]) {
        let share = rayon::current_thread_index().unwrap_or(0) % self.counts.len();
        // Counts are changed by adding, so what a panicking thread left is whole.
        let mut counts = self.counts[share]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match self.bucket {
            None => {
                for &value in values {
                    counts[(magnitude(value) >> LOW_BITS) as usize] += 1;
                }
            }
            Some((bucket, _)) => {
                for &value in values {
                    let bits = magnitude(value);
                    if bits >> LOW_BITS == bucket {
                        counts[(bits & (FINE as u32 - 1)) as usize] += 1;
                    }
                }
            }
        }
    }

    /// Ends a pass; gives the magnitude where it is known.
    fn next(&mut self) -> Option<f64> {
        let mut total = vec![0u64; self.counts.first().map_or(0, |c| lock(c).len())];
        for share in &self.counts {
            for (total, count) in total.iter_mut().zip(lock(share).iter()) {
                *total += count;
            }
        }
        let above = self.bucket.map_or(0, |(_, above)| above);
        let (place, above) = find(&total, self.k, above);
        match self.bucket {
            None => {
                self.bucket = Some((place, above));
                self.counts = shares(FINE);
                None
            }
            Some((bucket, _)) => Some(f64::from(f32::from_bits((bucket << LOW_BITS) | place))),
        }
    }
}

fn lock(counts: &Mutex<Vec<u64>>) -> std::sync::MutexGuard<'_, Vec<u64>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shares(places: usize) -> Vec<Mutex<Vec<u64>>> {
    (0..rayon::current_num_threads().max(1))
        .map(|_| Mutex::new(vec![0; places]))
        .collect()
}

/// The bit pattern of the magnitude; all NaN are equal and above infinity.
fn magnitude(value: f32) -> u32 {
    match value.is_nan() {
        true => f32::NAN.to_bits() & 0x7fff_ffff,
        false => value.abs().to_bits(),
    }
}

/// The place of the k-th largest, and how many are larger, of which `above` are in no place.
fn find(counts: &[u64], k: u64, above: u64) -> (u32, u64) {
    let mut above = above;
    for (place, &count) in counts.iter().enumerate().rev() {
        if above + count >= k {
            return (place as u32, above);
        }
        above += count;
    }
    (0, above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_in_two_passes_finds_the_kth_largest() {
        let values: Vec<f32> = (0..5000)
            .map(|i| ((i * 7919) % 5003) as f32 * if i % 2 == 0 { 0.37 } else { -0.37 })
            .chain([0.0, -0.0, 925.0, 925.0, -925.0])
            .collect();
        let mut sorted: Vec<f32> = values.iter().map(|x| x.abs()).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for k in [1, 2, 3, 4, 700, 2500, 5004, 5005] {
            let mut count = Count::new(k);
            count.add(&values);
            assert_eq!(count.next(), None);
            count.add(&values);
            assert_eq!(count.next(), Some(f64::from(sorted[k as usize - 1])), "{k}");
        }
    }
}
