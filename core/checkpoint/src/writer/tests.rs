use std::fs;
use std::thread;

use proptest::prelude::*;
use safetensors::SafeTensors;

use super::*;
use crate::{Checkpoint, CheckpointError};

fn options() -> WriterOptions {
    WriterOptions::default()
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Small values that every float format holds exactly.
fn values(seed: usize, count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7 + seed * 13) % 31) as f32 - 15.0)
        .collect()
}

/// Writes `specs` with [`values`] of the index, floats by value and the rest as bytes.
fn write(out: &Path, specs: &[TensorSpec], options: WriterOptions) -> Written {
    let writer = CheckpointWriter::create(out, specs.to_vec(), options).unwrap();
    for (i, spec) in specs.iter().enumerate() {
        let count = spec.shape.iter().product();
        if spec.dtype.is_float() {
            writer.write_f32(i, 0, &values(i, count)).unwrap();
        } else {
            writer
                .write_bytes(i, 0, &vec![i as u8; count * spec.dtype.size()])
                .unwrap();
        }
    }
    writer.finish(&[]).unwrap()
}

#[test]
fn the_safetensors_crate_reads_what_we_write() {
    let parent = tempfile::tempdir().unwrap();
    let specs: Vec<_> = DType::ALL
        .into_iter()
        .map(|d| TensorSpec::new(d.torch_name(), d, [3, 5]))
        .collect();
    let written = write(&parent.path().join("m"), &specs, options());
    assert_eq!(written.files.len(), 1);
    let file = fs::read(&written.files[0]).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&file).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
    assert_eq!(header % 8, 0);
    let theirs = SafeTensors::deserialize(&file).unwrap();
    let ours = Checkpoint::open(&written.dir).unwrap();
    assert_eq!(theirs.len(), specs.len());
    for (i, spec) in specs.iter().enumerate() {
        let their = theirs.tensor(&spec.name).unwrap();
        let our = ours.tensor(&spec.name).unwrap();
        assert_eq!(their.dtype().to_string(), spec.dtype.name());
        assert_eq!((their.shape(), their.data()), (&[3, 5][..], our.bytes));
        let start = our.bytes.as_ptr().addr();
        assert_eq!(start % spec.dtype.size(), 0, "{} is not aligned", spec.name);
        if spec.dtype.is_float() {
            assert_eq!(our.to_f32().unwrap(), values(i, 15));
        }
    }
}

#[test]
fn we_read_what_the_safetensors_crate_writes() {
    let bytes: Vec<u8> = values(0, 4).iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 2], &bytes);
    let file = safetensors::serialize([("w", view.unwrap())], None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("any.safetensors");
    fs::write(&path, file).unwrap();
    for path in [path.as_path(), dir.path()] {
        let checkpoint = Checkpoint::open(path).unwrap();
        assert_eq!(
            checkpoint.tensor("w").unwrap().to_f32().unwrap(),
            values(0, 4)
        );
    }
}

#[test]
fn threads_and_order_do_not_change_the_files() {
    let parent = tempfile::tempdir().unwrap();
    let specs = [TensorSpec::new("w", DType::BF16, [300, 1000])];
    let all = values(0, 300_000);
    let mut files = Vec::new();
    for threads in [1, 4] {
        let out = parent.path().join(threads.to_string());
        let writer = CheckpointWriter::create(&out, specs.to_vec(), options()).unwrap();
        thread::scope(|scope| {
            for t in 0..threads {
                let (writer, all) = (&writer, &all);
                scope.spawn(move || {
                    let blocks: Vec<_> = all.chunks(7_001).enumerate().collect();
                    for (i, block) in blocks.into_iter().rev().filter(|(i, _)| i % threads == t) {
                        writer.write_f32(0, i * 7_001, block).unwrap();
                    }
                });
            }
        });
        files.push(fs::read(&writer.finish(&[]).unwrap().files[0]).unwrap());
    }
    assert_eq!(files[0], files[1]);
    let expected: Vec<u8> = all
        .iter()
        .flat_map(|v| half::bf16::from_f32(*v).to_le_bytes())
        .collect();
    assert!(files[0].ends_with(&expected));
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("m");
    let specs = vec![TensorSpec::new("w", DType::F32, [4])];
    let writer = CheckpointWriter::create(&out, specs.clone(), options()).unwrap();
    writer.write_f32(0, 0, &[1.0, 2.0]).unwrap();
    assert!(!out.exists());
    assert!(writer.staging_dir().starts_with(parent.path()));
    drop(writer);
    assert_eq!(entries(parent.path()), [""; 0]);
    // Nor does one that is finished too early.
    let writer = CheckpointWriter::create(&out, specs, options()).unwrap();
    writer.write_f32(0, 1, &[1.0, 2.0]).unwrap();
    let error = writer.finish(&[]).unwrap_err();
    assert!(matches!(error, WriteError::Incomplete { elements, .. } if elements == (0..1)));
    assert_eq!(entries(parent.path()), [""; 0]);
}

#[test]
fn values_that_are_not_finite_are_refused_with_their_place() {
    let parent = tempfile::tempdir().unwrap();
    let kinds = [DType::F64, DType::F32, DType::F16, DType::BF16];
    let specs: Vec<_> = kinds
        .map(|d| TensorSpec::new(d.name(), d, [100_000]))
        .to_vec();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let out = parent.path().join("m");
        let writer = CheckpointWriter::create(&out, specs.clone(), options()).unwrap();
        for (i, kind) in kinds.iter().enumerate() {
            let mut values = vec![0.5; 90_000];
            values[70_123] = bad;
            match writer.write_f32(i, 10, &values).unwrap_err() {
                WriteError::NonFinite { tensor, element } => {
                    assert_eq!((tensor.as_str(), element), (kind.name(), 70_133));
                }
                other => panic!("{other}"),
            }
        }
    }
    let writer =
        CheckpointWriter::create(parent.path().join("m"), specs.clone(), options()).unwrap();
    let error = writer.write_f32(2, 0, &[1.0, 1e6]).unwrap_err();
    assert!(
        matches!(
            error,
            WriteError::Overflow {
                element: 1,
                dtype: DType::F16,
                ..
            }
        ),
        "{error}"
    );
    let error = writer
        .write_bytes(1, 0, &f32::NAN.to_le_bytes())
        .unwrap_err();
    assert!(
        matches!(error, WriteError::NonFinite { element: 0, .. }),
        "{error}"
    );
    let allowed = WriterOptions {
        allow_non_finite: true,
        ..options()
    };
    let writer = CheckpointWriter::create(parent.path().join("n"), specs, allowed).unwrap();
    writer.write_f32(1, 0, &[f32::NAN]).unwrap();
}

#[test]
fn wrong_writes_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let specs = vec![
        TensorSpec::new("w", DType::F32, [4]),
        TensorSpec::new("i", DType::I64, [2]),
    ];
    let writer = CheckpointWriter::create(parent.path().join("m"), specs, options()).unwrap();
    assert_eq!(writer.index_of("i").unwrap(), 1);
    assert!(matches!(
        writer.index_of("x"),
        Err(WriteError::UnknownTensor { .. })
    ));
    assert!(matches!(
        writer.write_f32(2, 0, &[]),
        Err(WriteError::UnknownTensor { .. })
    ));
    assert!(matches!(
        writer.write_f32(0, 3, &[0.0; 2]),
        Err(WriteError::Range { .. })
    ));
    assert!(matches!(
        writer.write_f32(0, usize::MAX, &[0.0]),
        Err(WriteError::Range { .. })
    ));
    assert!(matches!(
        writer.write_f32(1, 0, &[0.0]),
        Err(WriteError::Convert { .. })
    ));
    assert!(matches!(
        writer.write_bytes(1, 0, &[0; 7]),
        Err(WriteError::PartialElement { .. })
    ));
    writer.write_f32(0, 1, &[0.0; 2]).unwrap();
    let error = writer.write_f32(0, 0, &[0.0; 4]).unwrap_err();
    assert!(matches!(error, WriteError::Twice { elements, .. } if elements == (1..3)));
}

#[test]
fn impossible_specifications_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let create = |specs| CheckpointWriter::create(parent.path().join("m"), specs, options());
    let spec = |name: &str| TensorSpec::new(name, DType::F32, [1]);
    assert!(matches!(create(vec![]), Err(WriteError::Empty)));
    for specs in [
        vec![spec("a"), spec("a")],
        vec![spec("")],
        vec![spec("__metadata__")],
        vec![TensorSpec::new("w", DType::F32, [usize::MAX, 2])],
    ] {
        assert!(matches!(create(specs), Err(WriteError::Spec { .. })));
    }
    assert_eq!(entries(parent.path()), [""; 0]);
}

#[test]
fn an_existing_folder_is_replaced_only_if_allowed_and_a_checkpoint() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("m");
    let first = [TensorSpec::new("first", DType::F32, [1])];
    let second = [TensorSpec::new("second", DType::F32, [1])];
    fs::create_dir(&out).unwrap();
    write(&out, &first, options());
    let refused = CheckpointWriter::create(&out, second.to_vec(), options());
    assert!(matches!(refused, Err(WriteError::Exists { .. })));
    let overwrite = || WriterOptions {
        overwrite: true,
        ..options()
    };
    write(&out, &second, overwrite());
    assert_eq!(Checkpoint::open(&out).unwrap().names(), ["second"]);
    assert_eq!(entries(parent.path()), ["m"]);
    // Artifacts of a merge are checkpoints inside one.
    let artifacts = out.join(ARTIFACTS);
    fs::create_dir(&artifacts).unwrap();
    write(&artifacts.join("mask"), &first, options());
    write(&out, &first, overwrite());
    assert_eq!(Checkpoint::open(&out).unwrap().names(), ["first"]);
    fs::create_dir(&artifacts).unwrap();
    fs::write(artifacts.join("thesis.tex"), "").unwrap();
    let refused = CheckpointWriter::create(&out, second.to_vec(), overwrite());
    assert!(matches!(refused, Err(WriteError::NotACheckpoint { .. })));
    fs::remove_dir_all(&artifacts).unwrap();
    // A folder inside, such as .git, is more than a checkpoint.
    fs::create_dir(out.join(".git")).unwrap();
    let refused = CheckpointWriter::create(&out, first.to_vec(), overwrite());
    assert!(matches!(refused, Err(WriteError::NotACheckpoint { .. })));
    let papers = parent.path().join("papers");
    fs::create_dir(&papers).unwrap();
    fs::write(papers.join("thesis.tex"), "").unwrap();
    let refused = CheckpointWriter::create(&papers, first.to_vec(), overwrite());
    assert!(matches!(refused, Err(WriteError::NotACheckpoint { .. })));
    let refused = CheckpointWriter::create("/", first.to_vec(), overwrite());
    assert!(matches!(refused, Err(WriteError::OutName { .. })));
}

#[test]
fn an_output_taken_meanwhile_is_not_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("m");
    let specs = vec![TensorSpec::new("w", DType::F32, [1])];
    let writer = CheckpointWriter::create(&out, specs.clone(), options()).unwrap();
    writer.write_f32(0, 0, &[2.0]).unwrap();
    write(&out, &specs, options());
    assert!(matches!(writer.finish(&[]), Err(WriteError::Exists { .. })));
    let kept = Checkpoint::open(&out)
        .unwrap()
        .tensor("w")
        .unwrap()
        .to_f32()
        .unwrap();
    assert_eq!(kept, values(0, 1));
    assert_eq!(entries(parent.path()), ["m"]);
}

#[test]
fn extra_and_side_files_come_along() {
    let parent = tempfile::tempdir().unwrap();
    let base = parent.path().join("base");
    fs::create_dir(&base).unwrap();
    for name in ["config.json", "tokenizer.json", "merges.txt", "notes.txt"] {
        fs::write(base.join(name), "{}").unwrap();
    }
    let out = parent.path().join("m");
    let specs = vec![TensorSpec::new("w", DType::F32, [1])];
    let writer = CheckpointWriter::create(&out, specs.clone(), options()).unwrap();
    writer.write_f32(0, 0, &[1.0]).unwrap();
    let copied = crate::copy_side_files(&base, writer.staging_dir()).unwrap();
    assert_eq!(copied, ["config.json", "tokenizer.json", "merges.txt"]);
    writer
        .finish(&[ExtraFile::new("recipe.json", "[]")])
        .unwrap();
    let expected = [
        "config.json",
        "merges.txt",
        "model.safetensors",
        "recipe.json",
        "tokenizer.json",
    ];
    assert_eq!(entries(&out), expected);
    assert_eq!(fs::read_to_string(out.join("recipe.json")).unwrap(), "[]");

    for bad in ["", "..", "a/b", "../x"] {
        let out = parent.path().join("n");
        let writer = CheckpointWriter::create(&out, specs.clone(), options()).unwrap();
        writer.write_f32(0, 0, &[1.0]).unwrap();
        let error = writer.finish(&[ExtraFile::new(bad, "")]).unwrap_err();
        assert!(matches!(error, WriteError::ExtraName { .. }), "{error}");
        assert!(!out.exists());
    }
}

#[test]
fn non_finite_values_are_found_and_counted() {
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("m");
    let kinds = [DType::BF16, DType::F16, DType::F32, DType::F64];
    let mut specs = kinds
        .map(|d| TensorSpec::new(d.name(), d, [200_000]))
        .to_vec();
    specs.push(TensorSpec::new("fine", DType::F32, [3]));
    specs.push(TensorSpec::new("integers", DType::I32, [1]));
    let allowed = WriterOptions {
        allow_non_finite: true,
        ..options()
    };
    let writer = CheckpointWriter::create(&out, specs, allowed).unwrap();
    let mut bad = vec![1.0; 200_000];
    bad[70_000] = f32::NEG_INFINITY;
    bad[199_999] = f32::NAN;
    for i in 0..4 {
        writer.write_f32(i, 0, &bad).unwrap();
    }
    writer.write_f32(4, 0, &[1.0; 3]).unwrap();
    // The bits of a NaN, were it a float.
    writer.write_bytes(5, 0, &[0xff; 4]).unwrap();
    writer.finish(&[]).unwrap();
    let found = Checkpoint::open(&out).unwrap().find_non_finite().unwrap();
    assert_eq!(found.len(), 4);
    for (found, kind) in found.iter().zip(kinds) {
        assert_eq!(found.tensor, kind.name());
        assert_eq!((found.element, found.count), (70_000, 2));
        assert_eq!(found.value, f32::NEG_INFINITY);
    }
    let error = crate::validate_finite(&out).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::NonFinite { tensor, element: 70_000, .. }
            if tensor == "BF16"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shards_do_not_change_content_or_hashes(
        sizes in prop::collection::vec((0usize..4, 0usize..9, 0usize..6), 1..8),
        limits in prop::array::uniform2(1u64..200),
    ) {
        let kinds = [DType::F32, DType::BF16, DType::F16, DType::U8];
        let specs: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(i, (kind, rows, columns))| {
                TensorSpec::new(format!("t{i}"), kinds[*kind], [*rows, *columns])
            })
            .collect();
        let parent = tempfile::tempdir().unwrap();
        let whole = write(&parent.path().join("whole"), &specs, options());
        for (n, max_shard_bytes) in limits.into_iter().enumerate() {
            let out = parent.path().join(format!("shards{n}"));
            let sharded = write(&out, &specs, WriterOptions { max_shard_bytes, ..options() });
            prop_assert_eq!(sharded.content_hash, whole.content_hash);
            prop_assert_eq!(&sharded.tensor_hashes, &whole.tensor_hashes);
            prop_assert_eq!(sharded.total_bytes, whole.total_bytes);
            let checkpoint = Checkpoint::open(&out).unwrap();
            prop_assert_eq!(checkpoint.content_hash(), whole.content_hash);
            for file in &sharded.files {
                let shard = Checkpoint::open(file).unwrap();
                prop_assert!(shard.total_bytes() <= max_shard_bytes
                    || shard.tensors().filter(|view| !view.bytes.is_empty()).count() == 1);
            }
        }
        // Another name, format, shape or byte is another content.
        let mut other = specs.clone();
        other[0].name = "other".to_owned();
        let renamed = write(&parent.path().join("renamed"), &other, options());
        prop_assert_ne!(renamed.content_hash, whole.content_hash);
        other = specs.clone();
        other[0].shape.push(1);
        let reshaped = write(&parent.path().join("reshaped"), &other, options());
        prop_assert_ne!(reshaped.content_hash, whole.content_hash);
    }
}
