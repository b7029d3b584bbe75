//! What a run's folder says.
//!
//! | module | file |
//! |---|---|
//! | `record` | `run.json`: settings, models, plugins |
//! | `results` | `results.csv` |
//! | `significance` | `significance.csv` |
//! | `costs` | `costs.csv` and `savings.csv` |
//! | `geometry` | `vectors.csv` and `orthogonality.csv` |
//! | `rankings` | `rankings.csv` |
//! | `table` | reading CSV by the names of columns |

mod costs;
mod geometry;
mod rankings;
mod record;
mod results;
mod significance;
mod table;

pub(crate) use costs::{Cost, Saving};
pub(crate) use geometry::{Pair, Point};
pub(crate) use rankings::Ranking;
pub(crate) use record::{Model, OWN_EXPERT, Record};
pub(crate) use results::Score;
pub(crate) use significance::{Difference, Verdict};

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};
use table::Table;

/// The language of a mean over languages.
pub(crate) const ALL: &str = "all";

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// There is nothing there.
    #[error("there is no run at {}: give the folder that `mergelab run` wrote, or its run.json", path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the run cannot be read.
    #[error("{}: {message}. Run the experiment again to have it anew", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The report or a figure cannot be written.
    #[error("{} could not be written: {message}. Check the folder's permissions and the free space", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// A figure cannot be turned into a picture.
    #[error("the figure `{figure}` could not be drawn as PNG: {message}")]
    Picture {
        /// Its name.
        figure: String,
        /// Why.
        message: String,
    },
}

/// A measure of a task: its metric, the metric's parameters, and the name of the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Measure {
    pub(crate) metric: String,
    pub(crate) parameters: String,
    pub(crate) name: String,
}

/// A run that was read.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) folder: PathBuf,
    pub(crate) record: Record,
    pub(crate) manifest: Option<String>,
    /// Names of the parameters that the manifest varies.
    pub(crate) varied: Vec<String>,
    pub(crate) scores: Vec<Score>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) costs: Vec<Cost>,
    pub(crate) savings: Vec<Saving>,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) points: Vec<Point>,
    pub(crate) ranking: Option<Ranking>,
    /// Files that the folder lacks.
    pub(crate) absent: Vec<&'static str>,
    /// The measure that stands for each task.
    measures: BTreeMap<String, Measure>,
    /// Places of scores by model, task and language, for the measures that stand for the tasks.
    score_places: HashMap<Place, usize>,
    /// Places of differences by baseline, model, task and language, likewise.
    difference_places: HashMap<(String, Place), usize>,
}

/// Model, task, language.
type Place = (String, String, String);

fn place(model: &str, task: &str, language: &str) -> Place {
    (model.to_owned(), task.to_owned(), language.to_owned())
}

impl Run {
    /// Reads a run from its folder or its `run.json`. Any other file may be missing.
    pub(crate) fn open(path: &Path) -> Result<Self, ReportError> {
        let folder = match path.is_file() {
            true => path.parent().unwrap_or(Path::new(".")).to_owned(),
            false => path.to_owned(),
        };
        let record = Record::read(&folder)?;
        let mut absent = Vec::new();
        let mut table = |name: &'static str| -> Result<Table, ReportError> {
            let found = Table::read(&folder.join(name))?;
            Ok(found.unwrap_or_else(|| {
                absent.push(name);
                Table::default()
            }))
        };
        let results = table("results.csv")?;
        let significance = table("significance.csv")?;
        let costs = table("costs.csv")?;
        let savings = table("savings.csv")?;
        let vectors = table("vectors.csv")?;
        let orthogonality = table("orthogonality.csv")?;
        let rankings = table("rankings.csv")?;
        let manifest = std::fs::read_to_string(folder.join("manifest.toml")).ok();
        if manifest.is_none() {
            absent.push("manifest.toml");
        }
        let scores = results::scores(&results, &record);
        let differences = significance::differences(&significance);
        // The first measure that is tested stands for its task, or else the first one.
        let mut measures = BTreeMap::new();
        let tested = differences.iter().map(|d| (&d.task, &d.measure));
        for (task, measure) in tested.chain(scores.iter().map(|s| (&s.task, &s.measure))) {
            if !measures.contains_key(task) {
                measures.insert(task.clone(), measure.clone());
            }
        }
        let mut score_places = HashMap::new();
        for (i, s) in scores.iter().enumerate() {
            if measures.get(&s.task) == Some(&s.measure) {
                score_places
                    .entry(place(&s.model, &s.task, &s.language))
                    .or_insert(i);
            }
        }
        let mut difference_places = HashMap::new();
        for (i, d) in differences.iter().enumerate() {
            if measures.get(&d.task) == Some(&d.measure) {
                let own = place(&d.model, &d.task, &d.language);
                difference_places
                    .entry((d.baseline.clone(), own))
                    .or_insert(i);
            }
        }
        Ok(Self {
            varied: results.columns("param_"),
            scores,
            differences,
            measures,
            score_places,
            difference_places,
            costs: costs::costs(&costs),
            savings: costs::savings(&savings),
            pairs: geometry::pairs(&vectors),
            points: geometry::points(&orthogonality),
            ranking: rankings::ranking(&rankings),
            manifest,
            record,
            absent,
            folder,
        })
    }

    /// Names of the tasks, in the order of the results.
    pub(crate) fn tasks(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let tasks = self.scores.iter().map(|s| s.task.as_str());
        tasks.filter(|task| seen.insert(*task)).collect()
    }

    /// The measure that stands for a task: the first one that is tested, or the first one.
    pub(crate) fn measure(&self, task: &str) -> Option<&Measure> {
        self.measures.get(task)
    }

    /// Languages of a task, the mean over them last.
    pub(crate) fn languages(&self, task: &str) -> Vec<&str> {
        let own = self.scores.iter().filter(|s| s.task == task);
        let found: BTreeSet<&str> = own.map(|s| s.language.as_str()).collect();
        let mut found: Vec<&str> = found.into_iter().collect();
        found.sort_by_key(|language| *language == ALL);
        found
    }

    /// The language that sums a task up: the mean over languages, or the only one.
    pub(crate) fn overall(&self, task: &str) -> Option<&str> {
        self.languages(task).last().copied()
    }

    /// Models that stand in figures: a model with replicates once, as their mean.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Model> {
        let models = self.record.models.iter();
        models.filter(|m| m.replicate_of.is_none() && m.selected != Some(false))
    }

    pub(crate) fn model(&self, name: &str) -> Option<&Model> {
        self.record.models.iter().find(|m| m.name == name)
    }

    /// A model's score by the measure that stands for the task.
    pub(crate) fn score(&self, model: &str, task: &str, language: &str) -> Option<&Score> {
        let found = self.score_places.get(&place(model, task, language))?;
        self.scores.get(*found)
    }

    /// A model's difference from a baseline, by the measure that stands for the task.
    pub(crate) fn difference(
        &self,
        baseline: &str,
        model: &str,
        task: &str,
        language: &str,
    ) -> Option<&Difference> {
        let own = (baseline.to_owned(), place(model, task, language));
        self.differences.get(*self.difference_places.get(&own)?)
    }

    /// Baselines, in the order of the tests.
    pub(crate) fn baselines(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let all = self.differences.iter().map(|d| d.baseline.as_str());
        all.filter(|name| seen.insert(*name)).collect()
    }

    /// The baseline that is each language's own expert, where it is one.
    pub(crate) fn own_expert(&self) -> Option<&str> {
        let mut all = self.baselines().into_iter();
        all.find(|name| self.model(name).is_some_and(|m| m.role == OWN_EXPERT))
    }

    /// The baseline that figures are drawn against: the combined model if it is one, or the first.
    pub(crate) fn baseline(&self) -> Option<&str> {
        let all = self.baselines();
        let combined = all
            .iter()
            .copied()
            .find(|name| self.model(name).is_some_and(|m| m.role == record::COMBINED));
        combined.or(all.first().copied())
    }
}
