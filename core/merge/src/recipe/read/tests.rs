use super::*;
use serde_json::json;

fn parse(text: &str) -> Result<Recipe, String> {
    Recipe::parse_toml(text, Path::new("dir/merge.toml")).map_err(|e| e.to_string())
}

#[test]
fn everything_is_read() {
    let recipe = parse(
        "method = \"ties@mergekit\"\nbase = { path = \"b\", adapter = \"l\" }\nseed = 3\n\
         compute = \"bfloat16\"\nout_dtype = \"float16\"\ntokenizer_source = \"tok\"\n\
         max_shard = \"1.5MB\"\n[[models]]\npath = \"x/de\"\nweight = 0.5\n\
         density = [0.1, 0.2]\n[[models]]\nid = \"f\"\npath = \"c+a\"\n\
         params.weight = [{ filter = \"mlp\", value = [0.3, 1] }, 2]\n[params]\nlambda = 1\n",
    )
    .unwrap();
    assert_eq!(recipe.method_name(), "ties@mergekit");
    assert_eq!(recipe.root, Path::new("dir"));
    assert_eq!(recipe.base, Some(InputPath::with_adapter("b", "l")));
    assert_eq!((recipe.seed, recipe.max_shard), (3, 1_500_000));
    assert_eq!(recipe.compute, Compute::In(Working::Bf16));
    assert_eq!(recipe.out_dtype, Some(Working::F16));
    assert_eq!(recipe.tokenizer.source, TokenizerSource::Path("tok".into()));
    assert_eq!(recipe.models[0].id, "de");
    let density = &recipe.models[0].params["density"];
    assert_eq!((density.at.line, density.at.column), (11, 1));
    assert_eq!(density.resolve("t", 1.0), Some(json!(0.2)));
    assert_eq!(recipe.models[1].input, InputPath::with_adapter("c", "a"));
    let weight = &recipe.models[1].params["weight"];
    assert_eq!(weight.resolve("a.mlp.b", 1.0), Some(json!(1.0)));
    assert_eq!(weight.resolve("a.attn.b", 1.0), Some(json!(2)));
    assert_eq!(recipe.params["lambda"].resolve("t", 0.0), Some(json!(1)));
}

#[test]
fn adapters_go_on_the_base() {
    let recipe = parse(
        "method = \"ties\"\nbase = \"b\"\n[[models]]\nadapter = \"a/de\"\n\
         [[models]]\nadapter = \"a/fr\"\n",
    )
    .unwrap();
    assert_eq!(recipe.models[1].input, InputPath::with_adapter("b", "a/fr"));
    assert_eq!(recipe.models[1].id, "fr");
}

#[test]
fn errors_say_where_and_what() {
    let models = "[[models]]\npath = \"a\"\n";
    for (text, wanted) in [
        (
            "method = \"ties\"\n",
            "dir/merge.toml:1:1: there are no models",
        ),
        (models, "dir/merge.toml:1:1: there is no `method`"),
        (
            "metod = \"ties\"\n",
            "dir/merge.toml:1:1: `metod` is no key of a recipe. Did you mean `method`?",
        ),
        (
            "method = 3\n",
            "dir/merge.toml:1:10: `method` takes a text, not a number",
        ),
        (
            "method = \"t\"\nmodels = []\n",
            "dir/merge.toml:2:10: `models` is empty",
        ),
        (
            "method = \"t\"\n[[models]]\npth = \"a\"\n",
            "dir/merge.toml:3:1: this model has no `path`. Did you mean `path` where `pth`",
        ),
        (
            "method = \"t\"\n[[models]]\nadapter = \"a\"\n",
            "dir/merge.toml:2:1: this model has an `adapter`",
        ),
        (
            "method = \"t\"\n[[models]]\npath = \"a\"\n[[models]]\npath = \"x/a\"\n",
            "dir/merge.toml:4:1: two models are called `a` (the other one is in line 2)",
        ),
        (
            "method = \"t\"\nout_dtype = \"bfloat61\"\n[[models]]\npath = \"a\"\n",
            "dir/merge.toml:2:13: `out_dtype` = \"bfloat61\" is not one of float32, bfloat16, \
             float16. Did you mean `bfloat16`?",
        ),
        (
            "method = \"t\"\nseed = -1\n[[models]]\npath = \"a\"\n",
            "dir/merge.toml:2:8: `seed` takes a whole number",
        ),
        (
            "method = \"t\"\nmax_shard = \"5 parsecs\"\n[[models]]\npath = \"a\"\n",
            "dir/merge.toml:2:13: `max_shard` takes a size",
        ),
        (
            "method = \"t\"\ntokenizer_source = \"base\"\n[[models]]\npath = \"a\"\n",
            "dir/merge.toml:2:20: `tokenizer_source` is \"base\"",
        ),
        (
            "method = \"t\"\n[[models]]\npath = \"a\"\nw = { value = 1, fliter = \"m\" }\n",
            "dir/merge.toml:4:18: `fliter` is no key of an alternative. Did you mean `filter`?",
        ),
        (
            "method = \"t\"\n[[models]]\npath = \"a\"\nw = [{ value = 1, fliter = \"m\" }]\n",
            "dir/merge.toml:4:19: `fliter` is no key of an alternative. Did you mean `filter`?",
        ),
        (
            "method = \"t\"\n[[models]]\npath = \"a\"\nw = []\n",
            "dir/merge.toml:4:5: `w` is an empty list",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(wanted), "{error}\nis not\n{wanted}");
    }
}

#[test]
fn sizes_have_units() {
    for (value, wanted) in [
        (json!("5GB"), Some(5_000_000_000)),
        (json!("2 MiB"), Some(2_097_152)),
        (json!("10"), Some(10)),
        (json!(7), Some(7)),
        (json!(0), None),
        (json!("0GB"), None),
        (json!("GB"), None),
    ] {
        assert_eq!(bytes(&value), wanted, "{value}");
    }
}
