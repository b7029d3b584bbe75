//! Merges of tiny checkpoints, from the recipe to the folder.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod bad_method;
mod checkpoints;
mod end_to_end;
mod golden;
mod matrix_methods;
mod mergekit_modules;
mod mergekit_yaml;
mod partial;
mod presets;
mod records;
mod slices;
mod vocabulary;

// Linked so that they register themselves.
use mergelab_method_arcee_fusion as _;
use mergelab_method_breadcrumbs as _;
use mergelab_method_breadcrumbs_ties as _;
use mergelab_method_dare_linear as _;
use mergelab_method_dare_ties as _;
use mergelab_method_della as _;
use mergelab_method_della_linear as _;
use mergelab_method_karcher as _;
use mergelab_method_linear as _;
use mergelab_method_model_stock as _;
use mergelab_method_multislerp as _;
use mergelab_method_nearswap as _;
use mergelab_method_nuslerp as _;
use mergelab_method_passthrough as _;
use mergelab_method_ram as _;
use mergelab_method_ramplus_tl as _;
use mergelab_method_sce as _;
use mergelab_method_slerp as _;
use mergelab_method_task_arithmetic as _;
use mergelab_method_ties as _;
