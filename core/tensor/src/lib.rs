//! Lazy tensor graphs, evaluated in tiles that stay in the processor's caches.
//!
//! A [`Session`] records the operations of one merge ([`mergelab_abi::ops`]) and computes a node
//! when its elements are asked for. Inputs are [`Source`]s that are read range by range, results
//! go range by range to a [`Sink`], and nothing in between is stored unless an operation needs it
//! as a whole: memory is bounded by the tiles, not by the tensors.
//!
//! | module | what it does |
//! |---|---|
//! | [`source`], [`sink`] | where elements come from and go to |
//! | `graph` | records operations, equal ones once |
//! | [`session`] | what a merge method and its caller hold |
//! | `evaluate` | decides which passes over the inputs a node needs, and in which order |
//! | `statistic` | what a pass collects: reductions, order statistics |
//! | [`tally`] | order statistics of several tensors together |
//! | `program` | the elementwise part of a pass, as steps over tile buffers |
//! | `pass` | runs a program over all tiles, on all threads |
//! | `kernels` | the loops |
//! | `linear_algebra` | products and decompositions of matrices |
//! | [`view`] | a graph as an evaluator beside the engine sees it |
//!
//! # Passes
//!
//! Sums, dot products, extremes and order statistics need all elements of their input before
//! anything that depends on them can start. All of them that are ready share one pass over the
//! inputs. Elementwise values are computed again in each pass that needs them, as reading memory
//! twice costs more than most chains of arithmetic.
//!
//! Sums of rows and columns have passes of their own, as their inputs can have other shapes.
//!
//! # Tensors in memory
//!
//! Products, decompositions, transposes and parts of tensors read elements from any place, so
//! their operands and their results are in memory as f32 (decompositions work on copies in f64).
//! So are the results of [`Op::Materialize`](mergelab_abi::ops::Op::Materialize) and of
//! [`Op::RowRank`](mergelab_abi::ops::Op::RowRank); a mask that depends on ranks takes a bit for
//! each element. They are computed in the order of recording and freed when nothing needs them
//! any more: a method of hundreds of steps takes the memory of what one step reads. When a method
//! reads a node, up to half of [`Options::memory`] stays for what it asks next.
//!
//! What operations on whole matrices need is in memory whatever it takes ([`Session::needs`] says
//! how much). All else has its share of [`Options::memory`]: ranks and masks that are larger are
//! computed band by band in each pass, a materialized tensor is computed again in each pass, and
//! order statistics take passes more. Only rows of more than 2^18 elements that are ranked must
//! fit, and are refused where they do not.
//!
//! # Same bits everywhere
//!
//! A result does not depend on the number of threads or on [`Options::tile`]. Elementwise values
//! depend on their elements only; reductions add blocks of [`BLOCK`] elements in a fixed order and
//! then the blocks in theirs; order statistics count, and counts do not depend on an order.
//! Products are computed in squares and decompositions as a whole, each by one thread; their last
//! bits can depend on the processor. [`mergelab_abi::reference`] defines every operation;
//! elementwise results, ranks and masks have its exact bits.
//!
//! ```
//! use mergelab_abi::{ops::Op, working::Working};
//! use mergelab_tensor::{Memory, Options, Session};
//! use std::sync::Arc;
//!
//! let session = Session::new(Working::F32, Options::default());
//! let a = session.input(&[3], Arc::new(Memory::new("a", vec![1.0, -5.0, 3.0])));
//! let host = session.handle();
//! let mask = host.record(Op::TopKMask, &[a], &[], &[2])?;
//! let kept = host.record(Op::Mul, &[a, mask], &[], &[])?;
//! assert_eq!(session.read(kept)?, [0.0, -5.0, 3.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod error;
mod evaluate;
mod graph;
mod kernels;
mod linear_algebra;
mod pass;
mod program;
pub mod session;
pub mod sink;
pub mod source;
mod statistic;
pub mod tally;
pub mod view;

pub use error::{Error, SinkError, SourceError};
pub use evaluate::Needs;
pub use session::{Options, Session};
pub use sink::Sink;
pub use source::{Format, Memory, Source, Stored};
pub use tally::Tally;
pub use view::{Evaluator, GraphView, NodeView, Numbers};

/// Elements that a reduction adds up before it adds to the total.
///
/// Part of what reductions compute, so that they do not depend on the tile size.
pub const BLOCK: usize = 4096;

/// Blocks that a thread takes at once.
const BLOCKS_PER_CHUNK: usize = 16;

/// Elements that a thread takes at once, and that a sink of stored elements gets at once.
pub const CHUNK: usize = BLOCK * BLOCKS_PER_CHUNK;
