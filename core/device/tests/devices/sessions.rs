//! What sessions promise holds with a device too.

use super::{devices, options};
use mergelab_abi::ops::Op;
use mergelab_abi::working::Working;
use mergelab_tensor::{Error, Memory, Session, SourceError};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

struct Broken;

impl mergelab_tensor::Source for Broken {
    fn read(&self, _: Range<usize>, _: &mut [f32]) -> Result<(), SourceError> {
        Err("the file ends early".into())
    }

    fn describe(&self) -> String {
        "`lm_head.weight` of de.safetensors".to_owned()
    }
}

#[test]
fn a_source_that_fails_is_named_and_the_device_works_on() {
    for device in devices() {
        let session = Session::new(Working::F32, options(device));
        let x = session.input(&[1000], Arc::new(Broken));
        let sum = session.handle().record(Op::Sum, &[x], &[], &[]).unwrap();
        let error = session.read(sum).unwrap_err().to_string();
        assert!(error.contains("lm_head.weight"), "{error}");
        assert!(error.contains("the file ends early"), "{error}");
        let y = session.input(&[2], Arc::new(Memory::new("y", vec![1.0, 2.0])));
        assert_eq!(session.read(y).unwrap(), [1.0, 2.0]);
    }
}

#[test]
fn a_sink_that_fails_ends_the_evaluation() {
    for device in devices() {
        let session = Session::new(Working::F32, options(device));
        let x = session.input(&[100_000], Arc::new(Memory::new("x", vec![1.0; 100_000])));
        let full = |_: usize, _: &[f32]| Err("the disk is full".into());
        let error = session.evaluate(x, &full).unwrap_err();
        assert!(matches!(error, Error::Sink { .. }));
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
}

#[test]
fn a_raised_flag_interrupts() {
    for device in devices() {
        let flag = Arc::new(AtomicBool::new(true));
        let mut options = options(device);
        options.interrupt = Some(Arc::clone(&flag));
        let session = Session::new(Working::F32, options);
        let x = session.input(&[4], Arc::new(Memory::new("x", vec![1.0; 4])));
        assert!(matches!(session.read(x), Err(Error::Interrupted)));
        flag.store(false, Ordering::Relaxed);
        assert_eq!(session.read(x).unwrap(), [1.0; 4]);
    }
}

#[test]
fn numbers_keep_f64() {
    for device in devices() {
        let session = Session::new(Working::F32, options(device));
        let record = |op, inputs: &[_], x: &[f64]| session.handle().record(op, inputs, x, &[]);
        let a = record(Op::Constant, &[], &[0.1]).unwrap();
        let b = record(Op::Constant, &[], &[0.2]).unwrap();
        let sum = record(Op::Add, &[a, b], &[]).unwrap();
        assert_eq!(session.number(sum).unwrap(), 0.1 + 0.2);
    }
}

/// Many threads wait for the device, and each gets its own elements.
#[test]
fn threads_share_a_device() {
    use rayon::prelude::*;
    for device in devices() {
        (0..64u32).into_par_iter().for_each(|number| {
            let session = Session::new(Working::F32, options(device));
            let data = vec![number as f32; 1000];
            let x = session.input(&[1000], Arc::new(Memory::new("x", data)));
            let host = session.handle();
            let sum = host.record(Op::Sum, &[x], &[], &[]).unwrap();
            let product = host.record(Op::Mul, &[x, sum], &[], &[]).unwrap();
            let want = (number * number * 1000) as f32;
            assert_eq!(session.read(product).unwrap(), vec![want; 1000]);
        });
    }
}
