//! JSON read token by token, from a stream.
//!
//! By hand, for what a deserialiser into types does not give: whole numbers of any length as they are written, `NaN`
//! and `Infinity` as Python prints them, one odd value reported without the end of its file, and fields that nobody
//! asks for passed over whatever they hold.

use std::io::{Error as IoError, ErrorKind, Read};

use super::json_number::is_number;

/// Lists and objects within one another: COCO's own files have five.
pub(crate) const DEEPEST: usize = 32;
/// Bytes of a text that is read: run lengths of an image of 2²⁸ pixels stay below.
const LONGEST_TEXT: usize = 64 << 20;
/// Bytes of a number.
const LONGEST_NUMBER: usize = 4096;
const BUFFER: usize = 1 << 16;

/// What the next value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    List,
    Text,
    Number,
    Truth(bool),
    Null,
}

/// The end of reading: why, and where in the file.
#[derive(Debug)]
pub(crate) struct Fault {
    pub cause: Cause,
    /// From 1.
    pub line: usize,
    /// Bytes of the line, from 1.
    pub column: usize,
}

#[derive(Debug)]
pub(crate) enum Cause {
    /// The file ends inside a value.
    End,
    /// One list or object too many, at this byte.
    TooDeep {
        at: u64,
    },
    /// Other bytes than JSON has there.
    Syntax {
        expected: &'static str,
        found: String,
    },
    Io(IoError),
}

type Result<T> = std::result::Result<T, Fault>;

/// A stream of JSON.
pub(crate) struct JsonStream<R> {
    stream: R,
    buffer: Box<[u8]>,
    next: usize,
    end: usize,
    /// Bytes before the buffer.
    before: u64,
    line: usize,
    line_start: u64,
    depth: usize,
    scratch: Vec<u8>,
}

impl<R: Read> JsonStream<R> {
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER].into(),
            next: 0,
            end: 0,
            before: 0,
            line: 1,
            line_start: 0,
            depth: 0,
            scratch: Vec::new(),
        }
    }

    /// What the next value is.
    pub fn kind(&mut self) -> Result<Kind> {
        Ok(match self.after_space()? {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Kind::Number,
            Some(b't') => Kind::Truth(true),
            Some(b'f') => Kind::Truth(false),
            Some(b'n') => Kind::Null,
            Some(_) => return Err(self.unexpected("a value")),
            None => return Err(self.fault(Cause::End)),
        })
    }

    /// Gives every key of an object to `member`, which reads the value behind it.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.open(b'{', "an object")?;
        let mut key = String::new();
        let mut first = true;
        while self.more(b'}', &mut first)? {
            match self.after_space()? {
                Some(b'"') => {}
                Some(_) => return Err(self.unexpected("a key in quotes")),
                None => return Err(self.fault(Cause::End)),
            }
            key.clear();
            self.text_into(Some(&mut key))?;
            self.byte(b':', "`:`")?;
            member(self, &key)?;
        }
        Ok(())
    }

    /// Lets `element` read every element of a list.
    pub fn list(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.open(b'[', "a list")?;
        let mut first = true;
        while self.more(b']', &mut first)? {
            element(self)?;
        }
        Ok(())
    }

    /// A text.
    pub fn text(&mut self) -> Result<String> {
        let mut text = String::new();
        self.after_space()?;
        self.text_into(Some(&mut text))?;
        Ok(text)
    }

    /// A number as it is written: also `NaN`, `Infinity` and `-Infinity`.
    pub fn number(&mut self) -> Result<&str> {
        self.after_space()?;
        self.scratch.clear();
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') {
                break;
            }
            self.scratch.push(byte);
            self.next += 1;
            if self.scratch.len() > LONGEST_NUMBER {
                return Err(self.syntax("a number", "one of more than 4096 digits".to_owned()));
            }
        }
        if !is_number(&self.scratch) {
            let ends = self.peek()?.is_none();
            let found = word_found(&self.scratch[..self.scratch.len().min(40)]);
            return Err(match ends {
                true => self.fault(Cause::End),
                false => self.syntax("a number", found),
            });
        }
        // All letters, digits and signs are ASCII.
        Ok(std::str::from_utf8(&self.scratch).unwrap_or_default())
    }

    /// Passes over the next value.
    pub fn skip(&mut self) -> Result<()> {
        match self.kind()? {
            Kind::Object => self.object(|stream, _| stream.skip()),
            Kind::List => self.list(Self::skip),
            Kind::Text => self.text_into(None),
            Kind::Number => self.number().map(drop),
            Kind::Truth(true) => self.word("true"),
            Kind::Truth(false) => self.word("false"),
            Kind::Null => self.word("null"),
        }
    }

    /// Makes sure that nothing follows.
    pub fn end(&mut self) -> Result<()> {
        match self.after_space()? {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the file")),
        }
    }

    /// The fault of other bytes at this place.
    pub fn syntax(&self, expected: &'static str, found: String) -> Fault {
        self.fault(Cause::Syntax { expected, found })
    }

    /// The next bytes, as many as are wanted unless the file ends, for one that is something else altogether.
    pub fn ahead(&mut self, wanted: usize) -> Result<&[u8]> {
        if self.end - self.next < wanted {
            self.buffer.copy_within(self.next..self.end, 0);
            self.before += self.next as u64;
            (self.next, self.end) = (0, self.end - self.next);
        }
        while self.end < wanted.min(BUFFER) {
            match self.stream.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(length) => self.end += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(Cause::Io(error))),
            }
        }
        Ok(self.in_buffer())
    }

    fn in_buffer(&self) -> &[u8] {
        &self.buffer[self.next..self.end]
    }

    fn fault(&self, cause: Cause) -> Fault {
        let at = self.before + self.next as u64;
        Fault {
            cause,
            line: self.line,
            column: (at - self.line_start) as usize + 1,
        }
    }

    fn unexpected(&mut self, expected: &'static str) -> Fault {
        if let Err(fault) = self.ahead(24) {
            return fault;
        }
        let rest = self.in_buffer();
        let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric());
        let found = match word.take(20).count() {
            0 => match rest.first() {
                Some(b'\'') => "`'`, as Python prints texts (`json.dump` writes JSON),".to_owned(),
                Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(*byte)),
                Some(byte) => format!("the byte {byte:#04x}"),
                None => "the end".to_owned(),
            },
            length => word_found(&rest[..length]),
        };
        self.syntax(expected, found)
    }

    /// The next byte, if there is one.
    fn peek(&mut self) -> Result<Option<u8>> {
        if self.next == self.end {
            self.before += self.end as u64;
            (self.next, self.end) = (0, 0);
            loop {
                match self.stream.read(&mut self.buffer) {
                    Ok(length) => {
                        self.end = length;
                        break;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(self.fault(Cause::Io(error))),
                }
            }
        }
        Ok((self.next < self.end).then(|| self.buffer[self.next]))
    }

    fn after_space(&mut self) -> Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            match byte {
                b' ' | b'\t' | b'\r' => self.next += 1,
                b'\n' => {
                    self.next += 1;
                    self.line += 1;
                    self.line_start = self.before + self.next as u64;
                }
                other => return Ok(Some(other)),
            }
        }
        Ok(None)
    }

    fn byte(&mut self, wanted: u8, expected: &'static str) -> Result<()> {
        match self.after_space()? {
            Some(found) if found == wanted => {
                self.next += 1;
                Ok(())
            }
            Some(_) => Err(self.unexpected(expected)),
            None => Err(self.fault(Cause::End)),
        }
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<()> {
        self.byte(bracket, expected)?;
        self.depth += 1;
        if self.depth <= DEEPEST {
            return Ok(());
        }
        let at = self.before + self.next as u64 - 1;
        Err(self.fault(Cause::TooDeep { at }))
    }

    /// Whether another member follows, past the comma before it; the closing bracket is taken.
    fn more(&mut self, close: u8, first: &mut bool) -> Result<bool> {
        let opened = std::mem::replace(first, false);
        match self.after_space()? {
            Some(byte) if byte == close => {
                self.next += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !opened => {
                self.next += 1;
                match self.after_space()? {
                    Some(byte) if byte == close => Err(self.unexpected("a value behind the comma")),
                    _ => Ok(true),
                }
            }
            Some(_) if opened => Ok(true),
            Some(_) => Err(self.unexpected("`,` or the closing bracket")),
            None => Err(self.fault(Cause::End)),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<()> {
        for wanted in word.bytes() {
            match self.peek()? {
                Some(found) if found == wanted => self.next += 1,
                Some(_) => return Err(self.unexpected("true, false or null")),
                None => return Err(self.fault(Cause::End)),
            }
        }
        match self.peek()? {
            Some(byte) if byte.is_ascii_alphanumeric() => {
                Err(self.unexpected("true, false or null"))
            }
            _ => Ok(()),
        }
    }

    /// A text from its opening quote on; without `into` it is passed over, whatever its bytes.
    fn text_into(&mut self, into: Option<&mut String>) -> Result<()> {
        self.byte(b'"', "a text in quotes")?;
        let keeps = into.is_some();
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        loop {
            let Some(byte) = self.peek()? else {
                return Err(self.fault(Cause::End));
            };
            match byte {
                b'"' => break,
                b'\\' => {
                    self.next += 1;
                    self.escape(&mut bytes)?;
                    if !keeps {
                        bytes.clear();
                    }
                }
                _ => {
                    let run = self.in_buffer().iter();
                    let length = run.take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
                    if keeps {
                        bytes.extend_from_slice(&self.buffer[self.next..self.next + length]);
                    }
                    self.next += length;
                }
            }
            if bytes.len() > LONGEST_TEXT {
                return Err(self.syntax("a text of at most 64 MiB", "a longer one".to_owned()));
            }
        }
        self.next += 1;
        if let Some(text) = into {
            match std::str::from_utf8(&bytes) {
                Ok(read) => text.push_str(read),
                Err(_) => return Err(self.syntax("text in UTF-8", "other bytes".to_owned())),
            }
        }
        self.scratch = bytes;
        Ok(())
    }

    /// What stands behind a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let Some(byte) = self.peek()? else {
            return Err(self.fault(Cause::End));
        };
        self.next += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let first = self.unit()?;
                return self.letter(first, bytes);
            }
            _ => {
                self.next -= 1;
                return Err(self.unexpected("a letter that JSON knows behind `\\`"));
            }
        };
        bytes.push(plain);
        Ok(())
    }

    /// A letter of UTF-16 from its first unit; half a pair becomes the letter for what cannot be read.
    fn letter(&mut self, mut first: u16, bytes: &mut Vec<u8>) -> Result<()> {
        let mut push = |letter: char| {
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        };
        while (0xD800..0xDC00).contains(&first) && self.next_is_escape()? {
            let second = self.unit()?;
            if let Some(Ok(letter)) = char::decode_utf16([first, second]).next() {
                push(letter);
                return Ok(());
            }
            push(char::REPLACEMENT_CHARACTER);
            first = second;
        }
        push(char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
        Ok(())
    }

    /// Takes `\u`, if it follows.
    fn next_is_escape(&mut self) -> Result<bool> {
        if self.peek()? != Some(b'\\') {
            return Ok(false);
        }
        // The byte behind may lie in the next buffer.
        let follows = self.ahead(2)?.get(1) == Some(&b'u');
        if follows {
            self.next += 2;
        }
        Ok(follows)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.peek()? {
                Some(byte) => char::from(byte).to_digit(16),
                None => return Err(self.fault(Cause::End)),
            };
            let Some(digit) = digit else {
                return Err(self.unexpected("four hexadecimal digits behind `\\u`"));
            };
            unit = unit * 16 + digit as u16;
            self.next += 1;
        }
        Ok(unit)
    }
}

/// A word where JSON has none.
fn word_found(word: &[u8]) -> String {
    let python = matches!(word, b"True" | b"False" | b"None");
    let word = String::from_utf8_lossy(word);
    match python {
        true => format!("`{word}`, as Python prints it (`json.dump` writes JSON),"),
        false => format!("`{word}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte a call, so that every token spans buffers.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(0);
            };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn skipped(text: &str) -> Result<()> {
        let mut stream = JsonStream::new(text.as_bytes());
        stream.skip()?;
        stream.end()
    }

    #[test]
    fn passes_over_every_value_and_refuses_what_json_does_not_have() {
        for text in [
            "{}",
            "[ ]",
            "[1, -2.5e+3, 0.1E-7, NaN, Infinity, -Infinity]",
            "{\"a\": {\"b\": [null, true, false, \"\\u00e4\\n\\\"\"]}, \"a\": 7}",
            "\"\\ud83c\\udfe0 tab:\t\"",
            " 123456789012345678901234567890 ",
        ] {
            assert!(skipped(text).is_ok(), "{text}");
            for end in 1..text.trim_end().len() {
                let cut = &text[..end];
                // A shorter number is a number too.
                if let Err(fault) = skipped(cut) {
                    assert!(matches!(fault.cause, Cause::End), "{cut}: {fault:?}");
                }
            }
        }
        for text in [
            "[1,]",
            "{\"a\": 1,}",
            "[1 2]",
            "{\"a\" 1}",
            "{a: 1}",
            "[01]",
            "[1.]",
            "[.5]",
            "[+1]",
            "[1e]",
            "[nul]",
            "[truely]",
            "[nan]",
            "[inf]",
            "['a']",
            "{} {}",
            "[\"\\x\"]",
            "[\"\\u12g4\"]",
            "[1",
            "x",
        ] {
            assert!(skipped(text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_and_numbers_come_as_they_are_written() {
        let text = r#"["\u00e4\ud83c\udfe0\ud800\ud83c\udfe0\udc00\/", "ä\\", 18446744073709551617, -0.50]"#;
        let mut found = Vec::new();
        let mut stream = JsonStream::new(Drops(text.as_bytes()));
        let element = |stream: &mut JsonStream<Drops<'_>>| {
            found.push(match stream.kind()? {
                Kind::Text => stream.text()?,
                _ => stream.number()?.to_owned(),
            });
            Ok(())
        };
        stream.list(element).unwrap();
        let expected = [
            "ä🏠\u{FFFD}🏠\u{FFFD}/",
            "ä\\",
            "18446744073709551617",
            "-0.50",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn faults_have_their_place() {
        let place = |text: &str| {
            let fault = skipped(text).unwrap_err();
            (fault.line, fault.column)
        };
        assert_eq!(place("[1,\n  x]"), (2, 3));
        assert_eq!(place("{}\n\n7"), (3, 1));
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(skipped(&deep(DEEPEST)).is_ok());
        assert!(skipped(&format!("[{}[]]", "[],".repeat(100))).is_ok());
        let fault = skipped(&deep(100_000)).unwrap_err();
        assert!(
            matches!(fault.cause, Cause::TooDeep { at: 32 }),
            "{fault:?}"
        );
        // Brackets in a text are letters.
        assert!(skipped(&format!("[\"{}\"]", "[".repeat(100))).is_ok());
    }

    #[test]
    fn a_text_that_is_read_is_utf_8_and_one_passed_over_is_anything() {
        let bytes = b"[\"\xFF\"]";
        assert!(JsonStream::new(&bytes[..]).skip().is_ok());
        let mut stream = JsonStream::new(&bytes[..]);
        let fault = stream.list(|stream| stream.text().map(drop)).unwrap_err();
        assert!(matches!(
            fault.cause,
            Cause::Syntax {
                expected: "text in UTF-8",
                ..
            }
        ));
    }
}
