//! Lines that say what the world is like.

use deadzone_contract::Model;

use crate::error::Wrong;
use crate::lex::Kind;
use crate::literal;
use crate::parse::act;
use crate::parse::cursor::Cursor;
use crate::part::Part;
use crate::words::is_word;
use crate::{Declaration, Suite};

/// Reads a declaration; the cursor stands at its first word.
pub(crate) fn declaration(cursor: &mut Cursor<'_>, devices: &[&str]) -> Result<Declaration, Wrong> {
    if cursor.peek_word() == Some("set") && cursor.peek_at(1).is_some_and(|name| name.text.contains('/')) {
        return Err(act::unknown_first(cursor, "set", devices));
    }
    let keyword = cursor.word("a declaration", Part::Verb)?;
    Ok(match keyword {
        "scenario" => Declaration::Scenario(cursor.word("a name", Part::Name)?.to_owned()),
        "suite" => match cursor.one_of("a suite", &["pr", "nightly"], "a suite is `pr` or `nightly`")? {
            "pr" => Declaration::Suite(Suite::Pr),
            _ => Declaration::Suite(Suite::Nightly),
        },
        "seed" => {
            let seed = |word| literal::whole(word, "a seed", u64::MAX);
            Declaration::Seed(cursor.read("a seed", Part::Amount, seed)?)
        }
        "client" => Declaration::Client(words(cursor, "the name of a client", Part::Name)?),
        "model" => match cursor.one_of("a model", &["A", "B"], "a model is `A` or `B`")? {
            "A" => Declaration::Model(Model::A),
            _ => Declaration::Model(Model::B),
        },
        "defect" => Declaration::Defect(words(cursor, "the name of a defect", Part::Name)?),
        "digest" => Declaration::Digest(cursor.word("a digest", Part::Amount)?.to_owned()),
        "violates" => Declaration::Violates {
            oracle: words(cursor, "an oracle", Part::Name)?,
            clause: words(cursor, "a clause of the oracle", Part::Value(0))?,
        },
        "reaches" => Declaration::Reaches(cursor.word("a situation", Part::Name)?.to_owned()),
        "set" => set(cursor)?,
        "workspace" => workspace(cursor)?,
        "device" => device(cursor)?,
        _ => unreachable!("`{keyword}` is in the list of declarations and has no parser"),
    })
}

/// A name that somebody else gives: a word, or anything in quotes.
fn words(cursor: &mut Cursor<'_>, what: &str, part: Part) -> Result<String, Wrong> {
    let Some(token) = cursor.peek() else { return Err(cursor.expected(what)) };
    let words = match &token.kind {
        Kind::Quoted(words) => words.clone(),
        Kind::Word if is_word(token.text) => token.text.to_owned(),
        Kind::Word => {
            let help = format!("in quotes it can be any name: \"{}\"", token.text);
            return Err(cursor.expected(what).help(help));
        }
        _ => return Err(cursor.expected(what)),
    };
    let span = token.span.clone();
    cursor.marks.put(part, span);
    cursor.advance();
    Ok(words)
}

/// `set pull_max 3`
fn set(cursor: &mut Cursor<'_>) -> Result<Declaration, Wrong> {
    let parameter = cursor.word("a parameter", Part::Name)?.to_owned();
    cursor.read("a count or a time", Part::Amount, |word| {
        let is_time = !literal::is_number(word);
        let value =
            if is_time { literal::time_ms(word)? } else { literal::whole(word, "a count", u64::MAX)? };
        Ok(Declaration::Set { parameter, value, is_time })
    })
}

/// `workspace home: ana editor, ben viewer`
fn workspace(cursor: &mut Cursor<'_>) -> Result<Declaration, Wrong> {
    let name = cursor.word("the name of a workspace", Part::Name)?.to_owned();
    cursor.symbol(&Kind::Colon, ":")?;
    let mut members = Vec::new();
    loop {
        let user = cursor.word("a user", Part::User(members.len()))?.to_owned();
        members.push((user, act::role(cursor)?));
        if !cursor.take(&Kind::Comma) {
            return Ok(Declaration::Workspace { name, members });
        }
    }
}

/// `device phone: ana scope home, work entities project, task app 3 clock +3m drift 50ppm`
fn device(cursor: &mut Cursor<'_>) -> Result<Declaration, Wrong> {
    let name = cursor.word("the name of a device", Part::Name)?.to_owned();
    cursor.symbol(&Kind::Colon, ":")?;
    let user = cursor.word("a user", Part::User(0))?.to_owned();
    let scope =
        if cursor.take_word("scope") { Some(cursor.list("a workspace", Part::Workspace)?) } else { None };
    let entities =
        if cursor.take_word("entities") { Some(cursor.list("an entity", Part::Subscribed)?) } else { None };
    let app = if cursor.take_word("app") { Some(act::app(cursor)?) } else { None };
    let skew_ms =
        if cursor.take_word("clock") { cursor.read("a time", Part::Skew, literal::signed_ms)? } else { 0 };
    let drift_ppm =
        if cursor.take_word("drift") { cursor.read("a drift", Part::Value(0), literal::ppm)? } else { 0 };
    match cursor.at_end() {
        true => Ok(Declaration::Device { name, user, skew_ms, drift_ppm, scope, entities, app }),
        false => {
            let help = String::from("such as `device phone: ana clock +3m drift 50ppm`");
            let what = "`scope`, `entities`, `app`, `clock`, then `drift`, or the end of the line";
            Err(cursor.expected(what).help(help))
        }
    }
}
