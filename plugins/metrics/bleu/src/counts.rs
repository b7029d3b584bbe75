//! Sufficient statistics of one output, and BLEU from their sums.

use crate::Smooth;
use mergelab_sdk::text::words;
use std::collections::HashMap;

/// Longest n-grams.
pub(crate) const ORDER: usize = 4;

/// Numbers per example: the lengths of output and reference, and for each order the n-grams of the
/// output that are in a reference, and all of the output's.
pub(crate) const WIDTH: usize = 2 + 2 * ORDER;

type Counts<'a> = HashMap<Vec<&'a str>, u32>;

/// N-grams of all orders with their counts, and the number of words.
fn ngrams(text: &str) -> (Counts<'_>, usize) {
    let words: Vec<&str> = words(text).collect();
    let mut counts = Counts::new();
    for n in 1..=ORDER {
        for gram in words.windows(n) {
            *counts.entry(gram.to_vec()).or_default() += 1;
        }
    }
    (counts, words.len())
}

/// The statistics of an output against its references, all as words between spaces. An n-gram
/// counts at most as often as in the reference that has it most often; the reference length is that
/// nearest to the output's, of two the shorter.
pub(crate) fn statistics(output: &str, references: &[String]) -> Vec<f64> {
    let (said, length) = ngrams(output);
    let mut wanted = Counts::new();
    let mut nearest: Option<usize> = None;
    for reference in references {
        let (counts, own) = ngrams(reference);
        for (gram, count) in counts {
            let most = wanted.entry(gram).or_default();
            *most = (*most).max(count);
        }
        let key = |l: usize| (l.abs_diff(length), l);
        nearest = Some(nearest.map_or(own, |n| if key(own) < key(n) { own } else { n }));
    }
    let mut row = vec![0.0; WIDTH];
    row[0] = length as f64;
    row[1] = nearest.unwrap_or(0) as f64;
    for (gram, count) in said {
        let n = gram.len() - 1;
        let right = wanted.get(&gram).copied().unwrap_or(0);
        row[2 + n] += f64::from(count.min(right));
        row[2 + ORDER + n] += f64::from(count);
    }
    row
}

/// BLEU from 0 to 100.
pub(crate) fn bleu(sums: &[f64], smooth: Smooth, value: f64, effective_order: bool) -> f64 {
    let (output, reference) = (sums[0], sums[1]);
    let (right, all) = (&sums[2..2 + ORDER], &sums[2 + ORDER..WIDTH]);
    if right.iter().all(|c| *c == 0.0) {
        return 0.0;
    }
    let brevity = if output < reference {
        (1.0 - reference / output).exp()
    } else {
        1.0
    };
    let mut precisions = [0.0; ORDER];
    let mut orders = ORDER;
    // What an order without a match is divided by: doubled at each of them.
    let mut halved = 1.0;
    for n in 0..ORDER {
        let added = if smooth == Smooth::AddK && n > 0 {
            value
        } else {
            0.0
        };
        let (right, all) = (right[n] + added, all[n] + added);
        if all == 0.0 {
            break;
        }
        if effective_order {
            orders = n + 1;
        }
        precisions[n] = match smooth {
            _ if right != 0.0 => 100.0 * right / all,
            Smooth::Exp => {
                halved *= 2.0;
                100.0 / (halved * all)
            }
            Smooth::Floor => 100.0 * value / all,
            Smooth::AddK | Smooth::None => 0.0,
        };
    }
    // The reference's stand-in for the logarithm of 0: any such order makes the score 0.
    let log = |p: f64| if p == 0.0 { -9_999_999_999.0 } else { p.ln() };
    let sum: f64 = precisions[..orders].iter().map(|p| log(*p)).sum();
    brevity * (sum / orders as f64).exp()
}
