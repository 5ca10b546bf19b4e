//! From text to a script.
//!
//! Lines are read one by one ([`mod@line`]), so that one bad line does not hide the next. Only if
//! all of them can be read is the script checked as a whole: otherwise every use of what a bad
//! line declares would be reported too.

mod act;
mod change;
mod cursor;
mod declaration;
mod expectation;
mod fault;
mod line;

use crate::error::{Errors, ParseError, Wrong};
use crate::limits::{LINES_MAX, PROBLEMS_MAX, TEXT_BYTES_MAX};
use crate::part::{Marks, Part};
use crate::{Declaration, Item, Script, lex};

/// Reads and checks a script. A byte order mark, Windows line ends and tabs are accepted.
///
/// # Errors
/// What is wrong with it: with single lines if any cannot be read, else with the script as a
/// whole, as [`Script::check`] finds it.
///
/// # Examples
/// ```
/// let text = "scenario typo\nworkspace home: ana editor\ndevice phone: ana\nphnoe sync\n";
/// let errors = deadzone_script::parse(text).unwrap_err();
/// assert_eq!(errors.to_string(), "4:1: there is no device `phnoe` (did you mean `phone`?)");
/// ```
pub fn parse(text: &str) -> Result<Script, Errors> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the script is longer than {TEXT_BYTES_MAX} bytes");
        return Err(Errors::new(vec![ParseError::whole(message)]));
    }
    let lines = lines(text);
    if lines.len() > LINES_MAX {
        let message = format!("the script has more than {LINES_MAX} lines");
        return Err(Errors::new(vec![ParseError::whole(message)]));
    }
    let (script, marks) = read(&lines)?;
    script.check().map(|()| script).map_err(|problems| {
        let located = problems.into_iter().map(|problem| {
            let span = marks.get(problem.item).and_then(|marks| marks.get(problem.part)).unwrap_or(0..0);
            let wrong = Wrong::new(span, problem.message).help(problem.help);
            ParseError::new(problem.item, lines.get(problem.item).unwrap_or(&""), wrong)
        });
        Errors::new(located.collect())
    })
}

/// A declaration whose name only those can judge who run the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// `client NAME`
    Client,
    /// `defect NAME`
    Defect,
    /// `violates ORACLE CLAUSE`: the oracle.
    Violates,
    /// `reaches SITUATION`
    Reaches,
}

/// The error that a declared name is not known: `message` and `help` at the place of the name in
/// `text`, which must parse and declare it.
///
/// # Examples
/// ```
/// use deadzone_script::{Named, refuse};
///
/// let text = "scenario x\nclient  mine\nworkspace home: ana editor\ndevice phone: ana\nphone sync\n";
/// let errors = refuse(text, Named::Client, "there is no client `mine`", None);
/// assert_eq!(errors.to_string(), "2:9: there is no client `mine`");
/// ```
pub fn refuse(text: &str, named: Named, message: &str, help: Option<String>) -> Errors {
    let lines = lines(text);
    let declares = |item: &Item| match item {
        Item::Declaration(Declaration::Client(_)) => named == Named::Client,
        Item::Declaration(Declaration::Defect(_)) => named == Named::Defect,
        Item::Declaration(Declaration::Violates { .. }) => named == Named::Violates,
        Item::Declaration(Declaration::Reaches(_)) => named == Named::Reaches,
        _ => false,
    };
    let found = read(&lines).ok().and_then(|(script, marks)| {
        let at = script.items.iter().position(declares)?;
        Some((at, marks.get(at)?.get(Part::Name)?))
    });
    let (at, span) = found.unwrap_or((0, 0..0));
    let wrong = Wrong::new(span, message).help(help);
    Errors::new(vec![ParseError::new(at, lines.get(at).unwrap_or(&""), wrong)])
}

/// The lines without their ends. A line end closes a line; it does not open another.
fn lines(text: &str) -> Vec<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<&str> = text.split('\n').collect();
    lines.pop_if(|last| last.is_empty());
    lines.into_iter().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect()
}

/// Every line by itself, and where its parts stand.
fn read(lines: &[&str]) -> Result<(Script, Vec<Marks>), Errors> {
    let devices = declared_devices(lines);
    let mut script = Script::default();
    let mut marks = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        match line::item(line, &devices) {
            Ok((item, parts)) => {
                script.items.push(item);
                marks.push(parts);
            }
            Err(wrong) => errors.push(ParseError::new(index, line, wrong)),
        }
        if errors.len() == PROBLEMS_MAX {
            break;
        }
    }
    if errors.is_empty() { Ok((script, marks)) } else { Err(Errors::new(errors)) }
}

/// The names of all devices, also of those whose line has something wrong with it: to tell a
/// mistyped device from a line that begins with nothing known.
fn declared_devices<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let declarations = lines.iter().filter(|line| line.trim_start().starts_with("device"));
    declarations
        .filter_map(|line| match lex::tokens(line).ok()?.as_slice() {
            [keyword, name, ..] if keyword.text == "device" => Some(name.text),
            _ => None,
        })
        .collect()
}
