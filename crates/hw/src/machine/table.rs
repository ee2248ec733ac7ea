//! A table of a hardware file being read: keys by name, numbers within bounds, parameters put in.

use super::describe::Fact;
use super::error::{MachineError, Problem};
use super::tree::{Item, Value};
use super::{Parameter, schema};

/// Largest count in a file: sums of a few stay exact in a double.
pub(super) const LARGEST: u64 = 1 << 50;

/// Range of energies and bandwidths: sums and quotients of counts with them stay finite.
const SMALLEST: f64 = 1e-9;
const GREATEST: f64 = 1e12;

/// Longest list of tables.
const LONGEST: usize = 64;

/// A table being read: its keys are looked up by name, and `"$name"` stands for a parameter.
pub(super) struct Table<'a> {
    pub(super) item: &'a Item,
    pub(super) name: &'static str,
    pub(super) parameters: &'a [Parameter],
}

impl<'a> Table<'a> {
    pub(super) fn known(&self, keys: &[&str]) -> Result<(), MachineError> {
        let Value::Table(entries) = &self.item.value else {
            return Err(self.item.error(wrong(self.name, "a table", self.item)));
        };
        match entries.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, item)) => Err(item.error(schema::unknown(key, self.name, keys))),
        }
    }

    pub(super) fn need(&self, key: &'static str) -> Result<&'a Item, MachineError> {
        self.item.get(key).ok_or_else(|| self.item.error(Problem::Missing { key, table: self.name }))
    }

    pub(super) fn optional<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Self) -> Result<T, MachineError>,
    ) -> Result<Option<T>, MachineError> {
        self.item.get(key).map(|_| read(self)).transpose()
    }

    pub(super) fn child(&self, key: &'static str, name: &'static str) -> Result<Table<'a>, MachineError> {
        Ok(Table { item: self.need(key)?, name, parameters: self.parameters })
    }

    pub(super) fn list(&self, key: &'static str, name: &'static str) -> Result<Vec<Table<'a>>, MachineError> {
        let Some(item) = self.item.get(key) else { return Ok(Vec::new()) };
        match &item.value {
            Value::List(items) if items.len() > LONGEST => {
                Err(item.error(range(key, &format!("at most {LONGEST} entries"), items.len() as f64)))
            }
            Value::List(items) => {
                Ok(items.iter().map(|item| Table { item, name, parameters: self.parameters }).collect())
            }
            _ => Err(item.error(wrong(key, "a list of tables", item))),
        }
    }

    pub(super) fn text(&self, key: &'static str) -> Result<String, MachineError> {
        match self.need(key)? {
            Item { value: Value::Text(text), .. } => Ok(text.clone()),
            other => Err(other.error(wrong(key, "text", other))),
        }
    }

    pub(super) fn number(&self, key: &'static str) -> Result<(f64, &'a Item), MachineError> {
        let item = self.need(key)?;
        match &item.value {
            Value::Number(x) => Ok((*x, item)),
            Value::Text(text) if text.contains('$') => Ok((self.product(text, item)?, item)),
            _ => Err(item.error(wrong(key, "a number", item))),
        }
    }

    /// `"$rows * 2 / $columns"`: parameters and numbers, multiplied and divided from the left.
    fn product(&self, text: &str, item: &Item) -> Result<f64, MachineError> {
        let mut value = 1.0;
        let mut rest = text;
        let mut times = true;
        loop {
            let end = rest.find(['*', '/']).unwrap_or(rest.len());
            let word = rest[..end].trim();
            let factor = match word.strip_prefix('$') {
                Some(name) => match self.parameters.iter().find(|p| p.name == name) {
                    Some(parameter) => parameter.value as f64,
                    None => {
                        return Err(item.error(Problem::Unknown { what: "parameter", name: name.to_owned() }));
                    }
                },
                None => match word.parse::<f64>() {
                    Ok(x) if x.is_finite() => x,
                    _ => {
                        let expected = "a product of numbers and parameters (`$name`)".to_owned();
                        let (key, found) = ("value".to_owned(), word.to_owned());
                        return Err(item.error(Problem::Word { key, expected, found }));
                    }
                },
            };
            value = if times { value * factor } else { value / factor };
            if !value.is_finite() {
                return Err(item.error(range("value", "a finite number", value)));
            }
            match rest.as_bytes().get(end) {
                None => return Ok(value),
                Some(sign) => times = *sign == b'*',
            }
            rest = &rest[end + 1..];
        }
    }

    pub(super) fn positive(&self, key: &'static str) -> Result<f64, MachineError> {
        match self.number(key)? {
            (x, item) if x <= 0.0 => Err(item.error(range(key, "more than 0", x))),
            (x, item) if !(SMALLEST..=GREATEST).contains(&x) => {
                Err(item.error(range(key, &format!("a number from {SMALLEST:e} to {GREATEST:e}"), x)))
            }
            (x, _) => Ok(x),
        }
    }

    pub(super) fn energy(&self, key: &'static str) -> Result<f64, MachineError> {
        match self.number(key)? {
            (x, item) if x < 0.0 => Err(item.error(range(key, "at least 0", x))),
            (x, item) if x > GREATEST => Err(item.error(range(key, &format!("at most {GREATEST:e}"), x))),
            (x, _) => Ok(x),
        }
    }

    /// `false` where the key is missing.
    pub(super) fn flag(&self, key: &'static str) -> Result<bool, MachineError> {
        match self.item.get(key) {
            None => Ok(false),
            Some(Item { value: Value::Bool(b), .. }) => Ok(*b),
            Some(other) => Err(other.error(wrong(key, "true or false", other))),
        }
    }

    /// What the table's numbers rest on, put down under a name.
    pub(super) fn facts(&self, name: &str, facts: &mut Vec<Fact>) -> Result<(), MachineError> {
        let Value::Table(entries) = &self.item.value else { return Ok(()) };
        for (key, item) in entries {
            let value = match &item.value {
                Value::Number(x) => x.to_string(),
                Value::Bool(b) => b.to_string(),
                Value::Text(text)
                    if text.contains('$') && !["name", "summary", "source"].contains(&key.as_str()) =>
                {
                    self.product(text, item)?.to_string()
                }
                Value::List(list) if matches!(key.as_str(), "dims" | "structured_sparsity") => words(list),
                _ => continue,
            };
            let source = item.source.as_deref().map(str::to_owned);
            let (item_name, key, assumed) = (name.to_owned(), key.clone(), item.assumed);
            facts.push(Fact { item: item_name, key, value, source, assumed });
        }
        Ok(())
    }

    pub(super) fn count(&self, key: &'static str, low: u64, high: u64) -> Result<u64, MachineError> {
        let (x, item) = self.number(key)?;
        if x.fract() == 0.0 && x >= low as f64 && x <= high as f64 {
            Ok(x as u64)
        } else {
            Err(item.error(range(key, &format!("a whole number from {low} to {high}"), x)))
        }
    }

    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Result<T, MachineError> {
        let found = self.text(key)?;
        words.iter().find(|(w, _)| *w == found).map(|&(_, value)| value).ok_or_else(|| {
            let expected = words.iter().map(|(w, _)| format!("`{w}`")).collect::<Vec<_>>().join(", ");
            self.item.get(key).unwrap_or(self.item).error(Problem::Word { key: key.into(), expected, found })
        })
    }

    pub(super) fn set<const LEN: usize>(
        &self,
        key: &'static str,
        words: &[(String, usize)],
    ) -> Result<[bool; LEN], MachineError> {
        let item = self.need(key)?;
        let Value::List(list) = &item.value else { return Err(item.error(wrong(key, "a list", item))) };
        let mut set = [false; LEN];
        for entry in list {
            let Value::Text(found) = &entry.value else { return Err(entry.error(wrong(key, "text", entry))) };
            let Some((_, at)) = words.iter().find(|(w, _)| w == found) else {
                let expected = words.iter().map(|(w, _)| format!("`{w}`")).collect::<Vec<_>>().join(", ");
                return Err(entry.error(Problem::Word { key: key.into(), expected, found: found.clone() }));
            };
            set[*at] = true;
        }
        Ok(set)
    }
}

/// The texts of a list in one.
fn words(list: &[Item]) -> String {
    let text = |item: &Item| match &item.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    list.iter().filter_map(text).collect::<Vec<_>>().join(" ")
}

pub(super) fn wrong(key: &str, expected: &'static str, item: &Item) -> Problem {
    Problem::Type { key: key.to_owned(), expected, found: item.kind().to_owned() }
}

pub(super) fn range(key: &str, expected: &str, found: f64) -> Problem {
    Problem::Range { key: key.to_owned(), expected: expected.to_owned(), found }
}
