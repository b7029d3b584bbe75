//! `#[derive(Params)]`.

use crate::doc;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, LitStr, Result};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => fields.named.iter().collect(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(_) => {
                return Err(Error::new_spanned(
                    &input.ident,
                    "a plugin's parameters are named fields",
                ));
            }
        },
        _ => {
            return Err(Error::new_spanned(
                &input.ident,
                "Params can be derived for structs only",
            ));
        }
    };
    let name = &input.ident;
    let text = doc::text(&input.attrs);
    if text.is_empty() {
        return Err(Error::new_spanned(
            name,
            "a plugin needs a doc comment: its first line is shown by `mergelab plugin list`",
        ));
    }
    let mut entries = Vec::new();
    let mut reads = Vec::new();
    for field in fields {
        let (entry, read) = parameter(field)?;
        entries.push(entry);
        reads.push(read);
    }
    Ok(quote! {
        #[automatically_derived]
        impl ::mergelab_sdk::params::Params for #name {
            const DOC: &'static str = #text;

            fn schema() -> ::mergelab_sdk::private::abi::schema::Schema {
                ::mergelab_sdk::private::abi::schema::Schema {
                    parameters: ::std::vec![#(#entries),*],
                }
            }

            fn from_values(
                values: &::mergelab_sdk::private::serde_json::Map<
                    ::std::string::String,
                    ::mergelab_sdk::private::serde_json::Value,
                >,
            ) -> ::mergelab_sdk::Result<Self> {
                // A plugin without parameters reads nothing.
                let _ = values;
                ::std::result::Result::Ok(Self { #(#reads),* })
            }
        }
    })
}

#[derive(Default)]
struct Attributes {
    name: Option<LitStr>,
    default: Option<Expr>,
    min: Option<Expr>,
    above: Option<Expr>,
    max: Option<Expr>,
}

impl Attributes {
    fn read(field: &Field) -> Result<Self> {
        let mut found = Self::default();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("param")) {
            attribute.parse_nested_meta(|meta| {
                let path = &meta.path;
                if path.is_ident("name") {
                    found.name = Some(meta.value()?.parse()?);
                } else if path.is_ident("default") {
                    found.default = Some(meta.value()?.parse()?);
                } else if path.is_ident("min") {
                    found.min = Some(meta.value()?.parse()?);
                } else if path.is_ident("above") {
                    found.above = Some(meta.value()?.parse()?);
                } else if path.is_ident("max") {
                    found.max = Some(meta.value()?.parse()?);
                } else {
                    return Err(
                        meta.error("param takes `default`, `min`, `above`, `max` and `name`")
                    );
                }
                Ok(())
            })?;
        }
        if found.min.is_some() && found.above.is_some() {
            return Err(Error::new_spanned(
                field,
                "give `min` (bound included) or `above` (bound excluded), not both",
            ));
        }
        Ok(found)
    }
}

fn parameter(field: &Field) -> Result<(TokenStream, TokenStream)> {
    let Some(ident) = &field.ident else {
        return Err(Error::new_spanned(field, "a parameter needs a name"));
    };
    let attributes = Attributes::read(field)?;
    let text = doc::text(&field.attrs);
    if text.is_empty() {
        return Err(Error::new_spanned(
            ident,
            "a parameter needs a doc comment that says what it does",
        ));
    }
    let kind = &field.ty;
    let name = attributes
        .name
        .map_or_else(|| ident.to_string(), |n| n.value());
    let number = |bound: &Option<Expr>| match bound {
        Some(value) => quote!(::std::option::Option::Some((#value) as f64)),
        None => quote!(::std::option::Option::None),
    };
    let default = match &attributes.default {
        Some(value) => quote!(::std::option::Option::Some(
            ::mergelab_sdk::private::serde_json::json!(#value)
        )),
        None => quote!(::std::option::Option::None),
    };
    let above_min = attributes.above.is_some();
    let min = number(&attributes.min.or(attributes.above));
    let max = number(&attributes.max);
    let entry = quote! {
        ::mergelab_sdk::private::abi::schema::Parameter {
            name: ::std::string::String::from(#name),
            value_type: <#kind as ::mergelab_sdk::params::Parameter>::TYPE,
            per_model: <#kind as ::mergelab_sdk::params::Parameter>::PER_MODEL,
            default: #default,
            optional: <#kind as ::mergelab_sdk::params::Parameter>::OPTIONAL,
            min: #min,
            max: #max,
            above_min: #above_min,
            choices: <#kind as ::mergelab_sdk::params::Parameter>::choices(),
            doc: ::std::string::String::from(#text),
        }
    };
    let read = quote! {
        #ident: <#kind as ::mergelab_sdk::params::Parameter>::from_value(#name, values.get(#name))?
    };
    Ok((entry, read))
}
