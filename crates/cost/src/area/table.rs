//! The figures the coefficients are fitted to, as they lie in `data/`.

/// The rows of a table of numbers: lines of comment and the heading are left out.
///
/// The tables are part of this crate; a line that is no row of `N` numbers is a mistake in it and panics.
pub(super) fn rows<const N: usize>(text: &str) -> Vec<[f64; N]> {
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let mut fields = line.split(',').map(str::parse::<f64>);
            let row = std::array::from_fn(|_| fields.next().and_then(Result::ok).unwrap_or(f64::NAN));
            assert!(
                row.iter().all(|x| x.is_finite()) && fields.next().is_none(),
                "`{line}` is no row of {N} numbers"
            );
            row
        })
        .collect()
}

/// The value at `x` between rows `(x, y)` on doubly logarithmic paper; beyond the ends the nearest stretch goes on.
///
/// # Panics
/// Where there are fewer than two rows.
pub(super) fn interpolate(points: &[[f64; 2]], x: f64) -> f64 {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let at = sorted.partition_point(|p| p[0] < x).clamp(1, sorted.len() - 1);
    let ([x0, y0], [x1, y1]) = (sorted[at - 1], sorted[at]);
    let slope = (y1 / y0).ln() / (x1 / x0).ln();
    y0 * (x / x0).powf(slope)
}
