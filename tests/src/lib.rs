//! End-to-end tests of mergelab.
