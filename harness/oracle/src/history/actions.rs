//! What users did, and what each action does to which field.

use std::collections::BTreeSet;

use deadzone_contract::{Action, Change, Choice, Code, FieldChange, RecordId, RecordView, Rule, Value};

/// One action of a user.
#[derive(Debug)]
pub(crate) struct ActionRun<'t> {
    /// Its name in the run: `a4`.
    pub(crate) label: &'t str,
    pub(crate) device: &'t str,
    pub(crate) user: &'t str,
    /// What a create calls its record in the script.
    pub(crate) name: Option<&'t str>,
    pub(crate) act: &'t Action,
    /// When it began.
    pub(crate) begun: usize,
    /// When its outcome was known; the end of the trace for one that stayed open.
    pub(crate) ended: usize,
    pub(crate) ending: Ending,
    /// Why it was refused, if it was: for programs.
    pub(crate) refusal: Option<Code>,
    /// The script says that it has to be refused.
    pub(crate) cannot: bool,
    /// The changes that an undo made, as its device told.
    pub(crate) undid: &'t [FieldChange],
    /// The record that it is about, as far as anybody knows.
    pub(crate) record: Option<usize>,
    /// The record that a retry made anew of one that was gone for good.
    pub(crate) made_anew: Option<usize>,
}

/// How an action came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Promised to be durable.
    Saved,
    /// Promised that nothing of it was kept.
    Refused,
    /// Nothing was promised: it may have been kept, also where the device said just that.
    Indefinite,
    /// The trace ends before it.
    Open,
}

impl<'t> ActionRun<'t> {
    /// Whether the device said that nothing of it was kept.
    pub(crate) fn refused(&self) -> bool {
        self.ending == Ending::Refused
    }

    pub(crate) fn saved(&self) -> bool {
        self.ending == Ending::Saved
    }

    /// Whether it may have happened. A sign-out that a failing storage interrupts has, in part.
    pub(crate) fn may_have_happened(&self) -> bool {
        let interrupted = matches!(self.act, Action::SignOut { .. }) && self.refusal == Some(Code::Storage);
        !self.refused() || interrupted
    }

    /// Whether it is done on the server at once, or not at all: a sign-in, or a step-up operation.
    pub(crate) fn needs_network(&self) -> bool {
        match self.act {
            Action::SignIn { .. } | Action::SetRole { .. } => true,
            Action::Delete { password, .. } => password.is_some(),
            _ => false,
        }
    }

    /// The word that violations use.
    pub(crate) fn kind(&self) -> &'static str {
        match self.act {
            Action::SignIn { .. } => "sign-in",
            Action::Create { .. } => "create",
            Action::Edit { .. } => "edit",
            Action::SignOut { .. } => "sign-out",
            Action::Delete { .. } => "delete",
            Action::Undo { .. } => "undo",
            Action::Repair => "repair",
            Action::SetRole { .. } => "set-role",
            Action::Discard { .. } => "discard",
            Action::Retry { .. } => "retry",
            Action::Resolve { .. } => "resolve",
        }
    }

    /// Where a create puts its record.
    pub(crate) fn birthplace(&self) -> Option<Birthplace<'t>> {
        match self.act {
            Action::Create { entity, workspace, parent, changes } => {
                Some(Birthplace { entity, workspace, parent: parent.as_ref(), changes })
            }
            _ => None,
        }
    }
}

/// Where a create puts its record, and with what in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birthplace<'a> {
    pub(crate) entity: &'a str,
    pub(crate) workspace: &'a str,
    pub(crate) parent: Option<&'a RecordId>,
    pub(crate) changes: &'a [FieldChange],
}

impl Birthplace<'_> {
    /// Whether a record looks as this create made it.
    pub(crate) fn made(&self, view: &RecordView) -> bool {
        self.entity == view.entity
            && self.workspace == view.workspace
            && self.parent == view.parent.as_ref()
            && self.changes.iter().all(|change| {
                let shown = view.fields.get(&change.field);
                match (&change.change, shown) {
                    (Change::Put(value), shown) => shown == Some(value),
                    (Change::Add(by), shown) => shown == Some(&Value::Int(*by)),
                    (Change::Insert(member), Some(Value::Set(members))) => members.contains(member),
                    (Change::Insert(_), _) => false,
                    (Change::Remove(_), _) => true,
                }
            })
    }

    /// Whether the create gives its record a value that can tell it from others.
    pub(crate) fn telling(&self) -> bool {
        self.changes.iter().any(|change| matches!(change.change, Change::Put(Value::Text(_))))
    }
}

/// What an effect does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op<'t> {
    /// Makes the record.
    Create,
    /// Deletes it.
    Delete,
    /// Brings it back after a delete.
    Restore,
    /// Writes a value; a decision whose value is not certain may write any of several.
    Put(Vec<&'t Value>),
    /// Decides a conflict, by writing one of these values.
    Resolve(Vec<&'t Value>),
    /// Decides a conflict for what stands there: one of these values.
    UseTheirs(Vec<&'t Value>),
    /// Adds to a counter.
    Add(i64),
    /// Puts a member into a set.
    Insert(&'t str),
    /// Takes a member out of a set.
    Remove(&'t str),
}

impl<'t> Op<'t> {
    /// The word that violations use.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Delete => "delete",
            Op::Restore => "restore",
            Op::Put(_) => "put",
            Op::Resolve(_) | Op::UseTheirs(_) => "resolve",
            Op::Add(_) => "add",
            Op::Insert(_) => "insert",
            Op::Remove(_) => "remove",
        }
    }

    /// The values that a write may write; empty for everything that is none.
    pub(crate) fn values(&self) -> &[&'t Value] {
        match self {
            Op::Put(values) | Op::Resolve(values) | Op::UseTheirs(values) => values,
            _ => &[],
        }
    }

    /// Whether it is of the kind that fields of rules `lww` and `version` take.
    pub(crate) fn is_write(&self) -> bool {
        matches!(self, Op::Put(_) | Op::Resolve(_) | Op::UseTheirs(_))
    }
}

/// What one change of a create or an edit does, and whether the field's rule can be judged after
/// it: a counter that is overwritten and a set that is replaced cannot.
pub(crate) fn ops_of<'t>(change: &'t Change, rule: Option<Rule>, creates: bool) -> (Vec<Op<'t>>, bool) {
    match (change, rule) {
        (Change::Put(value), rule) => {
            let ops = ops_of_value(value, rule);
            let fits = creates || !matches!(rule, Some(Rule::Counter | Rule::Set));
            (ops, fits)
        }
        (Change::Add(by), rule) => (vec![Op::Add(*by)], rule == Some(Rule::Counter)),
        (Change::Insert(member), rule) => (vec![Op::Insert(member)], rule == Some(Rule::Set)),
        (Change::Remove(member), rule) => (vec![Op::Remove(member)], rule == Some(Rule::Set)),
    }
}

/// What puts a value into a field that has none.
pub(super) fn ops_of_value<'t>(value: &'t Value, rule: Option<Rule>) -> Vec<Op<'t>> {
    match (value, rule) {
        (Value::Int(n), Some(Rule::Counter)) => vec![Op::Add(*n)],
        (Value::Set(members), Some(Rule::Set)) => members.iter().map(|member| Op::Insert(member)).collect(),
        (value, _) => vec![Op::Put(vec![value])],
    }
}

/// What a decision writes, given the conflicts that its device showed; `earlier` are the values
/// that were written before, for a conflict that nobody was shown.
pub(crate) fn op_of_choice<'t>(
    choice: &'t Choice,
    shown: &[&'t deadzone_contract::ConflictView],
    earlier: BTreeSet<&'t Value>,
) -> Op<'t> {
    let or_any =
        |values: Vec<&'t Value>| if values.is_empty() { earlier.into_iter().collect() } else { values };
    match choice {
        Choice::Merge(value) => Op::Resolve(vec![value]),
        Choice::KeepMine => Op::Resolve(or_any(shown.iter().map(|conflict| &conflict.mine).collect())),
        Choice::UseTheirs => Op::UseTheirs(shown.iter().filter_map(|c| c.theirs.as_ref()).collect()),
    }
}
