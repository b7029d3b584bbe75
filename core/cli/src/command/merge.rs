//! `mergelab merge`: models to one model, without an experiment around it.

use crate::{
    failure::{Exit, Failure},
    hub, interrupt, output,
};
use mergelab_abi::registry::{Registry, search_places};
use mergelab_abi::suggest::nearest;
use mergelab_hub::is_hub;
use mergelab_merge::plan::bytes;
use mergelab_merge::{MergeError, Options, Plan, Progress, Recipe, Rules};
use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

const EXAMPLES: &str = "\
Examples:
  mergelab merge merge.toml merged/
  mergelab merge mergekit-config.yml merged/ --overwrite
  mergelab merge merge.toml merged/ --device cuda:0
  mergelab merge merge.toml merged/ --json
  mergelab merge merge.toml --dry-run
  mergelab merge merge.toml --explain model.layers.0.mlp.up_proj.weight";

/// Merge models into a Hugging Face folder.
///
/// The configuration is mergelab's TOML, or a mergekit YAML, which runs unchanged with mergekit's
/// numbers.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The recipe: TOML, or mergekit's YAML where it ends in .yml or .yaml.
    config: PathBuf,
    /// The folder to write. Not needed with --dry-run and --explain.
    #[arg(required_unless_present_any = ["dry_run", "explain"])]
    out: Option<PathBuf>,
    /// Replace a model that is there.
    #[arg(long)]
    overwrite: bool,
    /// Memory that the merge may take, such as 512MiB; mapped files do not count. Methods that need
    /// whole matrices take what these need.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    memory: u64,
    /// Do not wait until the disk has everything. A power failure then may leave a broken model.
    #[arg(long)]
    no_sync: bool,
    /// Where to compute: cpu, flex, vulkan, vulkan:N or cuda:N.
    ///
    /// The CPU's engine gives the same bytes everywhere. Devices agree with it up to rounding; all
    /// but flex need a build with their feature.
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Say what would be done and about how long it takes, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Say what would be done to this tensor and which rule set each parameter, and write nothing.
    /// May be given more than once.
    #[arg(long, value_name = "TENSOR")]
    explain: Vec<String>,
}

impl Arguments {
    pub(crate) fn run(self, plugins: &[PathBuf]) -> Result<Exit, Failure> {
        let mut recipe = Recipe::read(&self.config).map_err(Failure::refused)?;
        fetch(&mut recipe)?;
        for note in &recipe.notes {
            eprintln!("note: {note}");
        }
        let registry = Registry::search(&search_places(plugins, &[]));
        let out = match self.out.clone() {
            Some(out) if !self.dry_run && self.explain.is_empty() => out,
            out => return self.preview(&recipe, &registry, out.as_deref()),
        };
        let evaluator = mergelab_device::open(&self.device).map_err(Failure::refused)?;
        let interrupt = interrupt::flag()?;
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| indicatif::ProgressBar::new(0));
        let bar = Mutex::new(bar);
        let progress = |step: Progress<'_>| {
            if let Ok(bar) = bar.lock()
                && let Some(bar) = bar.as_ref()
            {
                bar.set_length(step.elements);
                bar.set_position(step.elements_done);
            }
        };
        let options = Options {
            overwrite: self.overwrite,
            interrupt: Some(interrupt),
            progress: Some(&progress),
            memory: self.memory,
            sync: !self.no_sync,
            evaluator,
            ..Options::default()
        };
        let result = mergelab_merge::run(&recipe, &registry, &out, &options);
        if let Ok(bar) = bar.lock()
            && let Some(bar) = bar.as_ref()
        {
            bar.finish_and_clear();
        }
        let report = match result {
            Ok(report) => report,
            Err(MergeError::Interrupted) => {
                eprintln!("Interrupted. Nothing was written.");
                return Ok(Exit::Interrupted);
            }
            Err(error) => return Err(Failure::refused(error)),
        };
        for note in &report.notes {
            eprintln!("note: {note}");
        }
        if self.json {
            output::json(&report)?;
        } else {
            output::text(&format!(
                "{}: {} tensors merged, {} copied, {:.1} M parameters, {:.2} s\n",
                report.dir.display(),
                report.merged,
                report.copied,
                report.elements as f64 / 1e6,
                report.seconds
            ))?;
        }
        Ok(Exit::Done)
    }
}

/// Brings the inputs that are models of a hub into the local cache. Their names get the commit, which
/// is what provenance records.
fn fetch(recipe: &mut Recipe) -> Result<(), Failure> {
    let models = recipe.models.iter_mut().map(|model| &mut model.input);
    for input in recipe.base.iter_mut().chain(models) {
        let name = input.path.to_string_lossy().into_owned();
        if !is_hub(&name) {
            if recipe.rules == Rules::Mergekit && !input.path.exists() && is_name_of_hub(&name) {
                let message = format!("there is no folder {name}");
                let help = format!(
                    "mergekit would fetch it from the Hugging Face Hub: write hf://{name} to do so \
                     here"
                );
                return Err(Failure::refused(message).help(help));
            }
            continue;
        }
        let resolved = hub::fetch(&name)?;
        input.path = PathBuf::from(resolved.name);
        recipe.places.insert(input.path.clone(), resolved.folder);
    }
    Ok(())
}

/// Whether this may be `org/name` of a hub, rather than a path.
fn is_name_of_hub(name: &str) -> bool {
    let part = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(known)
    };
    matches!(name.split_once('/'), Some((owner, name)) if part(owner) && part(name))
}

/// How long a merge is rehearsed to predict its time.
const REHEARSAL: Duration = Duration::from_secs(2);

impl Arguments {
    /// Prints what a merge would do: all of it, or some tensors.
    fn preview(
        &self,
        recipe: &Recipe,
        registry: &Registry,
        out: Option<&Path>,
    ) -> Result<Exit, Failure> {
        let plan = Plan::new(recipe, registry).map_err(Failure::refused)?;
        if !self.explain.is_empty() {
            return explain(&plan, &self.explain, self.json);
        }
        let description = plan.describe();
        let rehearsal = plan.rehearse(REHEARSAL).map_err(Failure::refused)?;
        let space = out.and_then(|out| plan.space(out));
        if self.json {
            let mut value = output::value(&description)?;
            value["rehearsal"] = output::value(&rehearsal)?;
            value["space"] = output::value(&space)?;
            value["memory"]["allowed"] = self.memory.into();
            output::json(&value)?;
            return Ok(Exit::Done);
        }
        let time = match rehearsal {
            Some(found) => format!(
                "about {:.1} s to read and compute ({} tried here), then writing",
                found.seconds,
                found.tried.join(", ")
            ),
            None => "not predicted, as the method asks about the whole model".to_owned(),
        };
        let disk = space.map_or(String::new(), |space| {
            let enough = match space.free < description.output_bytes {
                true => ", which is not enough",
                false => "",
            };
            let (free, folder) = (bytes(space.free), space.folder.display());
            format!("disk        {free} free in {folder}{enough}\n")
        });
        let allowed = bytes(self.memory);
        output::text(&format!(
            "{description}allowed     {allowed} of memory (--memory)\n{disk}time        {time}\n"
        ))?;
        Ok(Exit::Done)
    }
}

/// Prints what would be done to some tensors.
fn explain(plan: &Plan<'_>, tensors: &[String], json: bool) -> Result<Exit, Failure> {
    let mut explained = Vec::with_capacity(tensors.len());
    for name in tensors {
        explained.push(plan.explain(name).ok_or_else(|| {
            let names = plan.tensors().iter().map(|t| t.name.as_str());
            let help = match nearest(name, names) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "`--dry-run --json` lists the tensors".to_owned(),
            };
            Failure::refused(format!("the result has no tensor `{name}`")).help(help)
        })?);
    }
    if json {
        output::json(&explained)?;
    } else {
        let text: String = explained.iter().map(ToString::to_string).collect();
        output::text(&text)?;
    }
    Ok(Exit::Done)
}

/// Bytes, or a number with a unit.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => {
            return Err(format!(
                "`{other}` is no unit; write KB, MB, GB, KiB, MiB or GiB"
            ));
        }
    };
    let number: f64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is no size; write one such as 512MiB"))?;
    match number * unit as f64 {
        bytes if bytes >= 1.0 && bytes < u64::MAX as f64 => Ok(bytes as u64),
        _ => Err(format!("`{text}` is no size of memory")),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_name_of_hub, size};

    #[test]
    fn names_of_a_hub_are_told_from_paths() {
        for (name, of_hub) in [
            ("mistralai/Mistral-7B-v0.1", true),
            ("./models/a", false),
            ("models/a/b", false),
            ("/models/a", false),
            ("../a", false),
            ("model", false),
        ] {
            assert_eq!(is_name_of_hub(name), of_hub, "{name}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("1.5GB"), Ok(1_500_000_000));
        assert_eq!(size("70000"), Ok(70_000));
        for wrong in ["", "x", "5 parsecs", "-1GB", "0", "inf"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
