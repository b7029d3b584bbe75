//! Models that are fine-tuned from the base: `[[experts]]`, `[combined]`, `[sequential]`.

use super::{
    reader::Reader,
    source::{Located, ManifestError},
};

/// One expert, after lists have been multiplied out.
#[derive(Debug, Clone)]
pub struct Expert {
    /// Its name.
    pub name: String,
    /// Languages of its training rows.
    pub languages: Vec<Located<String>>,
    /// Names of the tasks it learns; all where absent.
    pub tasks: Option<Vec<Located<String>>>,
    /// Name of the recipe.
    pub recipe: Located<String>,
    /// Seeds of its training: none of its own, one for all replicates, or one for each.
    pub seeds: Vec<u64>,
    /// Its place in the manifest.
    pub span: super::Span,
}

/// The word that gives every task an expert of its own.
const EACH: &str = "each";

impl Expert {
    /// Reads `[[experts]]`. A list under `language` gives one expert per language, a list under
    /// `languages` one expert of all of them, `tasks = "each"` one expert per task.
    pub(super) fn read_all(
        root: &Reader<'_>,
        tasks: &[String],
    ) -> Result<Vec<Self>, ManifestError> {
        let mut experts: Vec<Self> = Vec::new();
        for reader in root.tables("experts")? {
            for expert in Self::read(&reader, tasks)? {
                if experts.iter().any(|e| e.name == expert.name) {
                    return Err(reader.error(
                        expert.languages[0].span.clone(),
                        format!(
                            "there are two experts called `{}`: give one a `name`.",
                            expert.name
                        ),
                    ));
                }
                experts.push(expert);
            }
        }
        Ok(experts)
    }

    fn read(reader: &Reader<'_>, all_tasks: &[String]) -> Result<Vec<Self>, ManifestError> {
        let (groups, together) = match (reader.texts("language")?, reader.texts("languages")?) {
            (Some(each), None) => (each.into_iter().map(|l| vec![l]).collect(), false),
            (None, Some(all)) => (vec![all], true),
            (None, None) => return Err(reader.missing("language")),
            (Some(_), Some(_)) => {
                return Err(reader.error(
                    reader.span_of("languages"),
                    "an expert takes either `language` (one expert for each) or `languages` (one \
                     expert of all of them).",
                ));
            }
        };
        let groups: Vec<Vec<Located<String>>> = groups;
        let name = reader.text("name")?;
        let tasks = reader.texts("tasks")?;
        let recipe = reader.required_text("recipe")?;
        let seeds = reader.wholes("seed")?;
        reader.finish()?;
        let each = tasks.as_ref().and_then(|t| {
            t.first()
                .filter(|first| t.len() == 1 && first.value == EACH)
        });
        let tasks: Vec<Option<Vec<Located<String>>>> = match each {
            None => vec![tasks.clone()],
            Some(word) => all_tasks
                .iter()
                .map(|task| {
                    Some(vec![Located {
                        value: task.clone(),
                        span: word.span.clone(),
                    }])
                })
                .collect(),
        };
        let per_task = each.is_some();
        if together && name.is_none() && !per_task {
            return Err(reader.missing("name"));
        }
        let mut experts = Vec::new();
        for languages in &groups {
            for own_tasks in &tasks {
                let mut parts: Vec<&str> = Vec::new();
                parts.extend(name.as_ref().map(|n| n.value.as_str()));
                if !together && (name.is_none() || groups.len() > 1) {
                    parts.push(&languages[0].value);
                }
                if let (true, Some(task)) = (per_task, own_tasks.iter().flatten().next()) {
                    parts.push(&task.value);
                }
                experts.push(Self {
                    name: parts.join("-"),
                    languages: languages.clone(),
                    tasks: own_tasks.clone(),
                    recipe: recipe.clone(),
                    seeds: seeds.clone(),
                    span: reader.span(),
                });
            }
        }
        Ok(experts)
    }
}

/// The model trained on everything at once.
#[derive(Debug, Clone)]
pub struct Combined {
    /// Its languages; those of all experts where absent.
    pub languages: Option<Vec<Located<String>>>,
    /// Name of the recipe.
    pub recipe: Located<String>,
    /// Seeds of its training: none of its own, one for all replicates, or one for each.
    pub seeds: Vec<u64>,
}

impl Combined {
    pub(super) fn read(root: &Reader<'_>) -> Result<Option<Self>, ManifestError> {
        let Some(reader) = root.table("combined")? else {
            return Ok(None);
        };
        let combined = Self {
            languages: reader.texts("languages")?,
            recipe: reader.required_text("recipe")?,
            seeds: reader.wholes("seed")?,
        };
        reader.finish()?;
        Ok(Some(combined))
    }
}

/// In which order a sequential training takes its languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As listed.
    Given,
    /// The last one first.
    Reverse,
    /// Drawn by the seed of the training, so that replicates differ.
    Random,
}

/// The model that goes on training language by language, each time from the one before.
#[derive(Debug, Clone)]
pub struct Sequential {
    /// Its languages; those of all experts where absent.
    pub languages: Option<Vec<Located<String>>>,
    /// Their order.
    pub order: Order,
    /// Name of the recipe of every link.
    pub recipe: Located<String>,
    /// Seeds of its training: none of its own, one for all replicates, or one for each.
    pub seeds: Vec<u64>,
}

impl Sequential {
    pub(super) fn read(root: &Reader<'_>) -> Result<Option<Self>, ManifestError> {
        let Some(reader) = root.table("sequential")? else {
            return Ok(None);
        };
        let order = match reader.text("order")? {
            None => Order::Given,
            Some(word) => match word.value.as_str() {
                "given" => Order::Given,
                "reverse" => Order::Reverse,
                "random" => Order::Random,
                other => {
                    return Err(reader.error(
                        word.span,
                        format!("`order` = \"{other}\" is not one of given, reverse, random."),
                    ));
                }
            },
        };
        let sequential = Self {
            languages: reader.texts("languages")?,
            order,
            recipe: reader.required_text("recipe")?,
            seeds: reader.wholes("seed")?,
        };
        reader.finish()?;
        Ok(Some(sequential))
    }
}
