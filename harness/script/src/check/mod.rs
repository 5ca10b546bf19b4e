//! Whether a script means something, as far as that can be said without running it.
//!
//! The check walks the steps in their order and keeps what is true after each: which records
//! have been created, which hosts are down or offline, which faults act. It works on the script
//! as data, so that a script whose lines were removed or rewritten by a program is held to the
//! same rules as one that was read from a file.

mod acts;
mod declarations;
mod expectations;
mod faults;
mod fields;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::time::Duration;

use crate::amount::Time;
use crate::limits::{LINES_MAX, PROBLEMS_MAX, TEXT_BYTES_MAX, TIME_MAX};
use crate::part::Part;
use crate::words::SERVER;
use crate::{Item, Script, suggest};

/// Something that is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which of the script's items, from 0; its line is one more.
    pub item: usize,
    /// What is wrong: a sentence without its full stop.
    pub message: String,
    /// What was probably meant, or what would be right.
    pub help: Option<String>,
    pub(crate) part: Part,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.item + 1, self.message)?;
        self.help.iter().try_for_each(|help| write!(f, " ({help})"))
    }
}

impl Script {
    /// Checks everything that [`parse`](crate::parse()) checks once it has read the lines. A
    /// script that passes is printed to a text that parses to the same script.
    ///
    /// # Errors
    /// What is wrong, in the order of the lines; after [`PROBLEMS_MAX`]
    /// problems it stops looking for more.
    pub fn check(&self) -> Result<(), Vec<Problem>> {
        let mut checker = Checker::new(self);
        checker.size();
        if checker.problems.is_empty() {
            checker.declarations();
            checker.labels();
            checker.steps();
        }
        checker.problems.sort_by_key(|problem| problem.item);
        checker.problems.truncate(PROBLEMS_MAX);
        if checker.problems.is_empty() { Ok(()) } else { Err(checker.problems) }
    }
}

/// What the check knows at one line.
struct Checker<'a> {
    script: &'a Script,
    problems: Vec<Problem>,
    /// The item under the eye.
    item: usize,

    workspaces: BTreeSet<&'a str>,
    users: BTreeSet<&'a str>,
    devices: BTreeSet<&'a str>,

    /// Every record that has been created.
    records: BTreeSet<String>,
    /// Records that were needed before they were created; each is reported once.
    missing: BTreeSet<String>,
    /// Every fault with a label, with its item; ended or not.
    faults: BTreeMap<&'a str, FaultPhase>,
    down: BTreeSet<&'a str>,
    /// A fault may have brought them down, or will.
    doomed: BTreeSet<&'a str>,
    asleep: BTreeSet<&'a str>,
    /// The copies of disks, each with its device.
    backups: BTreeMap<&'a str, &'a str>,
    /// A step that is no fault stands above.
    begun: bool,
    offline: BTreeSet<&'a str>,
    /// The latest `at`.
    at: Duration,
    /// User actions so far.
    actions: u64,
    /// Names that nobody declares and that were reported, so that each is reported once.
    unknown: BTreeSet<&'a str>,
}

/// How far a fault has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FaultPhase {
    /// It begins in a later line: the item.
    Later(usize),
    Begun,
    /// In an earlier line: the item.
    Ended(usize),
}

impl<'a> Checker<'a> {
    fn new(script: &'a Script) -> Checker<'a> {
        Checker {
            script,
            problems: Vec::new(),
            item: 0,
            workspaces: BTreeSet::new(),
            users: BTreeSet::new(),
            devices: BTreeSet::new(),
            records: BTreeSet::new(),
            missing: BTreeSet::new(),
            faults: BTreeMap::new(),
            down: BTreeSet::new(),
            doomed: BTreeSet::new(),
            asleep: BTreeSet::new(),
            backups: BTreeMap::new(),
            begun: false,
            offline: BTreeSet::new(),
            at: Duration::ZERO,
            actions: 0,
            unknown: BTreeSet::new(),
        }
    }

    /// Whether enough is wrong to stop.
    fn is_full(&self) -> bool {
        self.problems.len() >= PROBLEMS_MAX
    }

    fn report(&mut self, part: Part, message: impl Into<String>) {
        self.report_with(part, message, None);
    }

    fn report_with(&mut self, part: Part, message: impl Into<String>, help: impl Into<Option<String>>) {
        let (message, help) = (message.into(), help.into());
        self.problems.push(Problem { item: self.item, message, help, part });
    }

    /// The bounds of the whole script.
    fn size(&mut self) {
        if self.script.items.len() > LINES_MAX {
            self.report(Part::Line, format!("the script has more than {LINES_MAX} lines"));
            return;
        }
        let mut bytes = ByteCount(0);
        write!(bytes, "{}", self.script).expect("counting does not fail");
        if bytes.0 > TEXT_BYTES_MAX {
            self.report(Part::Line, format!("the script is longer than {TEXT_BYTES_MAX} bytes"));
        }
    }

    /// A time has to be within bounds and in whole ms, because that is how it is printed.
    fn time(&mut self, time: Duration, part: Part) {
        if time > TIME_MAX {
            let most = Time::of(TIME_MAX);
            self.report(part, format!("the time is too long; the longest time is {most}"));
        }
        if !time.subsec_nanos().is_multiple_of(1_000_000) {
            self.report(part, "the time is finer than a millisecond");
        }
    }

    /// Whether `name` is a device; reported if it is not.
    fn device(&mut self, name: &'a str, part: Part) -> bool {
        if name == SERVER {
            let help = String::from("this is for devices only");
            self.report_with(part, "`server` is no device", help);
            return false;
        }
        self.host(name, part)
    }

    /// Whether `name` is a device or the server; reported if it is neither.
    fn host(&mut self, name: &'a str, part: Part) -> bool {
        let is_known = name == SERVER || self.devices.contains(name);
        if !is_known && self.unknown.insert(name) {
            let help = suggest::help(name, self.devices.iter().copied(), "the devices are");
            self.report_with(part, format!("there is no device `{name}`"), help);
        }
        is_known
    }

    /// A device that something is asked of has to be up.
    fn up(&mut self, host: &str, part: Part) {
        if self.down.contains(host) {
            let help = format!("`{host}  restart` or `heal` brings it up");
            self.report_with(part, format!("`{host}` is down here"), help);
        }
        if self.asleep.contains(host) {
            let help = format!("`{host}  resume` or `heal` wakes it up");
            self.report_with(part, format!("`{host}` is asleep here"), help);
        }
    }

    /// The line of an item, for people.
    fn line(item: usize) -> usize {
        item + 1
    }

    /// The steps one after the other.
    fn steps(&mut self) {
        let script = self.script;
        for (item, line) in script.items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.item = item;
            if let Item::Step(step) = line {
                self.step(step);
            }
        }
    }
}

struct ByteCount(usize);

impl Write for ByteCount {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
