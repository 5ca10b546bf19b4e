//! What is known at a moment of a run: devices and what waits on them, records, requests, faults,
//! rights. It grows entry by entry and is never searched backwards.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::wire::Role;
use deadzone_contract::{Action, Code, EntityDecl, Model};
use deadzone_trace::Header;

use crate::work::{Deed, Work};

/// A record, by the order in which records were first heard of.
pub(crate) type RecordNo = usize;
/// A device, by the order of their names.
pub(crate) type DeviceNo = usize;

/// One saved action that its device has not had answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    pub(crate) work: Work,
    /// The number that it was first sent under.
    pub(crate) number: Option<u64>,
    /// The stamp that it was last sent with, in ms.
    pub(crate) stamp_ms: u64,
    /// How often it was sent.
    pub(crate) sent: u32,
    /// How often its host went down meanwhile.
    pub(crate) crashes: u32,
    /// The server has carried it out.
    pub(crate) committed: bool,
    /// The exchange that carried it last came to nothing.
    pub(crate) unheard: bool,
    /// The server put it off.
    pub(crate) deferred: bool,
}

impl Pending {
    /// The server has carried it out and its device was not told.
    pub(crate) fn is_answer_lost(&self) -> bool {
        self.committed && self.unheard
    }
}

/// What waits on a device, by record, each in the order in which it was saved.
pub(crate) type Queue = BTreeMap<RecordNo, Vec<Pending>>;

/// What a copy of a disk holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Copy {
    pub(crate) queue: Queue,
    pub(crate) cursor: Option<u64>,
}

/// One device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Device<'t> {
    pub(crate) name: &'t str,
    /// Who is signed in; none after a sign-out.
    pub(crate) user: Option<&'t str>,
    /// Who was signed in last.
    pub(crate) last_user: &'t str,
    /// The version of its app; none: the newest.
    pub(crate) app: Option<u32>,
    pub(crate) is_asleep: bool,
    pub(crate) is_offline: bool,
    pub(crate) disk_fails: bool,
    /// What is saved here and not answered, or not known to be.
    pub(crate) queue: Queue,
    /// Where the last page or hint that it had ended.
    pub(crate) cursor: Option<u64>,
    /// It was told that there are more pages.
    pub(crate) is_paging: bool,
    /// It fetches everything anew.
    pub(crate) is_resyncing: bool,
    /// What it had last, where it has shown nothing since.
    pub(crate) fresh_answer: Option<Class>,
    /// Open conflicts that it shows: record to how many.
    pub(crate) conflicts: BTreeMap<RecordNo, usize>,
    /// Records whose work stands failed in the tray.
    pub(crate) failed: BTreeSet<RecordNo>,
    /// Records that went out of its user's sight.
    pub(crate) removed: BTreeSet<RecordNo>,
    /// How many actions have not ended.
    pub(crate) busy: u32,
    /// It was told that a record is deleted.
    pub(crate) heard_of_a_delete: bool,
    /// Its disk is an older copy of itself.
    pub(crate) was_restored: bool,
    /// Its disk is a copy of another's.
    pub(crate) was_cloned: bool,
    /// Its clock was set back: records that it had edited before.
    pub(crate) before_jump: Option<BTreeSet<RecordNo>>,
    /// Records that it has edited.
    pub(crate) edited: BTreeSet<RecordNo>,
    /// It has refused an action for its disk since it started.
    pub(crate) refused_by_disk: bool,
    /// Its app was told that it is too old.
    pub(crate) too_old: bool,
    /// It slept with work waiting.
    pub(crate) slept_with_work: bool,
}

impl Device<'_> {
    pub(crate) fn has_pending(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(crate) fn pending_on(&self, record: RecordNo) -> &[Pending] {
        self.queue.get(&record).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.queue.values().flatten()
    }

    pub(crate) fn pending_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        self.queue.values_mut().flatten()
    }

    /// What waits on a record, all in one.
    pub(crate) fn work_on(&self, record: RecordNo) -> Work {
        let mut work = Work::default();
        self.pending_on(record).iter().for_each(|pending| work |= pending.work);
        work
    }

    /// How many pieces of work wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.values().map(Vec::len).sum()
    }
}

/// One record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record<'t> {
    pub(crate) entity: Option<&'static EntityDecl>,
    pub(crate) workspace: &'t str,
    pub(crate) parent: Option<RecordNo>,
    /// The device that made it.
    pub(crate) author: Option<DeviceNo>,
    /// The device whose delete the server carried out last, until somebody brings it back.
    pub(crate) deleted_by: Option<DeviceNo>,
    /// The device whose work the server carried out last.
    pub(crate) last_by: Option<DeviceNo>,
    /// The last work that was carried out was stamped ahead of the server's clock.
    pub(crate) is_ahead: bool,
    /// A create of it was refused.
    pub(crate) refused: bool,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Push,
    Pull,
    Hints,
    SignIn,
    Refresh,
    Other,
}

/// A mutation on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) number: Option<u64>,
    pub(crate) record: RecordNo,
    pub(crate) work: Work,
    /// Of its stamp, in ms since the epoch.
    pub(crate) stamp_ms: u64,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'t> {
    pub(crate) device: DeviceNo,
    pub(crate) class: Class,
    /// By which name the server knows the device.
    pub(crate) device_id: &'t str,
    /// Of a pull or a request for hints.
    pub(crate) since: u64,
    pub(crate) mutations: Vec<Sent>,
    /// It has reached the server.
    pub(crate) arrived: bool,
    /// The server has carried out part of it.
    pub(crate) committed: bool,
    /// The exchange has ended on the device.
    pub(crate) closed: bool,
    /// The last answer of the server.
    pub(crate) answer: Option<Answer>,
}

/// One answer of the server.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Of a problem document.
    pub(crate) code: Option<Code>,
    pub(crate) has_retry_after: bool,
    pub(crate) content: Content,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Push { results: Vec<Outcome>, server_time_ms: u64 },
    Page { changes: Vec<(RecordNo, What)>, next: u64, more: bool },
    Hint { since: u64, next: u64, changes: Option<Vec<(RecordNo, What)>> },
    Nothing,
}

/// What became of a record, by a page or a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    There,
    Removed,
    Deleted,
}

/// What became of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done {
        /// The server had not carried it out before.
        fresh: bool,
        conflict: bool,
        /// Why a field was refused.
        refused: Option<Code>,
        /// A field was taken.
        applied: bool,
        /// The answer does not show the record.
        hidden: bool,
    },
    Rejected(Option<Code>),
    Deferred,
}

/// An action that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun<'t> {
    pub(crate) device: DeviceNo,
    pub(crate) act: &'t Action,
}

/// A fault that acts or lies in wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault<'t> {
    /// A place in [`crate::KINDS`].
    pub(crate) kind: Option<usize>,
    pub(crate) text: &'t str,
    /// The device that it is about.
    pub(crate) device: Option<DeviceNo>,
    pub(crate) ended: bool,
}

/// Everything.
#[derive(Debug, Default)]
pub(crate) struct State<'t> {
    pub(crate) model: Model,
    pub(crate) header: Option<&'t Header>,
    pub(crate) devices: Vec<Device<'t>>,
    pub(crate) records: Vec<Record<'t>>,
    pub(crate) record_nos: BTreeMap<&'t str, RecordNo>,
    pub(crate) requests: BTreeMap<&'t str, Request<'t>>,
    /// Numbers that the server has carried out, by the name of the device.
    pub(crate) committed: BTreeSet<(&'t str, u64)>,
    pub(crate) begun: BTreeMap<&'t str, Begun<'t>>,
    pub(crate) faults: BTreeMap<&'t str, Fault<'t>>,
    pub(crate) roles: BTreeMap<(&'t str, &'t str), Role>,
    /// Who was taken out of a workspace, or may only read there, and was given more again.
    pub(crate) regranted: BTreeSet<(&'t str, &'t str)>,
    pub(crate) backups: BTreeMap<&'t str, Copy>,
    pub(crate) server_up: bool,
    /// When the server last told a device that work is done, and it heard.
    pub(crate) acknowledged: bool,
    /// The operator's alert fires.
    pub(crate) is_alerted: bool,
}

impl<'t> State<'t> {
    pub(crate) fn device_no(&self, name: &str) -> Option<DeviceNo> {
        self.devices.iter().position(|device| device.name == name)
    }

    /// The role of a user where a record belongs.
    pub(crate) fn role(&self, user: &str, workspace: &str) -> Option<Role> {
        self.roles.get(&(workspace, user)).copied()
    }

    /// Whether a device has work waiting that belongs to a workspace.
    pub(crate) fn has_pending_in(&self, device: &Device<'_>, workspace: &str) -> bool {
        device.queue.keys().any(|record| self.records[*record].workspace == workspace)
    }

    /// Whether something that a fault of this kind does to a device is going on.
    pub(crate) fn is_struck_by(&self, device: DeviceNo, kind: &str) -> bool {
        self.faults.values().any(|fault| {
            !fault.ended
                && fault.device == Some(device)
                && fault.kind.is_some_and(|at| crate::KINDS[at] == kind)
        })
    }

    /// The requests of a device that have not ended on it.
    pub(crate) fn open_requests(&self, device: DeviceNo) -> impl Iterator<Item = &Request<'t>> {
        self.requests.values().filter(move |request| request.device == device && !request.closed)
    }

    /// How many devices have work waiting on a record.
    pub(crate) fn devices_pending_on(&self, record: RecordNo) -> usize {
        self.devices.iter().filter(|device| !device.pending_on(record).is_empty()).count()
    }

    /// Whether a create of a record waits on a device.
    pub(crate) fn creates(&self, device: &Device<'_>, record: RecordNo) -> bool {
        device.pending_on(record).iter().any(|pending| pending.work.has(Deed::CREATE))
    }
}
