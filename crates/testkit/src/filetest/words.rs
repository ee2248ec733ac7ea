//! A command line as words, without a shell.

use std::path::{Component, Path};

/// Splits a line into words; `'...'` and `"..."` keep blanks, `\"` and `\\` within double quotes stand for themselves.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' | '"' => {
                let into = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => return Err(format!("`{c}` is not closed")),
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' && matches!(chars.peek(), Some('"' | '\\')) => {
                            into.extend(chars.next());
                        }
                        Some(other) => into.push(other),
                    }
                }
            }
            '|' | '>' | '<' | ';' | '&' | '$' | '`' | '*' => {
                return Err(format!("`{c}` outside quotes: there is no shell, a single command expected"));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Refuses a word that names a path outside the test's folder. `%s`, `%t` and `%m` are not replaced yet.
pub(super) fn confined(word: &str) -> Result<(), String> {
    // The value of `--option=value` is a word of its own here.
    let parts = [Some(word), word.split_once('=').map(|(_, value)| value)];
    for part in parts.into_iter().flatten() {
        let outside =
            |c: Component<'_>| matches!(c, Component::ParentDir | Component::RootDir | Component::Prefix(_));
        if Path::new(part).components().any(outside) {
            return Err(format!(
                "`{word}` leaves the test's folder: a path inside it, %s, %t or %m expected"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks_and_each_other() {
        let words = split(r#"nasc opt %s --passes "a{b = 'c'}, d" '"' """#).expect("well-formed");
        assert_eq!(words, ["nasc", "opt", "%s", "--passes", "a{b = 'c'}, d", "\"", ""]);
        assert_eq!(split(r#""a\"b\\c\d""#).expect("well-formed"), [r#"a"b\c\d"#]);
    }

    #[test]
    fn shell_syntax_and_open_quotes_are_refused() {
        for line in ["a | b", "a > b", "a; b", "a $HOME", "a *", "a \"b", "a 'b"] {
            assert!(split(line).is_err(), "{line}");
        }
        assert!(split("a '|'").is_ok());
    }

    #[test]
    fn paths_stay_inside() {
        for word in ["/etc/passwd", "../x", "a/../../b", "--out=/tmp/x", "-o=../y"] {
            assert!(confined(word).is_err(), "{word}");
        }
        for word in ["%s", "%t/x", "a/b", "--passes", "stride=1", "."] {
            assert!(confined(word).is_ok(), "{word}");
        }
    }
}
