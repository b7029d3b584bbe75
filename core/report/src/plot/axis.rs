//! Round numbers along an axis.

/// A linear axis from values to places.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Least and greatest value shown.
    pub(crate) range: (f64, f64),
    /// Values that get a line and a number.
    pub(crate) ticks: Vec<f64>,
    /// Digits behind the point that tell the ticks apart.
    decimals: usize,
    /// Places of the range's ends.
    places: (f64, f64),
}

impl Axis {
    /// An axis that shows all values, with a little room at the ends and about as many ticks as fit
    /// between the places of its ends. Values that are not finite are left out.
    pub(crate) fn new(values: impl Iterator<Item = f64>, places: (f64, f64)) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|v| v.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // A width that the numbers cannot tell from none is none.
        let least = 1e-9 * low.abs().max(high.abs()).max(1e-290);
        let room = match high - low {
            width if width > least => 0.06 * width,
            _ => 0.1 * low.abs().max(0.1),
        };
        Self::between((low - room, high + room), places)
    }

    /// An axis that begins at 0, for bars.
    pub(crate) fn from_zero(most: f64, places: (f64, f64)) -> Self {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        Self::between((0.0, 1.04 * most), places)
    }

    fn between(range: (f64, f64), places: (f64, f64)) -> Self {
        // Numbers beside an axis that goes up need less room than those below one that lies.
        let pixels = if places.1 < places.0 { 28.0 } else { 46.0 };
        let wanted = ((places.1 - places.0).abs() / pixels).clamp(2.5, 8.0);
        let step = step((range.1 - range.0) / wanted);
        let first = (range.0 / step).ceil() as i64;
        let last = (range.1 / step).floor() as i64;
        Self {
            range,
            ticks: (first..=last).map(|tick| tick as f64 * step).collect(),
            decimals: (-(step.log10() + 1e-9).floor()).max(0.0) as usize,
            places,
        }
    }

    /// Where a value lies.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let share = (value - self.range.0) / (self.range.1 - self.range.0);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// Where a value lies, or the end of the axis that it is beyond.
    pub(crate) fn place_within(&self, value: f64) -> f64 {
        self.place(value.clamp(self.range.0, self.range.1))
    }

    /// A tick's number, with a true minus sign.
    pub(crate) fn number(&self, tick: f64) -> String {
        super::number::fixed(tick, self.decimals)
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
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_and_within() {
        let axis = Axis::new([-0.031, 0.12].into_iter(), (0.0, 330.0));
        let numbers: Vec<_> = axis.ticks.iter().map(|t| axis.number(*t)).collect();
        assert_eq!(numbers, ["0.00", "0.05", "0.10"]);
        let axis = Axis::new([-40.0, 10.0].into_iter(), (100.0, 0.0));
        let numbers: Vec<_> = axis.ticks.iter().map(|t| axis.number(*t)).collect();
        assert_eq!(numbers, ["\u{2212}40", "\u{2212}20", "0"]);
        assert!(axis.place(10.0) > 0.0 && axis.place(10.0) < axis.place(-40.0));
    }

    #[test]
    fn one_value_and_none_have_an_axis() {
        for values in [vec![0.5], vec![0.0], vec![], vec![f64::NAN, f64::INFINITY]] {
            let axis = Axis::new(values.iter().copied(), (0.0, 10.0));
            assert!(axis.range.0 < axis.range.1);
            assert!(!axis.ticks.is_empty());
        }
    }

    proptest! {
        #[test]
        fn every_axis_has_a_few_ticks_that_read_apart(
            low in -1e6f64..1e6, width in prop_oneof![Just(0.0), 1e-6f64..1e6], pixels in 60.0f64..900.0,
        ) {
            let axis = Axis::new([low, low + width].into_iter(), (0.0, pixels));
            prop_assert!(axis.range.0 <= low && axis.range.1 >= low + width);
            prop_assert!((1..=9).contains(&axis.ticks.len()), "{:?}", axis.ticks);
            let numbers: Vec<String> = axis.ticks.iter().map(|t| axis.number(*t)).collect();
            for pair in numbers.windows(2) {
                prop_assert_ne!(&pair[0], &pair[1]);
            }
            for tick in &axis.ticks {
                let place = axis.place(*tick);
                prop_assert!((-1e-6..=pixels + 1e-6).contains(&place));
            }
            // Ticks are evenly apart, and the step is 1, 2 or 5 times a power of ten.
            for pair in axis.ticks.windows(2) {
                let step = pair[1] - pair[0];
                let digit = step / 10f64.powf((step.log10() + 1e-6).floor());
                prop_assert!([1.0, 2.0, 5.0].iter().any(|d| (d - digit).abs() < 1e-3), "{step}");
            }
        }
    }
}
