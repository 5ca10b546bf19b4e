//! Hosts that a fault brings down, and disks that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deadzone_contract::wire::{PushAnswer, SyncPage};
use deadzone_disk::{Disk, IoError, Losses, Nth, OperationKind, Trap};
use deadzone_script::{Class, Crash, DiskOperation, Fault, Moment};
use deadzone_trace::{Event, Exchange};

use super::{Active, Nemesis};
use crate::fleet::{SERVER, how};
use crate::machine::Machine;
use crate::probe::Sighted;

/// A host that a fault has brought down.
#[derive(Debug)]
pub(crate) struct Fall {
    pub(crate) host: String,
    pub(crate) crash: Crash,
    /// After this long it comes up again.
    pub(crate) down_for: Option<Duration>,
}

/// What is known of hosts besides the active faults.
#[derive(Default)]
pub(super) struct State {
    /// Hosts that are down and will come up by themselves.
    returning: BTreeSet<String>,
    /// Disks that have lied: the fault, and how long the trace was when it began.
    lies: BTreeMap<String, (String, usize)>,
    /// How many operations the server's disk had seen when the harness began to ask the server.
    spared_at: u64,
}

/// What a fault does to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDisk {
    Nothing,
    /// A crash before the operation of this number.
    Trap {
        at: u64,
    },
    /// No more than so many bytes. `before`: how many writes had been refused for that.
    Full {
        capacity: u64,
        before: u64,
    },
    /// Errors. `before`: how many there had been.
    Errors {
        error: IoError,
        before: u64,
    },
}

impl Nemesis {
    /// What a fault that begins now is to its host's disk.
    pub(super) fn begin_on_disk(&self, fault: &Fault) -> OnDisk {
        let disk = |host: &str| self.placed(host).0.disk.clone();
        match fault {
            Fault::Crash { host, moment: Moment::Operation(nth), .. } => {
                OnDisk::Trap { at: disk(host).operations() + u64::from(*nth) }
            }
            Fault::Crash { moment: Moment::OperationEver(nth), .. } => OnDisk::Trap { at: (*nth).into() },
            Fault::FillDisk { host, left_bytes } => {
                let disk = disk(host);
                OnDisk::Full {
                    capacity: disk.used_bytes().saturating_add(*left_bytes),
                    before: disk.strikes().full,
                }
            }
            Fault::FailDisk { host, nth, on } => {
                let nth = if *nth == 0 { Nth::Every } else { Nth::Only((*nth).into()) };
                let error = IoError { on: kind(*on), nth };
                OnDisk::Errors { error, before: disk(host).strikes().errors }
            }
            _ => OnDisk::Nothing,
        }
    }

    /// Lets a fault that has begun act on its host's disk.
    pub(super) fn lay_disk(&self, label: &str, fault: &Fault) {
        match fault {
            Fault::Crash { host, .. } => self.arm(host),
            Fault::FillDisk { host, .. } | Fault::FailDisk { host, .. } => self.lay_failures(host),
            Fault::LyingDisk { device } => {
                self.placed(device).0.disk.set_lying(true);
                let since = self.recorder.len();
                self.lock().hosts.lies.entry(device.clone()).or_insert((label.to_owned(), since));
            }
            Fault::FlipBit { device } => self.flip(label, device),
            _ => {}
        }
    }

    /// A fault that has ended leaves the disk alone.
    pub(super) fn end_on_disk(&self, ended: &Active) {
        match &ended.fault {
            Fault::Crash { host, .. } => self.arm(host),
            Fault::FillDisk { host, .. } | Fault::FailDisk { host, .. } => self.lay_failures(host),
            Fault::LyingDisk { device } => self.placed(device).0.disk.set_lying(false),
            _ => {}
        }
    }

    /// Sets the trap of the next crash on a host's disk.
    fn arm(&self, host: &str) {
        let disk = &self.placed(host).0.disk;
        let next = {
            let state = self.lock();
            let traps = state.active.iter().filter_map(|active| match (&active.fault, active.on_disk) {
                (Fault::Crash { host: of, .. }, OnDisk::Trap { at }) if of == host && !active.struck => {
                    Some((at, active.label.clone()))
                }
                _ => None,
            });
            // A number that has passed while another crash was cleared up will not come again. Where
            // several want an operation, the oldest has it.
            traps.filter(|(at, _)| *at > disk.operations()).min_by_key(|(at, _)| *at)
        };
        let Some((at, label)) = next else { return disk.disarm() };
        let this = self.this.clone();
        let sprung = Box::new(move |_| {
            if let Some(nemesis) = this.upgrade() {
                nemesis.fall(&label);
            }
        });
        disk.arm(Trap { at, torn: None, sprung });
    }

    /// Makes a disk as full and as faulty as the active faults say.
    fn lay_failures(&self, host: &str) {
        let (capacity, error) = {
            let state = self.lock();
            let of_host = |active: &&Active| disk_host(&active.fault) == Some(host);
            let faults: Vec<OnDisk> =
                state.active.iter().filter(of_host).map(|active| active.on_disk).collect();
            let capacity = faults.iter().filter_map(|fault| match fault {
                OnDisk::Full { capacity, .. } => Some(*capacity),
                _ => None,
            });
            let error = faults.iter().rev().find_map(|fault| match fault {
                OnDisk::Errors { error, .. } => Some(*error),
                _ => None,
            });
            (capacity.min(), error)
        };
        let disk = &self.placed(host).0.disk;
        disk.set_capacity(capacity);
        disk.set_error(error);
        self.recorder.record(host, Event::DiskFault { active: capacity.is_some() || error.is_some() });
    }

    /// Whether a host's disk may refuse what is asked of it.
    pub(crate) fn disk_is_failing(&self, host: &str) -> bool {
        self.lock().active.iter().any(|active| disk_host(&active.fault) == Some(host))
    }

    /// Tells of disks that have failed since.
    pub(super) fn look_at_disks(&self) {
        let refused = |disk: &Disk, on_disk| match on_disk {
            OnDisk::Full { before, .. } => disk.strikes().full > before,
            OnDisk::Errors { before, .. } => disk.strikes().errors > before,
            _ => false,
        };
        self.strike_all(|active| {
            let host = disk_host(&active.fault)?;
            refused(&self.placed(host).0.disk, active.on_disk).then(|| match active.on_disk {
                OnDisk::Full { .. } => format!("{host}'s disk was full and refused a write"),
                _ => format!("{host}'s disk answered with an error"),
            })
        });
    }

    /// Flips a bit of a device's first database: one that something depends on, so that the run
    /// tests what it says.
    fn flip(&self, label: &str, device: &str) {
        let machine = &self.placed(device).0;
        let draws = self.draws.key("flip").text(label).draws();
        let Some(database) = machine.databases().into_iter().next() else { return };
        let content = crate::disks::content(&machine.disk.snapshot(), &database);
        let weighty = (0..FLIPS_MAX).find_map(|attempt| {
            // What stands in the journal is checked by SQLite itself, and soon overwritten.
            let file = if attempt < FLIPS_MAX / 2 { database.clone() } else { format!("{database}-wal") };
            flip(machine, &database, &file, &content, draws.key("attempt").num(attempt).u64())
        });
        let Some(what) = weighty else { return };
        let why = format!("{what} flipped");
        self.recorder.record(device, Event::CopiesLost { since: 0, given_up: false, why: why.clone() });
        self.strike(label, format!("on {device}, {why}"));
    }

    /// Keeps the faults of the server's disk away while the harness itself asks the server, or
    /// lets them act again. What the harness caused does not count for them.
    pub(crate) fn spare_server(&self, spare: bool) {
        let disk = &self.placed(SERVER).0.disk;
        if spare {
            self.look_at_disks();
            self.lock().hosts.spared_at = disk.operations();
            disk.disarm();
            disk.set_capacity(None);
            disk.set_error(None);
            return;
        }
        let strikes = disk.strikes();
        let any = {
            let mut state = self.lock();
            let caused = disk.operations() - state.hosts.spared_at;
            let mut any = false;
            for active in &mut state.active {
                match (&active.fault, &mut active.on_disk) {
                    (Fault::Crash { host, .. }, OnDisk::Trap { at }) if host == SERVER => *at += caused,
                    (fault, OnDisk::Full { before, .. }) if disk_host(fault) == Some(SERVER) => {
                        (*before, any) = (strikes.full, true);
                    }
                    (fault, OnDisk::Errors { before, .. }) if disk_host(fault) == Some(SERVER) => {
                        (*before, any) = (strikes.errors, true);
                    }
                    _ => {}
                }
            }
            any
        };
        self.arm(SERVER);
        if any {
            self.lay_failures(SERVER);
        }
    }

    /// A power loss has taken something. If a sync had said that it was safe, that was a lie.
    pub(crate) fn power_lost(&self, host: &str, losses: &Losses) {
        let lie = self.lock().hosts.lies.get(host).cloned();
        if let (true, Some((label, since))) = (losses.broke_a_promise(), lie) {
            let since = if losses.reached_back() { 0 } else { since };
            let why = "the disk had called durable what it then lost".to_owned();
            self.recorder.record(host, Event::CopiesLost { since, given_up: false, why });
            self.strike(&label, format!("{host} lost what its disk had called durable"));
        }
    }

    // ---- crashes ----

    /// Ends a host's process or its power, from wherever. Its tasks are for the fleet to drop.
    pub(crate) fn halt(&self, host: &str, crash: Crash) {
        let id = self.host(host);
        if self.net.host(id).is_alive() {
            let kind = match crash {
                Crash::Kill => deadzone_trace::Crash::Kill,
                Crash::PowerLoss(_) => deadzone_trace::Crash::PowerLoss,
            };
            self.recorder.record(host, Event::HostDown { crash: kind });
            self.net.halt(id, how(crash));
        }
    }

    /// The moment of a crash has come. May be called from within anything that the host does.
    fn fall(&self, label: &str) {
        let fault = {
            let state = self.lock();
            state.active.iter().find(|active| active.label == label).map(|active| active.fault.clone())
        };
        let Some(Fault::Crash { host, crash, down_for, moment }) = fault else { return };
        if !self.net.host(self.host(&host)).is_alive() {
            return;
        }
        if down_for.is_some() {
            self.lock().hosts.returning.insert(host.clone());
        }
        self.halt(&host, crash);
        let what = match crash {
            Crash::Kill => "was killed",
            Crash::PowerLoss(_) => "lost power",
        };
        self.strike(label, format!("{host} {what} {moment}"));
        // Nobody clears up any more only when the run is over.
        let _ = self.falls.send(Fall { host, crash, down_for });
    }

    /// Whether a host is down, or about to be, and will come up by itself.
    pub(crate) fn is_returning(&self, host: &str) -> bool {
        self.lock().hosts.returning.contains(host)
    }

    /// Whether no host that is down, or about to be, will come up by itself.
    pub(crate) fn nobody_returns(&self) -> bool {
        self.lock().hosts.returning.is_empty()
    }

    /// A host that was to come up by itself has done so.
    pub(crate) fn returned(&self, host: &str) {
        self.lock().hosts.returning.remove(host);
    }

    /// A host came up: traps that a crash has swept aside are set again.
    pub(crate) fn host_up(&self, host: &str) {
        self.arm(host);
    }

    /// A device has the whole answer of the server to a request. True if it goes down over it.
    pub(crate) fn delivered(&self, exchange: &Exchange, device: &str, class: Class, answer: &[u8]) -> bool {
        let more = || class == Class::Pull && has_more(answer);
        self.sights.note(&self.recorder, exchange, device, class, || Sighted::Delivered { more: more() });
        let due = {
            let mut state = self.lock();
            let crashes = state.active.iter_mut().filter(|active| {
                matches!(&active.fault, Fault::Crash { host, .. } if host == device) && !active.struck
            });
            let mut due = None;
            for active in crashes {
                let Fault::Crash { moment, .. } = &active.fault else { continue };
                let wanted = match moment {
                    Moment::Acknowledged(count) => {
                        active.matched += if class == Class::Push { acknowledged(answer) } else { 0 };
                        *count
                    }
                    Moment::Answered(nth, wanted) if *wanted == Class::Any || *wanted == class => {
                        active.matched += 1;
                        *nth
                    }
                    _ => continue,
                };
                if active.matched >= wanted {
                    due.get_or_insert_with(|| active.label.clone());
                }
            }
            due
        };
        due.is_some_and(|label| {
            self.fall(&label);
            true
        })
    }
}

/// How many bits are tried until one is found that something depends on.
const FLIPS_MAX: u64 = 200;

/// Flips a bit of one of a database's files if SQLite then finds something else in it than
/// `content`; says which.
fn flip(
    machine: &Machine,
    database: &str,
    file: &str,
    content: &Result<Vec<String>, String>,
    draw: u64,
) -> Option<String> {
    let trial = Disk::new();
    trial.restore(&machine.disk.snapshot());
    let flip = trial.flip_bit(file, draw)?;
    if crate::disks::content(&trial.snapshot(), database) == *content {
        return None;
    }
    machine.disk.flip_bit(file, draw);
    machine.note_flip(database, file, flip.offset);
    Some(format!("bit {} of byte {} of {file}", flip.bit, flip.offset))
}

/// Whose disk a fault makes fail.
fn disk_host(fault: &Fault) -> Option<&str> {
    match fault {
        Fault::FillDisk { host, .. } | Fault::FailDisk { host, .. } => Some(host),
        _ => None,
    }
}

fn kind(operation: DiskOperation) -> OperationKind {
    match operation {
        DiskOperation::Read => OperationKind::Read,
        DiskOperation::Write => OperationKind::Write,
        DiskOperation::Sync => OperationKind::Sync,
    }
}

/// Whether an answer to a pull says that there is another page.
fn has_more(answer: &[u8]) -> bool {
    let page: Option<SyncPage> = serde_json::from_slice(answer).ok();
    page.is_some_and(|page| page.more)
}

/// How many mutations an answer to a push tells the outcome of.
fn acknowledged(answer: &[u8]) -> u32 {
    let answer: Option<PushAnswer> = serde_json::from_slice(answer).ok();
    answer.map_or(0, |answer| u32::try_from(answer.results.len()).unwrap_or(u32::MAX))
}
