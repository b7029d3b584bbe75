//! `mergelab plugin list` and `show`: what is found, what is refused, and why.

use mergelab_tests::{Mergelab, Run, bad_plugins, libraries};
use std::{fs, path::Path};

fn program() -> Mergelab {
    Mergelab::stage(env!("CARGO_BIN_EXE_mergelab"))
}

/// The program with the five methods that come with it, and no other plugin.
fn with_methods() -> Mergelab {
    let program = program();
    for (_, id) in libraries::ids()
        .iter()
        .filter(|(kind, _)| *kind == "method")
    {
        program.add_plugin(&libraries::library("method", id));
    }
    program
}

fn list(program: &Mergelab, library: &Path) -> Run {
    let library = library.as_os_str();
    program.run([
        "plugin".as_ref(),
        "list".as_ref(),
        "--plugin".as_ref(),
        library,
    ])
}

/// The one line that a refused library gets.
#[track_caller]
fn assert_refused(library: &Path, reason: &str) {
    let run = list(&program(), library);
    // A bad plugin stops nothing.
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let wanted = format!("\nRefused:\n  {} {reason}", library.display());
    assert!(run.stdout.contains(&wanted), "{}", run.stdout);
    assert_eq!(
        run.stdout.matches("\n  /").count(),
        1 + searched(&run),
        "{}",
        run.stdout
    );
}

/// Places named under "Searched:", which are there when no plugin was found.
fn searched(run: &Run) -> usize {
    let lines = run.stdout.lines().skip_while(|l| !l.ends_with("Searched:"));
    lines.skip(1).take_while(|l| l.starts_with("  /")).count()
}

#[test]
fn plugins_beside_the_program_are_found() {
    let run = with_methods().run(["plugin", "list"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn a_method_in_detail() {
    let run = with_methods().run(["plugin", "show", "ties"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let hash = run.stdout.lines().find(|l| l.contains("blake3"));
    let hash = hash
        .and_then(|l| l.split_whitespace().last())
        .expect("a hash");
    assert_eq!(hash.len(), 64);
    insta::assert_snapshot!(run.stdout.replace(hash, "[blake3]"));
}

#[test]
fn one_kind_alone_is_listed() {
    let run = with_methods().run(["plugin", "list", "--kind", "metric"]);
    assert_eq!(run.code, Some(0));
    assert!(!run.stdout.contains("ties "), "{}", run.stdout);
}

#[test]
fn json_has_each_plugin_whole_and_every_attempt() {
    let program = program();
    let ties = libraries::library("method", "ties");
    let run = program.finish(
        program
            .command()
            .args(["plugin", "list", "--json"])
            .env("MERGELAB_PLUGIN_PATH", &ties),
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let list: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let plugin = &list["plugins"][0];
    assert_eq!(plugin["kind"], "method");
    assert_eq!(plugin["id"], "ties");
    assert_eq!(plugin["usable"], true);
    assert_eq!(plugin["path"], ties.display().to_string());
    assert_eq!(plugin["blake3"].as_str().map(str::len), Some(64));
    assert!(
        plugin["parameters"]
            .as_array()
            .is_some_and(|p| p.iter().any(|p| p["name"] == "density")),
        "{plugin}"
    );
    let attempts = list["attempts"].as_array().expect("attempts");
    let outcome = |origin: &str| {
        let attempt = attempts.iter().find(|a| a["origin"] == origin);
        attempt.map(|a| a["outcome"].as_str().unwrap_or_default())
    };
    assert_eq!(outcome("$MERGELAB_PLUGIN_PATH"), Some("loaded"));
    assert_eq!(outcome("beside the program"), Some("nothing"));
    assert_eq!(outcome("the user's data directory"), Some("nothing"));
}

#[test]
fn a_plugin_in_the_users_data_folder_is_found() {
    let program = program();
    let folder = program.path("home/.local/share/mergelab/plugins");
    fs::create_dir_all(&folder).expect("a folder");
    let linear = libraries::library("method", "linear");
    fs::copy(&linear, folder.join(linear.file_name().expect("a file"))).expect("a copy");
    let run = program.run(["plugin", "list"]);
    assert!(run.stdout.contains("method  linear"), "{}", run.stdout);
}

#[test]
fn without_plugins_the_searched_places_are_named() {
    let run = program().run(["plugin", "list"]);
    assert_eq!(
        run.stdout,
        "No plugin was found. Searched:\n  [stage]/bin (beside the program)\n  \
         [stage]/home/.local/share/mergelab/plugins (the user's data directory)\n"
    );
}

#[test]
fn another_abi_is_refused() {
    assert_refused(
        &bad_plugins::library("wrong_abi"),
        "was built for plugin ABI 2, this mergelab speaks ABI 1: rebuild it with the mergelab-sdk \
         that belongs to this mergelab\n",
    );
}

#[test]
fn newer_operations_are_refused() {
    assert_refused(
        &bad_plugins::library("newer_ops"),
        "needs tensor operations of revision 4000000000, this mergelab has revision 3: update \
         mergelab, or build the plugin with SDK 0.1.0\n",
    );
}

#[test]
fn a_damaged_header_is_refused() {
    assert_refused(
        &bad_plugins::library("damaged_header"),
        "has a damaged plugin header: rebuild it\n",
    );
}

#[test]
fn a_plugin_whose_panics_abort_is_refused() {
    assert_refused(
        &bad_plugins::library("panic_abort"),
        "was built with panic = \"abort\": a panic in it would end the whole run. Set panic = \
         \"unwind\" in the profile that builds it\n",
    );
}

#[test]
fn a_library_of_another_program_is_refused_by_name_and_skipped_in_a_folder() {
    let library = bad_plugins::library("not_a_plugin");
    assert_refused(
        &library,
        "is not a mergelab plugin: it has no symbol `mergelab_plugin_abi_1`. A plugin is a crate \
         of type cdylib that depends on mergelab-sdk and calls `plugin!`\n",
    );
    let program = program();
    program.add_plugin(&library);
    let run = program.run(["plugin", "list"]);
    assert!(!run.stdout.contains("Refused"), "{}", run.stdout);
}

#[test]
fn a_library_without_plugins_is_refused() {
    assert_refused(
        &bad_plugins::library("no_plugins"),
        "holds no plugin: it calls `plugin!` for nothing\n",
    );
}

#[test]
fn a_text_named_as_a_library_is_refused() {
    let program = program();
    let file = program.path("work/notes.so");
    fs::write(&file, "shopping: bread, milk\n").expect("a file");
    let run = list(&program, &file);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let start =
        "\nRefused:\n  [stage]/work/notes.so is not a shared library that this system can load: ";
    assert!(run.stdout.contains(start), "{}", run.stdout);
}

#[test]
fn a_library_that_was_cut_off_is_refused() {
    let program = program();
    let whole = fs::read(libraries::library("method", "ties")).expect("the library");
    // Inside the header, inside the code, and just before the end.
    for length in [0, 40, 4_096, whole.len() / 2, whole.len() - 64] {
        let file = program.path(&format!("work/cut{length}.so"));
        fs::write(&file, &whole[..length]).expect("a file");
        let run = list(&program, &file);
        assert_eq!(run.code, Some(0), "{length} bytes: {run:?}");
        let start = format!("\nRefused:\n  [stage]/work/cut{length}.so is not a shared library");
        assert!(run.stdout.contains(&start), "{}", run.stdout);
    }
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let run = list(&program(), Path::new("gone.so"));
    assert_eq!(run.code, Some(0));
    let line = "  gone.so cannot be read: No such file or directory (os error 2)\n";
    assert!(run.stdout.ends_with(line), "{}", run.stdout);
}

#[test]
fn one_id_in_two_libraries_names_both_and_neither_is_taken() {
    let program = program();
    let (a, b) = (
        bad_plugins::library("duplicate_a"),
        bad_plugins::library("duplicate_b"),
    );
    let run = program.finish(
        program
            .command()
            .args(["plugin", "list", "--plugin"])
            .arg(&a)
            .arg("--plugin")
            .arg(&b),
    );
    let line = format!(
        "  {} has method `twice`, which {} has too: remove one of both files\n",
        b.display(),
        a.display()
    );
    assert!(run.stdout.ends_with(&line), "{}", run.stdout);
    assert!(!run.stdout.contains("method  twice"), "{}", run.stdout);

    let run = program.finish(
        program
            .command()
            .args(["plugin", "show", "twice", "--plugin"])
            .arg(&a)
            .arg("--plugin")
            .arg(&b),
    );
    assert_eq!(run.code, Some(2));
    let line = format!(
        "there are two method plugins `twice`: {} and {}. Remove one of both files, or rename one",
        a.display(),
        b.display()
    );
    assert!(run.stderr.contains(&line), "{}", run.stderr);
}

#[test]
fn a_name_that_is_not_found_tells_the_nearest_and_every_attempt() {
    let program = with_methods();
    let bad = bad_plugins::library("wrong_abi");
    for (name, message) in [
        ("tise", "there is no plugin `tise`. Did you mean `ties`?"),
        (
            "method/tise",
            "there is no method `tise`. Did you mean `ties`?",
        ),
        (
            "methd/ties",
            "`methd` is no kind of plugin. Did you mean `method`?",
        ),
    ] {
        let run = program.finish(
            program
                .command()
                .args(["plugin", "show", name, "--plugin"])
                .arg(&bad),
        );
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(run.stderr.contains(message), "{}", run.stderr);
        if name.starts_with("methd") {
            continue;
        }
        for attempt in [
            format!("{} (--plugin): was built for plugin ABI 2", bad.display()),
            "libmergelab_method_linear.so (beside the program): 1 plugin".to_owned(),
            "[stage]/home/.local/share/mergelab/plugins (the user's data directory): no library"
                .to_owned(),
        ] {
            assert!(run.stderr.contains(&attempt), "{attempt}\n{}", run.stderr);
        }
    }
}
