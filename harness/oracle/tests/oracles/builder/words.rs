//! Actions and views in few words.

use std::collections::BTreeMap;

use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{
    Action, Badge, Change, Choice, ConflictView, FieldChange, RecordId, RecordState, RecordView, Status,
    TrayItem, Value, WayOut,
};

pub(crate) fn id(name: &str) -> RecordId {
    RecordId(format!("id:{name}"))
}

/// Text, a number, or words in brackets.
pub(crate) fn value(words: &str) -> Value {
    if let Ok(n) = words.parse() {
        return Value::Int(n);
    }
    match words.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(members) => Value::Set(members.split_whitespace().map(str::to_owned).collect()),
        None => Value::text(words),
    }
}

/// `title=Milk`, `tags+=urgent`, `tags-=urgent`, `completed_count+=3`.
fn change(words: &str) -> FieldChange {
    let (field, change) = if let Some((field, member)) = words.split_once("+=") {
        (field, member.parse().map_or_else(|_| Change::Insert(member.to_owned()), Change::Add))
    } else if let Some((field, member)) = words.split_once("-=") {
        (field, Change::Remove(member.to_owned()))
    } else {
        let (field, words) = words.split_once('=').expect("a change has a sign in it");
        (field, Change::Put(value(words)))
    };
    FieldChange { field: field.to_owned(), change }
}

pub(super) fn changes(changes: &[&str]) -> Vec<FieldChange> {
    changes.iter().map(|words| change(words)).collect()
}

/// Makes a task in `home`.
pub(crate) fn create(changes: &[&str]) -> Action {
    create_in("home", "task", None, changes)
}

/// Makes a record of an entity in a workspace, under a parent.
pub(crate) fn create_in(workspace: &str, entity: &str, parent: Option<&str>, words: &[&str]) -> Action {
    Action::Create {
        entity: entity.to_owned(),
        workspace: workspace.to_owned(),
        parent: parent.map(id),
        changes: changes(words),
    }
}

pub(crate) fn edit(name: &str, words: &[&str]) -> Action {
    Action::Edit { record: id(name), changes: changes(words) }
}

pub(crate) fn sign_in(user: &str) -> Action {
    Action::SignIn { user: user.to_owned(), password: "secret".to_owned() }
}

/// What the operator makes of a user in `home`.
pub(crate) fn member(user: &str, role: Option<Role>) -> MemberChange {
    MemberChange { workspace: "home".to_owned(), user: user.to_owned(), role }
}

pub(crate) fn undo(name: &str) -> Action {
    Action::Undo { record: id(name) }
}

pub(crate) fn delete(name: &str) -> Action {
    Action::Delete { record: id(name), password: None }
}

pub(crate) fn discard(name: &str) -> Action {
    Action::Discard { record: id(name) }
}

pub(crate) fn resolve(name: &str, field: &str, choice: Choice) -> Action {
    Action::Resolve { record: id(name), field: field.to_owned(), choice }
}

/// A task as it is shown: `status=open`, and `status:mine<theirs` for an open conflict.
pub(crate) fn task(name: &str, fields: &[&str]) -> RecordView {
    let mut view = RecordView {
        record: id(name),
        entity: "task".to_owned(),
        workspace: "home".to_owned(),
        parent: None,
        fields: BTreeMap::new(),
        state: RecordState::Synced,
        conflicts: Vec::new(),
    };
    for words in fields {
        if let Some((field, words)) = words.split_once('=') {
            view.fields.insert(field.to_owned(), value(words));
        } else {
            let (field, rest) = words.split_once(':').expect("a field or a conflict");
            let (mine, theirs) = rest.split_once('<').expect("a conflict has two sides");
            let theirs = Some(value(theirs));
            view.conflicts.push(ConflictView { field: field.to_owned(), mine: value(mine), theirs });
            view.state = RecordState::Conflict;
        }
    }
    view
}

/// A record of another entity.
pub(crate) fn of(entity: &str, parent: Option<&str>, mut view: RecordView) -> RecordView {
    view.entity = entity.to_owned();
    view.parent = parent.map(id);
    view
}

pub(crate) fn in_state(state: RecordState, mut view: RecordView) -> RecordView {
    view.state = state;
    view
}

/// A line of the tray: `failed` or `conflict`.
pub(crate) fn item(name: &str, state: RecordState) -> TrayItem {
    TrayItem {
        record: id(name),
        state,
        what: "set status=done".to_owned(),
        reason: "forbidden: ask an editor".to_owned(),
        ways_out: vec![WayOut::Retry, WayOut::Discard],
    }
}

pub(crate) fn status(badge: Badge, queued: u64) -> Status {
    Status { badge, queued, last_sync_ms: None, last_error: None }
}
