//! What the user sees: records, the tray and the corner badge.

use std::collections::BTreeMap;

use deadzone_contract::{Badge, RecordId, RecordState, RecordView, Status, TrayItem, WayOut};

use crate::app::App;
use crate::dialect::Dialect;
use crate::store::{Result, RowStatus, Tx};
use crate::{badge, overlay};

/// The line of the tray that is about the device itself and not about a record.
pub(crate) const THIS_DEVICE: &str = "this-device";

/// What was shown last.
#[derive(Default)]
pub(crate) struct Shown {
    records: BTreeMap<RecordId, RecordView>,
    tray: Vec<TrayItem>,
    status: Option<Status>,
    queued: u64,
    last_sync_ms: Option<u64>,
}

impl Shown {
    pub(crate) fn ids(&self) -> Vec<RecordId> {
        self.records.keys().cloned().collect()
    }

    pub(crate) fn last_sync_ms(&self) -> Option<u64> {
        self.last_sync_ms
    }

    /// Everything, as a user finds it.
    pub(crate) fn view(&self) -> deadzone_contract::view::View {
        let status = self.status.clone().unwrap_or(Status {
            badge: Badge::Offline,
            queued: 0,
            last_sync_ms: None,
            last_error: None,
        });
        deadzone_contract::view::View {
            records: self.records.values().cloned().collect(),
            tray: self.tray.clone(),
            status,
        }
    }
}

/// What a transaction changes for its user.
pub(crate) struct News {
    /// None: not shown any more.
    records: Vec<(RecordId, Option<RecordView>)>,
    discarded: Option<RecordId>,
    tray: Vec<TrayItem>,
    queued: u64,
    last_sync_ms: Option<u64>,
}

impl App {
    /// What will be shown once this transaction is committed.
    pub(crate) fn news(&self, tx: &mut Tx<'_>) -> Result<News> {
        let mut records = Vec::with_capacity(tx.touched.len());
        for id in std::mem::take(&mut tx.touched) {
            let view = next_view(self, tx, &id)?;
            records.push((id, view));
        }
        Ok(News {
            records,
            discarded: tx.discarded.take(),
            tray: tray(tx, self.dialect())?,
            queued: tx.pending()?,
            last_sync_ms: tx.meta.last_sync_ms,
        })
    }

    /// Shows it.
    pub(crate) fn publish(&self, news: News) {
        if let Some(id) = news.discarded {
            self.flash(&id, RecordState::Discarded);
        }
        for (id, view) in news.records {
            self.publish_record(id, view);
        }
        let mut shared = self.shared();
        if shared.shown.tray != news.tray {
            self.env.screen.tray(&news.tray);
            shared.shown.tray = news.tray;
        }
        shared.shown.queued = news.queued;
        shared.shown.last_sync_ms = news.last_sync_ms;
        drop(shared);
        self.publish_status();
    }

    fn publish_record(&self, id: RecordId, view: Option<RecordView>) {
        let shown = &mut self.shared().shown.records;
        if let (Some(before), Some(next)) = (shown.get(&id), &view)
            && let Some(state) = badge::between(before.state, next.state)
        {
            // What was shown before may not be for its user's eyes any more.
            self.env.screen.record(&RecordView { state, ..next.clone() });
        }
        match view {
            Some(view) if shown.get(&id) != Some(&view) => {
                self.env.screen.record(&view);
                shown.insert(id, view);
            }
            None if shown.remove(&id).is_some() => self.env.screen.gone(&id),
            _ => {}
        }
    }

    /// Shows a badge that stands in no table: the moment of a discard, or a lie.
    pub(crate) fn flash(&self, id: &RecordId, state: RecordState) {
        if let Some(view) = self.shared().shown.records.get_mut(id) {
            view.state = state;
            self.env.screen.record(view);
        }
    }

    /// Shows the device's own state, if it is another than before.
    pub(crate) fn publish_status(&self) {
        let stale = self.until_stale().is_none();
        let mut shared = self.shared();
        let in_need = shared.signed_out || shared.too_old || shared.storage.is_some();
        let badge = if in_need || !shared.shown.tray.is_empty() {
            Badge::Error
        } else if stale {
            Badge::Stale
        } else if shared.is_offline() {
            Badge::Offline
        } else if shared.shown.queued > 0 {
            Badge::Syncing
        } else {
            Badge::Synced
        };
        let signed_out = shared.signed_out.then(|| "nobody is signed in".to_owned());
        let status = Status {
            badge,
            queued: shared.shown.queued,
            last_sync_ms: shared.shown.last_sync_ms,
            last_error: shared.storage.clone().or_else(|| shared.last_error.clone()).or(signed_out),
        };
        if shared.shown.status.as_ref() != Some(&status) {
            self.env.screen.status(&status);
            shared.shown.status = Some(status);
        }
    }
}

/// The record as it will be shown once this transaction is committed; none if it will not be.
fn next_view(app: &App, tx: &mut Tx<'_>, id: &RecordId) -> Result<Option<RecordView>> {
    let Some(record) = tx.record(id)? else { return Ok(None) };
    let rows = tx.queue_of(id)?;
    if rows.is_empty() && !app.is_in_scope(&record.workspace, &record.entity) {
        tx.drop_undo(id)?;
        tx.drop_record(id)?;
        return Ok(None);
    }
    let over = overlay::overlay(&record, &rows);
    if !over.visible {
        if rows.is_empty() {
            tx.retire_record(id)?;
        } else if record.state.is_some() {
            // Should an edit elsewhere bring it back, its badge begins anew.
            tx.set_state(id, None)?;
        }
        return Ok(None);
    }
    let derived = badge::derived_state(&record, &rows, &over);
    let sent = rows.iter().any(|row| row.status == RowStatus::Sending);
    let state = badge::next_state(record.state, derived, sent);
    if record.state != Some(state) {
        tx.set_state(id, Some(state))?;
    }
    Ok(Some(overlay::view(app.dialect(), &record, over, state)))
}

fn tray(tx: &Tx<'_>, dialect: Dialect) -> Result<Vec<TrayItem>> {
    let mut items = Vec::new();
    for row in tx.failed()? {
        let is_here = tx.record(&row.mutation.record)?.is_some();
        items.push(TrayItem {
            record: row.mutation.record,
            state: RecordState::Failed,
            what: row.what,
            reason: row.reason.unwrap_or_default(),
            ways_out: if is_here { vec![WayOut::Retry, WayOut::Discard] } else { vec![WayOut::Discard] },
        });
    }
    for id in tx.conflicting()? {
        let Some(server) = tx.record(&id)?.and_then(|row| row.server) else { continue };
        items.extend(server.conflicts.iter().filter_map(|open| {
            let field = dialect.shown(&server.entity, &open.field)?;
            Some(TrayItem {
                record: id.clone(),
                state: RecordState::Conflict,
                what: format!("set {field}={}", open.mine),
                reason: match &open.theirs {
                    Some(theirs) => format!("conflict: the server has {field}={theirs}"),
                    None => format!("conflict: the server has no {field} any more"),
                },
                ways_out: vec![WayOut::KeepMine, WayOut::UseTheirs, WayOut::Merge],
            })
        }));
    }
    items.extend(tx.meta.loss.as_ref().map(|loss| TrayItem {
        record: RecordId(THIS_DEVICE.to_owned()),
        state: RecordState::Failed,
        what: "keep what was saved on this device".to_owned(),
        reason: format!("storage: the database was damaged; {loss}"),
        ways_out: vec![WayOut::Discard],
    }));
    Ok(items)
}
