//! The shipped prompts.
//!
//! They are short because a small decoder that is trained from scratch reads them too, and they
//! show no choices: in the mode `choice` each choice is scored as the answer itself.

use mergelab_sdk::prompt::ANY_LANGUAGE;

/// Prompt by language.
pub(crate) const SHIPPED: [(&str, &str); 9] = [
    ("en", "{question}\nAnswer:"),
    ("de", "{question}\nAntwort:"),
    ("fr", "{question}\nRéponse :"),
    ("it", "{question}\nRisposta:"),
    ("es", "{question}\nRespuesta:"),
    ("ja", "{question}\n答え："),
    ("zh", "{question}\n答案："),
    ("ko", "{question}\n답:"),
    (ANY_LANGUAGE, "{question}\nAnswer:"),
];
