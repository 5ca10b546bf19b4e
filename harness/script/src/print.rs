//! From a script to text, in the one canonical form.
//!
//! How a line is written depends on that line alone, so that changing one never reformats
//! another. The first words of lines stand in columns of fixed width: what is declared begins
//! in column 10 or 11, what a step says in column 9; longer first words push it to the right.

use std::fmt::{self, Display, Formatter};

use deadzone_contract::wire::MemberChange;
use deadzone_contract::{Change, Choice, Value};

use crate::amount::{Ordinal, Rate, Share, Signed, Time, TimeRange};
use crate::words::{DISK_OPERATIONS, SURVIVORS, is_word, word_of};
use crate::{
    Act, At, Class, Crash, Declaration, DiskOperation, Fault, HostAct, Item, Moment, Script, Step, Suite,
    Survivors, Target, UserAction,
};

/// What a step says begins this many columns after its first word does.
const STEP_COLUMN: usize = 6;

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.items.iter().try_for_each(|item| writeln!(f, "{item}"))
    }
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Item::Blank => Ok(()),
            Item::Comment(words) if words.is_empty() => f.write_str("#"),
            Item::Comment(words) => write!(f, "# {words}"),
            Item::Declaration(declaration) => declaration.fmt(f),
            Item::Step(step) => step.fmt(f),
        }
    }
}

impl Display for Suite {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Suite::Pr => "pr",
            Suite::Nightly => "nightly",
        })
    }
}

impl Display for Declaration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Declaration::Scenario(name) => write!(f, "scenario {name}"),
            Declaration::Suite(suite) => write!(f, "suite    {suite}"),
            Declaration::Seed(seed) => write!(f, "seed     {seed}"),
            Declaration::Client(name) => write!(f, "client   {}", Words(name)),
            Declaration::Model(model) => write!(f, "model    {model}"),
            Declaration::Defect(name) => write!(f, "defect   {}", Words(name)),
            Declaration::Digest(digest) => write!(f, "digest   {digest}"),
            Declaration::Violates { oracle, clause } => {
                write!(f, "violates {} {}", Words(oracle), Words(clause))
            }
            Declaration::Reaches(situation) => write!(f, "reaches  {situation}"),
            Declaration::Set { parameter, value, is_time: true } => {
                write!(f, "set       {parameter} {}", Time(*value))
            }
            Declaration::Set { parameter, value, is_time: false } => {
                write!(f, "set       {parameter} {value}")
            }
            Declaration::Workspace { name, members } => {
                write!(f, "workspace {name}:")?;
                members.iter().enumerate().try_for_each(|(i, (user, theirs))| {
                    write!(f, "{} {user} {}", if i == 0 { "" } else { "," }, theirs)
                })
            }
            Declaration::Device { name, user, skew_ms, drift_ppm, scope, entities, app } => {
                write!(f, "device    {:<7} {user}", format!("{name}:"))?;
                if let Some(scope) = scope {
                    write!(f, " scope {}", scope.join(", "))?;
                }
                if let Some(entities) = entities {
                    write!(f, " entities {}", entities.join(", "))?;
                }
                if let Some(app) = app {
                    write!(f, " app {app}")?;
                }
                if *skew_ms != 0 {
                    write!(f, " clock {}", Signed(*skew_ms))?;
                }
                if *drift_ppm != 0 {
                    write!(f, " drift {drift_ppm}ppm")?;
                }
                Ok(())
            }
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "{:<4} ", format!("{label}:"))?;
        }
        match self.at {
            None => return self.act.fmt(f),
            Some(At::Start) => f.write_str("at start ")?,
            Some(At::Time(time)) => write!(f, "at {} ", Time::of(time))?,
        }
        // Behind a time of any length there is no column to keep.
        write_act(f, &self.act, 0)
    }
}

impl Display for Act {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_act(f, self, STEP_COLUMN)
    }
}

/// Writes an act whose first words take at least `width` columns.
fn write_act(f: &mut Formatter<'_>, act: &Act, width: usize) -> fmt::Result {
    match act {
        Act::User { devices, action, cannot } => {
            let cannot = if *cannot { "cannot " } else { "" };
            write!(f, "{:<width$}  {cannot}{action}", devices.join(", "))
        }
        Act::Members(MemberChange { workspace, user, role: Some(theirs) }) => {
            write!(f, "{:<width$}  {workspace}: {user} {}", "grant", theirs)
        }
        Act::Members(MemberChange { workspace, user, role: None }) => {
            write!(f, "{:<width$}  {workspace}: {user}", "revoke")
        }
        Act::Host { hosts, what } => write!(f, "{:<width$}  {what}", hosts.join(", ")),
        Act::Repeat { times, within, act } => {
            write!(f, "{times} {}", if *times == 1 { "time" } else { "times" })?;
            if let Some(within) = within {
                write!(f, " within {}", Time::of(*within))?;
            }
            f.write_str(": ")?;
            write_act(f, act, 0)
        }
        Act::Wait(time) => write!(f, "{:<width$}  {}", "wait", Time::of(*time)),
        Act::Fault(fault) => write!(f, "{:<width$}  {fault}", "fault"),
        Act::End(label) => write!(f, "{:<width$}  {label}", "end"),
        Act::Heal => f.write_str("heal"),
        Act::Settle => f.write_str("settle"),
        Act::Expect(expectation) => {
            write!(f, "{:<width$}  {}", "expect", crate::expectation_text(expectation))
        }
    }
}

impl Display for HostAct {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            HostAct::Sync => f.write_str("sync"),
            HostAct::Offline => f.write_str("offline"),
            HostAct::Online => f.write_str("online"),
            HostAct::Crash(crash) => crash.fmt(f),
            HostAct::Restart => f.write_str("restart"),
            HostAct::Suspend => f.write_str("suspend"),
            HostAct::Resume => f.write_str("resume"),
            HostAct::SecondApp => f.write_str("second app"),
            HostAct::Backup(name) => write!(f, "backup {name}"),
            HostAct::Restore(name) => write!(f, "restore {name}"),
            HostAct::Wipe => f.write_str("wipe"),
            HostAct::CloneOnto(device) => write!(f, "clone onto {device}"),
            HostAct::Upgrade(app) => write!(f, "upgrade to {app}"),
            HostAct::RequireApp(app) => write!(f, "require app {app}"),
        }
    }
}

impl Display for Crash {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Crash::Kill => f.write_str("kill"),
            Crash::PowerLoss(None) => f.write_str("power loss"),
            Crash::PowerLoss(Some(left)) => write!(f, "power loss {left}"),
        }
    }
}

impl Display for Survivors {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Survivors::Subset(number @ 1..) => write!(f, "subset-{number}"),
            named => f.write_str(word_of(SURVIVORS, named)),
        }
    }
}

impl Display for DiskOperation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(DISK_OPERATIONS, self))
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Operation(nth) => write!(f, "at its {} disk operation", Ordinal(*nth)),
            Moment::OperationEver(nth) => write!(f, "at disk operation {nth}"),
            Moment::Acknowledged(count) => write!(f, "after {count} acknowledged"),
            Moment::Answered(nth, class) => write!(f, "after its {} {class}", Ordinal(*nth)),
        }
    }
}

impl Display for UserAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            UserAction::Create { name, place, changes } => {
                write!(f, "create {name}")?;
                if let Some(place) = place {
                    write!(f, " in {place}")?;
                }
                write_changes(f, changes)
            }
            UserAction::Edit { name, changes } => match changes.as_slice() {
                [(field, Change::Add(by))] => write!(f, "add {by} to {name} {field}"),
                _ => {
                    write!(f, "set {name}")?;
                    write_changes(f, changes)
                }
            },
            UserAction::SignIn { user, guess } => {
                f.write_str("sign in")?;
                user.iter().try_for_each(|user| write!(f, " as {user}"))?;
                f.write_str(if *guess { " guessing" } else { "" })
            }
            UserAction::SignOut { anyway: false } => f.write_str("sign out"),
            UserAction::SignOut { anyway: true } => f.write_str("sign out anyway"),
            UserAction::Undo { name } => write!(f, "undo {name}"),
            UserAction::Repair => f.write_str("repair"),
            UserAction::SetRole(MemberChange { workspace, user, role: Some(theirs) }) => {
                write!(f, "make {user} {} in {workspace}", theirs)
            }
            UserAction::SetRole(MemberChange { workspace, user, role: None }) => {
                write!(f, "remove {user} from {workspace}")
            }
            UserAction::Delete { name } => write!(f, "delete {name}"),
            UserAction::Discard { name } => write!(f, "discard {name}"),
            UserAction::Retry { name } => write!(f, "retry {name}"),
            UserAction::Resolve { name, field, choice } => {
                write!(f, "resolve {name}.{field} ")?;
                match choice {
                    Choice::KeepMine => f.write_str("keep mine"),
                    Choice::UseTheirs => f.write_str("use theirs"),
                    Choice::Merge(value) => write!(f, "merge {}", Literal(value)),
                }
            }
        }
    }
}

fn write_changes(f: &mut Formatter<'_>, changes: &[(String, Change)]) -> fmt::Result {
    changes.iter().try_for_each(|(field, change)| match change {
        Change::Put(value) => write!(f, " {field}={}", Literal(value)),
        Change::Add(by @ ..0) => write!(f, " {field}-={}", by.unsigned_abs()),
        Change::Add(by) => write!(f, " {field}+={by}"),
        Change::Insert(member) => write!(f, " {field}+={}", Words(member)),
        Change::Remove(member) => write!(f, " {field}-={}", Words(member)),
    })
}

impl Display for Class {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Push => "push",
            Class::Pull => "pull",
            Class::SignIn => "sign-in",
            Class::Hint => "hint",
            Class::Any => "request",
        })
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}'s {} {}", self.device, Ordinal(self.nth), self.class)
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let late = |time: &Option<_>| time.map(|time| format!(" by {}", Time::of(time))).unwrap_or_default();
        match self {
            Fault::LoseRequest(target) => write!(f, "lose {target}"),
            Fault::LoseAnswer(target) => write!(f, "lose the answer to {target}"),
            Fault::DelayAnswer(target, by) => write!(f, "delay the answer to {target}{}", late(by)),
            Fault::DeliverTwice(target) => write!(f, "deliver {target} twice"),
            Fault::ExecuteLate(target, by) => write!(f, "execute {target} late{}", late(by)),
            Fault::ProxyPage(target, status) => write!(f, "answer {target} with {status}"),
            Fault::Partition { a, b } => write!(f, "partition {a} | {b}"),
            Fault::Cut { from, to } => write!(f, "cut {from} -> {to}"),
            Fault::Loss { device, basis_points } => write!(f, "loss {device} {}", Share(*basis_points)),
            Fault::Latency { device, min, max } => {
                write!(f, "latency {device} {}", TimeRange(*min, *max))
            }
            Fault::Bandwidth { device, bytes_per_s } => {
                write!(f, "bandwidth {device} {}", Rate(*bytes_per_s))
            }
            Fault::Reset { device, bytes } => {
                write!(f, "reset {device}'s connection after {}", Bytes(*bytes))
            }
            Fault::Close { device, bytes } => {
                write!(f, "close {device}'s connection after {}", Bytes(*bytes))
            }
            Fault::Crash { host, crash, moment, down_for } => {
                let on = if *crash == Crash::Kill { "" } else { "on " };
                write!(f, "{crash} {on}{host} {moment}")?;
                down_for.iter().try_for_each(|time| write!(f, " for {}", Time::of(*time)))
            }
            Fault::FillDisk { host, left_bytes: 0 } => write!(f, "fill {host}'s disk"),
            Fault::FillDisk { host, left_bytes } => {
                write!(f, "fill {host}'s disk leaving {}", Bytes(*left_bytes))
            }
            Fault::FailDisk { host, nth, on } => {
                write!(f, "fail {host}'s {} disk {on}", Ordinal(*nth))
            }
            Fault::LyingDisk { device } => write!(f, "lie about {device}'s disk syncs"),
            Fault::FlipBit { device } => write!(f, "flip a bit of {device}'s disk"),
            Fault::CacheAnswers => f.write_str("cache answers"),
            Fault::Jump { host, by_ms } => write!(f, "jump {host}'s clock by {}", Signed(*by_ms)),
        }
    }
}

struct Bytes(u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "byte" } else { "bytes" })
    }
}

/// A value so that any text in it stays on its line.
pub(crate) struct Literal<'a>(pub(crate) &'a Value);

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Int(number) => write!(f, "{number}"),
            Value::Text(words) => Words(words).fmt(f),
            Value::Set(members) => {
                f.write_str("[")?;
                for (i, member) in members.iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { ", " }, Words(member))?;
                }
                f.write_str("]")
            }
        }
    }
}

/// What a reader of the line would not see, or not where it stands.
fn is_invisible(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    c.is_control() || is_format || (c.is_whitespace() && c != ' ')
}

/// A word in lower case as it is, anything else in quotes: `status=open`, `title="Final"`.
pub(crate) struct Words<'a>(pub(crate) &'a str);

impl Display for Words<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_word(self.0) && !self.0.contains(|c: char| c.is_ascii_uppercase()) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\""),
                '\\' => f.write_str("\\\\"),
                '\n' => f.write_str("\\n"),
                '\r' => f.write_str("\\r"),
                '\t' => f.write_str("\\t"),
                c if is_invisible(c) => write!(f, "{}", c.escape_unicode()),
                c => write!(f, "{c}"),
            }?;
        }
        f.write_str("\"")
    }
}
