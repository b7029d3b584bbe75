use super::LoraSvd;
use mergelab_sdk::conformance::assert_golden;

mergelab_sdk::conformance!(LoraSvd);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<LoraSvd>(GOLDEN, 3e-6), 6);
}
