//! Metric: BLEU, as sacrebleu computes it.
#![forbid(unsafe_code)]

mod counts;
mod tokenizer;

use mergelab_sdk::{prelude::*, prompt::same_primary};
use tokenizer::Tokenize;

/// What an order of n-grams without a match counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smooth {
    /// A share that halves with each such order.
    Exp,
    /// `smooth_value` matches.
    Floor,
    /// `smooth_value` is added to matches and n-grams of the orders above 1.
    AddK,
    /// Nothing: the score is 0.
    None,
}

impl mergelab_sdk::params::Choice for Smooth {
    const VARIANTS: &'static [(&'static str, Self)] = &[
        ("exp", Self::Exp),
        ("floor", Self::Floor),
        ("add-k", Self::AddK),
        ("none", Self::None),
    ];
}

/// BLEU of all outputs together, from 0 to 100.
#[derive(Params)]
pub struct Bleu {
    /// How texts become words; `auto` is `zh` for Chinese and `13a` for others.
    #[param(default = "auto")]
    tokenize: Tokenize,
    /// What an order of n-grams without a match counts as.
    #[param(default = "exp")]
    smooth: Smooth,
    /// The number of `floor` and `add-k`; 0.1 and 1 where it is left out.
    #[param(above = 0.0)]
    smooth_value: Option<f64>,
    /// Whether upper and lower case are the same.
    #[param(default = false)]
    lowercase: bool,
    /// Whether orders that no output is long enough for are left out.
    #[param(default = false)]
    effective_order: bool,
    /// Reference texts of every example; 0 where their number varies.
    #[param(default = 1, min = 0)]
    references: usize,
}

/// The version of sacrebleu whose numbers these are.
const VERSION: &str = "2.6.0+mergelab";

impl Bleu {
    fn tokenizer(&self, context: &MetricContext) -> Tokenize {
        let language = |code| same_primary(&context.language, code);
        match self.tokenize {
            Tokenize::Auto if language("zh") => Tokenize::Zh,
            Tokenize::Auto if language("ja") => Tokenize::JaMecab,
            Tokenize::Auto if language("ko") => Tokenize::KoMecab,
            Tokenize::Auto => Tokenize::V13a,
            named => named,
        }
    }

    fn smooth_value(&self) -> f64 {
        let usual = if self.smooth == Smooth::Floor {
            0.1
        } else {
            1.0
        };
        self.smooth_value.unwrap_or(usual)
    }

    /// The signature, in sacrebleu's grammar.
    fn signature(&self, context: &MetricContext) -> String {
        let references = match self.references {
            0 => "var".to_owned(),
            n => n.to_string(),
        };
        let smooth = match self.smooth {
            Smooth::Exp => "exp".to_owned(),
            Smooth::None => "none".to_owned(),
            Smooth::Floor => format!("floor[{:.2}]", self.smooth_value()),
            Smooth::AddK => format!("add-k[{:.2}]", self.smooth_value()),
        };
        format!(
            "bleu/nrefs:{references}|case:{}|eff:{}|tok:{}|smooth:{smooth}|version:{VERSION}",
            if self.lowercase { "lc" } else { "mixed" },
            if self.effective_order { "yes" } else { "no" },
            self.tokenizer(context).name(),
        )
    }
}

impl Metric for Bleu {
    const ID: &'static str = "bleu";

    fn check(&self, context: &MetricContext) -> Result<()> {
        let tokenizer = self.tokenizer(context);
        if matches!(tokenizer, Tokenize::JaMecab | Tokenize::KoMecab) {
            let how = match self.tokenize {
                Tokenize::Auto => "sacrebleu's tokenizer for this language is",
                _ => "`tokenize` is",
            };
            return Err(Error::parameter(
                "tokenize",
                format!(
                    "{how} `{}`, which needs MeCab and its dictionary; without them its words \
                     cannot be had exactly. Set tokenize = \"char\", or use the metric `chrf`.",
                    tokenizer.name()
                ),
            ));
        }
        if self.smooth_value.is_some() && matches!(self.smooth, Smooth::Exp | Smooth::None) {
            return Err(Error::parameter(
                "smooth_value",
                "`smooth_value` is for smooth = \"floor\" and smooth = \"add-k\": drop it.",
            ));
        }
        Ok(())
    }

    fn measures(&self, context: &MetricContext) -> Vec<Measure> {
        vec![Measure {
            name: "bleu".to_owned(),
            preset: self.signature(context),
            shape: Shape::Corpus,
            width: counts::WIDTH,
            higher_is_better: true,
            tested: true,
        }]
    }

    fn score(&self, case: &Case, context: &MetricContext) -> Result<Vec<f64>> {
        let texts = &case.reference.texts;
        if texts.is_empty() {
            return Err(Error::input(
                "the metric `bleu` compares texts, and the reference has none",
            ));
        }
        if self.references != 0 && texts.len() != self.references {
            return Err(Error::input(format!(
                "the reference has {} texts, and the metric `bleu` says {} for every example: set \
                 references = {0}, or references = 0 where the number varies",
                texts.len(),
                self.references
            )));
        }
        let tokenizer = self.tokenizer(context);
        let ready = |text: &str| match self.lowercase {
            true => tokenizer.run(&text.to_lowercase()),
            false => tokenizer.run(text),
        };
        let references: Vec<String> = texts.iter().map(|t| ready(t)).collect();
        Ok(counts::statistics(
            &ready(&case.prediction.output),
            &references,
        ))
    }

    fn aggregate(&self, _: &Measure, sums: &[f64], _: f64, _: &MetricContext) -> f64 {
        counts::bleu(sums, self.smooth, self.smooth_value(), self.effective_order)
    }
}

plugin!(Bleu);

#[cfg(test)]
mod tests;
