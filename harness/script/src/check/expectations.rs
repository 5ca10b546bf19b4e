//! Expectations: what they name has to be there.

use deadzone_trace::{Claim, Expectation, Place};

use super::Checker;
use super::records::entity_of;
use crate::part::Part;
use crate::words::SERVER;

impl<'a> Checker<'a> {
    pub(super) fn expectation(&mut self, expectation: &'a Expectation) {
        match &expectation.claim {
            Claim::Record { name, once: _, fields, place } => {
                self.exists(name, None, Part::Name);
                if let Some(decl) = entity_of(name) {
                    self.claims(decl, fields);
                }
                self.claim_place(place);
            }
            Claim::Absent { name, place } => {
                self.exists(name, None, Part::Name);
                self.claim_place(place);
            }
            Claim::Conflict { name, field, shown: _, devices } => {
                self.exists(name, None, Part::Name);
                self.makes_conflicts(name, field);
                self.names_once(devices);
                self.in_view(devices);
            }
            Claim::NoConflicts => {}
            Claim::Alert { .. } => self.up(SERVER, Part::Line),
            Claim::InTray { name, device, .. } => {
                self.exists(name, None, Part::Name);
                self.in_view(std::slice::from_ref(device));
            }
            Claim::TrayEmpty { device } | Claim::Badge { device, badge: _ } => {
                self.in_view(std::slice::from_ref(device));
            }
        }
    }

    fn claim_place(&mut self, place: &'a Place) {
        match place {
            Place::Everywhere => {}
            Place::Server => self.up(SERVER, Part::Line),
            Place::Devices(devices) => {
                self.names_once(devices);
                self.in_view(devices);
            }
        }
    }

    /// Only what is up shows anything.
    fn in_view(&mut self, devices: &'a [String]) {
        for (n, device) in devices.iter().enumerate() {
            if self.device(device, Part::Host(n)) {
                self.up(device, Part::Host(n));
            }
        }
    }
}
