//! The links as the active faults make them.

use deadzone_net::Link;
use deadzone_script::Fault;

use super::Nemesis;
use crate::clock::ms;
use crate::fleet::SERVER;

impl Nemesis {
    /// Lays every link between a device and the server as it is now: its own properties, and
    /// what the active faults make of them.
    pub(crate) fn lay_links(&self) {
        let state = self.lock();
        let server = self.host(SERVER);
        for (name, (machine, host)) in self.hosts.iter().filter(|(name, _)| *name != SERVER) {
            let mut base = self.base_link(name);
            // Nothing gets to a machine that is asleep.
            let asleep = machine.gate.is_asleep();
            let (mut up_cut, mut down_cut) = (asleep, asleep);
            for active in &state.active {
                match &active.fault {
                    Fault::Partition { a, b } if touches(name, a, b) => (up_cut, down_cut) = (true, true),
                    Fault::Cut { from, to } if from == name && to == SERVER => up_cut = true,
                    Fault::Cut { from, to } if from == SERVER && to == name => down_cut = true,
                    Fault::Loss { device, basis_points } if device == name => {
                        base.loss = f64::from(*basis_points) / 10_000.0;
                    }
                    Fault::Latency { device, min, max } if device == name => {
                        base.latency = *min;
                        base.jitter = max.saturating_sub(*min);
                    }
                    Fault::Bandwidth { device, bytes_per_s } if device == name => {
                        base.bytes_per_s = Some(*bytes_per_s);
                    }
                    _ => {}
                }
            }
            self.net.set_link(*host, server, Link { cut: up_cut, ..base });
            self.net.set_link(server, *host, Link { cut: down_cut, ..base });
        }
    }

    /// A device's ordinary link: from a good wire to a poor mobile network, by seed.
    pub(super) fn base_link(&self, device: &str) -> Link {
        let latency_ms = self.draws.key("latency").text(device).between(2, 60);
        let jitter_ms = self.draws.key("jitter").text(device).between(0, latency_ms / 2);
        Link { latency: ms(latency_ms), jitter: ms(jitter_ms), ..Link::default() }
    }
}

fn touches(device: &str, a: &str, b: &str) -> bool {
    (a == device && b == SERVER) || (b == device && a == SERVER)
}
