//! The shipped prompts, short because a small decoder that is trained from scratch reads them too.

use mergelab_sdk::prompt::ANY_LANGUAGE;

/// Prompt by language.
pub(crate) const SHIPPED: [(&str, &str); 8] = [
    ("en", "{text}\nSentiment:"),
    ("de", "{text}\nStimmung:"),
    ("fr", "{text}\nSentiment :"),
    ("it", "{text}\nSentimento:"),
    ("es", "{text}\nSentimiento:"),
    ("ja", "{text}\n感情："),
    ("zh", "{text}\n情感："),
    (ANY_LANGUAGE, "{text}\nSentiment:"),
];
