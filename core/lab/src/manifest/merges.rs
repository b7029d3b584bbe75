//! Merges as sweeps: `[[merges]]`.

use super::{
    reader::{Entry, Reader},
    selection::Select,
    source::{Located, ManifestError},
    sweep::Sweep,
};
use serde_json::{Map, Value};

/// One `[[merges]]` entry.
#[derive(Debug, Clone)]
pub struct MergeGrid {
    /// What the merges are called instead of their method.
    pub name: Option<Located<String>>,
    /// Method ids, each with an optional preset: `ties@mergekit`.
    pub methods: Vec<Located<String>>,
    /// Names of the experts, or patterns with `*`; all where absent.
    pub experts: Option<Vec<Located<String>>>,
    /// Seeds for methods that draw random numbers; the experiment's where empty.
    pub seeds: Vec<u64>,
    /// Parameters of the methods. A list or a range is swept; a table gives each expert its own
    /// value.
    pub params: Vec<Entry>,
    /// How swept values are put together.
    pub sweep: Sweep,
    /// How to choose among the merges; all are tested where absent.
    pub select: Option<Select>,
    /// Its place in the manifest.
    pub span: super::Span,
}

/// One merge of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct MergeCell {
    /// Method id with its optional preset.
    pub method: String,
    /// Parameter values as given.
    pub params: Map<String, Value>,
    /// Those of them that are swept.
    pub swept: Vec<String>,
}

impl MergeGrid {
    pub(super) fn read_all(root: &Reader<'_>) -> Result<Vec<Self>, ManifestError> {
        let defaults = Select::defaults(root)?;
        let grids: Vec<Self> = root
            .tables("merges")?
            .iter()
            .map(|reader| Self::read(reader, &defaults))
            .collect::<Result<_, _>>()?;
        if root.table("selection")?.is_some() && grids.iter().all(|g| g.select.is_none()) {
            return Err(root.error(
                root.span_of("selection"),
                "nothing is selected: set `select = true` in the [[merges]] to choose among.",
            ));
        }
        Ok(grids)
    }

    fn read(reader: &Reader<'_>, defaults: &Select) -> Result<Self, ManifestError> {
        let methods = reader
            .texts("method")?
            .ok_or_else(|| reader.missing("method"))?;
        let name = reader.text("name")?;
        let experts = reader.texts("experts")?;
        let seeds = reader.wholes("seed")?;
        let sweep = Sweep::read(reader)?;
        let select = Select::read(reader, defaults)?;
        let params = reader.rest()?;
        sweep.check(&params, reader)?;
        Ok(Self {
            name,
            methods,
            experts,
            seeds,
            params,
            sweep,
            select,
            span: reader.span(),
        })
    }

    /// The merges of every method. `seed` is the experiment's.
    pub fn cells(&self, seed: u64) -> Vec<MergeCell> {
        let cells = |method: &Located<String>| self.sweep.cells(&method.value, &self.params, seed);
        self.methods.iter().flat_map(cells).collect()
    }
}

/// Whether a name fits a pattern, in which `*` stands for any text.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|name| {
            (0..=name.len())
                .filter(|&at| name.is_char_boundary(at))
                .any(|at| fits(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("de", "de", true),
            ("de", "de-x", false),
            ("*", "de", true),
            ("*-sentiment", "de-sentiment", true),
            ("*-sentiment", "de-sentiment-2", false),
            ("de-*", "de-", true),
            ("d*-*t", "de-sentiment", true),
            ("d*é", "dé", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
