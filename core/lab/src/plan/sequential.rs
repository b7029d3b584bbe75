//! The model that learns language by language.

use super::{
    Builder, PlanError,
    models::{NO_BASE, Training},
};
use crate::{cell::Role, manifest::Order};

impl Builder<'_> {
    /// A chain of trainings, each from the model that the one before left. A link whose model was
    /// trained before, as part of a shorter chain or as an expert, is found by its content key.
    pub(super) fn sequential(&mut self) -> Result<(), PlanError> {
        let manifest = self.manifest;
        let Some(sequential) = &manifest.sequential else {
            return Ok(());
        };
        let own = sequential.languages.as_deref();
        let languages = self.all_languages(own, "[sequential]", &sequential.recipe.span)?;
        self.replicated("sequential", &sequential.seeds, |builder, name, seed| {
            let span = &sequential.recipe.span;
            let mut from = builder.base_model().cloned();
            for (link, language) in ordered(&languages, sequential.order, seed)
                .iter()
                .enumerate()
            {
                let training = Training {
                    name: &format!("{name} {} {language}", link + 1),
                    role: Role::Sequential,
                    languages: std::slice::from_ref(language),
                    tasks: None,
                    recipe: &sequential.recipe,
                    span,
                };
                from = Some(builder.trained_from(&training, from, seed)?);
            }
            let mut model = from.ok_or_else(|| manifest.error(span.clone(), NO_BASE))?;
            model.label.name = name.to_owned();
            model.label.languages = ordered(&languages, sequential.order, seed);
            Ok(model)
        })
    }
}

/// Languages in the order of a sequential training.
fn ordered(languages: &[String], order: Order, seed: u64) -> Vec<String> {
    let mut languages = languages.to_vec();
    match order {
        Order::Given => {}
        Order::Reverse => languages.reverse(),
        // Sorted by a hash of seed and name, so that a further language leaves the others in order.
        Order::Random => languages.sort_by_cached_key(|language| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seed.to_le_bytes());
            hasher.update(language.as_bytes());
            *hasher.finalize().as_bytes()
        }),
    }
    languages
}

#[cfg(test)]
mod tests {
    use super::{Order, ordered};

    #[test]
    fn a_random_order_follows_from_the_seed() {
        let languages = ["de", "en", "fr", "ja", "zh"].map(str::to_owned);
        let with = |order, seed| ordered(&languages, order, seed);
        assert_eq!(with(Order::Given, 1), languages);
        assert_eq!(with(Order::Reverse, 1)[0], "zh");
        assert_eq!(with(Order::Random, 1), with(Order::Random, 1));
        let orders: std::collections::BTreeSet<_> =
            (0..8).map(|seed| with(Order::Random, seed)).collect();
        assert!(orders.len() > 4, "{orders:?}");
        let fewer = ordered(&languages[1..], Order::Random, 3);
        let all = with(Order::Random, 3);
        assert_eq!(
            fewer,
            all.into_iter().filter(|l| l != "de").collect::<Vec<_>>()
        );
    }
}
