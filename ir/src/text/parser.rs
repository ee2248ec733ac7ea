//! Text to graph. Everything wrong is reported, each finding on its line.

use super::Diagnostic;
use super::lexer::{NUMBER, Spanned, Token, tokens};
use crate::op::Op;
use crate::{Attr, Element, Granularity, Graph, Layout, Quant, Sparsity, Tensor, Type, Value, WeightStore};
use std::collections::HashMap;

/// Where in the text each value was defined.
#[derive(Debug, Clone, Default)]
pub struct Source {
    lines: HashMap<Value, usize>,
}

impl Source {
    /// The line `value` was defined on, from 1.
    pub fn line(&self, value: Value) -> Option<usize> {
        self.lines.get(&value).copied()
    }
}

/// Reads one graph; named constants are looked up in `weights` and stay without data where it has none.
///
/// # Errors
/// Everything wrong with the text, in order of lines.
pub fn parse(text: &str, weights: &dyn WeightStore) -> Result<Graph, Vec<Diagnostic>> {
    parse_with_lines(text, weights).map(|(graph, _)| graph)
}

/// As [`parse`], with the line of every value.
///
/// # Errors
/// Everything wrong with the text, in order of lines.
pub fn parse_with_lines(text: &str, weights: &dyn WeightStore) -> Result<(Graph, Source), Vec<Diagnostic>> {
    let (tokens, faults) = tokens(text);
    let mut parser = Parser {
        tokens,
        at: 0,
        faults,
        graph: Graph::new("unnamed"),
        values: HashMap::new(),
        source: Source::default(),
        weights,
    };
    // A fault inside a statement is recovered from at the next line; one in the frame ends the reading.
    if let Err(fault) = parser.graph_text() {
        parser.faults.push(fault);
    }
    if parser.faults.is_empty() {
        return Ok((parser.graph, parser.source));
    }
    parser.faults.sort_by_key(|fault| (fault.line, fault.column));
    Err(parser.faults)
}

struct Parser<'a> {
    tokens: Vec<Spanned>,
    at: usize,
    faults: Vec<Diagnostic>,
    graph: Graph,
    /// `None` for a value whose definition was faulty: its users are not reported again.
    values: HashMap<String, Option<Value>>,
    source: Source,
    weights: &'a dyn WeightStore,
}

type Parsed<T> = Result<T, Diagnostic>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].token.clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn fault_at(&self, at: usize, message: String) -> Diagnostic {
        let Spanned { line, column, .. } = self.tokens[at];
        Diagnostic { line, column, message }
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        Err(self.fault_at(self.at, format!("found {}, expected {what}", self.peek().describe())))
    }

    fn punct(&mut self, c: char) -> Parsed<()> {
        if self.accept(c) { Ok(()) } else { self.expected(&format!("`{c}`")) }
    }

    fn accept(&mut self, c: char) -> bool {
        let found = *self.peek() == Token::Punct(c);
        if found {
            self.next();
        }
        found
    }

    fn keyword(&mut self, word: &str) -> Parsed<()> {
        match self.peek() {
            Token::Word(found) if found == word => drop(self.next()),
            _ => return self.expected(&format!("`{word}`")),
        }
        Ok(())
    }

    fn word(&mut self, what: &str) -> Parsed<String> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                Ok(word)
            }
            _ => self.expected(what),
        }
    }

    fn graph_text(&mut self) -> Parsed<()> {
        self.keyword("graph")?;
        match self.next() {
            Token::Symbol(name) => self.graph.name = name,
            _ => {
                return Err(
                    self.fault_at(self.at.saturating_sub(1), "the graph's `@name` is expected".to_owned())
                );
            }
        }
        self.punct('(')?;
        while *self.peek() != Token::Punct(')') {
            self.parameter()?;
            if !self.accept(',') {
                break;
            }
        }
        self.punct(')')?;
        self.punct('{')?;
        while !matches!(self.peek(), Token::Punct('}') | Token::End) {
            let start = self.at;
            if let Err(fault) = self.statement() {
                self.faults.push(fault);
                self.recover(start);
            }
        }
        self.punct('}')?;
        if *self.peek() == Token::End { Ok(()) } else { self.expected("nothing behind the graph") }
    }

    /// Skips to the first token of a later line, and marks the values the faulty statement would have defined.
    fn recover(&mut self, start: usize) {
        let define = usize::from(self.tokens[start].token == Token::Word("const".to_owned()));
        if let Some(Token::Value(name)) = self.tokens.get(start + define).map(|t| t.token.clone()) {
            self.values.entry(name).or_insert(None);
        }
        let line = self.tokens[self.at.saturating_sub(1).max(start)].line;
        while self.tokens[self.at].line <= line && *self.peek() != Token::End {
            self.next();
        }
    }

    fn parameter(&mut self) -> Parsed<()> {
        let at = self.at;
        match self.next() {
            Token::Value(name) => {
                self.punct(':')?;
                let ty = self.ty()?;
                self.sound(at, &ty)?;
                let value = self.graph.add_input(name.trim_start_matches(NUMBER), ty);
                self.define(at, name, value)
            }
            Token::Word(word) if word == "layout" => {
                self.punct('=')?;
                self.graph.layout = match self.word("nchw or nhwc")?.as_str() {
                    "nchw" => Layout::Nchw,
                    "nhwc" => Layout::Nhwc,
                    other => {
                        return Err(self.fault_at(at, format!("layout `{other}`, expected nchw or nhwc")));
                    }
                };
                Ok(())
            }
            other => {
                let found = other.describe();
                Err(self.fault_at(at, format!("found {found}, expected `%input: type` or `layout = ..`")))
            }
        }
    }

    fn sound(&self, at: usize, ty: &Type) -> Parsed<()> {
        ty.fault().map_or(Ok(()), |fault| Err(self.fault_at(at, fault)))
    }

    fn define(&mut self, at: usize, name: String, value: Value) -> Parsed<()> {
        self.source.lines.insert(value, self.tokens[at].line);
        if let std::collections::hash_map::Entry::Vacant(entry) = self.values.entry(name.clone()) {
            entry.insert(Some(value));
            return Ok(());
        }
        let name = Token::Value(name).describe();
        Err(self.fault_at(at, format!("{name} is defined twice")))
    }

    fn statement(&mut self) -> Parsed<()> {
        let at = self.at;
        match self.next() {
            Token::Word(word) if word == "const" => self.constant(),
            Token::Word(word) if word == "return" => self.outputs(),
            Token::Value(name) => self.op(at, name),
            other => {
                let found = other.describe();
                Err(self.fault_at(at, format!("found {found}, expected `%value =`, `const` or `return`")))
            }
        }
    }

    fn outputs(&mut self) -> Parsed<()> {
        let mut outputs = Vec::new();
        loop {
            match self.operand()? {
                Some(Some(value)) => outputs.push(value),
                Some(None) => {}
                None => return self.expected("a value"),
            }
            if !self.accept(',') {
                break;
            }
        }
        self.graph.set_outputs(outputs);
        Ok(())
    }

    /// A value (`Some(None)` where its definition was faulty), or `None` for `_`.
    fn operand(&mut self) -> Parsed<Option<Option<Value>>> {
        match self.peek().clone() {
            Token::Punct('_') => {
                self.next();
                Ok(None)
            }
            Token::Value(name) => match self.values.get(&name) {
                Some(value) => {
                    let value = *value;
                    self.next();
                    Ok(Some(value))
                }
                None => {
                    Err(self.fault_at(self.at, format!("{} is not defined above", self.peek().describe())))
                }
            },
            _ => self.expected("a value or `_`"),
        }
    }

    fn constant(&mut self) -> Parsed<()> {
        let at = self.at;
        let Token::Value(name) = self.next() else {
            return Err(self.fault_at(at, "`%value` is expected behind `const`".to_owned()));
        };
        self.punct('=')?;
        let what = self.at;
        let value = match self.next() {
            Token::Symbol(weight) => {
                self.punct(':')?;
                let ty = self.ty()?;
                self.sound(at, &ty)?;
                self.weight(what, weight, ty)?
            }
            Token::Punct('[') => {
                let values = self.numbers()?;
                self.punct(':')?;
                let ty = self.ty()?;
                self.sound(at, &ty)?;
                let data = inline(&ty, &values).map_err(|message| self.fault_at(what, message))?;
                self.graph.add_const(None, ty, data)
            }
            other => {
                let message = format!("found {}, expected `@weight` or `[elements]`", other.describe());
                return Err(self.fault_at(what, message));
            }
        };
        self.name(value, &name);
        self.define(at, name, value)
    }

    fn weight(&mut self, at: usize, weight: String, ty: Type) -> Parsed<Value> {
        let Some(data) = self.weights.tensor(&weight) else {
            return Ok(self.graph.add_untrained(weight, ty));
        };
        if data.element() != ty.element || data.shape() != ty.shape {
            let (element, shape) = (data.element(), data.shape());
            let message =
                format!("weight `{weight}` is {element}{shape:?}, {}{:?} expected", ty.element, ty.shape);
            return Err(self.fault_at(at, message));
        }
        Ok(self.graph.add_const(Some(weight), ty, data))
    }

    /// Values written as plain numbers are unnamed.
    fn name(&mut self, value: Value, name: &str) {
        if !name.starts_with(NUMBER) {
            self.graph.set_name(value, Some(name.to_owned()));
        }
    }

    fn op(&mut self, at: usize, name: String) -> Parsed<()> {
        self.punct('=')?;
        let op_at = self.at;
        let op_name = self.word("an op")?;
        let op = Op::named(&op_name).ok_or_else(|| self.fault_at(op_at, unknown_op(&op_name)))?;
        let mut operands = Vec::new();
        let mut poisoned = false;
        while matches!(self.peek(), Token::Value(_) | Token::Punct('_')) {
            let operand = self.operand()?;
            poisoned |= operand == Some(None);
            operands.push(operand.flatten());
            if !self.accept(',') {
                break;
            }
        }
        let attrs = if self.accept('{') { self.attrs()? } else { Vec::new() };
        let declared = if self.accept(':') { Some(self.ty()?) } else { None };
        if poisoned {
            self.values.entry(name).or_insert(None);
            return Ok(());
        }
        let added = self.graph.add(op, &operands, attrs, declared);
        let value = added.map_err(|error| self.fault_at(op_at, error.to_string()))?;
        self.name(value, &name);
        self.define(at, name, value)
    }

    fn attrs(&mut self) -> Parsed<Vec<(String, Attr)>> {
        let mut attrs = Vec::new();
        while *self.peek() != Token::Punct('}') {
            let name = self.word("an attribute")?;
            self.punct('=')?;
            let at = self.at;
            if attrs.iter().any(|(known, _)| *known == name) {
                return Err(self.fault_at(at, format!("attribute `{name}` is given twice")));
            }
            attrs.push((name, self.attr()?));
            if !self.accept(',') {
                break;
            }
        }
        self.punct('}')?;
        Ok(attrs)
    }

    fn attr(&mut self) -> Parsed<Attr> {
        match self.next() {
            Token::Int(v) => Ok(Attr::Int(v)),
            Token::Float(v) => Ok(Attr::Float(v)),
            Token::Text(v) => Ok(Attr::Text(v)),
            Token::Punct('[') => {
                let at = self.at;
                let whole = self.numbers()?.into_iter().map(|number| match number {
                    Number::Int(v) => Ok(v),
                    Number::Float(v) => Err(self.fault_at(at, format!("{v:?} in a list of whole numbers"))),
                });
                whole.collect::<Parsed<_>>().map(Attr::Ints)
            }
            Token::Word(word) => match Element::parse(&word) {
                Some(element) if *self.peek() == Token::Punct('{') => {
                    let at = self.at;
                    let (quant, _) = self.type_details()?;
                    let quant = quant.ok_or_else(|| self.fault_at(at, "a scale is expected".to_owned()))?;
                    Ok(Attr::Quant(element, quant))
                }
                _ => Ok(Attr::Word(word)),
            },
            other => {
                let message = format!("found {}, expected an attribute's value", other.describe());
                Err(self.fault_at(self.at.saturating_sub(1), message))
            }
        }
    }

    /// Numbers up to the closing bracket; the opening one is behind us.
    fn numbers(&mut self) -> Parsed<Vec<Number>> {
        let mut numbers = Vec::new();
        while *self.peek() != Token::Punct(']') {
            match self.peek().clone() {
                Token::Int(v) => numbers.push(Number::Int(v)),
                Token::Float(v) => numbers.push(Number::Float(v)),
                Token::Word(word) => match word.as_str() {
                    "NaN" => numbers.push(Number::Float(f64::NAN)),
                    "inf" => numbers.push(Number::Float(f64::INFINITY)),
                    _ => return self.expected("a number"),
                },
                _ => return self.expected("a number"),
            }
            self.next();
            if !self.accept(',') {
                break;
            }
        }
        self.punct(']')?;
        Ok(numbers)
    }

    fn ty(&mut self) -> Parsed<Type> {
        let at = self.at;
        let word = self.word("a type such as f32[1, 3, 8, 8]")?;
        let element = Element::parse(&word)
            .ok_or_else(|| self.fault_at(at, format!("`{word}` is no element type, expected f32, i8, ..")))?;
        self.punct('[')?;
        let shape = self.numbers()?.into_iter().map(|number| match number {
            Number::Int(v) => usize::try_from(v).ok(),
            Number::Float(_) => None,
        });
        let shape: Option<Vec<usize>> = shape.collect();
        let shape =
            shape.ok_or_else(|| self.fault_at(at, "an extent is not a whole number from 0".to_owned()))?;
        let (quant, sparsity) =
            if *self.peek() == Token::Punct('{') { self.type_details()? } else { (None, None) };
        Ok(Type { element, shape, quant, sparsity })
    }

    /// `{scale = .., zero = .., axis = .., group = .., sparse = ".."}`.
    fn type_details(&mut self) -> Parsed<(Option<Quant>, Option<Sparsity>)> {
        self.punct('{')?;
        let (mut scale, mut zero, mut axis, mut group, mut sparsity) = (None, None, None, None, None);
        while *self.peek() != Token::Punct('}') {
            let at = self.at;
            let key = self.word("scale, zero, axis, group or sparse")?;
            self.punct('=')?;
            match key.as_str() {
                "scale" => scale = Some(self.number_or_list()?),
                "zero" => zero = Some(self.number_or_list()?),
                "axis" => axis = Some(self.extent()?),
                "group" => group = Some(self.extent()?),
                "sparse" => sparsity = Some(self.sparsity()?),
                _ => {
                    let message = format!("`{key}`, expected scale, zero, axis, group or sparse");
                    return Err(self.fault_at(at, message));
                }
            }
            if !self.accept(',') {
                break;
            }
        }
        let at = self.at;
        self.punct('}')?;
        let quant = quant(scale, zero, axis, group).map_err(|message| self.fault_at(at, message))?;
        Ok((quant, sparsity))
    }

    fn number_or_list(&mut self) -> Parsed<Vec<Number>> {
        match self.peek().clone() {
            Token::Int(v) => {
                self.next();
                Ok(vec![Number::Int(v)])
            }
            Token::Float(v) => {
                self.next();
                Ok(vec![Number::Float(v)])
            }
            Token::Punct('[') => {
                self.next();
                self.numbers()
            }
            _ => self.expected("a number or a list of numbers"),
        }
    }

    fn extent(&mut self) -> Parsed<usize> {
        match self.peek().clone() {
            Token::Int(v) if v >= 0 => {
                self.next();
                Ok(usize::try_from(v).expect("not negative"))
            }
            _ => self.expected("a whole number from 0"),
        }
    }

    fn sparsity(&mut self) -> Parsed<Sparsity> {
        let at = self.at;
        let Token::Text(text) = self.next() else {
            return Err(self.fault_at(at, "\"n:m\", \"RxC\" or \"channel\" is expected".to_owned()));
        };
        let pair = |separator: char| {
            let (a, b) = text.split_once(separator)?;
            Some((a.parse::<usize>().ok()?, b.parse::<usize>().ok()?))
        };
        match (text.as_str(), pair(':'), pair('x')) {
            ("channel", ..) => Ok(Sparsity::Channel),
            (_, Some((n, m)), _) if n <= m && m > 0 => Ok(Sparsity::NofM { n, m }),
            (.., Some((rows, cols))) if rows > 0 && cols > 0 => Ok(Sparsity::Block { rows, cols }),
            _ => {
                Err(self.fault_at(at, format!("sparsity {text:?}, expected \"n:m\", \"RxC\" or \"channel\"")))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn real(self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "a whole number where a real one is wanted")]
            Self::Int(v) => v as f64,
            Self::Float(v) => v,
        }
    }
}

fn quant(
    scale: Option<Vec<Number>>,
    zero: Option<Vec<Number>>,
    axis: Option<usize>,
    group: Option<usize>,
) -> Result<Option<Quant>, String> {
    let Some(scale) = scale else {
        let stray = zero.is_some() || axis.is_some() || group.is_some();
        return if stray { Err("zero, axis and group want a scale".to_owned()) } else { Ok(None) };
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "scales are f32; their text reads back to the same bits"
    )]
    let scale: Vec<f32> = scale.into_iter().map(|n| n.real() as f32).collect();
    let zero: Option<Vec<i32>> = zero
        .unwrap_or_else(|| vec![Number::Int(0)])
        .into_iter()
        .map(|n| if let Number::Int(v) = n { i32::try_from(v).ok() } else { None })
        .collect();
    let mut zero = zero.ok_or("a zero point is a whole number of 32 bits")?;
    if zero.len() == 1 {
        zero = vec![zero[0]; scale.len()];
    }
    let granularity = match (axis, group) {
        (None, None) => Granularity::PerTensor,
        (Some(axis), None) => Granularity::PerAxis(axis),
        (Some(axis), Some(size)) => Granularity::PerGroup { axis, size },
        (None, Some(_)) => return Err("group wants an axis".to_owned()),
    };
    Ok(Some(Quant { scale, zero, granularity }))
}

fn inline(ty: &Type, values: &[Number]) -> Result<Tensor, String> {
    if values.len() != ty.elements() {
        return Err(format!("{} elements, {} expected", values.len(), ty.elements()));
    }
    if matches!(ty.element, Element::F32 | Element::F16 | Element::BF16) {
        return Ok(Tensor::from_reals(ty.element, ty.shape.clone(), values.iter().map(|n| n.real())));
    }
    let Some((low, high)) = ty.element.range() else {
        return Err(format!("{} constants are not written in text: name a weight", ty.element));
    };
    let ints = values.iter().map(|n| match n {
        Number::Int(v) if (low..=high).contains(v) => Ok(*v),
        Number::Int(v) => Err(format!("{v} is outside {}", ty.element)),
        Number::Float(v) => Err(format!("{v:?} in a constant of {}", ty.element)),
    });
    Ok(Tensor::from_ints(ty.element, ty.shape.clone(), &ints.collect::<Result<Vec<_>, _>>()?))
}

fn unknown_op(name: &str) -> String {
    let near = crate::op::all().map(|op| op.name).min_by_key(|known| distance(name, known));
    let hint =
        near.filter(|known| distance(name, known) <= 2).map(|known| format!(", did you mean `{known}`?"));
    format!("unknown op `{name}`{}", hint.unwrap_or_default())
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let substitute = diagonal + usize::from(ca != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
