//! Numbers as people read them.

/// A number with so many digits behind the point and a true minus sign; 0 has no sign.
pub(crate) fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.to_owned(),
        Some(digits) => format!("\u{2212}{digits}"),
        None => text,
    }
}

/// The same with a plus where it is above 0.
pub(crate) fn signed(number: f64, decimals: usize) -> String {
    let text = fixed(number, decimals);
    let zero = text.bytes().all(|b| b == b'0' || b == b'.');
    match text.starts_with('\u{2212}') || zero {
        true => text,
        false => format!("+{text}"),
    }
}

/// Digits behind the point for values of a measure: shares have three, percent and the like two.
pub(crate) fn decimals(values: impl Iterator<Item = f64>) -> usize {
    let largest = values.filter(|v| v.is_finite()).map(f64::abs);
    match largest.fold(0.0, f64::max) {
        most if most <= 1.0 => 3,
        most if most < 1000.0 => 2,
        _ => 0,
    }
}

/// A p-value: three digits, and never 0.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if p < 0.001 => "< 0.001".to_owned(),
        p => format!("= {p:.3}"),
    }
}

/// Seconds in the unit that people would use.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// A count with thin spaces between its thousands.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(signed(0.0001, 2), "0.00");
        assert_eq!(signed(0.5, 2), "+0.50");
        assert_eq!(signed(-0.5, 1), "\u{2212}0.5");
        assert_eq!(p_value(1e-9), "< 0.001");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(999), "999");
        assert_eq!(
            [0.05, 5.0, 90.0, 600.0, 7201.0].map(seconds),
            ["50 ms", "5.0 s", "90 s", "10 min", "2.0 h"]
        );
        assert_eq!(decimals([f64::NAN, 0.3].into_iter()), 3);
        assert_eq!(decimals([30.5].into_iter()), 2);
    }
}
