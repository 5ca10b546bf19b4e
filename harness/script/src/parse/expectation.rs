//! What a scenario promises in particular.

use deadzone_trace::{Claim, Expectation, FieldClaim, Place};

use crate::error::Wrong;
use crate::lex::Kind;
use crate::parse::act::{record, record_field};
use crate::parse::change::value;
use crate::parse::cursor::Cursor;
use crate::part::Part;
use crate::words::{BADGES, FIRING, SERVER, SILENT};
use deadzone_contract::Code;

const PLACE: &str = "`everywhere`, `on server` or `on` and devices";

/// Reads what follows `expect`.
pub(crate) fn expectation(cursor: &mut Cursor<'_>) -> Result<Expectation, Wrong> {
    let claim = match cursor.peek_word() {
        Some("no") => {
            cursor.advance();
            cursor.phrase(&["conflicts"]).map(|()| Claim::NoConflicts)
        }
        Some("alert") => {
            cursor.advance();
            let word = cursor.one_of("what the alert does", &[FIRING, SILENT], "it is firing or silent")?;
            Ok(Claim::Alert { firing: word == FIRING })
        }
        Some("conflict") => {
            cursor.advance();
            conflict(cursor)
        }
        Some(word) if word.ends_with("'s") => device_claim(cursor),
        Some(word) if word.contains('/') => record_claim(cursor),
        _ => {
            let help = String::from(
                "a record such as task/1, `conflict`, `no conflicts`, `alert`, or a device with 's",
            );
            Err(cursor.expected("a claim").help(help))
        }
    };
    claim.map(|claim| Expectation { claim })
}

/// `conflict task/1.status shown on laptop, phone`, with `not` before `shown`.
fn conflict(cursor: &mut Cursor<'_>) -> Result<Claim, Wrong> {
    let (name, field) = record_field(cursor)?;
    let shown = !cursor.take_word("not");
    cursor.phrase(&["shown", "on"])?;
    Ok(Claim::Conflict { name, field, shown, devices: cursor.list("a device", Part::Host)? })
}

/// `phone's tray empty`, `phone's badge synced`
fn device_claim(cursor: &mut Cursor<'_>) -> Result<Claim, Wrong> {
    let device = cursor.possessive("a device")?;
    if cursor.one_of("`tray` or `badge`", &["tray", "badge"], "a device shows a tray and a badge")? == "tray"
    {
        return cursor.phrase(&["empty"]).map(|()| Claim::TrayEmpty { device });
    }
    let names: Vec<&str> = BADGES.iter().map(|(name, _)| *name).collect();
    let word =
        cursor.one_of("a badge", &names, "a badge is `synced`, `syncing`, `offline`, `stale` or `error`")?;
    let badge = BADGES.iter().find(|(name, _)| *name == word).map(|(_, badge)| *badge);
    Ok(Claim::Badge { device, badge: badge.expect("one of the names") })
}

/// Why a line of a tray says that it is there.
fn code(word: &str) -> Result<Code, Wrong> {
    Code::named(word).ok_or_else(|| {
        let help = String::from("a code of the contract, such as `forbidden`, `invalid` or `gone`");
        Wrong::new(0..word.len(), format!("there is no reason `{word}`")).help(help)
    })
}

/// What begins with a record's name.
fn record_claim(cursor: &mut Cursor<'_>) -> Result<Claim, Wrong> {
    let name = record(cursor)?;
    match cursor.peek_word() {
        Some("absent") => {
            cursor.advance();
            Ok(Claim::Absent { name, place: place(cursor)? })
        }
        Some("in" | "not") => {
            let listed = !cursor.take_word("not");
            cursor.phrase(&["in"])?;
            let device = cursor.possessive("a device")?;
            cursor.phrase(&["tray"])?;
            let because = if cursor.take_word("because") {
                Some(cursor.read("a reason", Part::Value(0), code)?)
            } else {
                None
            };
            Ok(Claim::InTray { name, device, listed, because })
        }
        _ => {
            let once = cursor.take_word("once");
            cursor.take(&Kind::Comma);
            let fields = fields(cursor)?;
            Ok(Claim::Record { name, once, fields, place: place(cursor)? })
        }
    }
}

/// `title="Final" tags=[urgent] status!=open`; commas between them are accepted.
fn fields(cursor: &mut Cursor<'_>) -> Result<Vec<FieldClaim>, Wrong> {
    let mut fields = Vec::new();
    loop {
        let n = fields.len();
        let equal = match cursor.peek_at(1).map(|token| &token.kind) {
            Some(Kind::Equal) => true,
            Some(Kind::NotEqual) => false,
            Some(Kind::PlusEqual | Kind::MinusEqual) => {
                cursor.advance();
                let help = String::from("an expectation claims a value: title=\"Final\", tags=[urgent]");
                return Err(cursor.expected("`=` or `!=`").help(help));
            }
            _ => return Ok(fields),
        };
        let start = cursor.start();
        let field = cursor.word("a field", Part::Field(n))?.to_owned();
        cursor.advance();
        let value_start = cursor.start();
        let value = value(cursor)?;
        let (value_span, whole) = (cursor.span_from(value_start), cursor.span_from(start));
        cursor.marks.put(Part::Value(n), value_span);
        cursor.marks.put(Part::Change(n), whole);
        fields.push(FieldClaim { field, equal, value });
        cursor.take(&Kind::Comma);
    }
}

/// `everywhere`, `on server`, `on phone, laptop`
fn place(cursor: &mut Cursor<'_>) -> Result<Place, Wrong> {
    if cursor.take_word("everywhere") {
        return Ok(Place::Everywhere);
    }
    if !cursor.take_word("on") {
        let help = crate::suggest::did_you_mean(cursor.peek_word().unwrap_or(""), ["everywhere"]);
        return Err(cursor.expected(PLACE).help(help));
    }
    let start = cursor.start();
    let hosts = cursor.list("a device", Part::Host)?;
    match hosts.as_slice() {
        [only] if only == SERVER => Ok(Place::Server),
        many if many.iter().any(|host| host == SERVER) => {
            let help = String::from("claim it on the server in a line of its own");
            Err(Wrong::new(cursor.span_from(start), "`server` stands alone").help(help))
        }
        _ => Ok(Place::Devices(hosts)),
    }
}
