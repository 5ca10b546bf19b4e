//! Plays: several steps of several people in a row that lead where single events hardly ever get.
//!
//! What takes three unlikely things one after the other is written as one event. A play knows no
//! more than any other event does: whether it got where it leads, the run shows.
//!
//! | Module | Holds |
//! |---|---|
//! | `meetings` | people whose work meets |
//! | `refusals` | work that has to be refused |
//! | `service` | caches, hints, limits, identities, the operator who watches |

mod meetings;
mod refusals;
mod service;

use deadzone_contract::Model;
use deadzone_script::{Class, Fault, HostAct, Target};

use super::work::put;
use super::writer::Writer;

impl Writer<'_> {
    fn tasks(&self, device: usize) -> Vec<usize> {
        let mut tasks = self.model.writable(device);
        tasks.retain(|record| self.model.records[*record].entity == "task");
        tasks
    }

    /// No answer to a push of a device arrives; the label of the fault.
    fn lose_answers(&mut self, device: usize) -> String {
        let device = self.model.devices[device].name.to_owned();
        self.fault(Fault::LoseAnswer(Target { device, nth: 0, class: Class::Push }))
    }

    /// No sign-in and no refresh of a device gets through; the label of the fault.
    fn lose_identity(&mut self, device: usize) -> String {
        let device = self.model.devices[device].name.to_owned();
        self.fault(Fault::ProxyPage(Target { device, nth: 0, class: Class::SignIn }, 503))
    }

    /// A record gets another title, or a comment another body.
    fn reword(&mut self, device: usize, record: usize, words: String) {
        let field = if self.model.records[record].entity == "comment" { "body" } else { "title" };
        self.edit_fields(device, record, vec![put(field, words)]);
    }

    /// Something happens on a device that has no network meanwhile.
    fn while_offline(&mut self, device: usize, work: impl FnOnce(&mut Self)) {
        let was_offline = self.model.devices[device].is_offline;
        self.offline(device);
        work(self);
        if !was_offline {
            self.online(device);
        }
    }

    /// Whether there are fields that are added to rather than overwritten.
    pub(super) fn has_sets(&self) -> bool {
        self.world.model == Model::B
    }

    pub(super) fn offline(&mut self, device: usize) {
        if !std::mem::replace(&mut self.model.devices[device].is_offline, true) {
            self.host(device, HostAct::Offline);
        }
    }

    pub(super) fn online(&mut self, device: usize) {
        if std::mem::replace(&mut self.model.devices[device].is_offline, false) {
            self.host(device, HostAct::Online);
        }
    }
}
