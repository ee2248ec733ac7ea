//! Arrays in and out: `.npy` and `.npz` in the order in which the model's interface lies in memory.
//!
//! A graph's logical axes are N, C, H, W; where its layout is `nhwc` the arrays of rank-4 inputs and outputs are N, H, W, C. An
//! array may hold several samples: any shape whose elements are a whole multiple of the input's.

use crate::console::Console;
use crate::failure::Failure;
use formats::npy;
use ir::{Element, Graph, Tensor, Value};
use std::path::Path;

/// Named arrays of a file; an `.npy` has one without a name.
pub(crate) type Arrays = Vec<(String, Tensor)>;

/// Reads an `.npy` or `.npz` file.
pub(crate) fn read(path: &Path) -> Result<Arrays, Failure> {
    let fail = |e: npy::NpyError| {
        let text = crate::failure::chain(&e);
        let named = text.starts_with(&path.display().to_string());
        Failure::input(if named { text } else { format!("{}: {text}", path.display()) })
    };
    match path.extension().and_then(|e| e.to_str()) {
        Some("npz") => npy::read_npz(path).map_err(fail),
        Some("npy") => Ok(vec![(String::new(), npy::read(path).map_err(fail)?)]),
        _ => Err(Failure::input(format!("{}: a name that ends in .npy or .npz expected", path.display()))),
    }
}

/// Extents of a graph's input or output as its array has them.
pub(crate) fn physical_shape(graph: &Graph, value: Value) -> Vec<usize> {
    interp::layout::interface_shape(graph.ty(value), graph.layout)
}

/// One tensor per input for every sample in the arrays, in memory order.
pub(crate) fn samples(
    graph: &Graph,
    arrays: &Arrays,
    console: &Console,
) -> Result<Vec<Vec<Tensor>>, Failure> {
    let mut columns = Vec::new();
    for input in graph.inputs() {
        columns.push(column(graph, *input, arrays, console)?);
    }
    let count = columns.first().map_or(0, Vec::len);
    for (input, column) in graph.inputs().iter().zip(&columns) {
        if column.len() != count {
            let (name, first) = (graph.label(*input), graph.label(graph.inputs()[0]));
            let message = format!("`{name}` has {} samples, {count} expected as `{first}` has", column.len());
            return Err(Failure::input(message));
        }
    }
    let row = |k: usize| columns.iter().map(|column| column[k].clone()).collect();
    Ok((0..count).map(row).collect())
}

/// The samples of one input.
fn column(graph: &Graph, input: Value, arrays: &Arrays, console: &Console) -> Result<Vec<Tensor>, Failure> {
    let name = graph.label(input);
    let array = named(graph, &name, arrays)?;
    let ty = graph.ty(input);
    let (shape, each) = (physical_shape(graph, input), ty.elements());
    if array.is_empty() || each == 0 || array.len() % each != 0 {
        let message = format!(
            "input `{name}`: an array of shape {:?} with {} elements, a multiple of {each} as {shape:?} expected",
            array.shape(),
            array.len()
        );
        return Err(Failure::input(message));
    }
    let array = converted(array, ty, &name, console)?;
    let width = ty.element.bytes();
    let cut = |bytes: &[u8]| Tensor::from_bytes(ty.element, shape.clone(), bytes.to_vec());
    Ok(array.bytes().chunks_exact(each * width).map(|b| cut(b).expect("cut to the input's size")).collect())
}

/// The array for an input: by its name, or the only one where there is only one input.
fn named<'a>(graph: &Graph, name: &str, arrays: &'a Arrays) -> Result<&'a Tensor, Failure> {
    let only = |()| (graph.inputs().len() == 1 && arrays.len() == 1).then(|| &arrays[0]);
    // Golden vectors of a network with one input call it `x`.
    let x = |()| arrays.iter().find(|(n, _)| n == "x" && graph.inputs().len() == 1);
    let found = arrays.iter().find(|(n, _)| n == name).or_else(|| only(())).or_else(|| x(()));
    found.map(|(_, tensor)| tensor).ok_or_else(|| {
        let there: Vec<&str> = arrays.iter().map(|(n, _)| n.as_str()).collect();
        let wanted: Vec<String> = graph.inputs().iter().map(|v| graph.label(*v)).collect();
        let message = format!("no array for input `{name}`; found {}", there.join(", "));
        Failure::input(message).help(format!("an .npz with arrays called {} is expected", wanted.join(", ")))
    })
}

/// The array in the input's element: as it is, or quantized where reals are given for integers that stand for reals.
fn converted(array: &Tensor, ty: &ir::Type, name: &str, console: &Console) -> Result<Tensor, Failure> {
    if array.element() == ty.element {
        return Ok(array.clone());
    }
    let wide = |e: Element| e.bytes() == ty.element.bytes() && ty.element.is_int() && e.is_int();
    if let (Some((scale, zero)), true) = (ty.per_tensor(), array.element().is_float()) {
        console.note(format!(
            "input `{name}`: {} given, quantized with scale {scale} and zero point {zero}",
            array.element()
        ));
        let (low, high) = ty.element.range().expect("a quantized element is an integer");
        #[allow(clippy::cast_possible_truncation, reason = "clamped to the element's range")]
        let quantize = |x: f64| {
            (((x / f64::from(scale)).round() as i64).saturating_add(i64::from(zero))).clamp(low, high)
        };
        let values: Vec<i64> = array.to_reals().into_iter().map(quantize).collect();
        return Ok(Tensor::from_ints(ty.element, array.shape(), &values));
    }
    if array.element().is_float() && ty.element.is_float() {
        return Ok(Tensor::from_reals(ty.element, array.shape(), array.to_reals()));
    }
    // Elements narrower than a byte travel in the next wider integer.
    if wide(array.element()) {
        let values = array.to_ints();
        let (low, high) = ty.element.range().expect("an integer has a range");
        if let Some(v) = values.iter().find(|v| !(low..=high).contains(v)) {
            return Err(Failure::input(format!("input `{name}`: {v} is outside {}", ty.element)));
        }
        return Ok(Tensor::from_ints(ty.element, array.shape(), &values));
    }
    let message = format!("input `{name}`: an array of {} found, {} expected", array.element(), ty.element);
    Err(Failure::input(message)
        .help(format!("`x.astype(\"{}\")` converts it in numpy", numpy_name(ty.element))))
}

fn numpy_name(element: Element) -> String {
    match element {
        Element::F32 => "float32".to_owned(),
        Element::F16 => "float16".to_owned(),
        Element::Bool => "bool".to_owned(),
        Element::Int { signed, .. } => format!("{}int{}", if signed { "" } else { "u" }, element.bytes() * 8),
        other => other.to_string(),
    }
}

/// One array per output that holds all samples, in memory order: `[...]` for one sample, `[samples, ...]` for several.
pub(crate) fn stacked(graph: &Graph, rows: &[Vec<Tensor>]) -> Arrays {
    let mut arrays = Vec::new();
    for (k, output) in graph.outputs().iter().enumerate() {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row[k].bytes().to_vec()).collect();
        let mut shape = physical_shape(graph, *output);
        if rows.len() > 1 {
            shape.insert(0, rows.len());
        }
        let tensor = Tensor::from_bytes(graph.ty(*output).element, shape, bytes);
        arrays.push((graph.label(*output), tensor.expect("every row has the output's size")));
    }
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::{NoWeights, parse};

    fn graph() -> Graph {
        let text = "graph @t(%x: i8[1, 2, 1, 3] {scale = 0.5, zero = 1}, layout = nhwc) { return %x }";
        parse(text, &NoWeights).expect("well-formed")
    }

    fn quiet() -> Console {
        Console::new(&crate::args::Global { json: false, quiet: true })
    }

    fn ints(shape: &[usize], values: &[i64]) -> Arrays {
        vec![("x".to_owned(), Tensor::from_ints(Element::I8, shape, values))]
    }

    #[test]
    fn an_image_comes_channels_last_and_goes_back_the_same_way() {
        let graph = graph();
        // One row of three pixels with two channels each.
        let array = ints(&[1, 1, 3, 2], &[1, 4, 2, 5, 3, 6]);
        let rows = samples(&graph, &array, &quiet()).expect("fits");
        assert_eq!(rows[0][0], array[0].1);
        assert_eq!(stacked(&graph, &rows)[0].1, array[0].1);
    }

    #[test]
    fn flat_rows_are_samples() {
        let rows = samples(&graph(), &ints(&[2, 6], &[0; 12]), &quiet()).expect("two samples");
        assert_eq!(rows.len(), 2);
        assert_eq!(stacked(&graph(), &rows)[0].1.shape(), [2, 1, 1, 3, 2]);
    }

    #[test]
    fn reals_are_quantized_and_clamped() {
        let reals = vec![(String::new(), Tensor::from_f32([6], &[0.0, 0.5, -0.5, 0.25, 1e9, -1e9]))];
        let rows = samples(&graph(), &reals, &quiet()).expect("fits");
        // 0.25 / 0.5 = 0.5 rounds away from zero: 1 + 1.
        assert_eq!(rows[0][0].to_ints(), [1, 2, 0, 2, 127, -128]);
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused() {
        let fails = |arrays: &Arrays| samples(&graph(), arrays, &quiet()).expect_err("refused").message;
        assert!(fails(&ints(&[7], &[0; 7])).contains("a multiple of 6"));
        assert!(fails(&ints(&[0], &[])).contains("a multiple of 6"));
        let wrong = vec![("x".to_owned(), Tensor::from_ints(Element::I32, [6], &[0; 6]))];
        assert!(fails(&wrong).contains("an array of i32 found, i8 expected"));
        let two = vec![("a".to_owned(), wrong[0].1.clone()), ("b".to_owned(), wrong[0].1.clone())];
        assert!(fails(&two).contains("no array for input `x`; found a, b"));
    }
}
