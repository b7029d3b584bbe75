//! How long trainings take on several workers.

/// The time until the last of some jobs ends on `workers` workers: each job, the longest first,
/// goes to the worker that is free first.
///
/// 0 workers count as 1.
pub fn makespan(jobs: &[f64], workers: usize) -> f64 {
    let mut jobs = jobs.to_vec();
    jobs.sort_by(|a, b| b.total_cmp(a));
    let mut busy = vec![0.0f64; workers.max(1)];
    for job in jobs {
        // The first of equals, so that the result does not depend on the machine.
        let free = (0..busy.len()).min_by(|a, b| busy[*a].total_cmp(&busy[*b]));
        if let Some(free) = free {
            busy[free] += job;
        }
    }
    busy.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::makespan;
    use proptest::prelude::*;

    #[test]
    fn longest_first_by_hand() {
        // 7 | 6 | 5 3 -> 8; then 2 after 6 -> 8.
        assert_eq!(makespan(&[2.0, 7.0, 3.0, 5.0, 6.0], 3), 8.0);
        assert_eq!(makespan(&[2.0, 7.0, 3.0, 5.0, 6.0], 1), 23.0);
        assert_eq!(makespan(&[2.0, 7.0, 3.0, 5.0, 6.0], 9), 7.0);
        // Not the best schedule, which takes 6: 3 3 | 2 2 2.
        assert_eq!(makespan(&[3.0, 3.0, 2.0, 2.0, 2.0], 2), 7.0);
        assert_eq!(makespan(&[], 2), 0.0);
        assert_eq!(makespan(&[1.0], 0), 1.0);
    }

    proptest! {
        #[test]
        fn between_the_bounds(jobs in prop::collection::vec(0.0..100.0f64, 1..12), workers in 1..6usize) {
            let sum: f64 = jobs.iter().sum();
            let longest = jobs.iter().fold(0.0f64, |a, b| a.max(*b));
            let found = makespan(&jobs, workers);
            // Sums in another order differ in the last bits.
            let slack = 1e-9 * (1.0 + sum);
            let least = longest.max(sum / workers as f64);
            prop_assert!(found >= least - slack);
            prop_assert!(found <= least * 4.0 / 3.0 + longest + slack);
            prop_assert!(found <= makespan(&jobs, 1) + slack);
        }
    }
}
