//! A TOML document as a tree that remembers file and line, with inheritance.

use super::error::{MachineError, Problem};
use super::table::wrong;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    /// The `source` beside the value in its own file.
    pub(super) source: Option<Arc<str>>,
    /// Whether it is said there to be assumed.
    pub(super) assumed: bool,
}

/// What a value can be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(f64),
    Bool(bool),
    List(Vec<Item>),
    Table(Vec<(String, Item)>),
}

impl Item {
    pub(super) fn error(&self, problem: Problem) -> MachineError {
        MachineError { file: self.file.to_string(), line: self.line, problem }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "text",
            Value::Number(_) => "a number",
            Value::Bool(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Item> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, item)| item),
            _ => None,
        }
    }

    fn name(&self) -> Option<&str> {
        match &self.get("name")?.value {
            Value::Text(name) => Some(name),
            _ => None,
        }
    }
}

/// Line of an offset.
type LineOf<'a> = &'a dyn Fn(usize) -> usize;

/// Longest file read.
const LONGEST: usize = 1 << 18;

/// Parses one file.
pub(super) fn parse(text: &str, file: &str) -> Result<Item, MachineError> {
    let file: Arc<str> = file.into();
    if text.len() > LONGEST {
        let expected = format!("at most {LONGEST} bytes");
        let problem = Problem::Range { key: "the file".into(), expected, found: text.len() as f64 };
        return Err(MachineError { file: file.to_string(), line: 1, problem });
    }
    let ends: Vec<usize> = text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(at, _)| at).collect();
    let line_of = |at: usize| 1 + ends.partition_point(|&end| end < at);
    match DeTable::parse(text) {
        Ok(table) => {
            let value = entries(table.get_ref(), &file, &line_of)?;
            Ok(Item { value, file, line: 1, source: None, assumed: false })
        }
        Err(error) => {
            let line = line_of(error.span().map_or(0, |s| s.start));
            let problem = Problem::Syntax { message: error.message().to_owned() };
            Err(MachineError { file: file.to_string(), line, problem })
        }
    }
}

fn entries(table: &DeTable<'_>, file: &Arc<str>, line_of: LineOf<'_>) -> Result<Value, MachineError> {
    let mut list = Vec::new();
    for (key, value) in table {
        let line = line_of(key.span().start);
        list.push((key.get_ref().to_string(), item(value.get_ref(), line, file, line_of)?));
    }
    list.sort_by_key(|(_, item)| item.line);
    attribute(&mut list)?;
    Ok(Value::Table(list))
}

/// Puts the `source` of a table, and what its `assumed` names, beside its values: inheritance keeps each number with its own.
fn attribute(list: &mut [(String, Item)]) -> Result<(), MachineError> {
    let of = |key: &str| list.iter().find(|(k, _)| k == key).map(|(_, item)| item.clone());
    let assumed = of("assumed");
    let source: Option<Arc<str>> = match of("source") {
        Some(Item { value: Value::Text(text), .. }) => Some(text.as_str().into()),
        _ => None,
    };
    let all = source.as_ref().is_some_and(|s| s.starts_with("assumed"));
    for (_, item) in list.iter_mut() {
        item.source = source.clone();
        item.assumed = all;
    }
    let Some(assumed) = assumed else { return Ok(()) };
    let Value::List(names) = &assumed.value else {
        return Err(assumed.error(wrong("assumed", "a list of keys of its table", &assumed)));
    };
    for entry in names {
        let Value::Text(name) = &entry.value else {
            return Err(entry.error(wrong("assumed", "text", entry)));
        };
        match list.iter_mut().find(|(key, _)| key == name) {
            Some((_, item)) => item.assumed = true,
            None => {
                return Err(
                    entry.error(Problem::Unknown { what: "key beside `assumed`", name: name.clone() })
                );
            }
        }
    }
    Ok(())
}

fn item(
    value: &DeValue<'_>,
    line: usize,
    file: &Arc<str>,
    line_of: LineOf<'_>,
) -> Result<Item, MachineError> {
    let refuse = |found: &str| MachineError {
        file: file.to_string(),
        line,
        problem: Problem::Type {
            key: "value".into(),
            expected: "text, a finite number, a list or a table",
            found: found.into(),
        },
    };
    let number = |text: &str| text.replace('_', "").parse::<f64>().ok().filter(|x| x.is_finite());
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(i) if i.radix() == 10 => {
            Value::Number(number(i.as_str()).ok_or_else(|| refuse(i.as_str()))?)
        }
        DeValue::Integer(i) => return Err(refuse(i.as_str())),
        DeValue::Float(x) => Value::Number(number(x.as_str()).ok_or_else(|| refuse(x.as_str()))?),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(_) => return Err(refuse("a date")),
        DeValue::Array(list) => Value::List(
            list.iter()
                .map(|v| item(v.get_ref(), line_of(v.span().start), file, line_of))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => entries(table, file, line_of)?,
    };
    Ok(Item { value, file: file.clone(), line, source: None, assumed: false })
}

/// `own` laid over `base`: tables key by key, lists of named tables name by name, everything else replaced.
pub(super) fn inherit(base: Item, own: Item) -> Item {
    let value = match (base.value, own.value) {
        (Value::Table(mut entries), Value::Table(over)) => {
            for (key, item) in over {
                match entries.iter().position(|(k, _)| *k == key) {
                    Some(at) => {
                        let below = entries[at].1.clone();
                        entries[at].1 = inherit(below, item);
                    }
                    None => entries.push((key, item)),
                }
            }
            Value::Table(entries)
        }
        (Value::List(mut list), Value::List(over)) if over.iter().all(|i| i.name().is_some()) => {
            for item in over {
                match list.iter().position(|i| i.name() == item.name()) {
                    Some(at) => list[at] = inherit(list[at].clone(), item),
                    None => list.push(item),
                }
            }
            Value::List(list)
        }
        (_, value) => value,
    };
    Item { value, file: own.file, line: own.line, source: own.source, assumed: own.assumed }
}
