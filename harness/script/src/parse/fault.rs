//! Faults.

use std::time::Duration;

use crate::error::Wrong;
use crate::lex::Kind;
use crate::literal;
use crate::parse::cursor::Cursor;
use crate::part::Part;
use crate::words::{CLASSES, FAULTS, either};
use crate::{Class, Fault, Target};

/// Reads what follows `fault`.
pub(crate) fn fault(cursor: &mut Cursor<'_>) -> Result<Fault, Wrong> {
    let help = format!("a fault is one of {}", FAULTS.join(", "));
    let known = cursor.one_of("a fault", FAULTS, &help)?;
    Ok(match known {
        "lose" if cursor.peek_word() == Some("the") => {
            cursor.phrase(&["the", "answer", "to"])?;
            Fault::LoseAnswer(target(cursor)?)
        }
        "lose" => Fault::LoseRequest(target(cursor)?),
        "delay" => {
            cursor.phrase(&["the", "answer", "to"])?;
            Fault::DelayAnswer(target(cursor)?, by(cursor, &["by"])?)
        }
        "deliver" => {
            let target = target(cursor)?;
            cursor.phrase(&["twice"])?;
            Fault::DeliverTwice(target)
        }
        "execute" => {
            let target = target(cursor)?;
            cursor.phrase(&["late"])?;
            Fault::ExecuteLate(target, by(cursor, &["by"])?)
        }
        "answer" => {
            let target = target(cursor)?;
            cursor.phrase(&["with"])?;
            let status = |word| literal::whole(word, "an HTTP status", u16::MAX.into());
            let status = cursor.read("an HTTP status", Part::Amount, status)?;
            Fault::ProxyPage(target, u16::try_from(status).expect("read within its bounds"))
        }
        "jump" => {
            let host = cursor.possessive("a host")?;
            cursor.phrase(&["clock", "by"])?;
            Fault::Jump { host, by_ms: cursor.read("a time", Part::Amount, literal::signed_ms)? }
        }
        other => link(cursor, other)?,
    })
}

/// Faults of links.
fn link(cursor: &mut Cursor<'_>, fault: &str) -> Result<Fault, Wrong> {
    Ok(match fault {
        "partition" => {
            let a = cursor.word("a host", Part::Host(0))?.to_owned();
            cursor.symbol(&Kind::Bar, "|")?;
            Fault::Partition { a, b: cursor.word("a host", Part::Host(1))?.to_owned() }
        }
        "cut" => {
            let from = cursor.word("a host", Part::Host(0))?.to_owned();
            cursor.symbol(&Kind::Arrow, "->")?;
            Fault::Cut { from, to: cursor.word("a host", Part::Host(1))?.to_owned() }
        }
        "loss" => {
            let device = device(cursor)?;
            let basis_points = cursor.read("a share such as 5%", Part::Amount, literal::basis_points)?;
            Fault::Loss { device, basis_points }
        }
        "latency" => {
            let device = device(cursor)?;
            let (min, max) = cursor.read("a time such as 400ms..2s", Part::Amount, literal::range)?;
            Fault::Latency { device, min, max }
        }
        "bandwidth" => {
            let device = device(cursor)?;
            let bytes_per_s =
                cursor.read("a bandwidth such as 10KB/s", Part::Amount, literal::bytes_per_s)?;
            Fault::Bandwidth { device, bytes_per_s }
        }
        "reset" => {
            let (device, bytes) = connection(cursor)?;
            Fault::Reset { device, bytes }
        }
        "close" => {
            let (device, bytes) = connection(cursor)?;
            Fault::Close { device, bytes }
        }
        _ => unreachable!("`{fault}` is in the list of faults and has no parser"),
    })
}

/// `phone's connection after 300 bytes`
fn connection(cursor: &mut Cursor<'_>) -> Result<(String, u64), Wrong> {
    let device = cursor.possessive("a device")?;
    cursor.phrase(&["connection", "after"])?;
    let count = |word| literal::whole(word, "a count of bytes", u64::MAX);
    let bytes = cursor.read("a count of bytes", Part::Amount, count)?;
    if !cursor.take_word("byte") {
        cursor.phrase(&["bytes"])?;
    }
    Ok((device, bytes))
}

fn device(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    cursor.word("a device", Part::Host(0)).map(str::to_owned)
}

/// `phone's next push`
fn target(cursor: &mut Cursor<'_>) -> Result<Target, Wrong> {
    let device = cursor.possessive("a device")?;
    let nth = cursor.read("which one", Part::Which, literal::ordinal)?;
    let help = format!("a request is {}", either(CLASSES));
    let class = match cursor.one_of("a kind of request", CLASSES, &help)? {
        "push" => Class::Push,
        "pull" => Class::Pull,
        "sign-in" => Class::SignIn,
        _ => Class::Any,
    };
    Ok(Target { device, nth, class })
}

/// A time after these words, if they are there.
fn by(cursor: &mut Cursor<'_>, words: &[&str]) -> Result<Option<Duration>, Wrong> {
    if cursor.at_end() {
        return Ok(None);
    }
    cursor.phrase(words)?;
    cursor.read("a time", Part::Amount, literal::time).map(Some)
}
