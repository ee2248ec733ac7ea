//! The standard library of rules: conditions, and functions that make attributes and constants.

mod affine;
mod conditions;
mod movement;
mod quantized;

pub(super) use conditions::CONDITIONS;

use super::library::Function;

/// Name, summary and function; arguments are written as the rules call them.
type Row = (&'static str, &'static str, Function);

/// All functions.
pub(super) const FUNCTIONS: &[Row] = &concat_rows();

const fn concat_rows() -> [Row; COUNT] {
    let parts: [&[Row]; 3] = [movement::FUNCTIONS, affine::FUNCTIONS, quantized::FUNCTIONS];
    let mut rows = [movement::FUNCTIONS[0]; COUNT];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            rows[at] = parts[part][i];
            at += 1;
            i += 1;
        }
        part += 1;
    }
    rows
}

const COUNT: usize = movement::FUNCTIONS.len() + affine::FUNCTIONS.len() + quantized::FUNCTIONS.len();
