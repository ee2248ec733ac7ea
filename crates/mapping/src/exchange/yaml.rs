//! YAML as a tree with line numbers, of bounded size and depth.

use super::workload::{Problem, WorkloadError};
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::HashMap;

/// Bytes of text.
pub(super) const LARGEST: usize = 8 << 20;
/// Values of a file, with every alias counted as often as it stands there: a few hundred bytes of aliases of aliases can be billions.
const MOST_NODES: usize = 1 << 18;
/// Lists in maps in lists.
const DEEPEST: usize = 32;

/// A value and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Its text, and whether it stands without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    /// In the order of the file; merges are done.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key; `None`: no map, or none such. An explicit null counts as none.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(items) = &self.value else { return None };
        items.iter().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// The value of the first of several spellings of a key.
    pub(super) fn any(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// The value of a key that must be there.
    pub(super) fn need(&self, key: &'static str) -> Result<&Node, WorkloadError> {
        self.get(key).ok_or_else(|| self.at(Problem::Missing { key: key.to_owned() }))
    }

    pub(super) fn at(&self, problem: Problem) -> WorkloadError {
        WorkloadError { line: self.line, problem }
    }

    fn wrong(&self, key: &str, expected: &'static str) -> WorkloadError {
        self.at(Problem::Value { key: key.to_owned(), found: self.shown(), expected })
    }

    fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// As an error shows it.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Scalar(text, _) => text.chars().take(60).collect(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// A text; `key` names the value in errors.
    pub(super) fn text(&self, key: &str) -> Result<&str, WorkloadError> {
        match &self.value {
            Value::Scalar(text, _) => Ok(text),
            _ => Err(self.wrong(key, "a text")),
        }
    }

    /// A list; `key` names the value in errors.
    pub(super) fn list(&self, key: &str) -> Result<&[Node], WorkloadError> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.wrong(key, "a list")),
        }
    }

    /// A map's items; `key` names the value in errors.
    pub(super) fn map(&self, key: &str) -> Result<&[(String, Node)], WorkloadError> {
        match &self.value {
            Value::Map(items) => Ok(items),
            _ => Err(self.wrong(key, "a map")),
        }
    }

    /// A whole number from 1.
    pub(super) fn count(&self, key: &str) -> Result<u64, WorkloadError> {
        let text = self.text(key)?;
        text.parse().ok().filter(|&n| n > 0).ok_or_else(|| self.wrong(key, "a whole number from 1"))
    }
}

/// The one document of a text.
pub(super) fn parse(text: &str) -> Result<Node, WorkloadError> {
    if text.len() > LARGEST {
        let problem = Problem::Limit { what: "bytes", found: text.len(), most: LARGEST };
        return Err(WorkloadError { line: 1, problem });
    }
    let mut build = Build::default();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| WorkloadError {
            line: error.marker().line(),
            problem: Problem::Yaml { message: error.info().to_owned() },
        })?;
        let line = span.start.line();
        if matches!(event, Event::DocumentStart(_)) && root.is_some() {
            return Err(WorkloadError { line, problem: Problem::Documents });
        }
        if let Some(done) = build.event(event, line)? {
            root = Some(done);
        }
    }
    root.ok_or(WorkloadError { line: 1, problem: Problem::Empty })
}

/// A list or map that is still open.
struct Open {
    line: usize,
    anchor: usize,
    /// Values below it, itself included.
    nodes: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    /// The key whose value comes next.
    Map(Vec<(String, Node)>, Option<String>),
}

#[derive(Default)]
struct Build {
    open: Vec<Open>,
    nodes: usize,
    /// Anchored values with how many values they are.
    anchors: HashMap<usize, (Node, usize)>,
}

impl Build {
    /// Takes an event; gives the document once it is whole.
    fn event(&mut self, event: Event<'_>, line: usize) -> Result<Option<Node>, WorkloadError> {
        let at = |problem| WorkloadError { line, problem };
        let (anchor, items) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar(text.into_owned(), style == ScalarStyle::Plain);
                return self.close(Node { line, value }, anchor, 1);
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (node, nodes) = known.ok_or_else(|| at(Problem::Loop))?;
                // Errors point at the value itself: its line stays.
                return self.close(node, 0, nodes);
            }
            Event::SequenceStart(anchor, _) => (anchor, Items::List(Vec::new())),
            Event::MappingStart(anchor, _) => (anchor, Items::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(None) };
                let value = match open.items {
                    Items::List(items) => Value::List(items),
                    Items::Map(items, _) => Value::Map(merged(items)?),
                };
                return self.close(Node { line: open.line, value }, open.anchor, open.nodes);
            }
            _ => return Ok(None),
        };
        if self.open.len() == DEEPEST {
            return Err(at(Problem::Limit { what: "levels", found: DEEPEST + 1, most: DEEPEST }));
        }
        self.open.push(Open { line, anchor, nodes: 1, items });
        Ok(None)
    }

    /// Puts a whole value of `nodes` values where it belongs.
    fn close(&mut self, node: Node, anchor: usize, nodes: usize) -> Result<Option<Node>, WorkloadError> {
        let line = node.line;
        let at = |problem| WorkloadError { line, problem };
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MOST_NODES {
            return Err(at(Problem::Limit { what: "values", found: self.nodes, most: MOST_NODES }));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        open.nodes = open.nodes.saturating_add(nodes);
        match &mut open.items {
            Items::List(items) => items.push(node),
            Items::Map(items, key) => match key.take() {
                Some(key) => items.push((key, node)),
                None => {
                    let Value::Scalar(name, _) = node.value else { return Err(at(Problem::Key)) };
                    if items.iter().any(|(known, _)| *known == name) {
                        return Err(at(Problem::Twice { key: name }));
                    }
                    *key = Some(name);
                }
            },
        }
        Ok(None)
    }
}

/// A map with the maps it merges put in: of `<<` the keys it lacks, of `<<<` (Timeloop's front end) those of maps in it, too.
fn merged(items: Vec<(String, Node)>) -> Result<Vec<(String, Node)>, WorkloadError> {
    if !items.iter().any(|(key, _)| key == "<<" || key == "<<<") {
        return Ok(items);
    }
    let (merges, mut all): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|(key, _)| key == "<<" || key == "<<<");
    for (key, node) in merges {
        let from = match node.value {
            Value::List(nodes) => nodes,
            _ => vec![node],
        };
        for node in from {
            node.map(&key)?;
            let Value::Map(more) = node.value else { continue };
            add(&mut all, more, key == "<<<");
        }
    }
    Ok(all)
}

fn add(into: &mut Vec<(String, Node)>, more: Vec<(String, Node)>, within: bool) {
    for (key, node) in more {
        match into.iter_mut().find(|(known, _)| *known == key) {
            None => into.push((key, node)),
            Some((_, known)) => {
                if let (true, Value::Map(known), Value::Map(more)) = (within, &mut known.value, node.value) {
                    add(known, more, within);
                }
            }
        }
    }
}
