//! Checks that a plugin must pass, as tests of its crate.
//!
//! `conformance!(Type)` writes one test that runs every check that applies to the plugin's kind:
//! for merge methods identity, independence of the models' order, determinism, dtypes, shapes and
//! the errors for misfits; for tasks missing fields and reading back their own answers; for metrics
//! widths, additivity and that nothing beats the references. `mergelab plugin check` runs the same
//! checks on a built library.
//!
//! Merge methods run on the reference evaluator, which computes eagerly and needs no runtime.
//! [`Trial`] runs one on tensors of one's own, [`assert_golden`] on a file of golden numbers.

mod golden;
mod trial;

pub use golden::{assert_golden, assert_near};
pub use trial::{Merged, Trial, TrialTensor};

use mergelab_abi::{
    PluginError, PluginInfo,
    conformance::{Finding, method, metric, task},
    ops::{Host, HostHandle, Node},
    reference::ReferenceHost,
    register::Opener,
    working::Working,
};
use std::sync::Arc;

/// Writes a test that runs every check on a plugin.
#[macro_export]
macro_rules! conformance {
    ($($plugin:ty),+ $(,)?) => {
        #[test]
        fn conformance() {
            #[allow(unused_imports)]
            use $crate::plugin::{OfMethod as _, OfMetric as _, OfTask as _};
            $({
                let probe = $crate::plugin::Probe::<$plugin>::new();
                let info = (&&&probe).info(env!("CARGO_PKG_VERSION"));
                $crate::conformance::assert_conforms(&info, (&&&probe).opener());
            })+
        }
    };
}

struct ReferenceBench(Arc<ReferenceHost>);

impl method::Bench for ReferenceBench {
    fn input(&self, shape: &[usize], data: Vec<f32>) -> Node {
        self.0.input(shape, data)
    }

    fn host(&self) -> HostHandle {
        Arc::clone(&self.0) as HostHandle
    }

    fn value(&self, node: Node) -> Result<(Vec<usize>, Vec<f32>), PluginError> {
        Ok((self.0.shape(node)?, self.0.read(node)?))
    }
}

/// Runs every check that applies to the plugin.
pub fn findings(info: &PluginInfo, opener: Opener) -> Vec<Finding> {
    match opener {
        Opener::Method(open) => method::check(&method::Subject {
            info,
            open: &|setup| open(setup),
            bench: &|working: Working| {
                Box::new(ReferenceBench(Arc::new(ReferenceHost::new(working))))
            },
        }),
        Opener::Task(open) => task::check(&task::Subject {
            info,
            open: &|setup| open(setup),
        }),
        Opener::Metric(open) => metric::check(&metric::Subject {
            info,
            open: &|setup| open(setup),
        }),
    }
}

/// Runs every check and panics with the list of what failed.
///
/// # Panics
/// A check failed. This is for tests.
pub fn assert_conforms(info: &PluginInfo, opener: Opener) {
    let failed: Vec<String> = findings(info, opener)
        .into_iter()
        .filter_map(|f| f.result.err().map(|e| format!("  {}: {e}", f.check)))
        .collect();
    assert!(
        failed.is_empty(),
        "the {} `{}` does not conform:\n{}",
        info.kind,
        info.id,
        failed.join("\n")
    );
}
