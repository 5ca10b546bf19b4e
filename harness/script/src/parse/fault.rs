//! Faults.

use std::time::Duration;

use crate::error::Wrong;
use crate::lex::Kind;
use crate::literal;
use crate::parse::cursor::Cursor;
use crate::part::Part;
use crate::words::{CLASSES, DISK_OPERATIONS, FAULTS, SURVIVORS, either, words_in};
use crate::{Class, Crash, DiskOperation, Fault, Moment, Survivors, Target};

/// Reads what follows `fault`.
pub(crate) fn fault(cursor: &mut Cursor<'_>) -> Result<Fault, Wrong> {
    let help = format!("a fault is one of {}", FAULTS.join(", ").replace("power", "power loss"));
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
        "cache" => cursor.phrase(&["answers"]).map(|()| Fault::CacheAnswers)?,
        "jump" => {
            let host = cursor.possessive("a host")?;
            cursor.phrase(&["clock", "by"])?;
            Fault::Jump { host, by_ms: cursor.read("a time", Part::Amount, literal::signed_ms)? }
        }
        "kill" => crash(cursor, Crash::Kill)?,
        "power" => {
            cursor.phrase(&["loss"])?;
            let left = survivors(cursor)?;
            cursor.phrase(&["on"])?;
            crash(cursor, Crash::PowerLoss(left))?
        }
        "fill" | "fail" | "lie" | "flip" => disk(cursor, known)?,
        other => link(cursor, other)?,
    })
}

/// What a power loss leaves, if that is said.
pub(crate) fn survivors(cursor: &mut Cursor<'_>) -> Result<Option<Survivors>, Wrong> {
    if cursor.at_end() || cursor.peek_word() == Some("on") {
        return Ok(None);
    }
    if cursor.peek_word().is_some_and(|word| word.starts_with(SUBSET)) {
        return cursor.read("what is left", Part::Which, subset).map(Some);
    }
    let words = words_in(SURVIVORS);
    let word = cursor.one_of("what is left", &words, &format!("what is left is {}", either(&words)))?;
    Ok(SURVIVORS.iter().find(|(known, _)| *known == word).map(|(_, left)| *left))
}

/// What a numbered subset begins with.
const SUBSET: &str = "subset-";

/// `subset-3`
fn subset(word: &str) -> Result<Survivors, Wrong> {
    let number = &word[SUBSET.len()..];
    match count(number).map_err(|wrong| wrong.shift(SUBSET.len()))? {
        0 => Err(Wrong::new(SUBSET.len()..word.len(), "the first subset is `subset-1`")),
        number => Ok(Survivors::Subset(number)),
    }
}

/// `phone at its 7th disk operation for 2s`
fn crash(cursor: &mut Cursor<'_>, crash: Crash) -> Result<Fault, Wrong> {
    let host = cursor.word("a host", Part::Host(0))?.to_owned();
    let help = "such as `at its 7th disk operation`, `after 25 acknowledged` or `after its next push`";
    let moment = match cursor.one_of("when", &["at", "after"], help)? {
        "at" if cursor.take_word("its") => {
            let nth = cursor.read("which one", Part::Which, literal::ordinal)?;
            cursor.phrase(&["disk", "operation"])?;
            Moment::Operation(nth)
        }
        "at" => {
            cursor.phrase(&["disk", "operation"])?;
            Moment::OperationEver(cursor.read("a number", Part::Which, count)?)
        }
        _ if cursor.take_word("its") => {
            let nth = cursor.read("which one", Part::Which, literal::ordinal)?;
            Moment::Answered(nth, class(cursor)?)
        }
        _ => {
            let count = cursor.read("a count", Part::Which, count)?;
            cursor.phrase(&["acknowledged"])?;
            Moment::Acknowledged(count)
        }
    };
    Ok(Fault::Crash { host, crash, moment, down_for: by(cursor, &["for"])? })
}

fn count(word: &str) -> Result<u32, Wrong> {
    literal::whole(word, "a count", u32::MAX.into())
        .map(|n| u32::try_from(n).expect("read within its bounds"))
}

/// Faults of disks.
fn disk(cursor: &mut Cursor<'_>, fault: &str) -> Result<Fault, Wrong> {
    Ok(match fault {
        "fill" => {
            let host = cursor.possessive("a host")?;
            cursor.phrase(&["disk"])?;
            let left_bytes = if cursor.take_word("leaving") { bytes(cursor)? } else { 0 };
            Fault::FillDisk { host, left_bytes }
        }
        "fail" => {
            let host = cursor.possessive("a host")?;
            let nth = cursor.read("which one", Part::Which, literal::ordinal)?;
            cursor.phrase(&["disk"])?;
            Fault::FailDisk { host, nth, on: disk_operation(cursor)? }
        }
        "lie" => {
            cursor.phrase(&["about"])?;
            let device = cursor.possessive("a device")?;
            cursor.phrase(&["disk", "syncs"])?;
            Fault::LyingDisk { device }
        }
        _ => {
            cursor.phrase(&["a", "bit", "of"])?;
            let device = cursor.possessive("a device")?;
            cursor.phrase(&["disk"])?;
            Fault::FlipBit { device }
        }
    })
}

fn disk_operation(cursor: &mut Cursor<'_>) -> Result<DiskOperation, Wrong> {
    let words = words_in(DISK_OPERATIONS);
    let word = cursor.one_of("an operation", &words, &format!("an operation is {}", either(&words)))?;
    let found = DISK_OPERATIONS.iter().find(|(known, _)| *known == word);
    Ok(found.map(|(_, operation)| *operation).expect("one of the list"))
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
    Ok((device, bytes(cursor)?))
}

/// `300 bytes`
fn bytes(cursor: &mut Cursor<'_>) -> Result<u64, Wrong> {
    let count = |word| literal::whole(word, "a count of bytes", u64::MAX);
    let bytes = cursor.read("a count of bytes", Part::Amount, count)?;
    if !cursor.take_word("byte") {
        cursor.phrase(&["bytes"])?;
    }
    Ok(bytes)
}

fn device(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    cursor.word("a device", Part::Host(0)).map(str::to_owned)
}

/// `phone's next push`
fn target(cursor: &mut Cursor<'_>) -> Result<Target, Wrong> {
    let device = cursor.possessive("a device")?;
    let nth = cursor.read("which one", Part::Which, literal::ordinal)?;
    Ok(Target { device, nth, class: class(cursor)? })
}

fn class(cursor: &mut Cursor<'_>) -> Result<Class, Wrong> {
    let help = format!("a request is {}", either(CLASSES));
    Ok(match cursor.one_of("a kind of request", CLASSES, &help)? {
        "push" => Class::Push,
        "pull" => Class::Pull,
        "sign-in" => Class::SignIn,
        "hint" => Class::Hint,
        _ => Class::Any,
    })
}

/// A time after these words, if they are there.
fn by(cursor: &mut Cursor<'_>, words: &[&str]) -> Result<Option<Duration>, Wrong> {
    if cursor.at_end() {
        return Ok(None);
    }
    cursor.phrase(words)?;
    cursor.read("a time", Part::Amount, literal::time).map(Some)
}
