use super::LocalizeAndStitch;
use mergelab_sdk::conformance::assert_golden;

mergelab_sdk::conformance!(LocalizeAndStitch);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<LocalizeAndStitch>(GOLDEN, 3e-6), 16);
}
