//! Faults: who is struck, and by how much.

use std::time::Duration;

use super::Checker;
use crate::part::Part;
use crate::words::SERVER;
use crate::{Fault, Moment, Target};

impl<'a> Checker<'a> {
    pub(super) fn fault(&mut self, fault: &'a Fault) {
        match fault {
            Fault::LoseRequest(target) | Fault::LoseAnswer(target) | Fault::DeliverTwice(target) => {
                self.target(target);
            }
            Fault::DelayAnswer(target, by) | Fault::ExecuteLate(target, by) => {
                self.target(target);
                if let Some(by) = by {
                    self.time(*by, Part::Amount);
                }
            }
            Fault::ProxyPage(target, status) => {
                self.target(target);
                if !(200..=599).contains(status) {
                    self.report(Part::Amount, "the HTTP status of an answer is from 200 to 599");
                }
            }
            Fault::Partition { a, b } => self.link(a, b),
            Fault::Cut { from, to } => self.link(from, to),
            Fault::Loss { device, basis_points } => {
                self.device(device, Part::Host(0));
                if *basis_points > 10_000 {
                    self.report(Part::Amount, "a share is at most 100%");
                }
            }
            Fault::Latency { device, min, max } => {
                self.device(device, Part::Host(0));
                self.time(*min, Part::Amount);
                self.time(*max, Part::Amount);
                if min > max {
                    self.report(Part::Amount, "the least latency is more than the most");
                }
            }
            Fault::Bandwidth { device, bytes_per_s } => {
                self.device(device, Part::Host(0));
                if *bytes_per_s == 0 {
                    let help = format!("`fault partition {device} | {SERVER}` lets nothing through");
                    self.report_with(Part::Amount, "a bandwidth is at least 1B/s", help);
                }
            }
            Fault::Reset { device, .. }
            | Fault::Close { device, .. }
            | Fault::LyingDisk { device }
            | Fault::FlipBit { device } => {
                self.device(device, Part::Host(0));
            }
            Fault::Crash { host, moment, down_for, .. } => self.crash(host, *moment, *down_for),
            Fault::FillDisk { host, .. } | Fault::FailDisk { host, .. } => {
                self.host(host, Part::Host(0));
            }
            Fault::CacheAnswers => {}
            Fault::Jump { host, by_ms } => {
                self.host(host, Part::Host(0));
                self.signed(*by_ms, Part::Amount);
            }
        }
    }

    fn crash(&mut self, host: &'a str, moment: Moment, down_for: Option<Duration>) {
        let is_of_devices = matches!(moment, Moment::Acknowledged(_) | Moment::Answered(..));
        let known =
            if is_of_devices { self.device(host, Part::Host(0)) } else { self.host(host, Part::Host(0)) };
        if known {
            self.doomed.insert(host);
        }
        match moment {
            Moment::Operation(0) | Moment::Answered(0, _) => {
                self.report_with(Part::Which, "a host goes down once", String::from("`next`, `2nd`, `3rd`"));
            }
            Moment::OperationEver(0) | Moment::Acknowledged(0) => {
                self.report(Part::Which, "the count is at least 1");
            }
            Moment::OperationEver(_) if self.begun => {
                let help = String::from("`at its 7th disk operation` counts from here");
                self.report_with(
                    Part::Which,
                    "what counts from the beginning stands before every step",
                    help,
                );
            }
            _ => {}
        }
        if let Some(time) = down_for {
            self.time(time, Part::Amount);
        }
    }

    fn target(&mut self, target: &'a Target) {
        self.device(&target.device, Part::Host(0));
    }

    /// There are links between each device and the server, and no others.
    fn link(&mut self, a: &'a str, b: &'a str) {
        let known = [self.host(a, Part::Host(0)), self.host(b, Part::Host(1))];
        if known == [true, true] && (a == SERVER) == (b == SERVER) {
            let help = String::from("devices are linked to the server only");
            self.report_with(Part::Host(1), format!("there is no link between `{a}` and `{b}`"), help);
        }
    }
}
