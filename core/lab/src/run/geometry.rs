//! Task vectors of an experiment joined with its results.

use super::{Experiment, RunError};
use crate::{
    cell::ModelLabel,
    compare::{Settings, Value},
    orthogonality::{Vectors, associations, points, read},
    plan::spec::{ExpertRef, What},
    stage::VECTORS,
    tables::{self, Table},
};

/// Tables by file name.
pub(super) fn geometry(
    experiment: &Experiment,
    labels: &[ModelLabel],
    values: &[Value],
    settings: &Settings,
) -> Result<Vec<(&'static str, Table)>, RunError> {
    let sets = vectors(experiment)?;
    let merged = |key: &str| -> Option<Vec<ExpertRef>> {
        let mut nodes = experiment.plan.nodes.iter();
        nodes.find_map(|node| match &node.spec.what {
            What::Merge(what) if node.key == key => Some(what.experts.clone()),
            _ => None,
        })
    };
    let points = points(labels, values, &sets, &merged);
    let associations = associations(&points, settings);
    let name = &experiment.manifest.name;
    Ok(vec![
        ("vectors.csv", tables::vectors(name, &sets)),
        ("orthogonality.csv", tables::orthogonality(name, &points)),
        (
            "correlations.csv",
            tables::correlations(name, &associations, settings.level),
        ),
    ])
}

/// The tables of the sets of experts whose stage is done, in plan order.
fn vectors(experiment: &Experiment) -> Result<Vec<Vectors>, RunError> {
    let mut sets = Vec::new();
    for node in &experiment.plan.nodes {
        let What::Vectors(what) = &node.spec.what else {
            continue;
        };
        let kind = node.spec.what.kind();
        if !experiment.store.has(kind, &node.key) {
            continue;
        }
        let path = experiment.store.artifact(kind, &node.key).join(VECTORS);
        let rows = read(&path).map_err(|message| RunError::File {
            path: path.clone(),
            message,
        })?;
        sets.push(Vectors {
            experts: what.experts.clone(),
            rows,
        });
    }
    Ok(sets)
}
