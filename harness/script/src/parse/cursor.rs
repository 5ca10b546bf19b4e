//! A place in the tokens of a line, and the errors of what is not there.

use std::ops::Range;

use crate::error::Wrong;
use crate::lex::{Kind, Token};
use crate::part::{Marks, Part};
use crate::suggest;

/// Reads a line's tokens from left to right and notes where its parts stand.
pub(crate) struct Cursor<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    /// Where the line ends, in bytes.
    end: usize,
    pub(crate) marks: Marks,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(tokens: Vec<Token<'a>>) -> Cursor<'a> {
        let end = tokens.last().map_or(0, |token| token.span.end);
        let start = tokens.first().map_or(0, |token| token.span.start);
        let mut marks = Marks::default();
        marks.put(Part::Line, start..end);
        Cursor { tokens, at: 0, end, marks }
    }

    pub(crate) fn peek(&self) -> Option<&Token<'a>> {
        self.peek_at(0)
    }

    /// The token that is `ahead` tokens after the next one.
    pub(crate) fn peek_at(&self, ahead: usize) -> Option<&Token<'a>> {
        self.tokens.get(self.at + ahead)
    }

    /// The text of the next token, if it is a word.
    pub(crate) fn peek_word(&self) -> Option<&'a str> {
        self.peek().filter(|token| token.kind == Kind::Word).map(|token| token.text)
    }

    pub(crate) fn is_kind(&self, ahead: usize, kind: &Kind) -> bool {
        self.peek_at(ahead).is_some_and(|token| token.kind == *kind)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    pub(crate) fn advance(&mut self) {
        self.at += 1;
    }

    /// From `start` to the end of the token before this place.
    pub(crate) fn span_from(&self, start: usize) -> Range<usize> {
        start..self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |t| t.span.end)
    }

    /// The token before this place, as written.
    pub(crate) fn last(&self) -> &'a str {
        self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or("", |token| token.text)
    }

    /// Where the next token begins.
    pub(crate) fn start(&self) -> usize {
        self.peek().map_or(self.end, |token| token.span.start)
    }

    /// Takes a token of this kind, if it is the next.
    pub(crate) fn take(&mut self, kind: &Kind) -> bool {
        let found = self.is_kind(0, kind);
        self.at += usize::from(found);
        found
    }

    /// Takes this word, if it is the next token.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == Some(word);
        self.at += usize::from(found);
        found
    }

    /// What is not there.
    pub(crate) fn expected(&self, what: &str) -> Wrong {
        match self.peek() {
            Some(token) => Wrong::new(token.span.clone(), format!("expected {what}, found `{}`", token.text)),
            None => Wrong::new(self.end..self.end, format!("expected {what}, but the line ends here")),
        }
    }

    /// Takes a word and notes where it stands. `what` names it in the error: `a device`.
    pub(crate) fn word(&mut self, what: &str, part: Part) -> Result<&'a str, Wrong> {
        let Some(word) = self.peek_word() else { return Err(self.expected(what)) };
        let start = self.start();
        self.advance();
        self.marks.put(part, start..start + word.len());
        Ok(word)
    }

    /// Takes a word and gives what `read` makes of it.
    pub(crate) fn read<T>(
        &mut self,
        what: &str,
        part: Part,
        read: impl FnOnce(&'a str) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        let start = self.start();
        let word = self.word(what, part)?;
        read(word).map_err(|wrong| wrong.shift(start))
    }

    /// Takes a symbol that has to be here; `text` is how it looks.
    pub(crate) fn symbol(&mut self, kind: &Kind, text: &str) -> Result<(), Wrong> {
        if self.take(kind) { Ok(()) } else { Err(self.expected(&format!("`{text}`"))) }
    }

    /// Takes words that have to be here.
    pub(crate) fn phrase(&mut self, words: &[&str]) -> Result<(), Wrong> {
        for word in words {
            if !self.take_word(word) {
                let found = self.peek_word().unwrap_or("");
                return Err(self.expected(&format!("`{word}`")).help(suggest::did_you_mean(found, [*word])));
            }
        }
        Ok(())
    }

    /// Takes one of `words`; `what` names it: `a role`. Where none is near to what stands there,
    /// `help` says what could.
    pub(crate) fn one_of(&mut self, what: &str, words: &[&str], help: &str) -> Result<&'a str, Wrong> {
        match self.peek_word() {
            Some(word) if words.contains(&word) => {
                self.advance();
                Ok(word)
            }
            found => {
                let near = suggest::did_you_mean(found.unwrap_or(""), words.iter().copied());
                Err(self.expected(what).help(near.unwrap_or_else(|| help.to_owned())))
            }
        }
    }

    /// Takes a comma list of at least one name. `part` gives the part of the n-th.
    pub(crate) fn list(&mut self, what: &str, part: impl Fn(usize) -> Part) -> Result<Vec<String>, Wrong> {
        let mut names = Vec::new();
        loop {
            names.push(self.word(what, part(names.len()))?.to_owned());
            if !self.take(&Kind::Comma) {
                return Ok(names);
            }
        }
    }

    /// Takes `phone's` and gives `phone`.
    pub(crate) fn possessive(&mut self, what: &str) -> Result<String, Wrong> {
        let start = self.start();
        let Some(name) = self.peek_word().and_then(|word| word.strip_suffix("'s")) else {
            return Err(self.expected(&format!("{what} with 's")).help(String::from("such as phone's")));
        };
        self.advance();
        self.marks.put(Part::Host(0), start..start + name.len());
        Ok(name.to_owned())
    }

    /// The line has to be at its end.
    pub(crate) fn finish(&self) -> Result<(), Wrong> {
        match self.peek() {
            None => Ok(()),
            Some(token) => {
                let message = format!("expected the end of the line, found `{}`", token.text);
                Err(Wrong::new(token.span.start..self.end, message))
            }
        }
    }
}
