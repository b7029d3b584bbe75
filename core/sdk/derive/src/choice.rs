//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "Choice can be derived for enums only",
        ));
    };
    let mut entries = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                variant,
                "a choice's variants have no fields",
            ));
        }
        let ident = &variant.ident;
        let name = snake_case(&ident.to_string());
        entries.push(quote!((#name, Self::#ident)));
    }
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::mergelab_sdk::params::Choice for #name {
            const VARIANTS: &'static [(&'static str, Self)] = &[#(#entries),*];
        }
    })
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_joined_by_underscores() {
        assert_eq!(super::snake_case("PerModel"), "per_model");
        assert_eq!(super::snake_case("L1"), "l1");
    }
}
