//! The header: one line of Python, `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.

use bytes::Bytes;
use ir::Element;

use super::NpyError;

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy refuses longer headers of plain arrays as well.
const LONGEST: usize = 10_000;
/// NumPy's own limit.
const RANKS: usize = 64;

pub(super) struct Header {
    pub(super) element: Element,
    pub(super) big_endian: bool,
    pub(super) column_major: bool,
    pub(super) shape: Vec<usize>,
    /// Where the data begin.
    pub(super) data: usize,
}

impl Header {
    pub(super) fn parse(file: &Bytes) -> Result<Header, NpyError> {
        if !file.starts_with(MAGIC) {
            return Err(NpyError::Magic { found: file[..file.len().min(6)].to_vec() });
        }
        let version = file.get(6).copied().unwrap_or(0);
        let (len, first) = match (version, file.get(8..10), file.get(8..12)) {
            (1, Some(len), _) => (usize::from(u16::from_le_bytes([len[0], len[1]])), 10),
            (2 | 3, _, Some(len)) => (u32::from_le_bytes([len[0], len[1], len[2], len[3]]) as usize, 12),
            _ => {
                return Err(wrong(
                    6,
                    format!("version {version} or the end of the file"),
                    "version 1, 2 or 3",
                ));
            }
        };
        if len > LONGEST {
            return Err(wrong(8, format!("a header of {len} bytes"), "at most 10000"));
        }
        let line = file.get(first..first + len).and_then(|line| std::str::from_utf8(line).ok());
        let line = line.ok_or_else(|| wrong(first, "no text of the stated length".into(), "one line"))?;
        let mut cursor = Cursor { line, at: 0, first };
        let (descr, column_major, shape) = cursor.dictionary()?;
        let (element, big_endian) = element(&descr).ok_or(NpyError::Element { found: descr })?;
        Ok(Header { element, big_endian, column_major, shape, data: first + len })
    }
}

/// The header of a row-major little-endian array, padded so that the data begin at a multiple of 64.
pub(super) fn write(element: Element, shape: &[usize]) -> Result<Vec<u8>, NpyError> {
    let descr = match element {
        Element::F32 => "<f4".to_owned(),
        Element::F16 => "<f2".to_owned(),
        Element::Bool => "|b1".to_owned(),
        Element::Int { signed, .. } => {
            let bytes = element.bytes();
            format!("{}{}{bytes}", if bytes == 1 { '|' } else { '<' }, if signed { 'i' } else { 'u' })
        }
        _ => return Err(NpyError::Element { found: element.to_string() }),
    };
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    // A tuple of one keeps its comma; longer ones lose theirs.
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut line = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({extents}), }}");
    let padding = (line.len() + 11).next_multiple_of(64) - line.len() - 11;
    line.extend(std::iter::repeat_n(' ', padding).chain(['\n']));
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(
        &u16::try_from(line.len()).expect("invariant: a few extents fit 64 KiB").to_le_bytes(),
    );
    out.extend_from_slice(line.as_bytes());
    Ok(out)
}

/// `<f4` and the like; the second value is whether the bytes are in reverse.
fn element(descr: &str) -> Option<(Element, bool)> {
    let (order, kind) = descr.split_at_checked(1)?;
    let big_endian = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return None,
    };
    let element = match kind {
        "f4" => Element::F32,
        "f2" => Element::F16,
        "b1" => Element::Bool,
        "i1" | "i2" | "i4" | "i8" | "u1" | "u2" | "u4" | "u8" => {
            let bytes: u8 = kind[1..].parse().ok()?;
            Element::int(bytes * 8, kind.starts_with('i'))?
        }
        _ => return None,
    };
    Some((element, big_endian))
}

fn wrong(offset: usize, found: String, expected: &'static str) -> NpyError {
    NpyError::Header { offset, found, expected }
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
    first: usize,
}

impl<'a> Cursor<'a> {
    fn dictionary(&mut self) -> Result<(String, bool, Vec<usize>), NpyError> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.expect('{', "`{`")?;
        while !self.take('}') {
            let key = self.text()?;
            self.expect(':', "`:`")?;
            match key {
                "descr" => descr = Some(self.text()?.to_owned()),
                "fortran_order" => order = Some(self.truth()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(self.wrong("`descr`, `fortran_order` or `shape`")),
            }
            if !self.take(',') && !self.rest().starts_with('}') {
                return Err(self.wrong("`,` or `}`"));
            }
        }
        match (descr, order, shape) {
            (Some(descr), Some(order), Some(shape)) => Ok((descr, order, shape)),
            _ => Err(self.wrong("all of `descr`, `fortran_order` and `shape`")),
        }
    }

    fn text(&mut self) -> Result<&'a str, NpyError> {
        let quote = if self.take('"') { '"' } else { self.expect('\'', "a quoted word").map(|()| '\'')? };
        let line: &'a str = self.line;
        let rest = &line[self.at..];
        let end = rest.find(quote).ok_or_else(|| self.wrong("a closing quote"))?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    fn truth(&mut self) -> Result<bool, NpyError> {
        let rest = self.rest();
        for (word, value) in [("True", true), ("False", false)] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.wrong("`True` or `False`"))
    }

    fn shape(&mut self) -> Result<Vec<usize>, NpyError> {
        let mut shape = Vec::new();
        self.expect('(', "`(`")?;
        while !self.take(')') {
            let rest = self.rest();
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let extent = rest[..digits].parse().map_err(|_| self.wrong("an extent"))?;
            if shape.len() == RANKS {
                return Err(self.wrong("at most 64 extents"));
            }
            shape.push(extent);
            self.at += digits;
            // Written by Python 2.
            if self.rest().starts_with('L') {
                self.at += 1;
            }
            if !self.take(',') && !self.rest().starts_with(')') {
                return Err(self.wrong("`,` or `)`"));
            }
        }
        Ok(shape)
    }

    /// What follows, spaces skipped.
    fn rest(&mut self) -> &'a str {
        let line: &'a str = self.line;
        let rest = &line[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, sign: char, expected: &'static str) -> Result<(), NpyError> {
        if self.take(sign) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn wrong(&self, expected: &'static str) -> NpyError {
        let rest = self.line[self.at..].trim_start();
        let at = self.line.len() - rest.len();
        let found = match rest.chars().next() {
            Some(sign) => format!("`{}`", sign.escape_default()),
            None => "the end".to_owned(),
        };
        wrong(self.first + at, found, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Header, NpyError> {
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend_from_slice(&(line.len() as u16).to_le_bytes());
        file.extend_from_slice(line.as_bytes());
        Header::parse(&Bytes::from(file))
    }

    #[test]
    fn a_broken_header_says_where_and_what_was_expected() {
        let cases = [
            ("", "header at byte 10: the end, `{` expected"),
            ("{'descr': '<f4'", "header at byte 25: the end, `,` or `}` expected"),
            (
                "{'descr': '<f4'}",
                "header at byte 26: the end, all of `descr`, `fortran_order` and `shape` expected",
            ),
            ("{'shape': (1 2)}", "header at byte 23: `2`, `,` or `)` expected"),
            ("{'shape': (-1,)}", "header at byte 21: `-`, an extent expected"),
            ("{'fortran_order': 1}", "header at byte 28: `1`, `True` or `False` expected"),
            ("{'more': 1}", "header at byte 19: `1`, `descr`, `fortran_order` or `shape` expected"),
            ("{'descr", "header at byte 12: `d`, a closing quote expected"),
        ];
        for (line, expected) in cases {
            let refused = parse(line).err().map(|e| e.to_string());
            assert_eq!(refused.as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn versions_beyond_three_and_cut_headers_are_refused() {
        for file in
            [&b"\x93NUMPY"[..], b"\x93NUMPY\x04\x00\x01\x00{", b"\x93NUMPY\x01\x00\xff\xff{", b"PK\x03\x04"]
        {
            assert!(Header::parse(&Bytes::copy_from_slice(file)).is_err());
        }
    }
}
