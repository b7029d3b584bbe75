//! How many resamples of 500 examples a second.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mergelab_stats::{
    Aggregate, BootstrapOptions, EachRow, Mean, Statistics, approximate_randomisation,
    paired_bootstrap, sign_flip,
};

const EXAMPLES: u32 = 500;
const RESAMPLES: usize = 10_000;
/// True positives, false positives and false negatives of five classes.
const WIDTH: usize = 15;

fn system(width: usize, step: u32) -> Statistics {
    let values = (0..EXAMPLES * width as u32).map(|i| f64::from(i * step % 7 % 2));
    Statistics::new(values.collect(), width).unwrap_or_else(|error| panic!("{error}"))
}

fn macro_f1(sums: &[f64], _examples: f64) -> f64 {
    let f1 = |s: &[f64]| 2.0 * s[0] / (2.0 * s[0] + s[1] + s[2]).max(1.0);
    sums.chunks_exact(3).map(f1).sum::<f64>() / (sums.len() / 3) as f64
}

fn resampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("500 examples");
    group.throughput(Throughput::Elements(RESAMPLES as u64));
    group.sample_size(10);
    let d: Vec<f64> = (0..EXAMPLES).map(|i| f64::from(i % 9) - 3.9).collect();
    group.bench_function("sign flip", |b| {
        b.iter(|| sign_flip(black_box(&d), RESAMPLES, 1));
    });
    let f1 = EachRow(macro_f1);
    let metrics: [(&str, usize, &dyn Aggregate); 2] =
        [("mean", 1, &Mean), ("macro-F1 of 5 classes", WIDTH, &f1)];
    for (name, width, aggregate) in metrics {
        let (a, b) = (system(width, 3), system(width, 5));
        group.bench_function(format!("approximate randomisation, {name}"), |bench| {
            bench.iter(|| approximate_randomisation(black_box(&a), &b, aggregate, RESAMPLES, 1));
        });
        let options = BootstrapOptions::default();
        group.bench_function(format!("paired bootstrap, {name}"), |bench| {
            bench.iter(|| paired_bootstrap(black_box(&a), &b, aggregate, &options));
        });
    }
    group.finish();
}

criterion_group!(benches, resampling);
criterion_main!(benches);
