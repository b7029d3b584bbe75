//! "Did you mean": the nearest known name to one that is not known.

/// The candidate that is nearest to `name`, if one is near enough to be a likely typing error.
///
/// ```
/// use mergelab_abi::suggest::nearest;
/// assert_eq!(nearest("densty", ["density", "lambda"]), Some("density"));
/// assert_eq!(nearest("weight", ["density", "lambda"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&lower, &c.to_lowercase()), c))
        .filter(|(score, _)| *score >= 0.84)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// ` Did you mean "density"?`, or the list of known names where none is near.
///
/// ```
/// use mergelab_abi::suggest::hint;
/// assert_eq!(hint("densty", ["density"]), " Did you mean `density`?");
/// assert_eq!(hint("x", ["density", "lambda"]), " Known names: density, lambda.");
/// ```
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(found) = nearest(name, candidates.clone()) {
        return format!(" Did you mean `{found}`?");
    }
    let known: Vec<&str> = candidates.into_iter().collect();
    if known.is_empty() {
        String::new()
    } else {
        format!(" Known names: {}.", known.join(", "))
    }
}
