//! Writing C: lines with indentation, nothing more.

use std::fmt::Write as _;

/// The body of a C function in the making.
#[derive(Clone, Debug, Default)]
pub struct Code {
    text: String,
    depth: usize,
}

impl Code {
    /// An empty body; its first line is indented once.
    #[must_use]
    pub fn new() -> Code {
        Code { text: String::new(), depth: 1 }
    }

    /// One line.
    pub fn line(&mut self, line: impl AsRef<str>) -> &mut Code {
        for part in line.as_ref().lines() {
            let _ = writeln!(self.text, "{:1$}{part}", "", self.depth * 4);
        }
        self
    }

    /// A line that opens a block: `head {`.
    pub fn open(&mut self, head: impl AsRef<str>) -> &mut Code {
        let head = head.as_ref();
        self.line(format!("{head} {{"));
        self.depth += 1;
        self
    }

    /// `for (int32_t i = 0; i < count; i++) {`, or a plain block where the loop runs once.
    pub fn count(&mut self, i: &str, count: usize) -> &mut Code {
        self.open(format!("for (int32_t {i} = 0; {i} < {count}; {i}++)"))
    }

    /// Closes the innermost block.
    pub fn close(&mut self) -> &mut Code {
        self.depth -= 1;
        self.line("}")
    }

    /// Closes `blocks` blocks.
    pub fn close_all(&mut self, blocks: usize) -> &mut Code {
        for _ in 0..blocks {
            self.close();
        }
        self
    }

    /// The finished text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}
