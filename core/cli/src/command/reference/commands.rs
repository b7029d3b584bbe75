//! The page about the commands: what `--help` says of each.

use clap::Command;
use std::fmt::Write as _;

/// Columns that help is wrapped to.
const WIDTH: usize = 100;

pub(super) fn page(program: Command) -> String {
    let mut program = program.term_width(WIDTH);
    program.build();
    let mut text = String::from(
        "# Commands\n\nWritten by `mergelab reference`. Every command prints its part with `--help`.\n",
    );
    add(&mut program, &mut Vec::new(), &mut text);
    text
}

fn add(command: &mut Command, above: &mut Vec<String>, text: &mut String) {
    above.push(command.get_name().to_owned());
    let help = command.render_long_help().to_string();
    // Lines of clap's help end with spaces here and there.
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        text,
        "\n## {}\n\n```text\n{}\n```\n",
        above.join(" "),
        help.join("\n").trim_end()
    );
    let shown = |command: &&mut Command| !command.is_hide_set() && command.get_name() != "help";
    for inner in command.get_subcommands_mut().filter(shown) {
        add(inner, above, text);
    }
    above.pop();
}
