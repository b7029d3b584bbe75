#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Aligned, Row, Tokenizer};
use crate::{CheckpointError, DType, TensorInfo, TensorSource};

fn tokenizer(json: Value) -> Tokenizer {
    Tokenizer::parse(json.to_string().as_bytes(), Path::new("t.json")).unwrap()
}

fn bpe(vocab: &[&str], merges: Value, added: &[&str]) -> Tokenizer {
    let ids = |tokens: &[&str], from: usize| -> Vec<(String, usize)> {
        let tokens = tokens.iter().enumerate();
        tokens.map(|(i, t)| (t.to_string(), from + i)).collect()
    };
    let vocab: serde_json::Map<_, _> = ids(vocab, 0)
        .into_iter()
        .map(|(t, i)| (t, json!(i)))
        .collect();
    let added: Vec<Value> = ids(added, vocab.len())
        .into_iter()
        .map(|(t, i)| json!({"id": i, "content": t, "special": true}))
        .collect();
    tokenizer(json!({
        "added_tokens": added,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    }))
}

#[test]
fn vocabularies_of_every_kind_are_read() {
    let bpe = bpe(&["a", "b"], json!([]), &["<s>"]);
    assert_eq!(bpe.tokens(), [(0, "a"), (1, "b"), (2, "<s>")]);
    let unigram = tokenizer(json!({
        "added_tokens": [{"id": 5, "content": "<im>"}, {"id": 0, "content": "<unk>"}],
        "model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["x", -1.5]]},
    }));
    assert_eq!(unigram.tokens(), [(0, "<unk>"), (1, "x"), (5, "<im>")]);
    assert_eq!(unigram.len(), 6);
    assert_eq!(bpe.differs_from(&unigram), ["a", "b", "<s>"]);
}

#[test]
fn what_is_no_tokenizer_is_refused() {
    for (text, wanted) in [
        ("{", "t.json is no tokenizer: not JSON"),
        ("{}", "its `model` has no `vocab`"),
        (
            r#"{"model": {"vocab": {"a": -1}}}"#,
            "the id of \"a\" is -1",
        ),
        (
            r#"{"model": {"vocab": [[1]]}}"#,
            "entry 0 of its vocabulary has no token",
        ),
        (
            r#"{"model": {"vocab": {}}, "added_tokens": [{"id": 1}]}"#,
            "has no `content`",
        ),
    ] {
        let error = Tokenizer::parse(text.as_bytes(), Path::new("t.json")).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let error = Tokenizer::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("has no tokenizer.json"), "{error}");
}

#[test]
fn a_union_keeps_the_ids_and_takes_the_merges() {
    let base = bpe(&["a", "b"], json!(["a b"]), &["<s>"]);
    let other = bpe(
        &["b", "a", "c", "bc", "abc"],
        json!([["b", "c"], ["a", "bc"], ["a", "b"]]),
        &["<im>", "<s>"],
    );
    let union = base.union(&[&other], &["new", "a"]);
    let tokens = [
        (0, "a"),
        (1, "b"),
        (2, "<s>"),
        (3, "c"),
        (4, "bc"),
        (5, "abc"),
        (6, "<im>"),
        (7, "new"),
    ];
    assert_eq!(union.tokens(), tokens);
    let json = union.json();
    // In the base's notation; `a b` makes no new token.
    assert_eq!(json["model"]["merges"], json!(["a b", "b c", "a bc"]));
    // All ids up to the last piece are in the vocabulary, so that no reader renumbers.
    let ids: BTreeSet<u64> = json["model"]["vocab"]
        .as_object()
        .unwrap()
        .values()
        .map(|id| id.as_u64().unwrap())
        .collect();
    assert_eq!(ids, (0..8).collect());
    let added = json["added_tokens"].as_array().unwrap();
    let added: Vec<_> = added
        .iter()
        .map(|t| (&t["content"], &t["id"], &t["special"]))
        .collect();
    assert_eq!(
        added,
        [
            (&json!("<s>"), &json!(2), &json!(true)),
            (&json!("<im>"), &json!(6), &json!(true)),
            (&json!("new"), &json!(7), &json!(false)),
        ]
    );
    // It reads back as what it is.
    let again = tokenizer(json.clone());
    assert!(again.same_vocabulary(&union));
    assert!(union.union(&[&other, &base], &[]).same_vocabulary(&union));
}

#[test]
fn pieces_of_other_kinds_become_added_tokens() {
    let base = tokenizer(json!({"model": {"vocab": [["x", 0.0]]}}));
    let other = bpe(&["x", "y"], json!([]), &[]);
    let union = base.union(&[&other], &[]);
    assert_eq!(union.json()["model"]["vocab"], json!([["x", 0.0]]));
    assert_eq!(union.json()["added_tokens"][0]["content"], "y");
    assert_eq!(union.json()["added_tokens"][0]["id"], 1);
}

/// One matrix `embed` with rows of `width`, and a vector `norm`.
struct Matrix {
    values: Vec<f32>,
    width: usize,
    names: Vec<String>,
}

impl Matrix {
    fn new(rows: usize, width: usize, first: f32) -> Self {
        Self {
            values: (0..rows * width).map(|i| first + i as f32).collect(),
            width,
            names: vec!["embed".to_owned(), "norm".to_owned()],
        }
    }
}

impl TensorSource for Matrix {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn path(&self) -> &Path {
        Path::new("m")
    }

    fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError> {
        let shape = match name {
            "embed" => vec![self.values.len() / self.width, self.width],
            _ => vec![2],
        };
        Ok(TensorInfo {
            dtype: DType::F32,
            shape,
        })
    }

    fn read_f32(
        &self,
        name: &str,
        range: std::ops::Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        match name {
            "embed" => out.copy_from_slice(&self.values[range]),
            _ => out.copy_from_slice(&[7.0, 8.0][range]),
        }
        Ok(())
    }

    fn raw_bytes(&self, _name: &str) -> Result<&[u8], CheckpointError> {
        Ok(&[])
    }
}

fn aligned(rows: Vec<Row>) -> Aligned<Matrix> {
    let sources = vec![Matrix::new(3, 2, 0.0), Matrix::new(2, 2, 100.0)];
    Aligned::new(
        0,
        sources,
        Arc::from(rows),
        &BTreeSet::from(["embed".to_owned()]),
    )
    .unwrap()
}

#[test]
fn rows_are_gathered() {
    let source = aligned(vec![
        Row::Of { source: 0, row: 2 },
        Row::Of { source: 1, row: 0 },
        Row::Mean(vec![(0, 0), (1, 1)]),
        Row::Zero,
        Row::Padding,
    ]);
    assert_eq!(source.info("embed").unwrap().shape, [5, 2]);
    assert_eq!(source.info("norm").unwrap().shape, [2]);
    let mut out = [0.0; 10];
    source.read_f32("embed", 0..10, &mut out).unwrap();
    // The mean row: (4 + 100 + 51 + 0) / 4 and (5 + 101 + 52 + 0) / 4.
    let wanted = [4.0, 5.0, 100.0, 101.0, 51.0, 52.0, 0.0, 0.0, 38.75, 39.5];
    assert_eq!(out, wanted);
    assert!(source.raw_bytes("embed").is_err());
    let mut norm = [0.0];
    source.read_f32("norm", 1..2, &mut norm).unwrap();
    assert_eq!(norm, [8.0]);
}

#[test]
fn rows_that_are_not_there_are_refused() {
    let new = |second: Matrix, row: usize| {
        let rows = Arc::from(vec![Row::Of { source: 1, row }]);
        let sources = vec![Matrix::new(3, 2, 0.0), second];
        let tensors = BTreeSet::from(["embed".to_owned()]);
        let result = Aligned::new(0, sources, rows, &tensors);
        result.map(|_| ()).unwrap_err().reason
    };
    assert_eq!(
        new(Matrix::new(2, 2, 0.0), 2),
        "row 2 is asked for, it has 2 in m"
    );
    assert!(new(Matrix::new(2, 3, 0.0), 0).contains("the shape [3] in m and [2] in m"));
}

proptest! {
    /// A value does not depend on the range that it is read with.
    #[test]
    fn ranges_do_not_matter(
        rows in prop::collection::vec(0usize..7, 1..9),
        cut in 0usize..20,
    ) {
        let rows = rows.into_iter().map(|kind| match kind {
            0..3 => Row::Of { source: 0, row: kind },
            3 | 4 => Row::Of { source: 1, row: kind - 3 },
            5 => Row::Mean(vec![(0, 1), (1, 1)]),
            _ => Row::Padding,
        });
        let source = aligned(rows.collect());
        let elements = source.info("embed").unwrap().elements();
        let mut whole = vec![0.0; elements];
        source.read_f32("embed", 0..elements, &mut whole).unwrap();
        let cut = cut.min(elements);
        let mut parts = vec![0.0; elements];
        source.read_f32("embed", cut..elements, &mut parts[cut..]).unwrap();
        source.read_f32("embed", 0..cut, &mut parts[..cut]).unwrap();
        prop_assert_eq!(whole, parts);
    }
}
