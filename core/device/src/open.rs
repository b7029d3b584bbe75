//! Opens devices. One thread owns each: graphs go in through a channel, elements come out through
//! another.

use crate::context::Context;
use crate::name::Device;
use crate::run;
use crate::values::Flat;
use burn::tensor::TensorData;
use mergelab_tensor::view::deliver;
use mergelab_tensor::{Error, Evaluator, GraphView, Numbers, Sink};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// A name that is none of a device.
    #[error("there is no device `{name}`.{hint}")]
    Unknown {
        /// What was given.
        name: String,
        /// What may have been meant.
        hint: String,
    },
    /// A device's number that is none, or that it does not take.
    #[error("cannot use the device `{name}`: {problem}")]
    Index {
        /// What was given.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A device that this program was built without.
    #[error(
        "this program was built without the device `{name}`; build it with \
         `cargo build --release -p mergelab --features {feature}`"
    )]
    NotBuilt {
        /// The device.
        name: String,
        /// The cargo feature that it needs.
        feature: &'static str,
    },
    /// A device that is not there, or does not work.
    #[error(
        "cannot open the device `{name}`: {problem}. Is its driver installed? `--device cpu` needs \
         none"
    )]
    Unavailable {
        /// The device.
        name: String,
        /// What its driver or burn said.
        problem: String,
    },
}

/// Opens the device of this name. `None` is the CPU, where `mergelab-tensor` evaluates itself.
///
/// # Errors
/// [`DeviceError`]: an unknown name, a device that this build lacks, or one that does not work.
pub fn open(name: &str) -> Result<Option<Arc<dyn Evaluator>>, DeviceError> {
    match name.parse()? {
        Device::Cpu => Ok(None),
        device => Ok(Some(Arc::new(Owned::new(device)?))),
    }
}

/// A device and the thread that owns it.
#[derive(Debug)]
struct Owned {
    name: Device,
    /// Closed by [`Drop`], which ends the thread.
    jobs: Option<Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Job {
    graph: GraphView,
    replies: SyncSender<Reply>,
}

enum Reply {
    Elements { offset: usize, elements: Vec<f32> },
    Done(Numbers),
    Failed(Error),
}

impl Owned {
    fn new(name: Device) -> Result<Self, DeviceError> {
        let unavailable = |problem: String| DeviceError::Unavailable {
            name: name.to_string(),
            problem,
        };
        let context = Context::new(name)?;
        let (jobs, queue) = channel::<Job>();
        let (opened, whether) = channel();
        let thread = thread::Builder::new()
            .name(name.to_string())
            .spawn(move || {
                let works = catch_unwind(AssertUnwindSafe(|| try_out(&context)))
                    .unwrap_or_else(|panic| Err(message(&*panic)));
                let failed = works.is_err();
                if opened.send(works).is_err() || failed {
                    return;
                }
                for job in queue {
                    serve(&context, &job);
                }
            })
            .map_err(|error| unavailable(error.to_string()))?;
        whether
            .recv()
            .unwrap_or_else(|_| Err("its thread ended".to_owned()))
            .map_err(unavailable)?;
        Ok(Self {
            name,
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It catches the panics of its jobs; there is nothing to report.
            let _ = thread.join();
        }
    }
}

impl Evaluator for Owned {
    fn name(&self) -> String {
        self.name.to_string()
    }

    fn evaluate(&self, graph: &GraphView, sink: &dyn Sink) -> Result<Numbers, Error> {
        let gone = || Error::Device {
            device: self.name.to_string(),
            problem: "its thread ended".to_owned(),
        };
        // One range is written while the next is computed.
        let (replies, answers) = sync_channel(1);
        let job = Job {
            graph: graph.clone(),
            replies,
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        for reply in answers {
            match reply {
                Reply::Elements { offset, elements } => {
                    deliver(sink, offset, &elements)?;
                }
                Reply::Done(numbers) => return Ok(numbers),
                Reply::Failed(error) => return Err(error),
            }
        }
        Err(gone())
    }
}

/// Evaluates one graph. The caller may be gone: then nobody wants the rest.
fn serve(context: &Context, job: &Job) {
    let mut emit = |offset: usize, elements: Vec<f32>| {
        let reply = Reply::Elements { offset, elements };
        job.replies.send(reply).map_err(|_| Error::Interrupted)
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        run::evaluate(context, &job.graph, run::RANGE, &mut emit)
    }))
    .unwrap_or_else(|panic| Err(context.failed(message(&*panic))));
    let _ = job.replies.send(match result {
        Ok(numbers) => Reply::Done(numbers),
        Err(error) => Reply::Failed(error),
    });
}

/// Computes something, as drivers are loaded only then.
fn try_out(context: &Context) -> Result<(), String> {
    let data = TensorData::new(vec![1.0f32, 2.0], [2]);
    let sum = Flat::from_data(data, &context.device).add_scalar(1.0f32);
    let sum = sum.try_into_data().map_err(|error| error.to_string())?;
    match sum.iter::<f32>().eq([2.0, 3.0]) {
        true => Ok(()),
        false => Err(format!("it computes {sum} for [1, 2] + 1")),
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it gave up without saying why").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_needs_no_device() {
        assert!(open("cpu").unwrap().is_none());
    }

    #[test]
    #[cfg(feature = "flex")]
    fn a_device_has_its_name() {
        assert_eq!(open("flex").unwrap().unwrap().name(), "flex");
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_device_that_was_not_built_in_says_how_to_build_it() {
        let message = open("cuda:0").unwrap_err().to_string();
        assert!(message.contains("--features cuda"), "{message}");
    }
}
