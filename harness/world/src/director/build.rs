//! Builds the world that a script declares.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadzone_contract::Parameters;
use deadzone_contract::seam::ServerStart;
use deadzone_net::{Draws, Net};
use deadzone_script::{Declaration, Script};
use deadzone_trace::{Event, Header};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::Director;
use crate::clock::WallClock;
use crate::fleet::{Fleet, Phone, Placed, SERVER};
use crate::machine::Machine;
use crate::nemesis::{Fall, Nemesis};
use crate::outside::OPERATOR_TOKEN;
use crate::recorder::{Recorder, WORLD};
use crate::search::Words;
use crate::{Lineup, Probe};

/// Whatever a script declares, before anything runs.
struct Declared {
    hosts: BTreeMap<String, Placed>,
    /// Each device with its user.
    users: BTreeMap<String, String>,
    grants: Vec<(String, String, deadzone_contract::wire::Role)>,
    /// The first workspace.
    home: String,
}

impl Declared {
    fn read(script: &Script, parameters: &Parameters, net: &Net, draws: &Draws, began: Instant) -> Declared {
        let place = |name: &str, skew_ms, drift_ppm| {
            let clock = WallClock::new(began, skew_ms, drift_ppm);
            let machine = Machine::new(name, clock, draws, parameters.disk_latency_max);
            (Arc::new(machine), net.add_host(name))
        };
        let mut hosts = BTreeMap::from([(SERVER.to_owned(), place(SERVER, 0, 0))]);
        for device in script.devices() {
            hosts.insert(device.name.to_owned(), place(device.name, device.skew_ms, device.drift_ppm));
        }
        let users = script.devices().map(|device| (device.name.to_owned(), device.user.to_owned()));
        let mut grants = Vec::new();
        for declaration in script.declarations() {
            if let Declaration::Workspace { name, members } = declaration {
                grants.extend(members.iter().map(|(user, role)| (name.clone(), user.clone(), *role)));
            }
        }
        let home = script.workspaces().next().map_or("", |(name, _)| name).to_owned();
        Declared { hosts, users: users.collect(), grants, home }
    }
}

impl Director {
    /// Builds the world that a script declares. What falls in it has to be cleared up.
    pub(crate) fn new(
        script: &Script,
        seed: u64,
        lineup: &Lineup,
        net: Net,
        draws: Draws,
        probe: &Probe,
    ) -> (Director, UnboundedReceiver<Fall>) {
        let began = Instant::now();
        let recorder = Recorder::new(began);
        let parameters = script.parameters();
        let Declared { mut hosts, users, grants, home } =
            Declared::read(script, &parameters, &net, &draws, began);
        probe.attach(hosts.values().map(|(machine, _)| machine), &recorder);
        let names = users.values().chain(grants.iter().map(|(_, user, _)| user));
        let passwords: BTreeMap<String, String> =
            names.map(|user| (user.clone(), format!("password of {user}"))).collect();
        let header = Header {
            scenario: script.name().to_owned(),
            seed,
            client: lineup.client.name().to_owned(),
            server: lineup.server.name().to_owned(),
            defect: lineup.defect.clone(),
            devices: users.clone(),
            model: lineup.model,
            apps: script.devices().filter_map(|device| Some((device.name.to_owned(), device.app?))).collect(),
            scopes: script
                .devices()
                .filter_map(|device| Some((device.name.to_owned(), device.scope?.to_vec())))
                .collect(),
            entities: script
                .devices()
                .filter_map(|device| Some((device.name.to_owned(), device.entities?.to_vec())))
                .collect(),
            grants: grants.clone(),
            parameters: parameters.clone(),
        };
        recorder.record(WORLD, Event::Started(Box::new(header)));
        let start = ServerStart {
            passwords: passwords.clone(),
            grants,
            parameters: parameters.clone(),
            operator_token: OPERATOR_TOKEN.to_owned(),
        };
        let (falls, fallen) = unbounded_channel();
        let bound_ms = parameters.stamp_ahead;
        let sights = probe.sights();
        let nemesis =
            Nemesis::new(recorder.clone(), net.clone(), draws, hosts.clone(), bound_ms, falls, sights);
        let server = hosts.remove(SERVER).expect("put in above");
        let devices = script.devices().filter_map(|device| {
            let placed = hosts.remove(device.name)?;
            Some((placed, Phone::new(&device)))
        });
        let fleet = Fleet::new(net, lineup.clone(), recorder, nemesis, server, devices.collect(), start);
        let director = Director {
            fleet: Arc::new(fleet),
            draws,
            parameters,
            passwords,
            home,
            names: BTreeMap::new(),
            backups: BTreeMap::new(),
            saved: 0,
            looked_at: 0,
            words: Words::default(),
            rights_changed: false,
            at_rest: false,
        };
        (director, fallen)
    }
}
