use super::Emr;
use mergelab_sdk::conformance::assert_golden;

mergelab_sdk::conformance!(Emr);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<Emr>(GOLDEN, 3e-6), 8);
}
