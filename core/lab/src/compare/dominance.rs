//! Almost stochastic order: is one model's training ahead of another's at nearly every quantile?

use mergelab_stats::{StatsError, almost_stochastic_order};

use super::comparison::Comparison;
use super::settings::Settings;

/// Fewest trainings of each side: from fewer the bootstrap has little to draw.
pub const FEWEST_TRAININGS: usize = 5;

/// The values of the trainings of a model and of a baseline, where there are enough of both.
pub(super) type Trainings = Option<[Vec<f64>; 2]>;

/// Fills in how far each side is from being ahead at every quantile. The bounds hold together for all
/// comparisons of a family: their level is `alpha` over its size (Dror, Shlomov and Reichart, ACL 2019).
pub(super) fn order(
    row: &mut Comparison,
    trainings: &Trainings,
    settings: &Settings,
) -> Result<(), StatsError> {
    let Some(values) = trainings else {
        return Ok(());
    };
    let sign = if row.measure.higher_is_better {
        1.0
    } else {
        -1.0
    };
    let [model, baseline] = values
        .each_ref()
        .map(|values| values.iter().map(|v| sign * v).collect::<Vec<f64>>());
    let confidence = 1.0 - settings.alpha / row.family_size.max(1) as f64;
    let bound = |a: &[f64], b: &[f64]| {
        almost_stochastic_order(a, b, confidence, settings.resamples, row.seed)
            .map(|order| order.min_epsilon)
    };
    row.aso_model = Some(bound(&model, &baseline)?);
    row.aso_baseline = Some(bound(&baseline, &model)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cell::{Cell, ModelLabel, Role};
    use crate::compare::fixture::{Source, mean, model, noise, settings};
    use crate::compare::{Comparison, Settings, comparisons};

    /// `joint` and `m`, each trained so many times; `m` is ahead by as much in every training.
    fn compare(trainings: u64, ahead: f64, higher_is_better: bool) -> Comparison {
        let mut labels: Vec<ModelLabel> = Vec::new();
        let mut cells: Vec<Cell> = Vec::new();
        for (name, role, by) in [("joint", Role::Combined, 0.0), ("m", Role::Merge, ahead)] {
            let mut group = model(name, role);
            for seed in 1..=trainings {
                let own = format!("{name} replicate={seed}");
                let mut replicate = model(&own, role);
                replicate.replicate = Some(seed);
                replicate.replicate_of = Some(name.to_owned());
                let scores = noise(20, 1);
                let scores: Vec<f64> = scores.iter().map(|x| x + by + 0.01 * seed as f64).collect();
                let mut cell = mean(&own, "t", "de", &scores);
                cell.metrics[0].measures[0].higher_is_better = higher_is_better;
                cells.push(cell);
                group.replicates.push(own);
                labels.push(replicate);
            }
            labels.push(group);
        }
        let settings = Settings {
            dominance: true,
            ..settings()
        };
        comparisons(&cells, &labels, &Source, &settings)
            .unwrap()
            .remove(0)
    }

    #[test]
    fn who_is_ahead_in_every_training_dominates() {
        let row = compare(5, 0.2, true);
        assert_eq!((row.aso_model, row.aso_baseline), (Some(0.0), Some(1.0)));
        let row = compare(5, 0.2, false);
        assert_eq!((row.aso_model, row.aso_baseline), (Some(1.0), Some(0.0)));
        // Ahead by half a step between trainings: ahead at every quantile, and not by much.
        let row = compare(6, 0.005, true);
        assert!(
            row.aso_model > Some(0.0) && row.aso_model < row.aso_baseline,
            "{row:?}"
        );
    }

    #[test]
    fn fewer_trainings_have_no_order() {
        let row = compare(4, 0.2, true);
        assert_eq!((row.aso_model, row.aso_baseline), (None, None));
        assert!(row.p_value.is_some());
    }
}
