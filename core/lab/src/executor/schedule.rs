//! Which stage runs when: each after what it needs, as many at a time as the executor takes.

use super::{Executor, StageEnd};
use crate::{plan::spec::Node, stage::StageProgress};
use std::sync::{
    Condvar, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Something to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A stage begins.
    Started(usize),
    /// A stage is so far.
    Progress(usize, StageProgress),
    /// A stage's artifact is in the store.
    Done(usize),
    /// A stage failed.
    Failed(usize, String),
}

/// A stage that failed, or that was not run because one that it needs failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stage.
    pub node: usize,
    /// Why.
    pub message: String,
    /// The failed stage that it needs, where it was not run itself.
    pub because_of: Option<usize>,
}

/// What came of running a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Stages that ran now.
    pub ran: Vec<usize>,
    /// Stages without an artifact.
    pub failures: Vec<Failure>,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
    Failed,
}

struct Board {
    states: Vec<State>,
    outcome: Outcome,
}

/// Runs every stage that has no artifact. A failed stage stops those that need it and no others.
///
/// `before` is what came of running the graph when it was smaller, and is part of what is returned:
/// what failed then is not tried again.
pub fn execute(
    nodes: &[Node],
    before: Outcome,
    executor: &dyn Executor,
    interrupt: &AtomicBool,
    events: &(dyn Fn(Event) + Sync),
) -> Outcome {
    let board = Mutex::new(Board {
        states: nodes
            .iter()
            .enumerate()
            .map(|(i, n)| {
                if n.cached || before.ran.contains(&i) {
                    State::Done
                } else if before.failures.iter().any(|f| f.node == i) {
                    State::Failed
                } else {
                    State::Waiting
                }
            })
            .collect(),
        outcome: before,
    });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..executor.jobs().max(1) {
            scope.spawn(|| worker(nodes, executor, interrupt, events, &board, &changed));
        }
    });
    let mut outcome = board
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .outcome;
    outcome.failures.sort_by_key(|f| f.node);
    outcome.ran.sort_unstable();
    outcome
}

fn worker(
    nodes: &[Node],
    executor: &dyn Executor,
    interrupt: &AtomicBool,
    events: &(dyn Fn(Event) + Sync),
    board: &Mutex<Board>,
    changed: &Condvar,
) {
    loop {
        let jobs = executor.jobs().max(1);
        let Some((node, beside)) = next(nodes, jobs, interrupt, events, board, changed) else {
            changed.notify_all();
            return;
        };
        events(Event::Started(node));
        let end = executor.run(&nodes[node].spec, beside, &|p| {
            events(Event::Progress(node, p));
        });
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        match end {
            StageEnd::Done => {
                board.states[node] = State::Done;
                board.outcome.ran.push(node);
                events(Event::Done(node));
            }
            StageEnd::Interrupted => {
                board.states[node] = State::Waiting;
                board.outcome.interrupted = true;
                interrupt.store(true, Ordering::Relaxed);
            }
            StageEnd::Failed(message) => {
                board.states[node] = State::Failed;
                events(Event::Failed(node, message.clone()));
                board.outcome.failures.push(Failure {
                    node,
                    message,
                    because_of: None,
                });
            }
        }
        drop(board);
        changed.notify_all();
    }
}

/// The next stage to run and how many can run now, or `None` when there will be none.
fn next(
    nodes: &[Node],
    jobs: usize,
    interrupt: &AtomicBool,
    events: &(dyn Fn(Event) + Sync),
    board: &Mutex<Board>,
    changed: &Condvar,
) -> Option<(usize, usize)> {
    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if interrupt.load(Ordering::Relaxed) {
            board.outcome.interrupted = true;
            return None;
        }
        let mut waiting = false;
        for (i, node) in nodes.iter().enumerate() {
            if board.states[i] != State::Waiting {
                continue;
            }
            let states = &board.states;
            if let Some(&failed) = node.needs.iter().find(|n| states[**n] == State::Failed) {
                board.states[i] = State::Failed;
                let cause = board
                    .outcome
                    .failures
                    .iter()
                    .find(|f| f.node == failed)
                    .and_then(|f| f.because_of)
                    .unwrap_or(failed);
                let message = format!("not run: `{}` failed", nodes[cause].name);
                events(Event::Failed(i, message.clone()));
                board.outcome.failures.push(Failure {
                    node: i,
                    message,
                    because_of: Some(cause),
                });
            } else if asked(nodes, states, i) {
                waiting = true;
            } else if node.needs.iter().all(|n| states[*n] == State::Done) {
                board.states[i] = State::Running;
                return Some((i, able(nodes, &board.states).min(jobs)));
            } else {
                waiting = true;
            }
        }
        if !waiting {
            return None;
        }
        board = changed.wait(board).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Whether a running stage asks the server that this one would ask.
fn asked(nodes: &[Node], states: &[State], node: usize) -> bool {
    let server = |i: usize| nodes[i].spec.what.server();
    let own = server(node);
    own.is_some() && (0..nodes.len()).any(|i| states[i] == State::Running && server(i) == own)
}

/// Stages that run, and stages that could.
fn able(nodes: &[Node], states: &[State]) -> usize {
    nodes
        .iter()
        .zip(states)
        .filter(|(node, state)| match state {
            State::Running => true,
            State::Waiting => node.needs.iter().all(|n| states[*n] == State::Done),
            State::Done | State::Failed => false,
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::PluginStamp;
    use crate::plan::spec::{
        Answerer, GenerateWhat, How, Served, SliceRef, StageSpec, TaskRef, What,
    };

    fn node(name: &str, needs: &[usize], cached: bool) -> Node {
        let what = What::Generate(GenerateWhat {
            answerer: Answerer::Trivial {
                name: name.to_owned(),
            },
            task: TaskRef {
                name: String::new(),
                plugin: PluginStamp {
                    id: String::new(),
                    version: String::new(),
                    hash: String::new(),
                },
                params: serde_json::Map::new(),
                labels: Vec::new(),
            },
            rows: SliceRef {
                dataset: String::new(),
                split: String::new(),
                language: String::new(),
                limit: None,
                hash: String::new(),
            },
            shots: None,
        });
        Node {
            name: name.to_owned(),
            key: what.key(),
            spec: StageSpec {
                what,
                how: How::default(),
            },
            needs: needs.to_vec(),
            cached,
            span: 0..0,
        }
    }

    /// Fails the stages named `bad`, and notes what ran beside how many.
    struct Fake(Mutex<Vec<String>>, usize);

    impl Executor for Fake {
        fn run(
            &self,
            spec: &StageSpec,
            beside: usize,
            _: &(dyn Fn(StageProgress) + Sync),
        ) -> StageEnd {
            assert!((1..=self.1).contains(&beside));
            let What::Generate(what) = &spec.what else {
                panic!("a generate stage")
            };
            let Answerer::Trivial { name } = &what.answerer else {
                panic!("a trivial answerer")
            };
            self.0.lock().expect("not poisoned").push(name.clone());
            if name.starts_with("bad") {
                StageEnd::Failed("no".to_owned())
            } else {
                StageEnd::Done
            }
        }

        fn jobs(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_failure_stops_what_needs_it_and_nothing_else() {
        for jobs in [1, 3] {
            let nodes = [
                node("base", &[], true),
                node("bad", &[0], false),
                node("good", &[0], false),
                node("after bad", &[1, 2], false),
                node("after that", &[3], false),
                node("after good", &[2], false),
            ];
            let fake = Fake(Mutex::default(), jobs);
            let outcome = execute(
                &nodes,
                Outcome::default(),
                &fake,
                &AtomicBool::new(false),
                &|_| (),
            );
            let mut ran = fake.0.into_inner().expect("not poisoned");
            ran.sort();
            assert_eq!(ran, ["after good", "bad", "good"]);
            assert_eq!(outcome.ran, [2, 5]);
            let causes: Vec<_> = outcome
                .failures
                .iter()
                .map(|f| (f.node, f.because_of))
                .collect();
            assert_eq!(causes, [(1, None), (3, Some(1)), (4, Some(1))]);
            assert!(!outcome.interrupted);
        }
    }

    #[test]
    fn a_grown_graph_goes_on_where_the_smaller_one_ended() {
        let mut nodes = vec![
            node("bad", &[], false),
            node("good", &[], false),
            node("after bad", &[0], false),
        ];
        let run = |nodes: &[Node], before: Outcome| {
            let fake = Fake(Mutex::default(), 1);
            let outcome = execute(nodes, before, &fake, &AtomicBool::new(false), &|_| ());
            (outcome, fake.0.into_inner().expect("not poisoned"))
        };
        let (first, ran) = run(&nodes, Outcome::default());
        assert_eq!(ran, ["bad", "good"]);
        nodes.push(node("after good", &[1], false));
        nodes.push(node("after bad too", &[2, 1], false));
        let (second, ran) = run(&nodes, first);
        assert_eq!(ran, ["after good"]);
        assert_eq!(second.ran, [1, 3]);
        let failed: Vec<_> = second
            .failures
            .iter()
            .map(|f| (f.node, f.because_of))
            .collect();
        assert_eq!(failed, [(0, None), (2, Some(0)), (4, Some(0))]);
    }

    #[test]
    fn a_server_is_asked_by_one_stage_at_a_time() {
        let served = |name: &str, url: &str| {
            let mut node = node(name, &[], false);
            if let What::Generate(what) = &mut node.spec.what {
                what.answerer = Answerer::Served(Box::new(Served {
                    url: url.to_owned(),
                    model: name.to_owned(),
                    revision: None,
                    chat: false,
                    seed: 0,
                    max_tokens_key: String::new(),
                    body: serde_json::Map::new(),
                }));
            }
            node
        };
        let nodes = [
            served("one", "http://a"),
            served("two", "http://a"),
            served("one", "http://b"),
            node("local", &[], false),
        ];
        let (running, waiting, done) = (State::Running, State::Waiting, State::Done);
        let free = |states: [State; 4]| {
            (0..4)
                .map(|i| !asked(&nodes, &states, i))
                .collect::<Vec<_>>()
        };
        let first = [running, waiting, waiting, waiting];
        assert_eq!(free(first), [false, false, true, true]);
        let local = [done, waiting, waiting, running];
        assert_eq!(free(local), [true; 4]);
    }

    #[test]
    fn an_interrupt_starts_nothing_more() {
        let nodes = [node("one", &[], false)];
        let fake = Fake(Mutex::default(), 2);
        let outcome = execute(
            &nodes,
            Outcome::default(),
            &fake,
            &AtomicBool::new(true),
            &|_| (),
        );
        assert!(outcome.interrupted && outcome.ran.is_empty());
    }
}
