//! Changes of fields, and values.

use std::collections::BTreeSet;

use deadzone_contract::{Change, Value};

use crate::error::Wrong;
use crate::lex::Kind;
use crate::literal::is_number;
use crate::parse::cursor::Cursor;
use crate::part::Part;
use crate::words::is_word;

/// Reads `title="Final" tags+=urgent tags-=x completed_count+=3` to the end of the line.
pub(crate) fn changes(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Change)>, Wrong> {
    let mut changes = Vec::new();
    // The last value, if it was a word without quotes: what follows may be meant to belong to it.
    let mut bare: Option<(&str, &str)> = None;
    while !cursor.at_end() {
        let n = changes.len();
        let start = cursor.start();
        let field = cursor.word("a field", Part::Field(n))?;
        let operation = cursor.peek().map(|token| token.kind.clone());
        if !matches!(operation, Some(Kind::Equal | Kind::PlusEqual | Kind::MinusEqual)) {
            return Err(no_operation(cursor, field, bare));
        }
        cursor.advance();
        let value_start = cursor.start();
        let word = cursor.peek_word();
        let change = match operation {
            Some(Kind::PlusEqual) => grow(cursor)?,
            Some(Kind::MinusEqual) => shrink(cursor)?,
            _ => Change::Put(value(cursor)?),
        };
        let (value, whole) = (cursor.span_from(value_start), cursor.span_from(start));
        cursor.marks.put(Part::Value(n), value);
        cursor.marks.put(Part::Change(n), whole);
        bare = word.map(|word| (field, word));
        changes.push((field.to_owned(), change));
    }
    Ok(changes)
}

fn no_operation(cursor: &Cursor<'_>, field: &str, bare: Option<(&str, &str)>) -> Wrong {
    let wrong = cursor.expected(&format!("`=`, `+=` or `-=` after `{field}`"));
    match bare {
        _ if cursor.is_kind(0, &Kind::NotEqual) => {
            wrong.help(String::from("`!=` stands in expectations only"))
        }
        Some((before, word)) => {
            wrong.help(format!("several words stand in quotes: {before}=\"{word} {field}\""))
        }
        None => wrong,
    }
}

/// What follows `+=`.
fn grow(cursor: &mut Cursor<'_>) -> Result<Change, Wrong> {
    let start = cursor.start();
    match value(cursor)? {
        Value::Int(by) => Ok(Change::Add(by)),
        Value::Text(member) => Ok(Change::Insert(member)),
        Value::Set(_) => Err(one_member(cursor, start)),
    }
}

/// What follows `-=`.
fn shrink(cursor: &mut Cursor<'_>) -> Result<Change, Wrong> {
    if cursor.peek_word().is_some_and(is_number) {
        return cursor.read("a number", Part::Amount, |word| integer(word, -1)).map(Change::Add);
    }
    let start = cursor.start();
    match value(cursor)? {
        Value::Text(member) => Ok(Change::Remove(member)),
        _ => Err(one_member(cursor, start)),
    }
}

fn one_member(cursor: &Cursor<'_>, start: usize) -> Wrong {
    let help = String::from("one member at a time: tags+=home tags+=urgent");
    Wrong::new(cursor.span_from(start), "expected one member, found a set").help(help)
}

/// Reads a value: `open`, `"Buy milk"`, `3`, `[home, urgent]`.
pub(crate) fn value(cursor: &mut Cursor<'_>) -> Result<Value, Wrong> {
    let start = cursor.start();
    match cursor.peek().map(|token| (token.kind.clone(), token.text)) {
        Some((Kind::Quoted(words), _)) => {
            cursor.advance();
            Ok(Value::Text(words))
        }
        Some((Kind::Word, word)) => {
            let read = if is_number(word) { integer(word, 1).map(Value::Int) } else { text(word) };
            cursor.advance();
            read.map_err(|wrong| wrong.shift(start))
        }
        Some((Kind::Open, _)) => {
            cursor.advance();
            set(cursor).map(Value::Set)
        }
        _ => Err(cursor.expected("a value").help(String::from("such as open, \"Buy milk\" or 3"))),
    }
}

/// The members of a set and its closing bracket.
fn set(cursor: &mut Cursor<'_>) -> Result<BTreeSet<String>, Wrong> {
    let mut members = BTreeSet::new();
    while !cursor.take(&Kind::Close) {
        if !members.is_empty() && !cursor.take(&Kind::Comma) {
            return Err(cursor.expected("`,` or `]`"));
        }
        let start = cursor.start();
        if cursor.is_kind(0, &Kind::Open) || cursor.at_end() {
            return Err(cursor.expected("a member or `]`"));
        }
        let Value::Text(member) = value(cursor)? else {
            let help = format!("in quotes it is a word: \"{}\"", cursor.last());
            return Err(Wrong::new(cursor.span_from(start), "the members of a set are words").help(help));
        };
        if let Some(twice) = members.replace(member) {
            return Err(Wrong::new(cursor.span_from(start), format!("`{twice}` is twice in the set")));
        }
    }
    Ok(members)
}

fn text(word: &str) -> Result<Value, Wrong> {
    if is_word(word) {
        return Ok(Value::text(word));
    }
    let message = format!("`{word}` is neither a word nor a whole number");
    Err(Wrong::new(0..word.len(), message).help(format!("in quotes it is a value: \"{word}\"")))
}

/// A whole number times `sign`, within the bounds of an `i64`.
pub(crate) fn integer(word: &str, sign: i128) -> Result<i64, Wrong> {
    if !is_number(word) {
        return Err(Wrong::new(0..word.len(), format!("`{word}` is no whole number")));
    }
    let number = word.parse::<i128>().ok().and_then(|number| i64::try_from(number * sign).ok());
    number.ok_or_else(|| {
        let message = format!("`{word}` is out of range");
        Wrong::new(0..word.len(), message).help(format!("a number is from {} to {}", i64::MIN, i64::MAX))
    })
}
