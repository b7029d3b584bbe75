//! Registration: [`plugin!`](crate::plugin!) and what its expansion calls.

use crate::{MergeMethod, Metric, Params, Task, method, metric, task};
use mergelab_abi::{
    describe::{Kind, PluginInfo},
    register::Opener,
};
use std::marker::PhantomData;

/// Registers types that implement [`MergeMethod`], [`Task`] or [`Metric`].
///
/// Write it once per library, at the crate's root, with all its plugins: `plugin!(Ties, Dare);`.
#[macro_export]
macro_rules! plugin {
    ($($plugin:ty),+ $(,)?) => {$(
        const _: () = {
            #[allow(unused_imports)]
            use $crate::plugin::{OfMethod as _, OfMetric as _, OfTask as _};
            $crate::private::inventory::submit! {
                $crate::private::abi::register::Registration {
                    info: || (&&&$crate::plugin::Probe::<$plugin>::new())
                        .info(env!("CARGO_PKG_VERSION")),
                    opener: || (&&&$crate::plugin::Probe::<$plugin>::new()).opener(),
                }
            }
        };
    )+};
}

/// Finds out which trait a plugin implements.
///
/// The three `Of…` traits are implemented for different depths of reference, and a method call
/// takes the first depth whose bound holds. So one macro serves all three kinds.
#[doc(hidden)]
pub struct Probe<T>(PhantomData<T>);

#[doc(hidden)]
impl<T> Probe<T> {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

fn info<P: Params>(kind: Kind, id: &str, version: &str) -> PluginInfo {
    PluginInfo {
        kind,
        id: id.to_owned(),
        summary: P::DOC.lines().next().unwrap_or_default().to_owned(),
        version: version.to_owned(),
        parameters: P::schema(),
        method: None,
        task: None,
    }
}

#[doc(hidden)]
pub trait OfMethod {
    fn info(&self, version: &str) -> PluginInfo;
    fn opener(&self) -> Opener;
}

impl<M: MergeMethod> OfMethod for &&Probe<M> {
    fn info(&self, version: &str) -> PluginInfo {
        PluginInfo {
            method: Some(method::traits::<M>()),
            ..info::<M>(Kind::Method, M::ID, version)
        }
    }

    fn opener(&self) -> Opener {
        Opener::Method(method::open::<M>)
    }
}

#[doc(hidden)]
pub trait OfTask {
    fn info(&self, version: &str) -> PluginInfo;
    fn opener(&self) -> Opener;
}

impl<T: Task> OfTask for &Probe<T> {
    fn info(&self, version: &str) -> PluginInfo {
        PluginInfo {
            task: Some(task::traits::<T>()),
            ..info::<T>(Kind::Task, T::ID, version)
        }
    }

    fn opener(&self) -> Opener {
        Opener::Task(task::open::<T>)
    }
}

#[doc(hidden)]
pub trait OfMetric {
    fn info(&self, version: &str) -> PluginInfo;
    fn opener(&self) -> Opener;
}

impl<M: Metric> OfMetric for Probe<M> {
    fn info(&self, version: &str) -> PluginInfo {
        info::<M>(Kind::Metric, M::ID, version)
    }

    fn opener(&self) -> Opener {
        Opener::Metric(metric::open::<M>)
    }
}
