//! Merges of tiny checkpoints, from the recipe to the folder.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod bad_method;
mod checkpoints;
mod end_to_end;
mod golden;
mod mergekit_yaml;
mod partial;
mod records;
mod slices;
mod vocabulary;

// Linked so that they register themselves.
use mergelab_method_dare_linear as _;
use mergelab_method_dare_ties as _;
use mergelab_method_linear as _;
use mergelab_method_task_arithmetic as _;
use mergelab_method_ties as _;
