//! Tokens of the text form.

use super::Diagnostic;

/// Leads the name of a value written as a bare number, which is no name: `%17` is unnamed, `%"17"` is named 17.
pub(super) const NUMBER: char = '\0';

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A bare word: letters, digits, `_`, `.`, `-`, starting with a letter or `_`.
    Word(String),
    /// `%name` or `%"any text"`.
    Value(String),
    /// `@name` or `@"any text"`.
    Symbol(String),
    /// `"text"`.
    Text(String),
    Int(i64),
    Float(f64),
    Punct(char),
    End,
}

impl Token {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(w) => format!("`{w}`"),
            Self::Value(v) => format!("`%{}`", v.trim_start_matches(NUMBER)),
            Self::Symbol(s) => format!("`@{s}`"),
            Self::Text(t) => format!("{t:?}"),
            Self::Int(i) => format!("`{i}`"),
            Self::Float(v) => format!("`{v:?}`"),
            Self::Punct(c) => format!("`{c}`"),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) line: usize,
    pub(super) column: usize,
}

pub(super) fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/')
}

/// Splits the text into tokens; the last is [`Token::End`]. Characters no token starts with are reported and skipped.
pub(super) fn tokens(text: &str) -> (Vec<Spanned>, Vec<Diagnostic>) {
    let mut lexer = Lexer { chars: text.chars().peekable(), line: 1, column: 1, faults: Vec::new() };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let (line, column) = (lexer.line, lexer.column);
        let Some(token) = lexer.next_token() else { continue };
        let end = token == Token::End;
        tokens.push(Spanned { token, line, column });
        if end {
            return (tokens, lexer.faults);
        }
    }
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
    faults: Vec<Diagnostic>,
}

impl Lexer<'_> {
    fn bump(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn fault(&mut self, message: String) {
        self.faults.push(Diagnostic { line: self.line, column: self.column, message });
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.chars.peek().copied().filter(|c| accept(*c)) {
            taken.push(c);
            self.bump();
        }
        taken
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            let mut ahead = self.chars.clone();
            if ahead.next() != Some('/') || ahead.next() != Some('/') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn next_token(&mut self) -> Option<Token> {
        let Some(first) = self.chars.peek().copied() else { return Some(Token::End) };
        match first {
            '%' => {
                self.bump();
                let bare = self.chars.peek() != Some(&'"');
                let name = self.name()?;
                let number = bare && name.bytes().all(|b| b.is_ascii_digit());
                Some(Token::Value(if number { format!("{NUMBER}{name}") } else { name }))
            }
            '@' => {
                self.bump();
                self.name().map(Token::Symbol)
            }
            '"' => self.quoted().map(Token::Text),
            '0'..='9' | '-' | '+' => self.number(),
            '_' if !self.chars.clone().nth(1).is_some_and(is_name) => {
                self.bump();
                Some(Token::Punct('_'))
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                Some(Token::Word(self.take_while(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))))
            }
            '(' | ')' | '{' | '}' | '[' | ']' | ',' | ':' | '=' => {
                self.bump();
                Some(Token::Punct(first))
            }
            other => {
                self.fault(format!("unexpected character {other:?}"));
                self.bump();
                None
            }
        }
    }

    fn name(&mut self) -> Option<String> {
        if self.chars.peek() == Some(&'"') {
            return self.quoted();
        }
        let name = self.take_while(is_name);
        if name.is_empty() {
            self.fault("a name is expected behind `%` or `@`".to_owned());
            return None;
        }
        Some(name)
    }

    fn quoted(&mut self) -> Option<String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None | Some('\n' | NUMBER) => {
                    self.fault("text in quotes does not end on its line".to_owned());
                    return None;
                }
                Some('"') => return Some(text),
                Some('\\') => match self.bump() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(c @ ('"' | '\\')) => text.push(c),
                    _ => self.fault("unknown escape, expected \\n, \\r, \\t, \\\" or \\\\".to_owned()),
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn number(&mut self) -> Option<Token> {
        let mut text = String::new();
        while let Some(c) = self.chars.peek().copied() {
            let sign = "+-".contains(c) && (text.is_empty() || text.ends_with(['e', 'E']));
            if !(sign || c.is_ascii_alphanumeric() || c == '.') {
                break;
            }
            text.push(c);
            self.bump();
        }
        if let Ok(value) = text.parse() {
            return Some(Token::Int(value));
        }
        let real = text.contains(|c: char| c.is_ascii_digit()) && text.contains(['.', 'e', 'E']);
        match text.parse::<f64>() {
            Ok(value) if real && value.is_finite() => Some(Token::Float(value)),
            _ => {
                self.fault(format!("`{text}` is no number in range"));
                None
            }
        }
    }
}
