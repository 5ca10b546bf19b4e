//! Steps: when they happen, and what they do to hosts.

use std::collections::BTreeSet;

use super::{Checker, FaultPhase};
use crate::amount::Time;
use crate::limits::REPEAT_MAX;
use crate::part::Part;
use crate::words::{SERVER, is_word};
use crate::{Act, At, HostAct, Step, suggest};

impl<'a> Checker<'a> {
    pub(super) fn step(&mut self, step: &'a Step) {
        match step.at {
            None => {}
            Some(At::Start) => self.at_start(step),
            Some(At::Time(at)) => {
                self.time(at, Part::At);
                if at < self.at {
                    let before = Time::of(self.at);
                    self.report(Part::At, format!("a step above stands at {before} already"));
                }
                self.at = self.at.max(at);
            }
        }
        self.begun |= !matches!(step.act, Act::Fault(_));
        match &step.act {
            Act::User { devices, action, .. } => {
                self.user_devices(devices);
                self.user_action(devices, action, None);
            }
            Act::Repeat { times, within, act } => self.repeat(*times, *within, act),
            Act::Host { hosts, what } => self.host_act(hosts, what),
            Act::Wait(time) => self.time(*time, Part::Amount),
            Act::Fault(fault) => {
                self.fault(fault);
                if let Some(label) = step.label.as_deref() {
                    self.begin(label);
                }
            }
            Act::End(label) => self.end(label),
            Act::Heal => {
                self.down.clear();
                self.asleep.clear();
                self.offline.clear();
                let now = self.item;
                let begun = self.faults.values_mut().filter(|phase| **phase == FaultPhase::Begun);
                begun.for_each(|phase| *phase = FaultPhase::Ended(now));
            }
            Act::Settle => {}
            Act::Members(change) => self.member_change(change),
            Act::Expect(expectation) => self.expectation(expectation),
        }
    }

    fn at_start(&mut self, step: &Step) {
        if !matches!(step.act, Act::Fault(_)) {
            self.report(Part::At, "only faults begin at the start of the world");
        } else if self.begun {
            self.report(Part::At, "what begins at the start stands before every step");
        }
    }

    fn repeat(&mut self, times: u32, within: Option<std::time::Duration>, act: &'a Act) {
        if !(1..=REPEAT_MAX).contains(&times) {
            self.report(Part::Times, format!("an action is repeated from 1 to {REPEAT_MAX} times"));
            return;
        }
        if let Some(within) = within {
            self.time(within, Part::Within);
        }
        let Act::User { devices, action, .. } = act else {
            let help = String::from("write the others in lines of their own");
            self.report_with(Part::Verb, "only what users do can be repeated", help);
            return;
        };
        self.user_devices(devices);
        self.user_action(devices, action, Some(times));
    }

    fn user_devices(&mut self, devices: &'a [String]) {
        self.names_once(devices);
        for (n, device) in devices.iter().enumerate() {
            if self.device(device, Part::Host(n)) {
                self.up(device, Part::Host(n));
            }
        }
    }

    /// A list of hosts has at least one, and each once.
    pub(super) fn names_once(&mut self, names: &'a [String]) {
        if names.is_empty() {
            self.report(Part::Line, "there has to be at least one device");
        }
        let mut seen = BTreeSet::new();
        for (n, name) in names.iter().enumerate() {
            if !seen.insert(name) {
                self.report(Part::Host(n), format!("`{name}` is in the list twice"));
            }
        }
    }

    fn host_act(&mut self, hosts: &'a [String], what: &'a HostAct) {
        self.names_once(hosts);
        if hosts.len() > 1 && matches!(what, HostAct::Backup(_) | HostAct::Restore(_) | HostAct::CloneOnto(_))
        {
            self.report(Part::Host(1), "this is said of one device at a time");
            return;
        }
        for (n, host) in hosts.iter().enumerate() {
            let part = Part::Host(n);
            let known = match what {
                HostAct::Crash(_) | HostAct::Restart => self.host(host, part),
                HostAct::RequireApp(_) => self.is_server(host, part),
                _ => self.device(host, part),
            };
            if !known {
                continue;
            }
            match what {
                HostAct::Sync | HostAct::SecondApp => self.up(host, part),
                HostAct::Offline if !self.offline.insert(host) => {
                    self.report(part, format!("`{host}` is offline already"));
                }
                HostAct::Online if !self.offline.remove(host.as_str()) => {
                    self.report(part, format!("`{host}` is not offline here"));
                }
                HostAct::Crash(_) if !self.down.insert(host) => {
                    self.report(part, format!("`{host}` is down already"));
                }
                HostAct::Restart if !self.down.remove(host.as_str()) && !self.doomed.contains(&**host) => {
                    let help = String::from("`kill` or `power loss` brings a host down");
                    self.report_with(part, format!("`{host}` is not down here"), help);
                }
                HostAct::Crash(_) => drop(self.asleep.remove(host.as_str())),
                HostAct::Suspend => {
                    self.up(host, part);
                    self.asleep.insert(host);
                }
                HostAct::Resume if !self.asleep.remove(host.as_str()) => {
                    self.report(part, format!("`{host}` is not asleep here"));
                }
                HostAct::Backup(name) => self.backup(host, name),
                HostAct::Restore(name) => self.restore(host, name),
                HostAct::Wipe => self.switched_off(host),
                HostAct::Upgrade(app) => {
                    self.up(host, part);
                    self.app(*app, Part::Amount);
                }
                HostAct::RequireApp(app) => {
                    self.up(host, part);
                    self.app(*app, Part::Amount);
                }
                HostAct::CloneOnto(onto) => self.clone_onto(host, onto),
                HostAct::Offline | HostAct::Online | HostAct::Restart | HostAct::Resume => {}
            }
        }
    }

    fn is_server(&mut self, host: &str, part: Part) -> bool {
        if host != SERVER {
            let help = format!("such as `{SERVER} require app 4`");
            self.report_with(part, "this is said of the server", help);
        }
        host == SERVER
    }

    fn switched_off(&mut self, device: &'a str) {
        self.down.insert(device);
        self.asleep.remove(device);
    }

    fn backup(&mut self, device: &'a str, name: &'a str) {
        if !is_word(name) {
            self.report(Part::Name, format!("`{name}` is no name: a letter, then letters, digits, - and _"));
        } else if self.backups.insert(name, device).is_some() {
            self.report(Part::Name, format!("there is a copy `{name}` already"));
        }
    }

    fn restore(&mut self, device: &'a str, name: &'a str) {
        match self.backups.get(name) {
            Some(of) if *of == device => self.switched_off(device),
            Some(of) => self.report(Part::Name, format!("`{name}` is a copy of `{of}`")),
            None => {
                let help = suggest::help(name, self.backups.keys().copied(), "the copies above are");
                self.report_with(Part::Name, format!("there is no copy `{name}` above"), help);
            }
        }
    }

    fn clone_onto(&mut self, device: &'a str, onto: &'a str) {
        if !self.device(onto, Part::Name) {
            return;
        }
        let user =
            |name| self.script.devices().find(|declared| declared.name == name).map(|found| found.user);
        if device == onto {
            self.report(Part::Name, format!("`{device}` is the same device"));
        } else if user(device) != user(onto) {
            self.report(Part::Name, format!("`{onto}` is another user's; an app's data are its user's"));
        } else {
            self.switched_off(onto);
        }
    }

    fn begin(&mut self, label: &'a str) {
        let here = FaultPhase::Later(self.item);
        if let Some(phase) = self.faults.get_mut(label).filter(|phase| **phase == here) {
            *phase = FaultPhase::Begun;
        }
    }

    fn end(&mut self, label: &'a str) {
        match self.faults.get(label).copied() {
            Some(FaultPhase::Begun) => {
                self.faults.insert(label, FaultPhase::Ended(self.item));
            }
            Some(FaultPhase::Later(item)) => {
                let message = format!("`{label}` begins only in line {}", Self::line(item));
                self.report(Part::Name, message);
            }
            Some(FaultPhase::Ended(item)) => {
                self.report(Part::Name, format!("`{label}` ended in line {} already", Self::line(item)));
            }
            None => self.no_fault(label),
        }
    }

    fn no_fault(&mut self, label: &str) {
        let script = self.script;
        let message = match script.steps().find(|(_, name, _)| name == label) {
            Some((line, _, step)) if matches!(step.act, Act::Fault(_)) => {
                let help = format!("write `{label}:` before the fault, so that the name stays with it");
                let message = format!("the fault in line {line} has no label of its own");
                self.report_with(Part::Name, message, help);
                return;
            }
            Some((line, ..)) => format!("the step `{label}` in line {line} is no fault"),
            None => format!("there is no fault `{label}`"),
        };
        let help = suggest::help(label, self.faults.keys().copied(), "the faults with a label are");
        self.report_with(Part::Name, message, help);
    }
}
