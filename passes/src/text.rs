//! Tokens of the texts users write for passes: pipelines, rules and their options.

use ir::{Attr, Diagnostic};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// Letters, digits, `_`, `-`, `.`, starting with a letter.
    Word(String),
    /// `?name`.
    Var(String),
    /// `"text"`.
    Text(String),
    Int(i64),
    Float(f64),
    /// `=>`.
    Arrow,
    /// `..`.
    Rest,
    Punct(char),
    End,
}

impl Token {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Var(name) => format!("`?{name}`"),
            Self::Text(text) => format!("{text:?}"),
            Self::Int(value) => format!("`{value}`"),
            Self::Float(value) => format!("`{value:?}`"),
            Self::Arrow => "`=>`".to_owned(),
            Self::Rest => "`..`".to_owned(),
            Self::Punct(c) => format!("`{c}`"),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

#[derive(Debug, Clone)]
struct Spanned {
    token: Token,
    line: usize,
    column: usize,
}

/// A position in the tokens of a text.
pub(crate) struct Cursor {
    tokens: Vec<Spanned>,
    at: usize,
}

pub(crate) type Parsed<T> = Result<T, Diagnostic>;

impl Cursor {
    /// Splits a text into tokens.
    ///
    /// # Errors
    /// At the first character no token starts with, and at text in quotes without an end.
    pub(crate) fn new(text: &str) -> Parsed<Self> {
        let mut lexer = Lexer { chars: text.chars().peekable(), line: 1, column: 1 };
        let mut tokens = Vec::new();
        loop {
            lexer.skip_blank();
            let (line, column) = (lexer.line, lexer.column);
            let token =
                lexer.token().map_err(|message| Diagnostic { line, column, message: message.to_string() })?;
            let end = token == Token::End;
            tokens.push(Spanned { token, line, column });
            if end {
                return Ok(Self { tokens, at: 0 });
            }
        }
    }

    pub(crate) fn peek(&self) -> &Token {
        &self.tokens[self.at].token
    }

    /// The token behind the next one.
    pub(crate) fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].token
    }

    pub(crate) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Line and column of the next token, from 1.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.tokens[self.at].line, self.tokens[self.at].column)
    }

    pub(crate) fn at_end(&self) -> bool {
        *self.peek() == Token::End
    }

    pub(crate) fn fault(&self, message: impl Into<String>) -> Diagnostic {
        fault_at(self.place(), message)
    }

    pub(crate) fn expected<T>(&self, what: &str) -> Parsed<T> {
        Err(self.fault(format!("found {}, expected {what}", self.peek().describe())))
    }

    pub(crate) fn accept(&mut self, c: char) -> bool {
        let found = *self.peek() == Token::Punct(c);
        if found {
            self.next();
        }
        found
    }

    pub(crate) fn punct(&mut self, c: char) -> Parsed<()> {
        if self.accept(c) { Ok(()) } else { self.expected(&format!("`{c}`")) }
    }

    pub(crate) fn accept_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(w) if w == word);
        if found {
            self.next();
        }
        found
    }

    pub(crate) fn word(&mut self, what: &str) -> Parsed<String> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.next();
                Ok(word)
            }
            _ => self.expected(what),
        }
    }

    /// The value of an option or attribute: a number, a word, text in quotes or a list of whole numbers.
    pub(crate) fn attr(&mut self) -> Parsed<Attr> {
        let value = match self.peek().clone() {
            Token::Int(v) => Attr::Int(v),
            Token::Float(v) => Attr::Float(v),
            Token::Text(v) => Attr::Text(v),
            Token::Word(w) if w == "absent" => Attr::Absent,
            Token::Word(w) => Attr::Word(w),
            Token::Punct('[') => return self.list(),
            _ => return self.expected("a number, a word, text in quotes or a list"),
        };
        self.next();
        Ok(value)
    }

    fn list(&mut self) -> Parsed<Attr> {
        self.punct('[')?;
        let mut values = Vec::new();
        while let Token::Int(v) = *self.peek() {
            values.push(v);
            self.next();
            if !self.accept(',') {
                break;
            }
        }
        if !self.accept(']') {
            return self.expected("a whole number or `]`");
        }
        Ok(Attr::Ints(values))
    }

    /// `{name = value, ..}` where there is a brace; the names with their places.
    pub(crate) fn options(&mut self) -> Parsed<Vec<(String, Attr)>> {
        let mut options: Vec<(String, Attr)> = Vec::new();
        if !self.accept('{') {
            return Ok(options);
        }
        while *self.peek() != Token::Punct('}') {
            let place = self.place();
            let name = self.word("an option")?;
            if options.iter().any(|(known, _)| *known == name) {
                return Err(fault_at(place, format!("option `{name}` is given twice")));
            }
            self.punct('=')?;
            options.push((name, self.attr()?));
            if !self.accept(',') {
                break;
            }
        }
        if !self.accept('}') {
            return self.expected("`,` or `}`");
        }
        Ok(options)
    }
}

pub(crate) fn fault_at((line, column): (usize, usize), message: impl Into<String>) -> Diagnostic {
    Diagnostic { line, column, message: message.into() }
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
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

    fn second(&self) -> Option<char> {
        self.chars.clone().nth(1)
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
            if !(self.chars.peek() == Some(&'/') && self.second() == Some('/')) {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Result<Token, String> {
        let Some(first) = self.chars.peek().copied() else { return Ok(Token::End) };
        match first {
            '?' => {
                self.bump();
                match self.take_while(|c| c.is_ascii_alphanumeric() || c == '_') {
                    name if name.is_empty() => Err("a name is expected behind `?`".to_owned()),
                    name => Ok(Token::Var(name)),
                }
            }
            '"' => self.quoted(),
            '0'..='9' => self.number(),
            '-' if self.second().is_some_and(|c| c.is_ascii_digit()) => self.number(),
            '=' if self.second() == Some('>') => {
                self.bump();
                self.bump();
                Ok(Token::Arrow)
            }
            '.' if self.second() == Some('.') => {
                self.bump();
                self.bump();
                Ok(Token::Rest)
            }
            c if c.is_ascii_alphabetic() => {
                Ok(Token::Word(self.take_while(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))))
            }
            '(' | ')' | '{' | '}' | '[' | ']' | ',' | ':' | '=' | '!' | '_' | '@' => {
                self.bump();
                Ok(Token::Punct(first))
            }
            other => Err(format!("unexpected character {other:?}")),
        }
    }

    fn quoted(&mut self) -> Result<Token, String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None | Some('\n') => return Err("text in quotes does not end on its line".to_owned()),
                Some('"') => return Ok(Token::Text(text)),
                Some('\\') => match self.bump() {
                    Some(c @ ('"' | '\\')) => text.push(c),
                    _ => return Err("unknown escape, expected \\\" or \\\\".to_owned()),
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn number(&mut self) -> Result<Token, String> {
        let mut text = String::new();
        while let Some(c) = self.chars.peek().copied() {
            let sign = "+-".contains(c) && (text.is_empty() || text.ends_with(['e', 'E']));
            let point = c == '.' && self.second().is_some_and(|next| next != '.');
            if !(sign || point || c.is_ascii_alphanumeric()) {
                break;
            }
            text.push(c);
            self.bump();
        }
        if let Ok(value) = text.parse() {
            return Ok(Token::Int(value));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Float(value)),
            _ => Err(format!("`{text}` is no number in range")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        let mut cursor = Cursor::new(text).expect("tokens");
        let mut tokens = Vec::new();
        while !cursor.at_end() {
            tokens.push(cursor.next());
        }
        tokens
    }

    #[test]
    fn words_variables_numbers_and_marks_are_told_apart() {
        let word = |w: &str| Token::Word(w.to_owned());
        assert_eq!(tokens("fold-bn{eps = -1.5e-3}")[..3], [word("fold-bn"), Token::Punct('{'), word("eps")]);
        assert_eq!(tokens("-1.5e-3 7 // no\n-2"), [Token::Float(-1.5e-3), Token::Int(7), Token::Int(-2)]);
        assert_eq!(tokens("?xs.. =>"), [Token::Var("xs".into()), Token::Rest, Token::Arrow]);
    }

    #[test]
    fn a_stray_character_is_refused_at_its_place() {
        let fault = Cursor::new("fuse,\n  $").err().expect("refused");
        assert_eq!(fault.to_string(), "2:3: unexpected character '$'");
    }
}
