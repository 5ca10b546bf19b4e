//! What the nemesis does.
//!
//! A fault is aimed where it can strike: at a device that is connected, at a request that it is
//! about to make.

use std::time::Duration;

use deadzone_script::{Act, Class, Crash, DiskOperation, Fault, HostAct, Moment, Target};

use super::hosts::crash;
use super::plan::Kind;
use super::writer::{Choices, Writer};

const SERVER: &str = "server";

/// A day, in ms.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

impl Writer<'_> {
    pub(super) fn fault_event(&mut self, kind: Kind, choices: &mut Choices<'_>) {
        match kind {
            Kind::EndFault => return self.end_fault(choices),
            Kind::Cache => return self.lasting_fault(Fault::CacheAnswers),
            Kind::ServerCrashLater => return self.server_crash_later(choices),
            Kind::Jump => return self.jump(choices),
            Kind::ServerDisk => return self.server_disk(choices),
            _ => {}
        }
        let able = self.model.places(|device| match kind {
            Kind::LinkFault | Kind::ExchangeFault | Kind::HintFault | Kind::ProxyPage => device.connects(),
            _ => device.runs(),
        });
        let Some(place) = choices.one(&able) else { return };
        let device = self.model.devices[place].name.to_owned();
        match kind {
            Kind::LinkFault => self.link_fault(device, choices),
            Kind::ExchangeFault => {
                let fault = exchange_fault(device, choices);
                self.fault(fault);
                self.provoke(place, choices);
            }
            Kind::HintFault => self.fault_on_hint(device, choices),
            Kind::ProxyPage => {
                let status = [200, 302, 502, 503][choices.below(4)];
                let target = target(device, choices);
                self.fault(Fault::ProxyPage(target, status));
                self.provoke(place, choices);
            }
            Kind::CrashLater => {
                let moment = moment(choices);
                let down_for = Some(Duration::from_secs([1, 10, 60][choices.below(3)]));
                self.fault(Fault::Crash { host: device, crash: crash(choices), moment, down_for });
                self.provoke(place, choices);
            }
            Kind::FullDisk => {
                let left_bytes = [0, 4_096, 16_384][choices.below(3)];
                self.lasting_fault(Fault::FillDisk { host: device, left_bytes });
            }
            Kind::FailingDisk => {
                let on = [DiskOperation::Write, DiskOperation::Sync, DiskOperation::Write][choices.below(3)];
                let nth = 1 + choices.below(6) as u32;
                self.fault(Fault::FailDisk { host: device, nth, on });
                self.provoke(place, choices);
            }
            Kind::LyingDisk => self.lasting_fault(Fault::LyingDisk { device }),
            _ => {
                self.fault(Fault::FlipBit { device });
                // What is wrong on the disk is found by whoever reads it: most often at a start.
                if choices.below(3) > 0 {
                    self.host(place, HostAct::Crash(Crash::Kill));
                    self.host(place, HostAct::Restart);
                }
            }
        }
    }

    /// A hint gets lost or comes late, and somebody makes sure that there is one.
    fn fault_on_hint(&mut self, device: String, choices: &mut Choices<'_>) {
        let target = Target { device, nth: [1, 1, 2][choices.below(3)], class: Class::Hint };
        let late = Duration::from_secs([2, 20][choices.below(2)]);
        let fault = match choices.below(3) {
            0 => Fault::LoseAnswer(target),
            _ => Fault::DelayAnswer(target, Some(late)),
        };
        self.fault(fault);
        self.edit(choices, 1);
    }

    /// Its user does something, so that what lies in wait has something to strike.
    fn provoke(&mut self, device: usize, choices: &mut Choices<'_>) {
        if self.model.devices[device].user.is_some() && choices.below(5) > 0 {
            self.edit_on(device, choices, 1);
        }
    }

    pub(super) fn lasting_fault(&mut self, fault: Fault) {
        let label = self.fault(fault);
        self.lasting.push(label);
    }

    fn end_fault(&mut self, choices: &mut Choices<'_>) {
        if !self.lasting.is_empty() {
            let label = self.lasting.remove(choices.below(self.lasting.len()));
            self.act(Act::End(label));
        }
    }

    fn link_fault(&mut self, device: String, choices: &mut Choices<'_>) {
        let server = || SERVER.to_owned();
        let bytes = [40, 300, 900][choices.below(3)];
        let fault = match choices.below(8) {
            0 | 1 => Fault::Partition { a: device, b: server() },
            2 if choices.below(2) == 0 => Fault::Cut { from: device, to: server() },
            2 => Fault::Cut { from: server(), to: device },
            3 => Fault::Loss { device, basis_points: [500, 2_000, 6_000][choices.below(3)] },
            4 => {
                let min = Duration::from_millis([200, 1_500][choices.below(2)]);
                Fault::Latency { device, min, max: 3 * min }
            }
            5 => Fault::Bandwidth { device, bytes_per_s: [200, 2_000][choices.below(2)] },
            6 => return drop(self.fault(Fault::Reset { device, bytes })),
            _ => return drop(self.fault(Fault::Close { device, bytes })),
        };
        self.lasting_fault(fault);
        // Most last for some time.
        if choices.below(3) > 0 {
            self.wait([4_000, 30_000, 120_000][choices.below(3)]);
        }
    }

    fn server_crash_later(&mut self, choices: &mut Choices<'_>) {
        if self.model.server_is_up {
            let moment = Moment::Operation(1 + choices.below(30) as u32);
            let down_for = Some(Duration::from_secs([1, 20][choices.below(2)]));
            self.fault(Fault::Crash { host: SERVER.to_owned(), crash: crash(choices), moment, down_for });
        }
    }

    fn server_disk(&mut self, choices: &mut Choices<'_>) {
        let on = [DiskOperation::Write, DiskOperation::Sync][choices.below(2)];
        let nth = 1 + choices.below(8) as u32;
        if self.model.server_is_up {
            self.fault(Fault::FailDisk { host: SERVER.to_owned(), nth, on });
        }
    }

    fn jump(&mut self, choices: &mut Choices<'_>) {
        let running = self.model.places(|device| device.is_up);
        let host = match choices.below(3) {
            0 => SERVER.to_owned(),
            _ => match choices.one(&running) {
                Some(device) => self.model.devices[device].name.to_owned(),
                None => return,
            },
        };
        let by_ms = match choices.below(7) {
            0 => 2_000,
            1 => -3_000,
            2 => 4 * 60 * 1_000,
            3 => -2 * 3_600 * 1_000,
            4 => 3_600 * 1_000,
            5 => -(DAY_MS / 48),
            _ if host == SERVER => -90_000,
            _ => 75 * 365 * DAY_MS,
        };
        self.fault(Fault::Jump { host, by_ms });
    }
}

fn exchange_fault(device: String, choices: &mut Choices<'_>) -> Fault {
    let kind = choices.below(8);
    let target = match kind {
        // An answer is lost after a commit, and there is one after a push.
        0..3 => Target { device, nth: choices.below(2) as u32, class: Class::Push },
        _ => target(device, choices),
    };
    match kind {
        0..3 => Fault::LoseAnswer(Target { nth: 1, ..target }),
        3 => Fault::LoseRequest(target),
        4 => Fault::DelayAnswer(target, None),
        5 => Fault::DeliverTwice(Target { class: Class::Push, ..target }),
        6 => Fault::ExecuteLate(Target { class: Class::Push, ..target }, None),
        _ => Fault::DelayAnswer(target, Some(Duration::from_secs(2))),
    }
}

fn target(device: String, choices: &mut Choices<'_>) -> Target {
    let class = [Class::Push, Class::Pull, Class::Push, Class::Any][choices.below(4)];
    let nth = [1, 1, 2][choices.below(3)];
    Target { device, nth, class }
}

fn moment(choices: &mut Choices<'_>) -> Moment {
    match choices.below(6) {
        0 => Moment::Acknowledged(1 + choices.below(4) as u32),
        1 => Moment::Answered(1, Class::Pull),
        2 => Moment::Answered(1, Class::Push),
        _ => Moment::Operation(1 + choices.below(24) as u32),
    }
}
