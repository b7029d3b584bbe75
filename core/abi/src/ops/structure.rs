//! Shapes of the operations that look at a tensor's rows, or at a matrix as a whole.

use super::{Op, rows};

/// What the operation makes of these shapes, none of which is `[]`.
pub(super) fn result_shape(
    op: Op,
    inputs: &[&[usize]],
    scalars: &[f64],
    integers: &[u64],
) -> Result<Vec<usize>, String> {
    let name = op.name();
    let first = inputs.first().copied().unwrap_or_default();
    let wanted = match op {
        Op::RowDot | Op::ColumnDot | Op::MatMul => 2,
        Op::Concat => inputs.len().max(1),
        _ => 1,
    };
    if inputs.len() != wanted {
        return Err(format!(
            "`{name}` takes {wanted} inputs, not {}",
            inputs.len()
        ));
    }
    match op {
        Op::RowSum | Op::RowMax => Ok(vec![rows(first).0]),
        Op::ColumnSum => Ok(one_row(first).to_vec()),
        Op::RowDot | Op::ColumnDot if first != inputs[1] => Err(format!(
            "`{name}` takes equal shapes, not {first:?} and {:?}",
            inputs[1]
        )),
        Op::RowDot => Ok(vec![rows(first).0]),
        Op::ColumnDot => Ok(one_row(first).to_vec()),
        Op::RowRank => Ok(first.to_vec()),
        Op::TopShareMask => match scalars {
            [share] if (0.0..=1.0).contains(share) => Ok(first.to_vec()),
            _ => Err(format!(
                "`{name}` takes a share from 0 to 1, not {scalars:?}"
            )),
        },
        Op::KeepMaskBy => match integers {
            [_] => Ok(first.to_vec()),
            _ => Err(format!("`{name}` takes a key")),
        },
        Op::RankedKeepMask => match (scalars, integers) {
            ([low, high], [_]) if [low, high].iter().all(|p| (0.0..=1.0).contains(*p)) => {
                Ok(first.to_vec())
            }
            _ => Err(format!(
                "`{name}` takes two probabilities from 0 to 1 and a key, not {scalars:?}"
            )),
        },
        Op::SpreadRows => spread(name, first, integers, |to| vec![rows(to).0]),
        Op::SpreadColumns => spread(name, first, integers, |to| one_row(to).to_vec()),
        Op::Reshape => {
            let to = shape(integers);
            match to.is_empty() || elements(&to) != elements(first) {
                true => Err(format!("`{name}` cannot make {to:?} of {first:?}")),
                false => Ok(to),
            }
        }
        Op::Concat => concat(name, inputs, integers),
        Op::Narrow => match integers {
            [axis, start, length]
                if first.get(*axis as usize).is_some_and(|&places| {
                    start
                        .checked_add(*length)
                        .is_some_and(|end| end <= places as u64)
                }) =>
            {
                let mut to = first.to_vec();
                to[*axis as usize] = *length as usize;
                Ok(to)
            }
            _ => Err(format!(
                "`{name}` takes an axis, a start and a length within {first:?}, not {integers:?}"
            )),
        },
        _ => matrix(op, inputs, integers),
    }
}

fn matrix(op: Op, inputs: &[&[usize]], integers: &[u64]) -> Result<Vec<usize>, String> {
    let name = op.name();
    let dimensions = |shape: &[usize]| match shape {
        [m, n] => Ok((*m, *n)),
        _ => Err(format!("`{name}` takes matrices, not {shape:?}")),
    };
    let (m, n) = dimensions(inputs[0])?;
    match op {
        Op::MatMul => {
            let [transpose_a @ (0 | 1), transpose_b @ (0 | 1)] = integers else {
                return Err(format!(
                    "`{name}` takes 0 or 1 for each input, not {integers:?}"
                ));
            };
            let (p, q) = dimensions(inputs[1])?;
            let (m, n) = if *transpose_a == 1 { (n, m) } else { (m, n) };
            let (p, q) = if *transpose_b == 1 { (q, p) } else { (p, q) };
            if n != p {
                return Err(format!(
                    "`{name}` cannot multiply {m} × {n} by {p} × {q}: the inner sizes differ"
                ));
            }
            Ok(vec![m, q])
        }
        Op::Transpose => Ok(vec![n, m]),
        Op::SvdU | Op::QrQ => Ok(vec![m, m.min(n)]),
        Op::SvdS => Ok(vec![m.min(n)]),
        Op::SvdV => Ok(vec![n, m.min(n)]),
        Op::QrR => Ok(vec![m.min(n), n]),
        _ => Err(format!("`{name}` is no operation on matrices")),
    }
}

fn concat(name: &str, inputs: &[&[usize]], integers: &[u64]) -> Result<Vec<usize>, String> {
    let first = inputs.first().copied().unwrap_or_default();
    let axis = match integers {
        [axis] if (*axis as usize) < first.len() => *axis as usize,
        _ => {
            return Err(format!(
                "`{name}` takes an axis of {first:?}, not {integers:?}"
            ));
        }
    };
    let mut to = first.to_vec();
    for other in &inputs[1..] {
        let fits = other.len() == first.len()
            && (0..first.len()).all(|i| i == axis || other[i] == first[i]);
        if !fits {
            return Err(format!(
                "`{name}` along axis {axis} takes shapes that agree elsewhere, not {first:?} and \
                 {other:?}"
            ));
        }
        to[axis] += other[axis];
    }
    Ok(to)
}

fn spread(
    name: &str,
    from: &[usize],
    integers: &[u64],
    fits: impl Fn(&[usize]) -> Vec<usize>,
) -> Result<Vec<usize>, String> {
    let to = shape(integers);
    if to.is_empty() || fits(&to) != from {
        return Err(format!("`{name}` cannot make {to:?} of {from:?}"));
    }
    Ok(to)
}

fn one_row(shape: &[usize]) -> &[usize] {
    if shape.len() < 2 { shape } else { &shape[1..] }
}

fn shape(integers: &[u64]) -> Vec<usize> {
    integers.iter().map(|&n| n as usize).collect()
}

fn elements(shape: &[usize]) -> usize {
    shape.iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(op: Op, inputs: &[&[usize]], integers: &[u64]) -> Option<Vec<usize>> {
        result_shape(op, inputs, &[], integers).ok()
    }

    #[test]
    fn rows_are_numbered_by_the_first_axis() {
        let cube: &[usize] = &[2, 3, 5];
        assert_eq!(shape_of(Op::RowSum, &[cube], &[]), Some(vec![2]));
        assert_eq!(shape_of(Op::RowSum, &[&[7]], &[]), Some(vec![1]));
        assert_eq!(shape_of(Op::ColumnSum, &[cube], &[]), Some(vec![3, 5]));
        assert_eq!(shape_of(Op::ColumnSum, &[&[7]], &[]), Some(vec![7]));
        assert_eq!(
            shape_of(Op::SpreadRows, &[&[2]], &[2, 3, 5]),
            Some(vec![2, 3, 5])
        );
        assert_eq!(shape_of(Op::SpreadRows, &[&[3]], &[2, 3]), None);
        assert_eq!(
            shape_of(Op::SpreadColumns, &[&[3]], &[2, 3]),
            Some(vec![2, 3])
        );
        assert_eq!(shape_of(Op::RowDot, &[cube, &[2, 15]], &[]), None);
    }

    #[test]
    fn matrices_fit_or_are_refused() {
        let a: &[usize] = &[2, 3];
        assert_eq!(
            shape_of(Op::MatMul, &[a, &[3, 4]], &[0, 0]),
            Some(vec![2, 4])
        );
        assert_eq!(
            shape_of(Op::MatMul, &[a, &[2, 4]], &[1, 0]),
            Some(vec![3, 4])
        );
        assert_eq!(
            shape_of(Op::MatMul, &[a, &[4, 3]], &[0, 1]),
            Some(vec![2, 4])
        );
        assert_eq!(shape_of(Op::MatMul, &[a, a], &[0, 0]), None);
        assert_eq!(shape_of(Op::MatMul, &[a, &[3]], &[0, 0]), None);
        assert_eq!(shape_of(Op::SvdV, &[a], &[]), Some(vec![3, 2]));
        assert_eq!(shape_of(Op::QrR, &[a], &[]), Some(vec![2, 3]));
        assert_eq!(shape_of(Op::SvdU, &[&[3]], &[]), None);
    }

    #[test]
    fn parts_fit_or_are_refused() {
        let a: &[usize] = &[2, 3];
        assert_eq!(shape_of(Op::Concat, &[a, &[2, 1]], &[1]), Some(vec![2, 4]));
        assert_eq!(shape_of(Op::Concat, &[a, &[2, 1]], &[0]), None);
        assert_eq!(shape_of(Op::Concat, &[a], &[2]), None);
        assert_eq!(shape_of(Op::Narrow, &[a], &[1, 1, 2]), Some(vec![2, 2]));
        assert_eq!(shape_of(Op::Narrow, &[a], &[1, 2, 2]), None);
        assert_eq!(shape_of(Op::Narrow, &[a], &[1, u64::MAX, 2]), None);
        assert_eq!(shape_of(Op::Reshape, &[a], &[6]), Some(vec![6]));
        assert_eq!(shape_of(Op::Reshape, &[a], &[4]), None);
    }
}
