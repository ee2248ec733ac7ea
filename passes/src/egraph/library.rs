//! Conditions and functions that rules may call, by name.

use super::args::{Args, Made};
use super::functions;
use std::collections::BTreeMap;

/// Says whether a rule applies. It sees what its arguments are bound to and changes nothing.
pub type Condition = fn(&Args<'_>) -> bool;

/// Makes an operand, an attribute or a type for a right side; `None` where the rule does not apply.
pub type Function = fn(&Args<'_>) -> Option<Made>;

/// Named conditions and functions.
#[derive(Clone)]
pub struct Library {
    conditions: BTreeMap<String, (Condition, &'static str)>,
    functions: BTreeMap<String, (Function, &'static str)>,
}

impl Default for Library {
    /// The standard library.
    fn default() -> Self {
        let mut library = Self { conditions: BTreeMap::new(), functions: BTreeMap::new() };
        for (name, summary, condition) in functions::CONDITIONS {
            library = library.with_condition(*name, summary, *condition);
        }
        for (name, summary, function) in functions::FUNCTIONS {
            library = library.with_function(*name, summary, *function);
        }
        library
    }
}

impl Library {
    /// Adds a condition, or replaces the one of that name.
    #[must_use]
    pub fn with_condition(
        mut self,
        name: impl Into<String>,
        summary: &'static str,
        condition: Condition,
    ) -> Self {
        self.conditions.insert(name.into(), (condition, summary));
        self
    }

    /// Adds a function, or replaces the one of that name.
    #[must_use]
    pub fn with_function(
        mut self,
        name: impl Into<String>,
        summary: &'static str,
        function: Function,
    ) -> Self {
        self.functions.insert(name.into(), (function, summary));
        self
    }

    /// The condition of this name.
    pub fn condition(&self, name: &str) -> Option<Condition> {
        self.conditions.get(name).map(|(condition, _)| *condition)
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<Function> {
        self.functions.get(name).map(|(function, _)| *function)
    }

    /// Names and summaries of all conditions.
    pub fn conditions(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.conditions.iter().map(|(name, (_, summary))| (name.as_str(), *summary))
    }

    /// Names and summaries of all functions.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.functions.iter().map(|(name, (_, summary))| (name.as_str(), *summary))
    }
}
