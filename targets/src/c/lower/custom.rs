//! A user's own C function.
//!
//! It is called as `void SYMBOL(const T0 *x0, .., T *y, void *scratch)`. Rank-4 tensors lie as the model's interface does
//! (channels last where it was imported so), everything else row-major. `scratch` is 8-byte aligned arena memory.

use super::{Lowering, Place, Refused, Rule, refused};
use crate::c::kernels::{Argument, Function, Kernel};
use crate::c::ops;
use crate::c::program::{Custom, Work};
use ir::{Type, Value};

pub(super) const RULES: &[(&str, Rule)] = &[("custom", custom)];

fn custom(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let symbol = node.attrs().word("symbol").to_owned();
    let scratch =
        usize::try_from(node.attrs().int("scratch")).expect("inference checked that it is not negative");
    let (mut types, mut notes, mut operands, mut arguments) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let xs: Vec<Value> = node.operands().iter().flatten().copied().collect();
    for (i, &x) in xs.iter().enumerate() {
        let ty = cx.ty(x);
        let c_type = c_type(ty)?;
        operands.push(cx.fetch(x, &cx.interface_order(ty))?);
        arguments.push((Argument::Input(i), c_type));
        types.push(c_type);
        notes.push(note(cx, &format!("x{i}"), ty));
    }
    let c_type = c_type(node.ty())?;
    types.push(c_type);
    notes.push(note(cx, "y", node.ty()));
    notes.push(format!("scratch: {scratch} bytes"));
    arguments.extend([(Argument::Output, c_type), (Argument::Scratch, "void")]);
    if let Err(known) = cx.declare(&symbol, &types) {
        let (known, found) = (known.join(", "), types.join(", "));
        return refused(format!("`{symbol}` is used with the types {found}, earlier with {known}"));
    }
    let order = cx.interface_order(node.ty());
    let parameters = types[..xs.len()].iter().enumerate().map(|(i, t)| format!("const {t} *x{i}"));
    let parameters: Vec<_> = parameters.chain([format!("{c_type} *y"), "void *scratch".to_owned()]).collect();
    let passed: Vec<_> = (0..xs.len()).map(|i| format!("x{i}")).collect();
    let kernel = Kernel {
        function: Function {
            stem: format!("call_{symbol}"),
            parameters: parameters.join(", "),
            summary: format!("Your function, {scratch} bytes of scratch."),
            apart: false,
            body: format!("    {symbol}({}, y, scratch);\n", passed.join(", ")),
        },
        arguments,
        callees: Vec::new(),
        helpers: Vec::new(),
        constants: Vec::new(),
        scratch_bytes: scratch,
        walks: Vec::new(),
        macs: 0,
    };
    let work = Work::Custom(Custom { symbol, types, notes });
    cx.task("custom", work, kernel, operands, node.ty(), order)
}

fn c_type(ty: &Type) -> Result<&'static str, Refused> {
    ops::c_type(ty.element).map_or_else(|| refused(format!("{} has no C type", ty.element)), Ok)
}

fn note(cx: &Lowering<'_>, name: &str, ty: &Type) -> String {
    let shape = super::layout::physical(&ty.shape, &cx.interface_order(ty));
    let quant = match ty.per_tensor() {
        Some((scale, zero)) => format!(", scale {scale:?}, zero point {zero}"),
        None => String::new(),
    };
    format!("{name}: {}{shape:?}{quant}", ty.element)
}
