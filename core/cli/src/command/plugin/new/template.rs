//! The files of a new crate. Their texts lie in `templates/`.

use super::{name::Name, sdk::Sdk};
use mergelab_abi::Kind;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

const MANIFEST: &str = include_str!("../../../../templates/standalone.toml");
const MEMBER_MANIFEST: &str = include_str!("../../../../templates/member.toml");
const IGNORED: &str = include_str!("../../../../templates/gitignore");

struct Texts {
    library: &'static str,
    card: &'static str,
    description: &'static str,
}

fn texts(kind: Kind) -> Texts {
    match kind {
        Kind::Method => Texts {
            library: include_str!("../../../../templates/method/lib.rs"),
            card: include_str!("../../../../templates/method/README.md"),
            description: "Merge method: moves the base towards the weighted average of models",
        },
        Kind::Task => Texts {
            library: include_str!("../../../../templates/task/lib.rs"),
            card: include_str!("../../../../templates/task/README.md"),
            description: "Task: questions with short answers",
        },
        Kind::Metric => Texts {
            library: include_str!("../../../../templates/metric/lib.rs"),
            card: include_str!("../../../../templates/metric/README.md"),
            description: "Metric: overlap of words with the reference",
        },
    }
}

/// Every file: its path in the crate, and its text.
pub(super) fn files(kind: Kind, name: &Name, sdk: &Sdk) -> Vec<(&'static str, String)> {
    let texts = texts(kind);
    let type_name = name.type_name(texts.library);
    let library = format!("{DLL_PREFIX}mergelab_{kind}_{}{DLL_SUFFIX}", name.id());
    let fill = |text: &str| {
        text.replace("{{id}}", name.id())
            .replace("{{package}}", &name.package(kind))
            .replace("{{description}}", texts.description)
            .replace("{{sdk}}", &sdk.dependency())
            .replace("{{library}}", &library)
            // A name that compiles, so that a template is checked and formatted as Rust.
            .replace("PluginName", &type_name)
    };
    let mut files = vec![
        ("src/lib.rs", fill(texts.library)),
        ("README.md", fill(texts.card)),
    ];
    match sdk {
        // The workspace has its own list of what git leaves out.
        Sdk::Workspace { .. } => files.push(("Cargo.toml", fill(MEMBER_MANIFEST))),
        Sdk::Path(_) | Sdk::Published => {
            files.push(("Cargo.toml", fill(MANIFEST)));
            files.push((".gitignore", IGNORED.to_owned()));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        let name = Name::parse("some_name").unwrap_or_else(|e| panic!("{e}"));
        for kind in Kind::ALL {
            for sdk in [
                Sdk::Published,
                Sdk::Workspace { root: ".".into() },
                Sdk::Path("a".into()),
            ] {
                for (path, text) in files(kind, &name, &sdk) {
                    assert!(
                        !text.contains("{{") && !text.contains("PluginName"),
                        "{path}"
                    );
                    assert!(text.ends_with('\n'), "{path}");
                }
            }
        }
    }
}
