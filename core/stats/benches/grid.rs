//! A whole grid of results: 10,000 resamples of 100 models on 5 languages and 3 tasks with 500 examples each.
//!
//! Prints how many resamples of one model's examples a second that is: 15,000,000 resamples in all.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mergelab_stats::{
    Aggregate, EachRow, Mean, Statistics, joint_bootstrap, max_t, model_confidence_set,
};

const MODELS: u32 = 100;
const CELLS: u64 = 5 * 3;
const EXAMPLES: u32 = 500;
const RESAMPLES: usize = 10_000;

fn model(width: u32, salt: u32) -> Statistics {
    let values = (0..EXAMPLES * width).map(|i| f64::from(i * (salt + 3) % 7 % 2));
    Statistics::new(values.collect(), width as usize).unwrap_or_else(|error| panic!("{error}"))
}

/// From true positives, false positives and false negatives of each class.
fn macro_f1(sums: &[f64], _examples: f64) -> f64 {
    let f1 = |s: &[f64]| 2.0 * s[0] / (2.0 * s[0] + s[1] + s[2]).max(1.0);
    sums.chunks_exact(3).map(f1).sum::<f64>() / (sums.len() / 3) as f64
}

fn grid(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("100 models, 15 cells, 500 examples");
    group.throughput(Throughput::Elements(
        CELLS * u64::from(MODELS) * RESAMPLES as u64,
    ));
    group.sample_size(10);
    let f1 = EachRow(macro_f1);
    let metrics: [(&str, u32, &dyn Aggregate); 2] =
        [("mean", 1, &Mean), ("macro-F1 of 3 classes", 9, &f1)];
    for (name, width, metric) in metrics {
        let models: Vec<Statistics> = (0..MODELS).map(|salt| model(width, salt)).collect();
        let all: Vec<&Statistics> = models.iter().collect();
        let pairs: Vec<[&Statistics; 2]> = all[1..].iter().map(|model| [*model, all[0]]).collect();
        group.bench_function(format!("joint bootstrap, {name}"), |bench| {
            bench.iter(|| {
                for seed in 0..CELLS {
                    let found = joint_bootstrap(black_box(&all), metric, RESAMPLES, seed);
                    black_box(found.unwrap_or_else(|error| panic!("{error}")));
                }
            });
        });
        group.bench_function(format!("max-T, {name}"), |bench| {
            bench.iter(|| {
                for seed in 0..CELLS {
                    let found = max_t(black_box(&pairs), metric, RESAMPLES, seed);
                    black_box(found.unwrap_or_else(|error| panic!("{error}")));
                }
            });
        });
    }
    group.finish();

    let models: Vec<Statistics> = (0..MODELS).map(|salt| model(1, salt)).collect();
    let all: Vec<&Statistics> = models.iter().collect();
    let joint = joint_bootstrap(&all, &Mean, RESAMPLES, 0).unwrap_or_else(|e| panic!("{e}"));
    let mut group = criterion.benchmark_group("100 models");
    group.sample_size(10);
    group.bench_function("model confidence set", |bench| {
        bench.iter(|| model_confidence_set(black_box(&joint), 0.05, true));
    });
    group.finish();
}

criterion_group!(benches, grid);
criterion_main!(benches);
