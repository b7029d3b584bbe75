//! How long to wait before a request is made again.

use crate::transport::Reply;
use std::time::Duration;

/// Longest wait that is not the server's own wish.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait before the next try of a question, after `failures` failed ones: exponential, with a
/// jitter between a half and the whole. The jitter follows from the number of the question and of
/// the try, so that questions which failed together do not come back together, and the same run
/// waits the same.
pub(crate) fn wait(first: Duration, failures: u32, question: u64) -> Duration {
    let whole = first
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST);
    let drawn = mixed(
        question
            .wrapping_mul(0x1_0000)
            .wrapping_add(u64::from(failures)),
    );
    whole.mul_f64(0.5 + 0.5 * drawn)
}

/// A number from 0 to 1 that follows from another one (SplitMix64, Steele et al. 2014).
fn mixed(number: u64) -> f64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}

/// How long the server asks to wait: `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), or
/// `retry-after-ms`, which some send too.
pub(crate) fn asked(reply: &Reply, now: Duration) -> Option<Duration> {
    let number = |text: &String| text.trim().parse::<f64>().ok();
    let sane =
        |seconds: f64| (seconds.is_finite() && (0.0..1e7).contains(&seconds)).then_some(seconds);
    if let Some(milliseconds) = reply.retry_after_ms.as_ref().and_then(number) {
        return sane(milliseconds / 1000.0).map(Duration::from_secs_f64);
    }
    let text = reply.retry_after.as_ref()?;
    if let Some(seconds) = number(text) {
        return sane(seconds).map(Duration::from_secs_f64);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()?;
    sane((date.as_second() as f64 - now.as_secs_f64()).max(0.0)).map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_differ_between_questions() {
        let first = Duration::from_secs(1);
        for failures in 1..10 {
            let whole = Duration::from_secs(1 << (failures - 1)).min(LONGEST);
            let waits: Vec<Duration> = (0..50).map(|q| wait(first, failures, q)).collect();
            assert!(
                waits.iter().all(|w| *w >= whole / 2 && *w <= whole),
                "{waits:?}"
            );
            let distinct: std::collections::BTreeSet<_> = waits.iter().collect();
            assert!(distinct.len() > 40, "{waits:?}");
            assert_eq!(wait(first, failures, 7), waits[7]);
        }
        assert!(wait(first, u32::MAX, 0) <= LONGEST);
    }

    #[test]
    fn what_the_server_asks_for_is_read() {
        let asked_of = |after: &str, milliseconds: Option<&str>| {
            let reply = Reply {
                status: 429,
                retry_after: Some(after.to_owned()),
                retry_after_ms: milliseconds.map(str::to_owned),
                text: String::new(),
            };
            // 21 October 2015, 07:27:30.
            asked(&reply, Duration::from_secs(1_445_412_450))
        };
        assert_eq!(asked_of("20", None), Some(Duration::from_secs(20)));
        assert_eq!(asked_of("1.5", None), Some(Duration::from_millis(1500)));
        assert_eq!(
            asked_of("20", Some("250")),
            Some(Duration::from_millis(250))
        );
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        assert_eq!(asked_of(date, None), Some(Duration::from_secs(30)));
        let past = "Wed, 21 Oct 2015 07:00:00 GMT";
        assert_eq!(asked_of(past, None), Some(Duration::ZERO));
        for nonsense in ["soon", "-1", "NaN", "1e300"] {
            assert_eq!(asked_of(nonsense, None), None, "{nonsense}");
        }
    }
}
