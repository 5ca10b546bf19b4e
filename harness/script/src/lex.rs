//! A line's tokens, with their places in it.
//!
//! Words are wide here: `task/1.status`, `12.5s`, `400ms..2s`, `phone's` and `10KB/s` are one
//! word each. What a word must look like depends on where it stands; whoever expects one reads
//! it with [`crate::literal`] or [`mod@crate::parse`].

use std::ops::Range;

use winnow::ascii::space0;
use winnow::combinator::{alt, cut_err, delimited, eof, not, peek, preceded, repeat, terminated};
use winnow::error::ErrMode;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, literal, none_of, one_of, take_till, take_while};
use winnow::{ModalResult, Parser};

use crate::error::Wrong;
use crate::limits::WORD_BYTES_MAX;

type Input<'a> = LocatingSlice<&'a str>;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// As written.
    pub(crate) text: &'a str,
    /// In bytes of the line.
    pub(crate) span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// Without its quotes and escapes.
    Quoted(String),
    Colon,
    Comma,
    Equal,
    NotEqual,
    PlusEqual,
    MinusEqual,
    Open,
    Close,
    Bar,
    Arrow,
}

/// The tokens of a line that is neither blank nor a comment.
pub(crate) fn tokens(line: &str) -> Result<Vec<Token<'_>>, Wrong> {
    delimited(space0, repeat(0.., terminated(token, space0)), eof)
        .parse_next(&mut LocatingSlice::new(line))
        .map_err(|error| match error {
            ErrMode::Backtrack(wrong) | ErrMode::Cut(wrong) => wrong,
            ErrMode::Incomplete(_) => unreachable!("a line is never partial input"),
        })
}

/// Where a line has a character that is allowed nowhere: a control character other than a tab.
pub(crate) fn control(line: &str) -> Result<(), Wrong> {
    match line.char_indices().find(|(_, c)| c.is_control() && *c != '\t') {
        None => Ok(()),
        Some((at, c)) => {
            let escape = c.escape_unicode();
            let help = format!("in quotes it is written {escape}");
            Err(Wrong::new(at..at + c.len_utf8(), "a control character").help(help))
        }
    }
}

fn token<'a>(input: &mut Input<'a>) -> ModalResult<Token<'a>, Wrong> {
    alt((quoted.map(Kind::Quoted), symbol, comment, word.value(Kind::Word)))
        .with_taken()
        .with_span()
        .map(|((kind, text), span)| Token { kind, text, span })
        .parse_next(input)
}

fn symbol(input: &mut Input<'_>) -> ModalResult<Kind, Wrong> {
    let two = alt((
        literal("+=").value(Kind::PlusEqual),
        literal("-=").value(Kind::MinusEqual),
        literal("!=").value(Kind::NotEqual),
        literal("->").value(Kind::Arrow),
    ));
    let one = alt((
        literal("=").value(Kind::Equal),
        literal(":").value(Kind::Colon),
        literal(",").value(Kind::Comma),
        literal("[").value(Kind::Open),
        literal("]").value(Kind::Close),
        literal("|").value(Kind::Bar),
    ));
    alt((two, one)).parse_next(input)
}

/// No word begins with `#`, so this can only be meant as a comment.
fn comment(input: &mut Input<'_>) -> ModalResult<Kind, Wrong> {
    peek(literal("#")).parse_next(input)?;
    let at = input.current_token_start();
    let wrong = Wrong::new(at..at + 1, "a comment stands on a line of its own");
    Err(ErrMode::Cut(wrong.help(String::from("put it on the line above"))))
}

fn word(input: &mut Input<'_>) -> ModalResult<(), Wrong> {
    let start = input.current_token_start();
    let plain = take_till(1.., |c| " \t\":,=[]|+-!".contains(c));
    let sign = preceded(not(symbol), one_of(['+', '-', '!'])).take();
    let text = repeat::<_, _, (), _, _>(1.., alt((plain, sign))).take().parse_next(input)?;
    let stray = |(at, c): (usize, char)| (start + at..start + at + c.len_utf8(), c);
    match text.char_indices().map(stray).find(|(_, c)| c.is_whitespace() || is_typographic(*c)) {
        None if text.len() <= WORD_BYTES_MAX => Ok(()),
        None => {
            let message = format!("a word of more than {WORD_BYTES_MAX} bytes");
            let help = String::from("in quotes there can be more");
            Err(ErrMode::Cut(Wrong::new(start..start + text.len(), message).help(help)))
        }
        Some((span, c)) if c.is_whitespace() => {
            let wrong = Wrong::new(span, "white space that is neither a space nor a tab");
            Err(ErrMode::Cut(wrong.help(String::from("write a plain space"))))
        }
        Some((span, _)) => {
            let help = String::from("write straight ones: \" and '");
            Err(ErrMode::Cut(Wrong::new(span, "a typographic quote").help(help)))
        }
    }
}

fn is_typographic(c: char) -> bool {
    matches!(c, '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

fn quoted(input: &mut Input<'_>) -> ModalResult<String, Wrong> {
    let start = input.current_token_start();
    literal("\"").parse_next(input)?;
    let plain = none_of(['"', '\\']);
    let letters = repeat(0.., alt((plain, preceded(literal("\\"), cut_err(escape)))));
    let words = letters
        .fold(String::new, |mut words: String, c| {
            words.push(c);
            words
        })
        .parse_next(input)?;
    let end = input.current_token_start();
    cut_err(literal("\"")).parse_next(input).map_err(|error: ErrMode<Wrong>| {
        error.map(|_| Wrong::new(start..end, "the closing quote is missing"))
    })?;
    Ok(words)
}

/// What follows a backslash.
fn escape(input: &mut Input<'_>) -> ModalResult<char, Wrong> {
    let start = input.current_token_start();
    let digits = delimited(literal("u{"), take_while(1..=6, |c: char| c.is_ascii_hexdigit()), literal("}"));
    let code = digits.verify_map(|hex: &str| u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
    let simple = one_of(['"', '\\', 'n', 'r', 't']).map(|c| match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        same => same,
    });
    let known = alt((code, simple)).parse_next(input);
    known.map_err(|error: ErrMode<Wrong>| {
        let next = any::<_, ErrMode<Wrong>>.parse_next(input).map_or(0, char::len_utf8);
        let help = String::from("the escapes are \\\" \\\\ \\n \\r \\t and \\u{1f600}");
        error.map(|_| Wrong::new(start - 1..start + next, "no escape that is known").help(help))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<&str> {
        tokens(line).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_end_at_symbols_and_white_space() {
        for (line, expected) in [
            ("phone,laptop\tsync", &["phone", ",", "laptop", "sync"][..]),
            ("set task/1 tags+=x tags-=y", &["set", "task/1", "tags", "+=", "x", "tags", "-=", "y"]),
            ("n-=-3 n+=-3", &["n", "-=", "-3", "n", "+=", "-3"]),
            ("cut phone->server", &["cut", "phone", "->", "server"]),
            ("a-b - c!=d", &["a-b", "-", "c", "!=", "d"]),
            ("t=[a, \"b c\"]", &["t", "=", "[", "a", ",", "\"b c\"", "]"]),
            ("400ms..2s 10KB/s 5% phone's 2nd +3m", &["400ms..2s", "10KB/s", "5%", "phone's", "2nd", "+3m"]),
            ("  ", &[]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn escapes_give_the_characters_they_stand_for() {
        let token = &tokens(r#""a\"b\\c\n\r\t\u{1f600}""#).unwrap()[0];
        assert_eq!(token.kind, Kind::Quoted("a\"b\\c\n\r\t\u{1f600}".into()));
    }
}
