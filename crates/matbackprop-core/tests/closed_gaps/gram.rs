//! Functions of Gram matrices of low rank, small and large.

use crate::file::*;
use crate::report::*;
use faer::{Mat, MatRef};
use matbackprop_core::{GramFunction, Log, Method, Result, Ridge, Sqrt};

/// Steele, Lea, Flood 2014; `reference/closed_gaps.py` has the same.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Row by row, in [−1, 1).
    fn matrix(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        self.fill(rows, columns, |bits| {
            (bits >> 11) as f64 * f64::EPSILON - 1.0
        })
    }

    /// Row by row, −2 … 2.
    fn whole(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        self.fill(rows, columns, |bits| (bits % 5) as f64 - 2.0)
    }

    fn fill(&mut self, rows: usize, columns: usize, number: impl Fn(u64) -> f64) -> Mat<f64> {
        let entries: Vec<f64> = (0..rows * columns).map(|_| number(self.next())).collect();
        MatRef::from_row_major_slice(&entries, rows, columns).to_owned()
    }
}

/// A line of a table: our error, and that by the singular values as a decomposition gives them.
fn print_errors(
    case: &Case,
    method: Method,
    found: &Result<Mat<f64>>,
    by_svd: &Result<Mat<f64>>,
    expected: MatRef<'_, f64>,
) {
    let error = |found: &Result<Mat<f64>>| match found {
        Ok(found) => format!("{:.1e}", relative_error(found.as_ref(), expected)),
        Err(error) => error.to_string(),
    };
    let name = case.name;
    println!(
        "| {name} | {method:?} | {} | {} |",
        error(found),
        error(by_svd)
    );
}

/// Sums in the order of the index, each product rounded.
fn product(x: &Mat<f64>, y: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(x.nrows(), y.ncols(), |i, j| {
        let mut total = 0.0;
        for k in 0..x.ncols() {
            total += x[(i, k)] * y[(k, j)];
        }
        total
    })
}

#[test]
fn functions_of_gram_matrices_of_low_rank_are_right_or_refused() {
    let file = File::read();
    let mut report = Report::default();
    for case in file.cases("GramFunction log") {
        let (m, n, rank) = (
            case.whole("rows"),
            case.whole("columns"),
            case.whole("rank"),
        );
        let mut random = SplitMix(case.whole("seed") as u64);
        let f = product(&random.matrix(m, rank), &random.matrix(rank, n));
        let g = random.matrix(n, n);
        let (right, left) = (random.matrix(n, 3), random.matrix(m, 3));
        let function =
            Ridge::new(Log, case.number("epsilon")).expect("a ridge that is not negative");
        let rule = GramFunction::forward(f.as_ref(), function).expect("finite features");
        let found = rule.vjp(g.as_ref());
        let by_svd = GramFunction::forward_with(Method::Svd, f.as_ref(), function)
            .and_then(|rule| rule.vjp(g.as_ref()));
        let group = "E, log";
        if case.fields["expected"].is_object() {
            for (key, rows) in [("times", m), ("transposed_times", n)] {
                let entries = numbers(&case.fields["expected"][key]);
                let expected = MatRef::from_row_major_slice(&entries, rows, 3).to_owned();
                let part = |f_bar: Mat<f64>| match key {
                    "times" => f_bar * &right,
                    _ => f_bar.transpose() * &left,
                };
                let found = found.clone().map(part);
                let by_svd = by_svd.clone().map(part);
                print_errors(&case, rule.method(), &found, &by_svd, expected.as_ref());
                let place = format!("{}, {key} [{:?}]", case.name, rule.method());
                check_close(&mut report, group, &place, found, &expected, case.tolerance);
            }
        } else {
            let entries = numbers(&case.fields["expected"]);
            let expected = MatRef::from_row_major_slice(&entries, m, n);
            print_errors(&case, rule.method(), &found, &by_svd, expected);
            report.judge(
                group,
                &case,
                &format!("{:?}", rule.method()),
                case.must,
                found,
            );
        }
    }
    for case in file.cases("GramFunction sqrt") {
        let (m, n, rank) = (
            case.whole("rows"),
            case.whole("columns"),
            case.whole("rank"),
        );
        let mut random = SplitMix(case.whole("seed") as u64);
        let f = if rank < m.min(n) {
            product(&random.whole(m, rank), &random.whole(rank, n))
        } else {
            random.matrix(m, n)
        };
        let x = random.whole(n, n);
        let general = random.matrix(n, n);
        let gram = product(&f.transpose().to_owned(), &f);
        let left = product(&(&x + x.transpose()), &gram);
        let cotangent = match case.text("cotangent") {
            "seen" => &left + left.transpose(),
            _ => general,
        };
        let found =
            GramFunction::forward(f.as_ref(), Sqrt).and_then(|rule| rule.vjp(cotangent.as_ref()));
        let group = format!("E, root, {} cotangent", case.text("cotangent"));
        report.judge(&group, &case, "no policy", case.must, found);
    }
    report.finish();
}
