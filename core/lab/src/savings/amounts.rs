//! What stages cost, and adding it.

use crate::ledger::Ledger;
use std::{iter::Sum, ops::Add};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Seconds on the clock.
    WallSeconds,
    /// Seconds of processors, over all threads.
    CpuSeconds,
    /// Seconds on an accelerator.
    DeviceSeconds,
    /// Tokens trained on, or read and generated.
    Tokens,
    /// Floating-point operations, estimated.
    Flops,
    /// Joules of the processor.
    EnergyJoules,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::WallSeconds,
        Self::CpuSeconds,
        Self::DeviceSeconds,
        Self::Tokens,
        Self::Flops,
        Self::EnergyJoules,
    ];

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::WallSeconds => "wall_seconds",
            Self::CpuSeconds => "cpu_seconds",
            Self::DeviceSeconds => "device_seconds",
            Self::Tokens => "tokens",
            Self::Flops => "flops",
            Self::EnergyJoules => "energy_joules",
        }
    }
}

/// What one or several stages cost. `None` where a stage does not tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amounts {
    values: [Option<f64>; Unit::ALL.len()],
    /// Stages that ran beside one of these at most, itself included.
    pub jobs: usize,
}

impl Amounts {
    /// Nothing.
    pub const ZERO: Self = Self {
        values: [Some(0.0); Unit::ALL.len()],
        jobs: 1,
    };

    /// What a stage of this kind cost.
    pub fn of(kind: &str, ledger: &Ledger) -> Self {
        // Nothing is estimated for these, which have no model in them.
        let without = matches!(kind, "score" | "vectors").then_some(0.0);
        Self {
            values: [
                Some(ledger.wall_seconds),
                ledger.cpu_seconds,
                Some(ledger.device_seconds),
                Some(ledger.tokens as f64),
                ledger.flops.or(without),
                ledger.energy_joules,
            ],
            jobs: ledger.jobs,
        }
    }

    /// One of the amounts.
    pub fn get(&self, unit: Unit) -> Option<f64> {
        self.values[unit as usize]
    }

    /// With another amount in place of one.
    #[must_use]
    pub fn with(mut self, unit: Unit, value: Option<f64>) -> Self {
        self.values[unit as usize] = value;
        self
    }

    /// Each amount times a factor.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for value in self.values.iter_mut().flatten() {
            *value *= factor;
        }
        self
    }

    /// The mean of some; `None` of none.
    pub fn mean(all: &[Self]) -> Option<Self> {
        let sum: Self = all.iter().copied().sum();
        (!all.is_empty()).then(|| sum.scaled(1.0 / all.len() as f64))
    }
}

impl Add for Amounts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (value, other) in self.values.iter_mut().zip(other.values) {
            *value = value.zip(other).map(|(a, b)| a + b);
        }
        self.jobs = self.jobs.max(other.jobs);
        self
    }
}

impl Sum for Amounts {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}
