//! One line: blank, a comment, a declaration, or a step with its label and time.

use crate::error::Wrong;
use crate::lex::{self, Kind};
use crate::literal;
use crate::parse::cursor::Cursor;
use crate::parse::{act, declaration, expectation, fault};
use crate::part::{Marks, Part};
use crate::words::{DECLARATIONS, STEPS};
use crate::{Act, At, Item, Step};
use deadzone_contract::wire::MemberChange;

/// Reads a line. `devices` are the names that the whole file declares.
pub(crate) fn item(line: &str, devices: &[&str]) -> Result<(Item, Marks), Wrong> {
    lex::control(line)?;
    let words = line.trim_start_matches([' ', '\t']);
    if words.is_empty() {
        return Ok((Item::Blank, Marks::default()));
    }
    if let Some(comment) = words.strip_prefix('#') {
        let comment = comment.strip_prefix(' ').unwrap_or(comment);
        return Ok((Item::Comment(comment.to_owned()), Marks::default()));
    }
    let mut cursor = Cursor::new(lex::tokens(line)?);
    let declares = cursor.peek_word().is_some_and(|word| DECLARATIONS.contains(&word));
    let item = if declares && !cursor.is_kind(1, &Kind::Colon) {
        Item::Declaration(declaration::declaration(&mut cursor, devices)?)
    } else {
        Item::Step(step(&mut cursor, devices)?)
    };
    cursor.finish()?;
    Ok((item, cursor.marks))
}

fn step(cursor: &mut Cursor<'_>, devices: &[&str]) -> Result<Step, Wrong> {
    let label = label(cursor, devices)?;
    let at = if cursor.take_word("at") {
        let at = cursor.read("a time", Part::At, at)?;
        if cursor.peek_word().is_some() && cursor.is_kind(1, &Kind::Colon) {
            let help = String::from("such as `f1: at 3s fault ...`");
            return Err(cursor.expected("the label before `at`").help(help));
        }
        Some(at)
    } else {
        None
    };
    let word = cursor.peek_word();
    let act = match word {
        Some(word) if DECLARATIONS.contains(&word) && word != "set" => {
            return Err(cursor.expected("a step").help(format!("`{word}` has neither a label nor a time")));
        }
        Some(word) if STEPS.contains(&word) => keyword(cursor, word)?,
        Some(word) if is_count(cursor, word) => repeat(cursor, devices)?,
        _ => act::act(cursor, devices)?,
    };
    Ok(Step { label, at, act })
}

/// `start`, or `12.5s`.
fn at(word: &str) -> Result<At, Wrong> {
    if word == "start" { Ok(At::Start) } else { literal::time(word).map(At::Time) }
}

/// `a4:`, if the line begins so.
fn label(cursor: &mut Cursor<'_>, devices: &[&str]) -> Result<Option<String>, Wrong> {
    if !cursor.is_kind(1, &Kind::Colon) {
        return Ok(None);
    }
    let colon = cursor.peek_at(1).map_or(0..0, |token| token.span.clone());
    let label = cursor.word("a label", Part::Label)?;
    cursor.advance();
    let taken = DECLARATIONS.contains(&label) || STEPS.contains(&label);
    if taken || devices.contains(&label) || label == "server" {
        return Err(Wrong::new(colon, format!("no colon follows `{label}` here")));
    }
    Ok(Some(label.to_owned()))
}

/// Whether the line goes on with `50 times`.
fn is_count(cursor: &Cursor<'_>, word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && cursor.peek_at(1).is_some_and(|next| ["times", "time"].contains(&next.text))
}

/// `50 times within 2s: phone create task/# in project/p`
fn repeat(cursor: &mut Cursor<'_>, devices: &[&str]) -> Result<Act, Wrong> {
    let count = |word| literal::whole(word, "a count", u32::MAX.into());
    let times = cursor.read("a count", Part::Times, count)?;
    cursor.advance();
    let within = if cursor.take_word("within") {
        Some(cursor.read("a time", Part::Within, literal::time)?)
    } else {
        None
    };
    if !cursor.take(&Kind::Colon) {
        let help = String::from("such as `50 times within 2s: phone create task/# in project/p`");
        let what = if within.is_some() { "`:`" } else { "`:` or `within`" };
        return Err(cursor.expected(what).help(help));
    }
    if let Some(word) = cursor.peek_word().filter(|word| STEPS.contains(word)) {
        let wrong = cursor.expected("what a user does");
        return Err(wrong.help(format!("`{word}` cannot be repeated")));
    }
    let times = u32::try_from(times).expect("read within its bounds");
    Ok(Act::Repeat { times, within, act: Box::new(act::act(cursor, devices)?) })
}

/// `home: ben viewer`, or without a role.
fn members(cursor: &mut Cursor<'_>, with_role: bool) -> Result<MemberChange, Wrong> {
    let workspace = cursor.word("a workspace", Part::Place)?.to_owned();
    cursor.symbol(&Kind::Colon, ":")?;
    let user = cursor.word("a user", Part::User(0))?.to_owned();
    let role = if with_role { Some(act::role(cursor)?) } else { None };
    Ok(MemberChange { workspace, user, role })
}

/// A step that begins with a word of the language.
fn keyword(cursor: &mut Cursor<'_>, word: &str) -> Result<Act, Wrong> {
    cursor.advance();
    match word {
        "fault" => fault::fault(cursor).map(Act::Fault),
        "end" => cursor.word("the label of a fault", Part::Name).map(|label| Act::End(label.to_owned())),
        "heal" => Ok(Act::Heal),
        "settle" => Ok(Act::Settle),
        "expect" => expectation::expectation(cursor).map(Act::Expect),
        "grant" => members(cursor, true).map(Act::Members),
        "revoke" => members(cursor, false).map(Act::Members),
        "wait" => cursor.read("a time", Part::Amount, literal::time).map(Act::Wait),
        _ => unreachable!("`{word}` is in the list of steps and has no parser"),
    }
}
