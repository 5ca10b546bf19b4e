//! Oracle `expected`: what the script claims holds.
//!
//! Invariant: every `expect` line holds of what the server handed out and what the devices
//! showed just before it, and no step is saved that the script says a device must refuse.
//!
//! Source: the script.
//!
//! The clauses are the kinds of claims: `record` (it is there), `once`, `field`, `absent`,
//! `conflict`, `no-conflicts`, `in-tray`, `tray-empty`, `badge`, `alert`, `refusal`.

use std::collections::BTreeMap;

use deadzone_contract::view::View;
use deadzone_contract::wire::METRIC_LAG_ALERT;
use deadzone_contract::{Badge, Code, RecordView, Rule, Value};
use deadzone_trace::{Claim, Event, Expectation, FieldClaim, Place};

use crate::findings::{Case, Findings};
use crate::history::{ActionRun, History, words};
use crate::verdict::Verdict;

/// Judges a run.
pub(crate) fn judge(history: &History<'_>) -> Verdict {
    let mut findings = Findings::new("expected");
    let mut audits = BTreeMap::new();
    let mut failed = BTreeMap::new();
    let mut views = BTreeMap::new();
    for (at, entry) in history.entries.iter().enumerate() {
        let host = entry.host.as_str();
        match &entry.event {
            // What was seen before a step says nothing of what is after it.
            Event::Invoked { .. }
            | Event::SettleBegan { .. }
            | Event::Connectivity { .. }
            | Event::Suspended
            | Event::Resumed
            | Event::Healed => {
                audits.clear();
                failed.clear();
                views.clear();
            }
            Event::HostDown { .. } | Event::HostUp { .. } => {
                views.remove(host);
            }
            Event::Audited { user, records } => {
                failed.remove(user.as_str());
                audits.insert(user.as_str(), (at, records.as_slice()));
            }
            Event::AuditFailed { user, why } => {
                audits.remove(user.as_str());
                failed.insert(user.as_str(), why.as_str());
            }
            Event::Viewed(view) => {
                views.insert(host, (at, view));
            }
            Event::Expected { line, text, expectation } => {
                let scene =
                    Scene { history, at, line: *line, text, audits: &audits, failed: &failed, views: &views };
                if let Err(why) = scene.judge(expectation, &mut findings) {
                    findings.unknown(format!("line {line} (expect {text}): {why}"));
                }
            }
            _ => {}
        }
    }
    for run in history.actions.iter().filter(|run| run.cannot && run.saved()) {
        judge_refusal(history, run, &mut findings);
    }
    findings.verdict()
}

/// A step was saved that the script says cannot be done. It says so of a run that went as written.
fn judge_refusal(history: &History<'_>, run: &ActionRun<'_>, findings: &mut Findings) {
    let what = format!("{} saved {} {}, which it had to refuse", run.device, run.kind(), run.label);
    let before = history.actions.iter().take_while(|other| other.begun < run.begun);
    if let Some(other) = before.into_iter().find(|other| !other.cannot && !other.saved()) {
        return findings.unknown(format!("{what}; but step {} had not gone as written", other.label));
    }
    let record = run.record.map(|record| history.records[record].id);
    let case = Case::new("refusal", "claim").device(run.device).subject(run.label);
    let case = record.into_iter().fold(case, Case::record).evidence(history.outcome(run));
    findings.report(case.says(what, "a refusal: the script says that it cannot be done"));
}

/// What can be seen when a claim is made.
struct Scene<'a, 't> {
    history: &'a History<'t>,
    at: usize,
    line: u32,
    text: &'a str,
    audits: &'a BTreeMap<&'t str, (usize, &'t [RecordView])>,
    failed: &'a BTreeMap<&'t str, &'t str>,
    views: &'a BTreeMap<&'t str, (usize, &'t View)>,
}

/// One place where records can be looked for.
struct Spot<'a, 't> {
    /// As a sentence begins with it.
    called: String,
    device: Option<&'a str>,
    at: usize,
    records: &'t [RecordView],
}

/// A claim that cannot be checked, with the reason.
type Checked<T> = Result<T, String>;

impl<'a, 't> Scene<'a, 't> {
    fn judge(&self, expectation: &'a Expectation, findings: &mut Findings) -> Checked<()> {
        match &expectation.claim {
            Claim::Record { name, once, fields, place } => self.record(name, *once, fields, place, findings),
            Claim::Absent { name, place } => self.absent(name, place, findings),
            Claim::Conflict { name, field, shown, devices } => {
                self.conflict(name, field, *shown, devices, findings)
            }
            Claim::NoConflicts => self.no_conflicts(findings),
            Claim::InTray { name, device, listed, because } => {
                self.in_tray(name, device, *listed, *because, findings)
            }
            Claim::Alert { firing } => self.alert(*firing, findings),
            Claim::TrayEmpty { device } => self.tray_empty(device, findings),
            Claim::Badge { device, badge } => self.badge(device, *badge, findings),
        }
    }

    /// Begins a violation of a claim that was looked at in entry `seen`. The first place where it
    /// does not hold speaks for all of them.
    fn fail(&self, clause: &'static str, seen: usize, found: &str) -> Case {
        Case::new(clause, "claim")
            .subject(self.line.to_string())
            .everywhere()
            .says(format!("line {} (expect {}): {found}", self.line, self.text), self.text)
            .evidence([seen, self.at])
    }

    /// The records of a name, and the create that made the first of them.
    fn bound(&self, name: &str) -> Checked<(Vec<usize>, Option<&'a ActionRun<'t>>)> {
        let records: Vec<usize> =
            (0..self.history.records.len()).filter(|&r| self.history.records[r].name == Some(name)).collect();
        let create = self.history.actions.iter().find(|run| run.name == Some(name) && run.begun < self.at);
        if records.is_empty() && create.is_none() {
            return Err(format!("nobody created {name}"));
        }
        Ok((records, create))
    }

    /// The users who surely may see what goes by a name.
    fn users(&self, records: &[usize], create: Option<&ActionRun<'_>>) -> Vec<&'t str> {
        match (records.first(), create.and_then(ActionRun::birthplace)) {
            (Some(&record), _) => self.history.entitled(record, self.at),
            (None, place) => {
                let place = place.map(|place| place.workspace);
                let rights = &self.history.rights;
                let enters = |workspace| {
                    rights.users().filter(move |user| rights.is_member(user, workspace, self.at, self.at))
                };
                place.map(|workspace| enters(workspace).collect()).unwrap_or_default()
            }
        }
    }

    /// Where a claim has to hold. Everywhere is where somebody is signed in who may see it, and
    /// whose device subscribes to it.
    fn spots(
        &self,
        place: &'a Place,
        records: &[usize],
        create: Option<&ActionRun<'_>>,
    ) -> Checked<Vec<Spot<'a, 't>>> {
        let users = self.users(records, create);
        let mut spots = Vec::new();
        if !matches!(place, Place::Devices(_)) {
            if users.is_empty() {
                return Err("nobody may see it".to_owned());
            }
            for &user in &users {
                spots.push(self.on_server(user)?);
            }
        }
        match place {
            Place::Server => {}
            Place::Devices(devices) => {
                for device in devices {
                    spots.push(self.on_device(device)?);
                }
            }
            Place::Everywhere => {
                let place = create.and_then(ActionRun::birthplace);
                for device in self.history.header.devices.keys() {
                    let user = self.history.users.surely_at(device, self.at);
                    let sees = user.is_some_and(|user| users.contains(&user));
                    let wants = place
                        .is_none_or(|place| self.history.subscribes(device, place.workspace, place.entity));
                    if sees && wants {
                        spots.push(self.on_device(device)?);
                    }
                }
            }
        }
        Ok(spots)
    }

    fn on_server(&self, user: &str) -> Checked<Spot<'a, 't>> {
        if let Some(why) = self.failed.get(user) {
            return Err(format!("the server could not be asked on behalf of {user}: {why}"));
        }
        let Some(&(at, records)) = self.audits.get(user) else {
            return Err(format!("the server was not asked on behalf of {user}"));
        };
        Ok(Spot { called: format!("the server, asked by {user},"), device: None, at, records })
    }

    fn view(&self, device: &str) -> Checked<(usize, &'t View)> {
        self.views.get(device).copied().ok_or_else(|| format!("{device} was not looked at"))
    }

    fn on_device(&self, device: &'a str) -> Checked<Spot<'a, 't>> {
        let (at, view) = self.view(device)?;
        Ok(Spot { called: device.to_owned(), device: Some(device), at, records: &view.records })
    }

    /// The records in a place that hold what was created under a name: those that bear it, and
    /// those that nobody else made and that look the same.
    fn holding(
        &self,
        spot: &Spot<'_, 't>,
        records: &[usize],
        create: Option<&ActionRun<'_>>,
    ) -> Vec<&'t RecordView> {
        let place = create.and_then(ActionRun::birthplace).filter(|place| place.telling());
        let holds = |view: &&'t RecordView| match self.history.record(&view.record) {
            Some(record) if records.contains(&record) => true,
            Some(record) if self.history.records[record].creator.is_some() => false,
            _ => place.is_some_and(|place| place.made(view)),
        };
        spot.records.iter().filter(holds).collect()
    }

    fn record(
        &self,
        name: &str,
        once: bool,
        fields: &[FieldClaim],
        place: &'a Place,
        findings: &mut Findings,
    ) -> Checked<()> {
        let (records, create) = self.bound(name)?;
        for spot in self.spots(place, &records, create)? {
            let holding = self.holding(&spot, &records, create);
            let report = |case: Case, findings: &mut Findings| {
                findings.report(about(case, &spot, holding.first().copied()));
            };
            let Some(found) = holding.first() else {
                let what = format!("{} does not show {name}", spot.called);
                report(self.fail("record", spot.at, &what), findings);
                continue;
            };
            if once && holding.len() > 1 {
                let what = format!("{} shows {name} {} times", spot.called, holding.len());
                report(self.fail("once", spot.at, &what), findings);
            }
            for claim in fields {
                if let Some(what) = self.refuted(claim, found) {
                    let rule = self.history.rule(&found.entity, &claim.field);
                    let what = format!("{} shows {what}", spot.called);
                    let subject = format!("{} {}", self.line, claim.field);
                    report(self.fail("field", spot.at, &what).rule(rule).subject(subject), findings);
                }
            }
        }
        Ok(())
    }

    /// What a record shows instead of what is claimed; none where the claim holds. A counter that
    /// nobody added to is 0, a set that nobody filled is empty.
    fn refuted(&self, claim: &FieldClaim, view: &RecordView) -> Option<String> {
        let nothing = match self.history.rule(&view.entity, &claim.field) {
            Some(Rule::Counter) => Some(Value::Int(0)),
            Some(Rule::Set) => Some(Value::Set(Default::default())),
            _ => None,
        };
        let value = view.fields.get(&claim.field).or(nothing.as_ref());
        let holds = (value == Some(&claim.value)) == claim.equal;
        (!holds).then(|| format!("{}={}", claim.field, words::shown(value)))
    }

    fn absent(&self, name: &str, place: &'a Place, findings: &mut Findings) -> Checked<()> {
        let (records, create) = self.bound(name)?;
        for spot in self.spots(place, &records, create)? {
            if let Some(found) = self.holding(&spot, &records, create).first() {
                let what = format!("{} shows {name}", spot.called);
                findings.report(about(self.fail("absent", spot.at, &what), &spot, Some(found)));
            }
        }
        Ok(())
    }

    fn conflict(
        &self,
        name: &str,
        field: &str,
        shown: bool,
        devices: &'a [String],
        findings: &mut Findings,
    ) -> Checked<()> {
        let (records, create) = self.bound(name)?;
        for device in devices {
            let spot = self.on_device(device)?;
            let found = self.holding(&spot, &records, create).first().copied();
            let open = found.is_some_and(|view| view.conflicts.iter().any(|open| open.field == field));
            if open != shown {
                let does = if open { "shows a" } else { "shows no" };
                let what = format!("{device} {does} conflict of {name}.{field}");
                let entity = found.map(|view| view.entity.as_str());
                let entity = entity.or(create.and_then(ActionRun::birthplace).map(|place| place.entity));
                let rule = entity.and_then(|entity| self.history.rule(entity, field));
                findings.report(about(self.fail("conflict", spot.at, &what).rule(rule), &spot, found));
            }
        }
        Ok(())
    }

    fn no_conflicts(&self, findings: &mut Findings) -> Checked<()> {
        let mut spots = Vec::new();
        let mut users: Vec<&str> =
            self.history.header.grants.iter().map(|(_, user, _)| user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        for user in users {
            spots.push(self.on_server(user)?);
        }
        for device in self.history.header.devices.keys() {
            spots.push(self.on_device(device)?);
        }
        for spot in spots {
            for view in spot.records {
                for open in &view.conflicts {
                    let name = self.history.record(&view.record).map(|record| self.history.name(record));
                    let name = name.unwrap_or_else(|| format!("record {}", view.record));
                    let what = format!("{} shows a conflict of {name}.{}", spot.called, open.field);
                    let rule = self.history.rule(&view.entity, &open.field);
                    let case = self.fail("no-conflicts", spot.at, &what).rule(rule);
                    findings.report(about(case, &spot, Some(view)));
                }
            }
        }
        Ok(())
    }

    fn in_tray(
        &self,
        name: &str,
        device: &str,
        listed: bool,
        because: Option<Code>,
        findings: &mut Findings,
    ) -> Checked<()> {
        let (records, _) = self.bound(name)?;
        let (at, view) = self.view(device)?;
        let found = view
            .tray
            .iter()
            .filter(|item| because.is_none_or(|code| item.reason.starts_with(&format!("{code}:"))))
            .any(|item| self.history.record(&item.record).is_some_and(|record| records.contains(&record)));
        if found != listed {
            let does = if found { "lists" } else { "does not list" };
            let why = because.map(|code| format!(" because {code}")).unwrap_or_default();
            let what = format!("{device}'s tray {does} {name}{why}");
            let case = self.fail("in-tray", at, &what).device(device);
            let record = records.first().map(|&record| self.history.records[record].id);
            findings.report(record.into_iter().fold(case, Case::record));
        }
        Ok(())
    }

    /// What the metrics said last, which was when the claim was made.
    fn alert(&self, firing: bool, findings: &mut Findings) -> Checked<()> {
        let scraped = self.history.entries[..self.at].iter().enumerate().rev().find_map(|(at, entry)| {
            match &entry.event {
                Event::Scraped { status: 200, body } => Some((at, body)),
                _ => None,
            }
        });
        let Some((at, body)) = scraped else {
            return Err(String::from("the server's metrics were not read"));
        };
        let now = body.lines().find_map(|line| line.strip_prefix(METRIC_LAG_ALERT)).map(str::trim);
        if now != Some(if firing { "1" } else { "0" }) {
            let what = match now {
                Some("1") => "the alert is firing",
                Some("0") => "the alert is silent",
                _ => "the metrics do not tell of the alert",
            };
            findings.report(self.fail("alert", at, what));
        }
        Ok(())
    }

    fn tray_empty(&self, device: &str, findings: &mut Findings) -> Checked<()> {
        let (at, view) = self.view(device)?;
        if let Some(item) = view.tray.first() {
            let what = format!("{device}'s tray has {}, `{}` first", view.tray.len(), item.what);
            findings.report(self.fail("tray-empty", at, &what).device(device).record(&item.record));
        }
        Ok(())
    }

    fn badge(&self, device: &str, badge: Badge, findings: &mut Findings) -> Checked<()> {
        let (at, view) = self.view(device)?;
        if view.status.badge != badge {
            let what = format!("{device}'s badge is {}", view.status.badge);
            findings.report(self.fail("badge", at, &what).device(device));
        }
        Ok(())
    }
}

fn about(case: Case, spot: &Spot<'_, '_>, found: Option<&RecordView>) -> Case {
    let case = spot.device.into_iter().fold(case, Case::device);
    found.into_iter().fold(case, |case, view| case.record(&view.record))
}
