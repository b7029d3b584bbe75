use super::IsoC;
use mergelab_sdk::conformance::assert_golden;

mergelab_sdk::conformance!(IsoC);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<IsoC>(GOLDEN, 3e-6), 13);
}
