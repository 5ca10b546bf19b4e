//! Faults: who is struck, and by how much.

use super::Checker;
use crate::part::Part;
use crate::words::SERVER;
use crate::{Fault, Target};

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
            Fault::Reset { device, .. } | Fault::Close { device, .. } => {
                self.device(device, Part::Host(0));
            }
            Fault::Jump { host, by_ms } => {
                self.host(host, Part::Host(0));
                self.signed(*by_ms, Part::Amount);
            }
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
