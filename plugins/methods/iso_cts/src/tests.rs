use super::IsoCts;
use mergelab_sdk::conformance::assert_golden;

mergelab_sdk::conformance!(IsoCts);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<IsoCts>(GOLDEN, 3e-6), 15);
}
