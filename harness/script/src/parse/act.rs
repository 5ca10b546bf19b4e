//! What users do and what happens to hosts.

use crate::error::Wrong;
use crate::lex::Kind;
use crate::parse::change::{changes, integer, value};
use crate::parse::cursor::Cursor;
use crate::parse::fault::survivors;
use crate::part::Part;
use crate::suggest;
use crate::words::{DECLARATIONS, HOST_VERBS, ROLES, SERVER, STEPS, USER_VERBS};
use crate::{Act, Crash, HostAct, UserAction, literal};
use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{Change, Choice, Value};

/// Reads `phone, laptop  set task/1 title="Final"` or `phone, server  kill`.
pub(crate) fn act(cursor: &mut Cursor<'_>, devices: &[&str]) -> Result<Act, Wrong> {
    let Some(first) = cursor.peek_word() else { return Err(cursor.expected("a step")) };
    let is_host = devices.contains(&first) || first == SERVER;
    if !is_host && !names_hosts(cursor) {
        return Err(unknown_first(cursor, first, devices));
    }
    let hosts = cursor.list("a device", Part::Host)?;
    let cannot = cursor.take_word("cannot");
    let start = cursor.start();
    let Some(verb) = cursor.peek_word().filter(|verb| is_verb(verb)) else {
        return Err(unknown_verb(cursor));
    };
    cursor.advance();
    cursor.marks.put(Part::Verb, start..start + verb.len());
    if USER_VERBS.contains(&verb) {
        return Ok(Act::User { devices: hosts, action: user_action(cursor, verb)?, cannot });
    }
    if cannot {
        let message = format!("only what users do can be refused, not `{verb}`");
        return Err(Wrong::new(start..start + verb.len(), message));
    }
    Ok(Act::Host { hosts, what: host_act(cursor, verb)? })
}

fn host_act(cursor: &mut Cursor<'_>, verb: &str) -> Result<HostAct, Wrong> {
    Ok(match verb {
        "sync" => HostAct::Sync,
        "offline" => HostAct::Offline,
        "online" => HostAct::Online,
        "kill" => HostAct::Crash(Crash::Kill),
        "power" => {
            cursor.phrase(&["loss"])?;
            HostAct::Crash(Crash::PowerLoss(survivors(cursor)?))
        }
        "restart" => HostAct::Restart,
        "suspend" => HostAct::Suspend,
        "resume" => HostAct::Resume,
        "second" => cursor.phrase(&["app"]).map(|()| HostAct::SecondApp)?,
        "backup" => HostAct::Backup(cursor.word("a name for the copy", Part::Name)?.to_owned()),
        "restore" => HostAct::Restore(cursor.word("the name of a copy", Part::Name)?.to_owned()),
        "wipe" => HostAct::Wipe,
        "clone" => {
            cursor.phrase(&["onto"])?;
            HostAct::CloneOnto(cursor.word("a device", Part::Name)?.to_owned())
        }
        "upgrade" => {
            cursor.phrase(&["to"])?;
            HostAct::Upgrade(app(cursor)?)
        }
        "require" => {
            cursor.phrase(&["app"])?;
            HostAct::RequireApp(app(cursor)?)
        }
        _ => unreachable!("`{verb}` is in the list of verbs and has no parser"),
    })
}

/// The version of an app.
pub(crate) fn app(cursor: &mut Cursor<'_>) -> Result<u32, Wrong> {
    let version = |word| literal::whole(word, "a version", u32::MAX.into());
    let version = cursor.read("a version", Part::Amount, version)?;
    Ok(u32::try_from(version).expect("read within its bounds"))
}

fn is_verb(word: &str) -> bool {
    USER_VERBS.contains(&word) || HOST_VERBS.contains(&word)
}

/// Whether an unknown first word must be meant as a host, by what follows it.
fn names_hosts(cursor: &Cursor<'_>) -> bool {
    let first_is_verb = cursor.peek_word().is_some_and(is_verb);
    !first_is_verb
        && (cursor.is_kind(1, &Kind::Comma)
            || cursor.peek_at(1).is_some_and(|next| is_verb(next.text) || next.text == "cannot"))
}

/// No line begins like this.
pub(crate) fn unknown_first(cursor: &Cursor<'_>, first: &str, devices: &[&str]) -> Wrong {
    let span = cursor.start()..cursor.start() + first.len();
    if is_verb(first) {
        let device = devices.first().unwrap_or(&"phone");
        let message = format!("`{first}` does not say on which device");
        return Wrong::new(span, message).help(format!("such as `{device} {first} ...`"));
    }
    let known = [devices, STEPS, DECLARATIONS, &[SERVER]].concat();
    let message = format!("no line begins with `{first}`");
    Wrong::new(span, message).help(suggest::did_you_mean(first, known).or_else(|| {
        let help = "a line begins with a device, `server`, `fault`, `expect`, `wait`, `heal` or `settle`";
        Some(String::from(help))
    }))
}

fn unknown_verb(cursor: &Cursor<'_>) -> Wrong {
    let verbs = [USER_VERBS, HOST_VERBS].concat();
    let found = cursor.peek_word().unwrap_or("");
    let help = suggest::did_you_mean(found, verbs).unwrap_or_else(|| {
        format!(
            "users: {}; hosts: {}",
            USER_VERBS.join(", ").replace("sign", "sign in, sign out"),
            HOST_VERBS.join(", ").replace("power", "power loss").replace("second", "second app")
        )
    });
    cursor.expected("a verb").help(help)
}

fn user_action(cursor: &mut Cursor<'_>, verb: &str) -> Result<UserAction, Wrong> {
    Ok(match verb {
        "create" => {
            let name = record(cursor)?;
            let place = if cursor.take_word("in") {
                Some(cursor.word("a record or a workspace", Part::Place)?.to_owned())
            } else {
                None
            };
            UserAction::Create { name, place, changes: changes(cursor)? }
        }
        "set" => {
            let name = record(cursor)?;
            if cursor.at_end() {
                let help = String::from("such as title=\"Final\" or tags+=urgent");
                return Err(cursor.expected("a change").help(help));
            }
            UserAction::Edit { name, changes: changes(cursor)? }
        }
        "add" => add(cursor)?,
        "sign" => sign(cursor)?,
        "undo" => UserAction::Undo { name: record(cursor)? },
        "repair" => UserAction::Repair,
        "make" => {
            let user = cursor.word("a user", Part::User(0))?.to_owned();
            let role = Some(role(cursor)?);
            cursor.phrase(&["in"])?;
            let workspace = cursor.word("a workspace", Part::Place)?.to_owned();
            UserAction::SetRole(MemberChange { workspace, user, role })
        }
        "remove" => {
            let user = cursor.word("a user", Part::User(0))?.to_owned();
            cursor.phrase(&["from"])?;
            let workspace = cursor.word("a workspace", Part::Place)?.to_owned();
            UserAction::SetRole(MemberChange { workspace, user, role: None })
        }
        "delete" => UserAction::Delete { name: record(cursor)? },
        "discard" => UserAction::Discard { name: record(cursor)? },
        "retry" => UserAction::Retry { name: record(cursor)? },
        "resolve" => {
            let (name, field) = record_field(cursor)?;
            UserAction::Resolve { name, field, choice: choice(cursor)? }
        }
        _ => unreachable!("`{verb}` is in the list of verbs and has no parser"),
    })
}

/// `sign in`, `sign in as ben`, `sign in guessing`, `sign out`, `sign out anyway`
fn sign(cursor: &mut Cursor<'_>) -> Result<UserAction, Wrong> {
    match cursor.one_of("`in` or `out`", &["in", "out"], "`sign in`, `sign in as ben` or `sign out`")? {
        "out" => Ok(UserAction::SignOut { anyway: cursor.take_word("anyway") }),
        _ => {
            let user = if cursor.take_word("as") {
                Some(cursor.word("a user", Part::User(0))?.to_owned())
            } else {
                None
            };
            Ok(UserAction::SignIn { user, guess: cursor.take_word("guessing") })
        }
    }
}

/// `viewer`, `editor` or `admin`
pub(crate) fn role(cursor: &mut Cursor<'_>) -> Result<Role, Wrong> {
    let names: Vec<&str> = ROLES.iter().map(|(name, _)| *name).collect();
    let word = cursor.one_of("a role", &names, "a role is `viewer`, `editor` or `admin`")?;
    let role = ROLES.iter().find(|(name, _)| *name == word).map(|(_, role)| *role);
    Ok(role.expect("one of the names"))
}

/// `add 3 to task/1 completed_count`
fn add(cursor: &mut Cursor<'_>) -> Result<UserAction, Wrong> {
    let start = cursor.start();
    let by = cursor.read("a whole number", Part::Value(0), |word| integer(word, 1))?;
    cursor.phrase(&["to"])?;
    let name = record(cursor)?;
    let field = cursor.word("a field", Part::Field(0))?.to_owned();
    let span = cursor.span_from(start);
    cursor.marks.put(Part::Change(0), span);
    Ok(UserAction::Edit { name, changes: vec![(field, Change::Add(by))] })
}

/// `keep mine`, `use theirs`, `merge "both"`
fn choice(cursor: &mut Cursor<'_>) -> Result<Choice, Wrong> {
    let kinds = ["keep", "use", "merge"];
    match cursor.one_of("a decision", &kinds, "`keep mine`, `use theirs` or `merge \"both\"`")? {
        "keep" => cursor.phrase(&["mine"]).map(|()| Choice::KeepMine),
        "use" => cursor.phrase(&["theirs"]).map(|()| Choice::UseTheirs),
        _ => {
            let start = cursor.start();
            let merged: Value = value(cursor)?;
            let span = cursor.span_from(start);
            cursor.marks.put(Part::Value(0), span);
            Ok(Choice::Merge(merged))
        }
    }
}

/// A record's name: `task/1`.
pub(crate) fn record(cursor: &mut Cursor<'_>) -> Result<String, Wrong> {
    let start = cursor.start();
    let name = cursor.word("a record such as task/1", Part::Name)?;
    mark_entity(cursor, start, name);
    Ok(name.to_owned())
}

/// A field of a record: `task/1.status`.
pub(crate) fn record_field(cursor: &mut Cursor<'_>) -> Result<(String, String), Wrong> {
    let start = cursor.start();
    let Some((name, field)) = cursor.peek_word().and_then(|word| word.split_once('.')) else {
        return Err(cursor.expected("the field of a record, such as task/1.status"));
    };
    cursor.advance();
    cursor.marks.put(Part::Name, start..start + name.len());
    let field_start = start + name.len() + 1;
    cursor.marks.put(Part::Field(0), field_start..field_start + field.len());
    mark_entity(cursor, start, name);
    Ok((name.to_owned(), field.to_owned()))
}

fn mark_entity(cursor: &mut Cursor<'_>, start: usize, name: &str) {
    if let Some((entity, _)) = name.split_once('/') {
        cursor.marks.put(Part::Entity, start..start + entity.len());
    }
}
