//! Figures as people read them.

/// Thousands set apart: `7,690,123`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Three significant digits with a decimal prefix, value and prefix apart: `("7.69", "M")`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn short(value: u64) -> (String, &'static str) {
    let scale = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let found = scale.into_iter().find(|(unit, _)| value as f64 >= *unit);
    found.map_or((value.to_string(), ""), |(unit, prefix)| (three_digits(value as f64 / unit), prefix))
}

/// Bytes in KiB or MiB with three significant digits: `("15.6", "KiB")`; below 1 KiB in bytes.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(value: u64) -> (String, &'static str) {
    let scale = [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let found = scale.into_iter().find(|(unit, _)| value >= *unit);
    found.map_or((value.to_string(), "B"), |(unit, name)| (three_digits(value as f64 / unit as f64), name))
}

/// [`short`] in one word: `7.69 M`.
pub fn short_text(value: u64) -> String {
    let (number, prefix) = short(value);
    if prefix.is_empty() { number } else { format!("{number} {prefix}") }
}

/// [`bytes`] in one word: `15.6 KiB`.
pub fn bytes_text(value: u64) -> String {
    let (number, unit) = bytes(value);
    format!("{number} {unit}")
}

/// `part` of `whole` in percent, one decimal below ten: `3.4 %`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let share = part as f64 * 100.0 / whole as f64;
    if share < 9.95 { format!("{share:.1} %") } else { format!("{share:.0} %") }
}

/// Two decimals of a ratio, `-` where there is nothing to divide by.
#[allow(clippy::cast_precision_loss, reason = "two decimals are shown")]
pub fn ratio(value: u64, by: u64) -> String {
    if by == 0 { "-".to_owned() } else { format!("{:.2}", value as f64 / by as f64) }
}

/// Extents: `1 × 49 × 10 × 1`; `scalar` where there is none.
pub fn shape(extents: &[usize]) -> String {
    if extents.is_empty() {
        return "scalar".to_owned();
    }
    extents.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
}

fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(7_690_123), "7,690,123");
        assert_eq!(short_text(7_693_187), "7.69 M");
        assert_eq!(short_text(512), "512");
        assert_eq!(bytes_text(16_000), "15.6 KiB");
        assert_eq!(bytes_text(255 << 10), "255 KiB");
        assert_eq!(percent(34, 1000), "3.4 %");
        assert_eq!(percent(1, 0), "-");
        assert_eq!(ratio(3, 2), "1.50");
        assert_eq!(shape(&[1, 49, 10]), "1 × 49 × 10");
    }
}
