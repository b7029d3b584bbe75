//! Derive macros of mergelab-sdk. Their documentation is there, in `params`.
#![forbid(unsafe_code)]

mod choice;
mod doc;
mod params;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `mergelab_sdk::Params` for a struct with named fields.
#[proc_macro_derive(Params, attributes(param))]
pub fn derive_params(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    params::expand(&input)
        .unwrap_or_else(|e| e.to_compile_error())
        .into()
}

/// Implements `mergelab_sdk::Choice` for an enum whose variants have no fields.
#[proc_macro_derive(Choice)]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice::expand(&input)
        .unwrap_or_else(|e| e.to_compile_error())
        .into()
}
