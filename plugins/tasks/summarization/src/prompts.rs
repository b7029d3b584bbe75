//! The shipped prompts.
//!
//! They are short because a small decoder that is trained from scratch reads them too. For a large
//! instruction-tuned model a longer `prompt` in the manifest serves better.

use mergelab_sdk::prompt::ANY_LANGUAGE;

/// Prompt by language.
pub(crate) const SHIPPED: [(&str, &str); 9] = [
    ("en", "{document}\nSummary:"),
    ("de", "{document}\nZusammenfassung:"),
    ("fr", "{document}\nRésumé :"),
    ("it", "{document}\nRiassunto:"),
    ("es", "{document}\nResumen:"),
    ("ja", "{document}\n要約："),
    ("zh", "{document}\n摘要："),
    ("ko", "{document}\n요약:"),
    (ANY_LANGUAGE, "{document}\nSummary:"),
];
