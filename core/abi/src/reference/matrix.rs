//! Products and decompositions of matrices, in f64.
//!
//! The plainest stable algorithms: one-sided Jacobi rotations for singular values (Hestenes 1958)
//! and Gram-Schmidt, orthogonalised twice, for QR.

use super::Value;
use crate::ops::Op;

/// A matrix in row-major order.
#[derive(Clone)]
struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            data: vec![0.0; rows * columns],
        }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.data[row * self.columns + column]
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        self.data[row * self.columns + column] = value;
    }

    fn transposed(&self) -> Self {
        let mut to = Self::zeros(self.columns, self.rows);
        for row in 0..self.rows {
            for column in 0..self.columns {
                to.set(column, row, self.at(row, column));
            }
        }
        to
    }

    fn column(&self, column: usize) -> Vec<f64> {
        (0..self.rows).map(|row| self.at(row, column)).collect()
    }

    fn set_column(&mut self, column: usize, values: &[f64]) {
        for (row, value) in values.iter().enumerate() {
            self.set(row, column, *value);
        }
    }
}

pub(super) fn compute(op: Op, inputs: &[&Value], data: &[Vec<f64>], integers: &[u64]) -> Vec<f64> {
    let matrix = |i: usize| Matrix {
        rows: inputs[i].shape()[0],
        columns: inputs[i].shape()[1],
        data: data[i].clone(),
    };
    let a = matrix(0);
    match op {
        Op::MatMul => {
            let turn = |m: Matrix, flag: u64| if flag == 1 { m.transposed() } else { m };
            product(&turn(a, integers[0]), &turn(matrix(1), integers[1])).data
        }
        Op::Transpose => a.transposed().data,
        Op::SvdU => svd(&a).0.data,
        Op::SvdS => svd(&a).1,
        Op::SvdV => svd(&a).2.data,
        Op::QrQ => qr(&a).0.data,
        // The only operation left that `structure` hands over.
        _ => qr(&a).1.data,
    }
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let mut to = Matrix::zeros(a.rows, b.columns);
    for row in 0..a.rows {
        for column in 0..b.columns {
            let sum: f64 = (0..a.columns).map(|i| a.at(row, i) * b.at(i, column)).sum();
            to.set(row, column, sum + 0.0);
        }
    }
    to
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `U`, the singular values and `V`.
fn svd(a: &Matrix) -> (Matrix, Vec<f64>, Matrix) {
    if a.rows < a.columns {
        let (v, s, u) = svd(&a.transposed());
        return with_signs(u, s, v);
    }
    let n = a.columns;
    let mut columns: Vec<Vec<f64>> = (0..n).map(|i| a.column(i)).collect();
    let mut v: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect())
        .collect();
    // Each sweep makes every pair of columns orthogonal; convergence is quadratic.
    for _ in 0..60 {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (alpha, beta) = (dot(&columns[p], &columns[p]), dot(&columns[q], &columns[q]));
                let gamma = dot(&columns[p], &columns[q]);
                if gamma.abs() <= 1e-15 * (alpha * beta).sqrt() {
                    continue;
                }
                rotated = true;
                let zeta = (beta - alpha) / (2.0 * gamma);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let c = 1.0 / (1.0 + t * t).sqrt();
                rotate(&mut columns, p, q, c, c * t);
                rotate(&mut v, p, q, c, c * t);
            }
        }
        if !rotated {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    let norms: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    let (mut left, mut right) = (Matrix::zeros(a.rows, n), Matrix::zeros(n, n));
    let largest = order.first().map_or(0.0, |&i| norms[i]);
    let mut found: Vec<Vec<f64>> = Vec::new();
    for (to, &from) in order.iter().enumerate() {
        let column = match norms[from] > largest * 1e-14 {
            true => columns[from].iter().map(|x| x / norms[from]).collect(),
            false => orthogonal_to(&found, a.rows),
        };
        left.set_column(to, &column);
        right.set_column(to, &v[from]);
        found.push(column);
    }
    let s = order.iter().map(|&i| norms[i]).collect();
    with_signs(left, s, right)
}

fn rotate(columns: &mut [Vec<f64>], p: usize, q: usize, c: f64, s: f64) {
    for i in 0..columns[p].len() {
        let (x, y) = (columns[p][i], columns[q][i]);
        columns[p][i] = c * x - s * y;
        columns[q][i] = s * x + c * y;
    }
}

/// Makes the entry of largest magnitude of each left vector positive, the first of those that
/// are equal up to rounding errors.
fn with_signs(mut u: Matrix, s: Vec<f64>, mut v: Matrix) -> (Matrix, Vec<f64>, Matrix) {
    for i in 0..s.len() {
        let column = u.column(i);
        let largest = column.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let first = column.iter().find(|x| x.abs() >= largest * (1.0 - 1e-9));
        if first.is_some_and(|&x| x < 0.0) {
            let negative = |values: Vec<f64>| values.iter().map(|x| -x).collect::<Vec<_>>();
            u.set_column(i, &negative(column));
            let other = v.column(i);
            v.set_column(i, &negative(other));
        }
    }
    (u, s, v)
}

/// A unit vector that is orthogonal to all of these.
fn orthogonal_to(found: &[Vec<f64>], length: usize) -> Vec<f64> {
    let mut best = vec![0.0; length];
    let mut best_norm = -1.0;
    for axis in 0..length {
        let mut candidate = vec![0.0; length];
        candidate[axis] = 1.0;
        for _ in 0..2 {
            for other in found {
                let share = dot(&candidate, other);
                for (x, y) in candidate.iter_mut().zip(other) {
                    *x -= share * y;
                }
            }
        }
        let norm = dot(&candidate, &candidate).sqrt();
        if norm > best_norm {
            (best, best_norm) = (candidate, norm);
        }
    }
    best.iter().map(|x| x / best_norm).collect()
}

/// `Q` and `R`.
fn qr(a: &Matrix) -> (Matrix, Matrix) {
    let k = a.rows.min(a.columns);
    let largest = (0..a.columns)
        .map(|i| dot(&a.column(i), &a.column(i)).sqrt())
        .fold(0.0, f64::max);
    let mut found: Vec<Vec<f64>> = Vec::new();
    let mut r = Matrix::zeros(k, a.columns);
    for column in 0..a.columns {
        let mut rest = a.column(column);
        for _ in 0..2 {
            for (i, q) in found.iter().enumerate() {
                let share = dot(&rest, q);
                r.set(i, column, r.at(i, column) + share);
                for (x, y) in rest.iter_mut().zip(q) {
                    *x -= share * y;
                }
            }
        }
        if column < k {
            let norm = dot(&rest, &rest).sqrt();
            match norm > largest * 1e-14 {
                true => {
                    r.set(column, column, norm);
                    found.push(rest.iter().map(|x| x / norm).collect());
                }
                false => found.push(orthogonal_to(&found, a.rows)),
            }
        }
    }
    let mut q = Matrix::zeros(a.rows, k);
    for (column, values) in found.iter().enumerate() {
        q.set_column(column, values);
    }
    (q, r)
}
