use super::Knots;
use mergelab_sdk::conformance::assert_golden;

mergelab_sdk::conformance!(Knots);

const GOLDEN: &str = include_str!("../../../../tests/golden/matrix_methods.json");

#[test]
fn gives_the_golden_numbers() {
    assert_eq!(assert_golden::<Knots>(GOLDEN, 3e-6), 22);
}
