//! Round numbers along an axis.

/// A linear axis from values to places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Least and greatest value shown.
    pub(super) range: (f64, f64),
    /// Values that get a line and a number.
    pub(super) ticks: Vec<f64>,
    /// Digits behind the point that tell the ticks apart.
    decimals: usize,
    /// Places of the range's ends.
    places: (f64, f64),
}

impl Axis {
    /// An axis that shows all values, with a little room at the ends. `places` are those of its
    /// ends.
    pub(super) fn new(values: impl Iterator<Item = f64> + Clone, places: (f64, f64)) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = match low <= high {
            true => (low, high),
            false => (0.0, 1.0),
        };
        let room = match high - low {
            0.0 => 0.1 * low.abs().max(0.1),
            width => 0.08 * width,
        };
        let range = (low - room, high + room);
        let step = step((range.1 - range.0) / 5.0);
        let first = (range.0 / step).ceil() as i64;
        let last = (range.1 / step).floor() as i64;
        Self {
            range,
            ticks: (first..=last).map(|tick| tick as f64 * step).collect(),
            decimals: (-step.log10().floor()).max(0.0) as usize,
            places,
        }
    }

    /// Where a value lies.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value - self.range.0) / (self.range.1 - self.range.0);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// A tick's number, with a true minus sign.
    pub(super) fn number(&self, tick: f64) -> String {
        let text = format!("{tick:.*}", self.decimals);
        match text.strip_prefix('-') {
            Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.to_owned(),
            Some(digits) => format!("\u{2212}{digits}"),
            None => text,
        }
    }
}

/// The least of 1, 2 and 5 times a power of ten that is not below `least`.
fn step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0];
    let found = times
        .into_iter()
        .find(|t| t * power >= least * (1.0 - 1e-9));
    found.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let axis = Axis::new([-0.031, 0.12].into_iter(), (0.0, 100.0));
        let numbers: Vec<_> = axis.ticks.iter().map(|t| axis.number(*t)).collect();
        assert_eq!(numbers, ["0.00", "0.05", "0.10"]);
        let axis = Axis::new([-40.0, 10.0].into_iter(), (100.0, 0.0));
        let numbers: Vec<_> = axis.ticks.iter().map(|t| axis.number(*t)).collect();
        assert_eq!(numbers, ["\u{2212}40", "\u{2212}20", "0"]);
        assert!(axis.place(10.0) > 0.0 && axis.place(10.0) < axis.place(-40.0));
    }

    #[test]
    fn one_value_and_none_have_an_axis() {
        for values in [vec![0.5], vec![0.0], vec![]] {
            let axis = Axis::new(values.iter().copied(), (0.0, 10.0));
            assert!(axis.range.0 < axis.range.1);
            assert!(!axis.ticks.is_empty());
        }
    }
}
