//! Components of models, such as a text decoder and a vision tower: which tensors are in which.

use crate::layers::{Layers, Place};
use mergelab_abi::suggest::hint;
use serde_json::Value;

/// An architecture of several components, under the names that mergekit gives them.
struct Known {
    /// Entries of `architectures` in config.json.
    architectures: &'static [&'static str],
    components: &'static [KnownComponent],
}

struct KnownComponent {
    name: &'static str,
    /// How the names of its tensors start. The longest start of any component counts.
    starts: &'static [&'static str],
    /// What stands before the numbers of its layers, in one layout of checkpoints or another.
    layers: &'static [&'static str],
    /// Where config.json has the number of its layers, the first place that is there.
    count: &'static [&'static str],
}

const fn component(
    name: &'static str,
    starts: &'static [&'static str],
    layers: &'static [&'static str],
    count: &'static [&'static str],
) -> KnownComponent {
    KnownComponent {
        name,
        starts,
        layers,
        count,
    }
}

const TEXT: KnownComponent = component(
    "text_decoder",
    &["language_model.", "model.language_model.", "lm_head."],
    &[
        "language_model.model.layers.",
        "model.language_model.layers.",
    ],
    &["/text_config/num_hidden_layers"],
);
const PROJECTOR: KnownComponent = component(
    "multi_modal_projector",
    &["multi_modal_projector.", "model.multi_modal_projector."],
    &[],
    &[],
);
const VISION_LAYERS: &[&str] = &["/vision_config/num_hidden_layers"];
const VISION_DEPTH: &[&str] = &["/vision_config/depth"];

/// The architectures that mergekit 0.1.5 defines with several modules. Where transformers renamed
/// the tensors of an architecture, both layouts are here.
const KNOWN: &[Known] = &[
    Known {
        architectures: &["Gemma3ForConditionalGeneration"],
        components: &[
            TEXT,
            PROJECTOR,
            component(
                "vision_tower",
                &["vision_tower.", "model.vision_tower."],
                &[
                    "vision_tower.vision_model.encoder.layers.",
                    "model.vision_tower.vision_model.encoder.layers.",
                ],
                VISION_LAYERS,
            ),
        ],
    },
    Known {
        architectures: &["Mistral3ForConditionalGeneration"],
        components: &[
            TEXT,
            PROJECTOR,
            component(
                "vision_tower",
                &["vision_tower.", "model.vision_tower."],
                &[
                    "vision_tower.transformer.layers.",
                    "model.vision_tower.transformer.layers.",
                ],
                VISION_LAYERS,
            ),
        ],
    },
    Known {
        architectures: &["Llama4ForConditionalGeneration"],
        components: &[
            TEXT,
            PROJECTOR,
            component(
                "vision_model",
                &["vision_model."],
                &["vision_model.model.layers."],
                VISION_LAYERS,
            ),
        ],
    },
    Known {
        architectures: &[
            "Qwen2VLForConditionalGeneration",
            "Qwen2_5_VLForConditionalGeneration",
        ],
        components: &[
            component(
                "text_decoder",
                &["model.", "lm_head."],
                &["model.layers.", "model.language_model.layers."],
                &["/text_config/num_hidden_layers", "/num_hidden_layers"],
            ),
            component(
                "multi_modal_projector",
                &["visual.merger.", "model.visual.merger."],
                &[],
                &[],
            ),
            component(
                "vision_tower",
                &["visual.", "model.visual."],
                &["visual.blocks.", "model.visual.blocks."],
                VISION_DEPTH,
            ),
        ],
    },
    Known {
        architectures: &[
            "Qwen3VLForConditionalGeneration",
            "Qwen3VLMoeForConditionalGeneration",
        ],
        components: &[
            component(
                "text_decoder",
                &["model.language_model.", "lm_head."],
                &["model.language_model.layers."],
                &["/text_config/num_hidden_layers"],
            ),
            component(
                "multi_modal_projector",
                &[
                    "model.visual.merger.",
                    "model.visual.deepstack_merger_list.",
                ],
                &["model.visual.deepstack_merger_list."],
                &[],
            ),
            component(
                "vision_tower",
                &["model.visual."],
                &["model.visual.blocks."],
                VISION_DEPTH,
            ),
        ],
    },
    Known {
        architectures: &["T5ForConditionalGeneration"],
        components: &[
            component(
                "decoder",
                &["decoder."],
                &["decoder.block."],
                &["/num_decoder_layers"],
            ),
            component(
                "encoder",
                &["encoder."],
                &["encoder.block."],
                &["/num_layers"],
            ),
            component("shared", &["shared.", "lm_head."], &[], &[]),
        ],
    },
    Known {
        architectures: &["WhisperForConditionalGeneration"],
        components: &[
            component(
                "decoder",
                &["model.decoder.", "proj_out."],
                &["model.decoder.layers."],
                &["/decoder_layers"],
            ),
            component(
                "encoder",
                &["model.encoder."],
                &["model.encoder.layers."],
                &["/encoder_layers"],
            ),
        ],
    },
];

/// The component of everything that no other one has.
const REST: &str = "default";

/// The components of the inputs of a merge.
#[derive(Debug)]
pub(crate) struct Components {
    list: Vec<Component>,
}

/// One component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) name: String,
    starts: Vec<String>,
    /// What stands before the numbers of its layers; `None` where it has none.
    pub(crate) stem: Option<String>,
    /// Where config.json may have the number of its layers, as JSON pointers.
    pub(crate) count: &'static [&'static str],
}

impl Components {
    /// Those of an architecture, or else one for each stack of layers, and one for the rest.
    pub(crate) fn of<'a>(config: Option<&Value>, names: impl IntoIterator<Item = &'a str>) -> Self {
        let layers = Layers::of(names);
        let architecture = config.and_then(|c| c.pointer("/architectures/0")?.as_str());
        let known =
            architecture.and_then(|name| KNOWN.iter().find(|k| k.architectures.contains(&name)));
        if let Some(known) = known {
            let list = known.components.iter().map(|component| Component {
                name: component.name.to_owned(),
                starts: component.starts.iter().map(|s| (*s).to_owned()).collect(),
                stem: component
                    .layers
                    .iter()
                    .find(|stem| layers.count(stem) > 0)
                    .map(|stem| (*stem).to_owned()),
                count: component.count,
            });
            return Self {
                list: list.collect(),
            };
        }
        let stems: Vec<&str> = layers.stems().collect();
        let rest = |stem: Option<&str>| Component {
            name: REST.to_owned(),
            starts: vec![String::new()],
            stem: stem.map(str::to_owned),
            count: &[],
        };
        if let [] | [_] = stems[..] {
            // All of it is one component.
            return Self {
                list: vec![rest(stems.first().copied())],
            };
        }
        let stacks = stems.iter().map(|stem| Component {
            name: stem.trim_end_matches('.').to_owned(),
            starts: vec![(*stem).to_owned()],
            stem: Some((*stem).to_owned()),
            count: &[],
        });
        Self {
            list: stacks.chain([rest(None)]).collect(),
        }
    }

    /// The component that a tensor is in.
    pub(crate) fn of_tensor(&self, tensor: &str) -> Option<&Component> {
        let start = |component: &Component| {
            let starts = component.starts.iter();
            starts
                .filter(|start| tensor.starts_with(start.as_str()))
                .map(String::len)
                .max()
        };
        let fitting = self.list.iter().filter_map(|c| Some((start(c)?, c)));
        fitting.max_by_key(|(length, _)| *length).map(|(_, c)| c)
    }

    /// The component of a name, or which ones there are.
    pub(crate) fn named(&self, name: &str) -> Result<&Component, String> {
        let found = self.list.iter().find(|component| component.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.list.iter().map(|c| c.name.as_str()).collect();
            match names[..] {
                [REST] => format!(
                    "these models have no component `{name}`: everything in them is one, \
                     `{REST}`. Leave `modules` out"
                ),
                _ => format!(
                    "these models have no component `{name}`.{}",
                    hint(name, names)
                ),
            }
        })
    }
}

impl Component {
    /// The layer that a tensor is in.
    pub(crate) fn layer(&self, tensor: &str) -> Option<usize> {
        let (stem, number) = Place::of(tensor).layer?;
        (self.stem.as_deref() == Some(stem)).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn components(architecture: &str, names: &[&str]) -> Components {
        let config = json!({"architectures": [architecture]});
        Components::of(Some(&config), names.iter().copied())
    }

    #[test]
    fn the_longest_start_decides() {
        let names = [
            "model.embed_tokens.weight",
            "model.layers.0.mlp.weight",
            "lm_head.weight",
            "visual.merger.mlp.0.weight",
            "visual.blocks.1.norm1.weight",
            "visual.patch_embed.proj.weight",
        ];
        let found = components("Qwen2VLForConditionalGeneration", &names);
        let of = names.map(|name| found.of_tensor(name).unwrap().name.as_str());
        let (text, vision) = ("text_decoder", "vision_tower");
        assert_eq!(
            of,
            [text, text, text, "multi_modal_projector", vision, vision]
        );
        let tower = found.named(vision).unwrap();
        assert_eq!(tower.layer(names[4]), Some(1));
        assert_eq!(tower.layer(names[1]), None);
        // Both layouts.
        let found = components(
            "Qwen2VLForConditionalGeneration",
            &["model.language_model.layers.0.w", "model.visual.blocks.0.w"],
        );
        let tower = found.of_tensor("model.visual.blocks.0.w").unwrap();
        assert_eq!(tower.name, vision);
        assert_eq!(tower.stem.as_deref(), Some("model.visual.blocks."));
        assert!(found.of_tensor("other.weight").is_none());
    }

    #[test]
    fn other_architectures_have_a_component_for_each_stack() {
        let names = ["a.h.0.w", "b.blocks.3.w", "head.w"];
        let found = components("Unknown", &names);
        let of = names.map(|name| found.of_tensor(name).unwrap().name.as_str());
        assert_eq!(of, ["a.h", "b.blocks", "default"]);
        let error = found.named("b.block").unwrap_err();
        assert!(error.contains("Did you mean `b.blocks`?"), "{error}");
        let one = components("Unknown", &["a.h.0.w", "head.w"]);
        assert_eq!(one.of_tensor("a.h.0.w").unwrap().name, "default");
        assert!(one.named("a.h").is_err());
    }
}
