//! A translation unit in the making: kernels collected, equal functions merged, names given.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use super::{Argument, Constant, Data, Function, Helper, Kernel};

/// A kernel call: the function's final name and what to pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Function name, `@` for the prefix.
    pub function: String,
    /// Arguments in order.
    pub arguments: Vec<CallArgument>,
}

/// One argument of a [`Call`].
#[derive(Clone, Debug, PartialEq)]
pub enum CallArgument {
    /// Memory of the arena: which, and the C pointer type it is passed as.
    Memory(Argument, &'static str),
    /// A constant by its name, `@` for the prefix.
    Constant(String),
}

/// Functions, helpers and constants of a model.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    helpers: BTreeSet<Helper>,
    functions: Vec<(String, Function)>,
    by_content: HashMap<Function, usize>,
    names: HashMap<String, usize>,
    constants: Vec<(String, Constant)>,
}

impl Unit {
    /// Takes a kernel in; `op` is the name its constants carry, a C identifier unique in the model (`conv2d_3`).
    pub fn add(&mut self, op: &str, kernel: &Kernel) -> Call {
        self.helpers.extend(kernel.helpers.iter().copied());
        let mut names = Vec::new();
        let linked = |function: &Function, names: &[String]| {
            let mut function = function.clone();
            for (i, name) in names.iter().enumerate() {
                function.body = function.body.replace(&format!("@@{i}("), &format!("{name}("));
            }
            function
        };
        for callee in &kernel.callees {
            let index = self.function(&linked(callee, &names));
            names.push(self.functions[index].0.clone());
        }
        let index = self.function(&linked(&kernel.function, &names));
        let arguments = kernel
            .arguments
            .iter()
            .map(|&(argument, c_type)| match argument {
                Argument::Constant(i) => CallArgument::Constant(constant_name(op, &kernel.constants[i])),
                memory => CallArgument::Memory(memory, c_type),
            })
            .collect();
        for constant in &kernel.constants {
            self.constants.push((constant_name(op, constant), constant.clone()));
        }
        Call { function: self.functions[index].0.clone(), arguments }
    }

    fn function(&mut self, function: &Function) -> usize {
        if let Some(&index) = self.by_content.get(function) {
            return index;
        }
        let count = self.names.entry(function.stem.clone()).or_insert(0);
        *count += 1;
        let name =
            if *count == 1 { format!("@{}", function.stem) } else { format!("@{}_v{count}", function.stem) };
        self.functions.push((name, function.clone()));
        self.by_content.insert(function.clone(), self.functions.len() - 1);
        self.functions.len() - 1
    }

    /// Helpers and kernel functions as C text.
    #[must_use]
    pub fn functions_text(&self, prefix: &str) -> String {
        let mut text = String::from(if self.functions.iter().any(|(_, f)| f.apart) { APART } else { "" });
        for helper in self.needed_helpers() {
            text.push_str(helper.text);
            text.push('\n');
        }
        for (name, f) in &self.functions {
            let apart = if f.apart { "@APART " } else { "" };
            let (summary, parameters, body) = (&f.summary, &f.parameters, &f.body);
            let _ =
                write!(text, "/* {summary} */\n{apart}static void {name}({parameters})\n{{\n{body}}}\n\n");
        }
        with_prefix(&text, prefix)
    }

    /// The helpers that something calls: kernels name all that their kind may need, and an uncalled function is a warning.
    fn needed_helpers(&self) -> Vec<Helper> {
        let mut callers: String = self.functions.iter().map(|(_, f)| f.body.as_str()).collect();
        let mut needed = Vec::new();
        for helper in self.helpers.iter().rev() {
            if defined_names(helper.text).any(|name| mentions(&callers, name)) {
                callers.push_str(helper.text);
                needed.push(*helper);
            }
        }
        needed.reverse();
        needed
    }

    /// Definitions of all constants as C text.
    #[must_use]
    pub fn constants_text(&self, prefix: &str) -> String {
        let mut text = String::from(ALIGN4);
        for (name, constant) in &self.constants {
            let (c_type, count) = declared(&constant.data);
            let _ = write!(text, "{}const {c_type} {name}[{count}] = {{", alignment(&constant.data));
            write_values(&mut text, &constant.data);
            text.push_str("\n};\n\n");
        }
        with_prefix(&text, prefix)
    }

    /// `extern` declarations of all constants as C text.
    #[must_use]
    pub fn declarations_text(&self, prefix: &str) -> String {
        let mut text = String::new();
        for (name, constant) in &self.constants {
            let (c_type, count) = declared(&constant.data);
            let _ = writeln!(text, "extern const {c_type} {name}[{count}];");
        }
        with_prefix(&text, prefix)
    }

    /// Bytes of all constants.
    #[must_use]
    pub fn constant_bytes(&self) -> usize {
        self.constants.iter().map(|(_, c)| bytes(&c.data)).sum()
    }

    /// The constants with their names, `@` for the prefix.
    #[must_use]
    pub fn constants(&self) -> &[(String, Constant)] {
        &self.constants
    }
}

/// Names, without `@`, of the functions, types and macros that a helper defines.
fn defined_names(text: &str) -> impl Iterator<Item = &str> {
    let definitions = text.lines().filter(|line| {
        ["static ", "#define ", "typedef ", "} @"].iter().any(|start| line.starts_with(start))
    });
    definitions.filter_map(|line| {
        let name = line.split_once('@')?.1;
        name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
    })
}

/// Whether the text has `@name` as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    text.split('@').skip(1).any(|word| {
        let rest = word.strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

/// Puts the model's prefix in the place of every `@`.
#[must_use]
pub fn with_prefix(text: &str, prefix: &str) -> String {
    text.replace('@', &format!("{prefix}_"))
}

fn constant_name(op: &str, constant: &Constant) -> String {
    format!("@{op}_{}", constant.role)
}

/// Inlined into its caller, a block would share its registers with the loops around it.
const APART: &str = "\
#if defined(__GNUC__)
#define @APART __attribute__((noinline))
#else
#define @APART
#endif

";

const ALIGN4: &str = "\
#ifdef __cplusplus
#define @ALIGN4 alignas(4)
#else
#define @ALIGN4 _Alignas(4)
#endif

";

/// Word loads walk 8-bit and 16-bit arrays, so every array is aligned to a word.
fn alignment(data: &Data) -> &'static str {
    match data {
        Data::I8(_) | Data::U8(_) | Data::I16(_) => "@ALIGN4 ",
        Data::I32(_) | Data::I64(_) | Data::F32(_) => "",
    }
}

fn declared(data: &Data) -> (&'static str, usize) {
    match data {
        Data::I8(v) => ("int8_t", v.len()),
        Data::U8(v) => ("uint8_t", v.len()),
        Data::I16(v) => ("int16_t", v.len()),
        Data::I32(v) => ("int32_t", v.len()),
        Data::I64(v) => ("int64_t", v.len()),
        Data::F32(v) => ("float", v.len()),
    }
}

/// Bytes of an array.
#[must_use]
pub fn bytes(data: &Data) -> usize {
    match data {
        Data::I8(v) => v.len(),
        Data::U8(v) => v.len(),
        Data::I16(v) => v.len() * 2,
        Data::I32(v) => v.len() * 4,
        Data::F32(v) => v.len() * 4,
        Data::I64(v) => v.len() * 8,
    }
}

fn write_values(text: &mut String, data: &Data) {
    match data {
        Data::I8(v) => write_list(text, v, 24, |t, x| write!(t, "{x}")),
        Data::U8(v) => write_list(text, v, 24, |t, x| write!(t, "{x}")),
        Data::I16(v) => write_list(text, v, 16, |t, x| write!(t, "{x}")),
        Data::I32(v) => write_list(text, v, 10, |t, &x| match x {
            // -2147483648 is not a literal of type int in C.
            i32::MIN => write!(t, "INT32_MIN"),
            x => write!(t, "{x}"),
        }),
        Data::I64(v) => write_list(text, v, 6, |t, &x| match x {
            i64::MIN => write!(t, "INT64_MIN"),
            x => write!(t, "INT64_C({x})"),
        }),
        Data::F32(v) => write_list(text, v, 6, |t, &x| write!(t, "{}", float(x))),
    }
}

fn write_list<T>(
    text: &mut String,
    values: &[T],
    per_line: usize,
    one: impl Fn(&mut String, &T) -> std::fmt::Result,
) {
    for (i, value) in values.iter().enumerate() {
        text.push_str(if i % per_line == 0 { "\n    " } else { " " });
        // Writing to a String cannot fail.
        let _ = one(text, value);
        text.push(',');
    }
}

/// A float literal that reads back to the same bits: hexadecimal where decimal would not be finite.
#[must_use]
pub fn float(x: f32) -> String {
    if x.is_nan() {
        return "NAN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "INFINITY".into() } else { "-INFINITY".into() };
    }
    // Rust prints the shortest decimal that reads back to the same bits; C needs a point and the suffix.
    let digits = format!("{x:e}");
    if digits.contains('.') { format!("{digits}f") } else { digits.replacen('e', ".0e", 1) + "f" }
}
