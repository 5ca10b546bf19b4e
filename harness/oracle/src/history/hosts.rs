//! What happened to machines: starts, sleep, disks that fail and disks that forget.

use std::collections::BTreeMap;

use deadzone_trace::{Entry, Event};

/// Every machine.
#[derive(Debug, Default)]
pub(crate) struct Hosts<'t> {
    by_name: BTreeMap<&'t str, Host>,
    /// The trace speaks of disks. Worlds without disks say nothing of them.
    pub(crate) have_disks: bool,
    have_damages: bool,
    /// In their order.
    clones: Vec<Copied<'t>>,
}

/// One machine.
#[derive(Debug, Default)]
struct Host {
    ups: Vec<usize>,
    downs: Vec<usize>,
    sleeps: Vec<Span>,
    disk_faults: Vec<Span>,
    damages: Vec<Damage>,
    /// The version of its app, where that was changed.
    app: Option<u32>,
    /// When its clock jumped.
    jumps: Vec<usize>,
}

/// One machine became a copy of another one.
#[derive(Debug)]
struct Copied<'t> {
    at: usize,
    from: &'t str,
    onto: &'t str,
}

/// From one entry to another; open at the end of the trace.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: usize,
    to: usize,
}

/// A disk forgot: a fault outside the model destroyed what it held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Damage {
    pub(crate) at: usize,
    /// What was saved in an entry below this one is still there.
    since: usize,
    /// The app that ran did it, and knows.
    given_up: bool,
    /// The first entry at which everything that the server has must be back.
    pub(crate) over: usize,
}

impl<'t> Hosts<'t> {
    pub(super) fn take(&mut self, at: usize, entry: &'t Entry, len: usize) {
        let open = Span { from: at, to: len };
        match &entry.event {
            Event::HostUp { .. } => {
                let host = self.host(entry);
                host.ups.push(at);
                close(&mut host.sleeps, at, len);
            }
            Event::HostDown { .. } => {
                let host = self.host(entry);
                host.downs.push(at);
                close(&mut host.sleeps, at, len);
            }
            Event::Resumed => close(&mut self.host(entry).sleeps, at, len),
            Event::Suspended => self.host(entry).sleeps.push(open),
            Event::DiskFault { active: true } => self.host(entry).disk_faults.push(open),
            Event::DiskFault { active: false } => close(&mut self.host(entry).disk_faults, at, len),
            Event::CopiesLost { since, given_up, .. } => {
                self.have_damages = true;
                self.host(entry).damages.push(Damage { at, since: *since, given_up: *given_up, over: len });
            }
            Event::FaultBegan { text, .. } => {
                if let Some((name, _)) = text.strip_prefix("jump ").and_then(|t| t.split_once("'s clock")) {
                    self.by_name.entry(name).or_default().jumps.push(at);
                }
            }
            Event::Upgraded { to } => self.host(entry).app = Some(*to),
            Event::Cloned { from } => self.clones.push(Copied { at, from, onto: &entry.host }),
            _ => {}
        }
        self.have_disks |= matches!(
            entry.event,
            Event::DiskFault { .. }
                | Event::CopiesLost { .. }
                | Event::Cloned { .. }
                | Event::DiskSurvived { .. }
                | Event::DatabaseChecked { .. }
                | Event::BackedUp { .. }
                | Event::Restored { .. }
                | Event::Wiped
        );
    }

    fn host(&mut self, entry: &'t Entry) -> &mut Host {
        self.by_name.entry(&entry.host).or_default()
    }

    /// Works out when each damage is made good: once an app that knows of it, because it started
    /// after it or gave the damaged database up itself, has pulled everything, and has had as long
    /// to keep and show it as an action has to be saved: without a crash, on a disk that works.
    ///
    /// `pulls` are the moments at which a device sent a pull that brought the last page, and at
    /// which it had that page.
    pub(super) fn recover(
        &mut self,
        entries: &[Entry],
        save_bound_ms: u64,
        pulls: &BTreeMap<&'t str, Vec<(usize, usize)>>,
    ) {
        let shown = |had| saved_by(entries, save_bound_ms, had);
        for (name, host) in &mut self.by_name {
            let pulls = pulls.get(name).map(Vec::as_slice).unwrap_or_default();
            let (downs, disk_faults) = (&host.downs, &host.disk_faults);
            for damage in &mut host.damages {
                let up = || host.ups.get(host.ups.partition_point(|&up| up < damage.at)).copied();
                let Some(known) = (if damage.given_up { Some(damage.at) } else { up() }) else { continue };
                let kept = |had| could_keep(downs, disk_faults, had, shown(had));
                let pull = pulls.iter().find(|&&(sent, had)| sent > known && kept(had));
                let Some(&(_, had)) = pull else { continue };
                damage.over = shown(had);
            }
        }
    }

    /// Whether a machine must have kept what it had in an entry: it did not crash, and its disk
    /// worked, for as long as it may take to save something.
    pub(crate) fn must_keep(&self, entries: &[Entry], save_bound_ms: u64, host: &str, had: usize) -> bool {
        self.by_name.get(host).is_some_and(|host| {
            could_keep(&host.downs, &host.disk_faults, had, saved_by(entries, save_bound_ms, had))
        })
    }

    /// Every damage of a machine's disk, in order.
    pub(crate) fn damages(&self, host: &str) -> &[Damage] {
        // Asked of every sight of every field: nearly all runs have none.
        if !self.have_damages {
            return &[];
        }
        self.by_name.get(host).map(|host| host.damages.as_slice()).unwrap_or_default()
    }

    /// The last damage of a machine's disk before `at`.
    pub(crate) fn damaged(&self, host: &str, at: usize) -> Option<&Damage> {
        self.damages(host).iter().rfind(|damage| damage.at < at)
    }

    /// The first damage that destroyed what was saved on a machine at `saved`.
    pub(crate) fn destroyed(&self, host: &str, saved: usize) -> Option<&Damage> {
        self.damages(host).iter().find(|damage| saved < damage.at && damage.since <= saved)
    }

    /// Whether a machine's disk forgot something after `from` that need not be back at `at`.
    pub(crate) fn is_behind(&self, host: &str, from: usize, at: usize) -> bool {
        self.damages(host).iter().any(|damage| from < damage.at && damage.at < at && at < damage.over)
    }

    /// Whether an operation of the machine's disk could fail at some moment of a span, ends
    /// included.
    pub(crate) fn disk_could_fail(&self, host: &str, from: usize, to: usize) -> bool {
        let faults = self.by_name.get(host).map(|host| host.disk_faults.as_slice()).unwrap_or_default();
        faults.iter().any(|fault| fault.from <= to && from <= fault.to)
    }

    /// How long a machine was awake between two entries, in whole milliseconds.
    pub(crate) fn awake_ms(&self, entries: &[Entry], host: &str, from: usize, to: usize) -> u64 {
        let Some(last) = entries.len().checked_sub(1) else { return 0 };
        let length = |from: usize, to: usize| {
            entries[to.min(last)].at_us.saturating_sub(entries[from.min(last)].at_us)
        };
        let sleeps = self.by_name.get(host).map(|host| host.sleeps.as_slice()).unwrap_or_default();
        let asleep_us: u64 = sleeps.iter().map(|s| length(s.from.max(from), s.to.min(to))).sum();
        length(from, to).saturating_sub(asleep_us) / 1_000
    }

    /// Whether a machine's clock jumped, or it slept, between two entries.
    pub(crate) fn lost_time(&self, host: &str, from: usize, to: usize) -> bool {
        self.by_name.get(host).is_some_and(|host| {
            host.jumps.iter().any(|jump| (from..=to).contains(jump))
                || host.sleeps.iter().any(|sleep| sleep.from <= to && from <= sleep.to)
        })
    }

    /// When a machine's clock jumped, in order.
    pub(crate) fn jumps(&self, host: &str) -> &[usize] {
        self.by_name.get(host).map(|host| host.jumps.as_slice()).unwrap_or_default()
    }

    /// When a machine last came up before `at`.
    pub(crate) fn started(&self, host: &str, at: usize) -> Option<usize> {
        self.by_name.get(host)?.ups.iter().rev().copied().find(|&up| up < at)
    }

    /// The version of a device's app at the end, where that was changed.
    pub(crate) fn app(&self, device: &str) -> Option<u32> {
        self.by_name.get(device)?.app
    }

    /// Whether a device may hold work of another one: its own, or because it became a copy of it.
    pub(crate) fn holds_work_of(&self, device: &str, of: &str) -> bool {
        self.is_own(device, of, 0, usize::MAX)
    }

    /// Whether what was done on one device by an entry is what another one itself has done by a later
    /// entry: because it is the same, or became a copy of it in between.
    pub(crate) fn is_own(&self, device: &str, of: &str, from: usize, to: usize) -> bool {
        device == of || self.copies_of(of, from).get(device).is_some_and(|&at| at < to)
    }

    /// Whether a device became a copy of another one from one entry to another.
    pub(crate) fn became_a_copy(&self, device: &str, from: usize, to: usize) -> bool {
        self.clones.iter().any(|clone| clone.onto == device && (from..to).contains(&clone.at))
    }

    /// The other devices that became copies of a device from an entry on, or copies of such copies,
    /// each with the moment at which it first did.
    pub(crate) fn copies_of(&self, device: &str, since: usize) -> BTreeMap<&'t str, usize> {
        let mut copies = BTreeMap::new();
        for clone in self.clones.iter().filter(|clone| since <= clone.at && clone.onto != device) {
            if clone.from == device || copies.contains_key(clone.from) {
                copies.entry(clone.onto).or_insert(clone.at);
            }
        }
        copies
    }
}

/// The first entry at which what a machine had in an earlier one is saved, if nothing hinders it.
fn saved_by(entries: &[Entry], save_bound_ms: u64, had: usize) -> usize {
    let saved_us = entries[had].at_us.saturating_add(save_bound_ms.saturating_mul(1_000));
    entries.partition_point(|entry| entry.at_us <= saved_us)
}

/// Whether nothing hinders a machine from saving what it had, until it must be saved.
fn could_keep(downs: &[usize], disk_faults: &[Span], had: usize, saved: usize) -> bool {
    !downs.iter().any(|down| (had..saved).contains(down))
        && !disk_faults.iter().any(|fault| fault.from < saved && had <= fault.to)
}

/// Ends the last span if it is still open.
fn close(spans: &mut [Span], at: usize, len: usize) {
    if let Some(span) = spans.last_mut().filter(|span| span.to == len) {
        span.to = at;
    }
}
