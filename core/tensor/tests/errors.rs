//! What goes wrong is reported with its place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mergelab_abi::PluginError;
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_tensor::{Error, Memory, Options, Session, Source, SourceError};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Fails when it is read at or after an index.
struct Broken(usize);

impl Source for Broken {
    fn read(&self, range: Range<usize>, out: &mut [f32]) -> Result<(), SourceError> {
        if range.end > self.0 {
            return Err("the file ends early".into());
        }
        out.fill(1.0);
        Ok(())
    }

    fn describe(&self) -> String {
        "`lm_head.weight` of de.safetensors".to_owned()
    }
}

#[test]
fn a_source_that_fails_is_named() {
    let session = Session::new(Working::F32, Options::default());
    let x = session.input(&[200_000], Arc::new(Broken(100_000)));
    let host = session.handle();
    let sum = host.record(Op::Sum, &[x], &[], &[]).unwrap();
    for node in [x, sum] {
        let error = session.read(node).unwrap_err().to_string();
        assert!(error.contains("lm_head.weight"), "{error}");
        assert!(error.contains("the file ends early"), "{error}");
    }
    let error = host.read(sum).unwrap_err();
    assert!(matches!(error, PluginError::Failed { .. }));
    // A source of shape [] is read outside of any pass.
    let scalar = session.input(&[], Arc::new(Broken(0)));
    let error = session.read(scalar).unwrap_err().to_string();
    assert!(error.contains("lm_head.weight"), "{error}");
}

#[test]
fn a_sink_that_fails_ends_the_evaluation() {
    let session = Session::new(Working::F32, Options::default());
    let x = session.input(
        &[1_000_000],
        Arc::new(Memory::new("x", vec![1.0; 1_000_000])),
    );
    let calls = AtomicUsize::new(0);
    let error = session
        .evaluate(x, &|_: usize, _: &[f32]| {
            calls.fetch_add(1, Ordering::Relaxed);
            Err("the disk is full".into())
        })
        .unwrap_err();
    assert!(matches!(error, Error::Sink { .. }));
    assert!(error.to_string().contains("the disk is full"));
    assert!(calls.into_inner() <= rayon::current_num_threads());
}

#[test]
fn a_raised_flag_interrupts() {
    let flag = Arc::new(AtomicBool::new(false));
    let options = Options {
        interrupt: Some(Arc::clone(&flag)),
        ..Options::default()
    };
    let session = Session::new(Working::F32, options);
    let x = session.input(&[4], Arc::new(Memory::new("x", vec![1.0; 4])));
    assert_eq!(session.read(x).unwrap(), [1.0; 4]);
    flag.store(true, Ordering::Relaxed);
    assert!(matches!(session.read(x), Err(Error::Interrupted)));
}

#[test]
fn unknown_nodes_and_wrong_shapes_name_the_operation() {
    let session = Session::new(Working::F32, Options::default());
    let host = session.handle();
    let a = session.input(&[2], Arc::new(Memory::new("a", vec![1.0; 2])));
    let b = session.input(&[3], Arc::new(Memory::new("b", vec![1.0; 3])));
    let error = host.record(Op::Add, &[a, b], &[], &[]).unwrap_err();
    assert!(matches!(&error, PluginError::Input { message } if message.contains("add")));
    let error = host.record(Op::Mul, &[a, 9], &[], &[]).unwrap_err();
    assert!(matches!(&error, PluginError::Input { message } if message.contains("mul")));
    assert!(matches!(
        session.read(9),
        Err(Error::UnknownNode {
            node: 9,
            recorded: 2
        })
    ));
    assert!(host.shape(9).is_err());
}

#[test]
fn a_source_shorter_than_its_shape_is_an_error() {
    let session = Session::new(Working::F32, Options::default());
    let x = session.input(&[3], Arc::new(Memory::new("x", vec![1.0; 2])));
    let error = session.read(x).unwrap_err().to_string();
    assert!(error.contains("`x`"), "{error}");
}

#[test]
fn equal_operations_are_recorded_once() {
    let session = Session::new(Working::F32, Options::default());
    let host = session.handle();
    let x = session.input(&[2], Arc::new(Memory::new("x", vec![1.0; 2])));
    let a = host.record(Op::Abs, &[x], &[], &[]).unwrap();
    assert_eq!(host.record(Op::Abs, &[x], &[], &[]).unwrap(), a);
    assert_ne!(host.record(Op::Neg, &[x], &[], &[]).unwrap(), a);
    let zero = host.record(Op::Constant, &[], &[0.0], &[]).unwrap();
    assert_ne!(host.record(Op::Constant, &[], &[-0.0], &[]).unwrap(), zero);
    let mask = host.record(Op::TopKMask, &[x], &[], &[1]).unwrap();
    assert_ne!(host.record(Op::TopKMask, &[x], &[], &[2]).unwrap(), mask);
}
