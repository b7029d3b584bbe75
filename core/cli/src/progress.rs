//! Progress: of a run, bars on a terminal and a line per finished stage otherwise; of one pass
//! over weights, a bar.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mergelab_lab::{
    executor::{Event, Outcome},
    plan::spec::Node,
};
use std::{
    collections::HashMap,
    io::IsTerminal as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What is shown while stages run.
pub(crate) struct Progress<'a> {
    nodes: &'a [Node],
    state: Mutex<State>,
    terminal: Option<Terminal>,
}

struct State {
    running: HashMap<usize, Running>,
    finished: usize,
    total: usize,
}

struct Running {
    since: Instant,
    bar: Option<ProgressBar>,
}

struct Terminal {
    bars: MultiProgress,
    whole: ProgressBar,
}

impl<'a> Progress<'a> {
    /// `before` is what came of the stages so far, where the plan has grown since.
    pub(crate) fn new(nodes: &'a [Node], before: &Outcome) -> Self {
        let total = nodes.iter().filter(|n| !n.cached).count();
        let cached = nodes.len() - total;
        let finished = before.ran.len() + before.failures.len();
        if cached > 0 && finished == 0 {
            eprintln!("{cached} of {} stages are cached.", nodes.len());
        }
        let terminal = (std::io::stderr().is_terminal() && total > finished).then(|| {
            let bars = MultiProgress::new();
            let whole = bars.add(ProgressBar::new(total as u64));
            whole.set_style(style("{bar:32} {pos}/{len} stages, {elapsed} elapsed"));
            whole.set_position(finished as u64);
            whole.enable_steady_tick(Duration::from_secs(1));
            Terminal { bars, whole }
        });
        Self {
            nodes,
            state: Mutex::new(State {
                running: HashMap::new(),
                finished,
                total,
            }),
            terminal,
        }
    }

    pub(crate) fn show(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started(node) => {
                let bar = self.terminal.as_ref().map(|terminal| {
                    let bar = terminal
                        .bars
                        .insert_before(&terminal.whole, ProgressBar::new(0));
                    bar.set_style(style("  {spinner} {prefix} {msg}"));
                    bar.set_prefix(self.nodes[node].name.clone());
                    bar.enable_steady_tick(Duration::from_millis(120));
                    bar
                });
                let since = Instant::now();
                state.running.insert(node, Running { since, bar });
            }
            Event::Progress(node, step) => {
                if let Some(bar) = state.running.get(&node).and_then(|r| r.bar.as_ref()) {
                    bar.set_message(format!("{}/{} {}", step.done, step.total, step.note));
                }
            }
            Event::Done(node) => self.finished(&mut state, node, None),
            Event::Failed(node, message) => self.finished(&mut state, node, Some(&message)),
        }
    }

    fn finished(&self, state: &mut State, node: usize, failure: Option<&str>) {
        state.finished += 1;
        let running = state.running.remove(&node);
        let name = &self.nodes[node].name;
        let seconds = running
            .as_ref()
            .map_or(0.0, |r| r.since.elapsed().as_secs_f64());
        let line = match failure {
            None => format!("{name} ({seconds:.1} s)"),
            Some(message) => format!("FAILED {name}: {message}"),
        };
        match &self.terminal {
            None => eprintln!("[{}/{}] {line}", state.finished, state.total),
            Some(terminal) => {
                if let Some(bar) = running.and_then(|r| r.bar) {
                    bar.finish_and_clear();
                }
                terminal.whole.inc(1);
                // Evaluations are many and short; the bar counts them.
                let kind = self.nodes[node].spec.what.kind();
                if failure.is_some() || !matches!(kind, "generate" | "score") {
                    // A terminal that went away needs no lines.
                    let _ = terminal.bars.println(line);
                }
            }
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(terminal) = &self.terminal {
            terminal.whole.finish_and_clear();
        }
    }
}

/// Progress in elements or steps: a bar on a terminal, nothing otherwise.
pub(crate) struct Elements(Option<ProgressBar>);

impl Elements {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self(terminal.then(|| ProgressBar::new(0)))
    }

    pub(crate) fn show(&self, done: u64, total: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(total);
            // Threads report out of order.
            if done > bar.position() {
                bar.set_position(done);
            }
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
