//! Merges as grids: `[[merges]]`. Lists make a product.

use super::{
    reader::Reader,
    source::{Located, ManifestError},
};
use serde_json::{Map, Value};

/// One `[[merges]]` entry.
#[derive(Debug, Clone)]
pub struct MergeGrid {
    /// Method ids, each with an optional preset: `ties@mergekit`.
    pub methods: Vec<Located<String>>,
    /// Names of the experts; all where absent.
    pub experts: Option<Vec<Located<String>>>,
    /// Seeds for methods that draw random numbers; the experiment's where empty.
    pub seeds: Vec<u64>,
    /// Parameters of the methods. A list is an axis of the grid; a table gives each expert its own
    /// value.
    pub params: Vec<(Located<String>, Located<Value>)>,
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
    /// Those of them that the grid varies.
    pub swept: Vec<String>,
}

impl MergeGrid {
    pub(super) fn read_all(root: &Reader<'_>) -> Result<Vec<Self>, ManifestError> {
        root.tables("merges")?.iter().map(Self::read).collect()
    }

    fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let methods = reader
            .texts("method")?
            .ok_or_else(|| reader.missing("method"))?;
        let experts = reader.texts("experts")?;
        let mut rest = reader.rest()?;
        let mut seeds = Vec::new();
        if let Some(at) = rest.iter().position(|(k, _)| k.value == "seed") {
            let (_, value) = rest.remove(at);
            let list = match &value.value {
                Value::Array(list) => list.clone(),
                one => vec![one.clone()],
            };
            for seed in list {
                seeds.push(seed.as_u64().ok_or_else(|| {
                    reader.error(
                        value.span.clone(),
                        "`seed` should be a whole number or a list of them.",
                    )
                })?);
            }
        }
        if let Some((key, value)) = rest
            .iter()
            .find(|(_, v)| v.value.as_array().is_some_and(Vec::is_empty))
        {
            return Err(reader.error(
                value.span.clone(),
                format!("`{}` is an empty list: the grid has no cell.", key.value),
            ));
        }
        Ok(Self {
            methods,
            experts,
            seeds,
            params: rest,
            span: reader.span(),
        })
    }

    /// The cells: every method with every combination of listed values, the last key fastest.
    pub fn cells(&self) -> Vec<MergeCell> {
        let mut cells = Vec::new();
        for method in &self.methods {
            let mut partial = vec![Map::new()];
            let mut swept = Vec::new();
            for (key, value) in &self.params {
                let axis = match &value.value {
                    Value::Array(values) => values.clone(),
                    one => vec![one.clone()],
                };
                if axis.len() > 1 {
                    swept.push(key.value.clone());
                }
                partial = partial
                    .into_iter()
                    .flat_map(|map: Map<String, Value>| {
                        axis.iter().map(move |v| {
                            let mut map = map.clone();
                            map.insert(key.value.clone(), v.clone());
                            map
                        })
                    })
                    .collect();
            }
            cells.extend(partial.into_iter().map(|params| MergeCell {
                method: method.value.clone(),
                params,
                swept: swept.clone(),
            }));
        }
        cells
    }
}
