//! What is done about a damaged database.
//!
//! Kept is what is provably whole: rows with a good seal, of the queue and of the records, and
//! what the device knows of itself. It gets a new name for its new work, because numbers may be
//! lost, and pulls everything anew. Pending work keeps its old name and numbers: it may have
//! reached the server, which knows it by them.
//!
//! # No moment without the pending work
//!
//! Databases can be made and deleted, not renamed. So there is a second one, the *rescue*, and
//! its `user_version` is the marker:
//!
//! 1. The rescue is made in one transaction, with everything in it and its `user_version` set.
//!    From that commit on **the rescue is the truth**, and what the main database holds is not.
//! 2. The main database is deleted.
//! 3. A new main database is made from the rescue in one transaction.
//! 4. The rescue's `user_version` is set to 0: it is spent, and the main database is the truth.
//! 5. The rescue is deleted.
//!
//! Every opening looks at the rescue first. One that is not marked is from a crash before the end
//! of step 1 or after step 4: it is deleted, and the main database, damaged or new, is as it was.
//! One that is marked is from a crash in between: steps 2 to 5 are done again. Nobody works with
//! the main database before step 5 is over, so doing them again loses nothing. Step 4 is a step
//! of its own because a file that was deleted can come back with a power loss; a spent one may.
//!
//! The damaged database is deleted and not put aside: it holds its user's words, and nothing
//! would ever delete it.

use std::collections::{BTreeMap, BTreeSet};

use deadzone_contract::{RecordId, RecordState};
use rusqlite::Connection;

use super::connect::{self, Missing};
use super::rows::{self, QueueRow, RecordRow, UndoRow};
use super::{Meta, Result, Store, StoreError};
use crate::policy::Integrity;
use crate::stamps;

/// Everything in a database, or everything whole in a damaged one.
#[derive(Default)]
struct Image {
    /// None: it is not whole.
    meta: Option<Meta>,
    records: BTreeMap<RecordId, RecordRow>,
    queue: BTreeMap<u64, QueueRow>,
    undo: BTreeMap<RecordId, UndoRow>,
}

impl Image {
    /// # Errors
    /// Those of the disk: what cannot be read now may be read later. Damage is no error.
    fn read(connection: &Connection) -> Result<Image> {
        let mut image = Image::default();
        match connect::meta(connection, Integrity::Checked) {
            Ok((meta, _)) => image.meta = Some(meta),
            Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
        rows::whole_records(connection, &mut |row| {
            image.records.insert(row.record.clone(), row);
        })?;
        rows::whole_queue(connection, &mut |row| {
            image.queue.insert(row.seq, row);
        })?;
        rows::whole_undo(connection, &mut |row| {
            image.undo.insert(row.record.clone(), row);
        })?;
        Ok(image)
    }

    /// The meta row of the database that takes the place of the damaged one. `known` is the last one
    /// that this process has committed.
    fn mended(&self, random: &dyn deadzone_contract::seam::Random, known: &Meta) -> Meta {
        let mut meta = self.meta.clone().unwrap_or_else(|| {
            let mut meta = Meta { schema: connect::SCHEMA, ..Meta::default() };
            self.records
                .values()
                .filter_map(|row| row.server.as_ref())
                .for_each(|s| stamps::observe(&mut meta, s));
            meta
        });
        for row in self.queue.values() {
            meta.last_number = meta.last_number.max(row.seq).max(row.number());
            stamps::exceed(&mut meta, row.mutation.stamp.ms, row.mutation.stamp.n);
        }
        // What was given out is given out, whatever became of the rows that tell of it.
        meta.last_number = meta.last_number.max(known.last_number);
        stamps::exceed(&mut meta, known.stamp_ms, known.stamp_n);
        meta.next_number = meta.next_number.max(meta.last_number + 1);
        meta.epoch = self.records.values().map(|row| row.epoch).fold(meta.epoch, i64::max);
        meta.loss = self.loss(known).or(meta.loss);
        meta.commits = meta.commits.max(known.commits);
        meta.take_new_identity(random);
        meta
    }

    /// The records whose badge tells of work of which no row is whole.
    fn bereft(&self) -> BTreeSet<RecordId> {
        use RecordState as S;
        let at_work: BTreeSet<&RecordId> = self.queue.values().map(|row| &row.mutation.record).collect();
        let tells = |row: &&RecordRow| {
            matches!(row.state, Some(S::Saved | S::Modified | S::Syncing | S::Retrying | S::Failed))
        };
        let telling = self.records.values().filter(tells).map(|row| &row.record);
        telling.filter(|record| !at_work.contains(record)).cloned().collect()
    }

    /// What their user has to be told.
    fn loss(&self, known: &Meta) -> Option<String> {
        let here = self.queue.len() as u64;
        // What waited at an earlier moment says nothing of what was saved after it.
        let last = self.meta.as_ref().filter(|meta| known.commits <= meta.commits || known.queued == 0);
        match last.map(|meta| meta.queued.saturating_sub(here)) {
            Some(0) if self.bereft().is_empty() => None,
            Some(1) => Some("one change that was saved here and not yet sent is lost".to_owned()),
            Some(lost) if lost > 0 => {
                Some(format!("{lost} changes that were saved here and not yet sent are lost"))
            }
            _ => Some("changes that were saved here and not yet sent may be lost".to_owned()),
        }
    }

    /// Makes a database of it, in one transaction.
    fn write(&mut self, connection: &Connection, meta: Meta) -> Result<()> {
        for record in self.bereft() {
            // Nothing that happens would ever move it from where it is.
            self.records.entry(record).and_modify(|row| row.state = None);
        }
        connect::create(connection, meta, |connection, meta| {
            meta.sum = 0;
            meta.queued = self.queue.len() as u64;
            for row in self.records.values_mut() {
                meta.sum = meta.sum.wrapping_add(rows::put_record(connection, row)?);
            }
            for row in self.queue.values_mut() {
                meta.sum = meta.sum.wrapping_add(rows::put_queue(connection, row)?);
            }
            for row in self.undo.values_mut() {
                meta.sum = meta.sum.wrapping_add(rows::put_undo(connection, row)?);
            }
            Ok(())
        })
    }
}

impl Store {
    /// Step 1: puts everything whole in the damaged main database into the rescue.
    pub(super) fn rescue(&mut self) -> Result<()> {
        // Its lock is kept meanwhile. Where not even that can be had, nothing can be read either.
        let damaged = match connect::connect(&self.files.at(&self.files.main()), Missing::Create) {
            Ok(connection) => Some(connection),
            Err(StoreError::Damaged(_)) => None,
            Err(error) => return Err(error),
        };
        let mut image = damaged.as_ref().map(Image::read).transpose()?.unwrap_or_default();
        let meta = image.mended(&*self.random, &self.meta);
        match self.write_rescue(&mut image, meta.clone()) {
            Err(StoreError::Full) if self.give_up_reserve() => self.write_rescue(&mut image, meta),
            written => written,
        }
    }

    fn write_rescue(&self, image: &mut Image, meta: Meta) -> Result<()> {
        self.files.remove(&self.files.rescue())?;
        let rescue = connect::connect(&self.files.at(&self.files.rescue()), Missing::Create)?;
        image.write(&rescue, meta)
    }

    /// Steps 2 to 5, where there is a rescue to finish. True if the main database was replaced.
    pub(super) fn finish_rescue(&mut self) -> Result<bool> {
        let name = self.files.rescue();
        let rescue = match connect::open(&self.files.at(&name), Missing::Refuse) {
            Ok(rescue) => rescue,
            Err(StoreError::Absent) => return Ok(false),
            Err(error) => return Err(error),
        };
        let marked = connect::hold(&rescue).and_then(|()| connect::version(&rescue));
        match marked {
            Ok(connect::SCHEMA) => {}
            Ok(_) | Err(StoreError::Damaged(_)) => {
                drop(rescue);
                self.files.remove(&name)?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        let mut image = Image::read(&rescue)?;
        let meta = match &image.meta {
            Some(meta) if meta.queued == image.queue.len() as u64 => meta.clone(),
            _ => image.mended(&*self.random, &self.meta),
        };
        self.files.remove(&self.files.main())?;
        image.write(&connect::connect(&self.files.at(&self.files.main()), Missing::Create)?, meta)?;
        rescue.pragma_update(None, "user_version", 0)?;
        drop(rescue);
        self.files.remove(&name)?;
        Ok(true)
    }
}
