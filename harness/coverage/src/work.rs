//! What a piece of work does to its record, in a few bits.

use std::ops::BitOrAssign;

use deadzone_contract::{Action, Change, EntityDecl, FieldDecl, Model, Rule};

use crate::bodies::{FieldOp, Kind, Mutation};

/// What is done to a record and to which of its fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    deeds: u16,
    /// A bit for each declared field of the entity that it writes and whose newest value stays.
    lww: u16,
}

/// One bit of [`Work`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed(u16);

impl Deed {
    pub(crate) const CREATE: Deed = Deed(1);
    /// A change of a record that is there.
    pub(crate) const EDIT: Deed = Deed(1 << 1);
    pub(crate) const DELETE: Deed = Deed(1 << 2);
    pub(crate) const COUNT: Deed = Deed(1 << 3);
    pub(crate) const TAG: Deed = Deed(1 << 4);
    pub(crate) const UNTAG: Deed = Deed(1 << 5);
    pub(crate) const MANUAL: Deed = Deed(1 << 6);
    pub(crate) const CUSTOM: Deed = Deed(1 << 7);
    pub(crate) const VERSION: Deed = Deed(1 << 8);
    pub(crate) const IMMUTABLE: Deed = Deed(1 << 9);
}

impl Work {
    pub(crate) fn has(self, deed: Deed) -> bool {
        self.deeds & deed.0 != 0
    }

    /// Whether it writes a field of rule `lww` that another piece of work writes, too.
    pub(crate) fn same_lww(self, other: Work) -> bool {
        self.lww & other.lww != 0
    }

    fn with(mut self, deed: Deed) -> Work {
        self.deeds |= deed.0;
        self
    }

    /// What a user's action does to a record of an entity.
    pub(crate) fn of_action(act: &Action, entity: Option<&EntityDecl>, model: Model) -> Work {
        let mut work = match act {
            Action::Create { .. } => Work::default().with(Deed::CREATE),
            Action::Edit { .. } => Work::default().with(Deed::EDIT),
            Action::Delete { .. } => return Work::default().with(Deed::DELETE),
            _ => return Work::default(),
        };
        for one in act.changes() {
            let deed = match one.change {
                Change::Add(_) => Some(Deed::COUNT),
                Change::Insert(_) => Some(Deed::TAG),
                Change::Remove(_) => Some(Deed::UNTAG),
                Change::Put(_) => None,
            };
            work.touch(entity, &one.field, deed, model);
        }
        work
    }

    /// What a mutation does to a record of an entity.
    pub(crate) fn of_mutation(mutation: &Mutation<'_>, entity: Option<&EntityDecl>, model: Model) -> Work {
        let mut work = Work::default().with(match mutation.kind {
            Kind::Create { .. } => Deed::CREATE,
            Kind::Update => Deed::EDIT,
            Kind::Delete(_) => Deed::DELETE,
        });
        for (field, op) in &mutation.fields {
            match op {
                FieldOp::Add(_) => work.touch(entity, field, Some(Deed::COUNT), model),
                FieldOp::Tags { add, remove } => {
                    if !add.is_empty() {
                        work.touch(entity, field, Some(Deed::TAG), model);
                    }
                    if !remove.is_empty() {
                        work.touch(entity, field, Some(Deed::UNTAG), model);
                    }
                }
                FieldOp::Put(_) | FieldOp::Write(_) | FieldOp::Close(_) => {
                    work.touch(entity, field, None, model);
                }
            }
        }
        work
    }

    fn touch(&mut self, entity: Option<&EntityDecl>, field: &str, deed: Option<Deed>, model: Model) {
        if let Some(Deed(deed)) = deed {
            self.deeds |= deed;
        }
        let Some(entity) = entity else { return };
        let named = |decl: &FieldDecl| decl.name == field || decl.name_before == Some(field);
        let Some(at) = entity.fields.iter().position(named) else { return };
        match entity.fields[at].rule_in(model) {
            Some(Rule::Lww) => self.lww |= 1 << at,
            Some(Rule::Version) => self.deeds |= Deed::VERSION.0,
            Some(Rule::Manual) => self.deeds |= Deed::MANUAL.0,
            Some(Rule::Custom) => self.deeds |= Deed::CUSTOM.0,
            Some(Rule::Immutable) => self.deeds |= Deed::IMMUTABLE.0,
            Some(Rule::Set | Rule::Counter) | None => {}
        }
    }
}

impl BitOrAssign for Work {
    fn bitor_assign(&mut self, other: Work) {
        self.deeds |= other.deeds;
        self.lww |= other.lww;
    }
}
