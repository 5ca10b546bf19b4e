//! Remembers what was answered, so that a mutation takes effect once however often it arrives.
//!
//! Every mutation that was carried out is remembered, those included that found nothing to do,
//! such as a delete that lost against an edit. Rejected ones are not: they left nothing behind
//! and are judged anew.

use std::collections::BTreeMap;

use deadzone_contract::Code;
use deadzone_contract::wire::Mutation;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::apply::Context;
use crate::failure::Unfit;
use crate::policy::Replays;

/// What became of a field that was not simply applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exception {
    /// The value became the open conflict of this name.
    Conflict(String),
    /// The field has another value for ever.
    Immutable,
}

/// By field; all others were applied.
pub(crate) type Exceptions = BTreeMap<String, Exception>;

/// A numbered mutation on its way in.
pub(crate) struct Key<'a> {
    context: &'a Context<'a>,
    number: u64,
    payload: [u8; 32],
}

impl<'a> Key<'a> {
    pub(crate) fn new(context: &'a Context<'a>, number: u64, mutation: &Mutation) -> Result<Key<'a>, Unfit> {
        if i64::try_from(number).is_err() {
            return Err(Unfit::invalid("the number is beyond what can be counted"));
        }
        Ok(Key { context, number, payload: digest(mutation) })
    }

    /// The exceptions of the answer that was given before; none when the mutation is new.
    pub(crate) fn earlier(&self) -> Result<Option<Exceptions>, Unfit> {
        let Context { db, caller, device, .. } = self.context;
        let read = |row: &Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get::<_, [u8; 32]>(1)?, row.get::<_, Option<String>>(2)?))
        };
        let stored = match self.context.policy.replays {
            Replays::ToTheSameUser => db
                .prepare_cached(
                    "SELECT user, payload, exceptions FROM answers WHERE device = ?1 AND number = ?2",
                )?
                .query_row(params![device, self.number], read),
            Replays::ToAnybody => db
                .prepare_cached(
                    "SELECT user, payload, exceptions FROM answers
                     WHERE number = ?2 AND (device = ?1 OR user <> ?3) ORDER BY device = ?1 DESC, device",
                )?
                .query_row(params![device, self.number, caller.user], read),
        };
        let stored = stored.optional()?;
        let Some((user, payload, exceptions)) = stored else {
            return self.check_not_forgotten().map(|()| None);
        };
        // An answer is for whom it was given to. That a device of this id was another user's
        // shows in nothing.
        let same = match self.context.policy.replays {
            Replays::ToTheSameUser => user == caller.user && payload == self.payload,
            Replays::ToAnybody => user != caller.user || payload == self.payload,
        };
        if !same {
            return Err(self.reused());
        }
        // `remember` stored it; a disk may have changed it since.
        let parse = |json: String| {
            serde_json::from_str(&json)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, error.into()))
        };
        Ok(Some(exceptions.map(parse).transpose()?.unwrap_or_default()))
    }

    fn check_not_forgotten(&self) -> Result<(), Unfit> {
        let Context { db, caller, device, .. } = self.context;
        let own = db
            .prepare_cached("SELECT max(user = ?3) FROM forgotten WHERE device = ?1 AND number >= ?2")?
            .query_row(params![device, self.number, caller.user], |row| row.get::<_, Option<bool>>(0))?;
        match own {
            None => Ok(()),
            Some(true) => {
                let detail = "the answers of that time are gone; nobody can say whether it took effect";
                Err(Unfit::new(Code::KeyExpired, detail))
            }
            Some(false) => Err(self.reused()),
        }
    }

    fn reused(&self) -> Unfit {
        Unfit::new(Code::NumberReused, format!("number {} came before with another content", self.number))
    }

    /// Stores an answer, in the transaction of its effects.
    pub(crate) fn remember(&self, exceptions: &Exceptions) -> rusqlite::Result<()> {
        let exceptions = (!exceptions.is_empty())
            .then(|| serde_json::to_string(exceptions).expect("a map with names for keys is JSON"));
        let Context { db, caller, device, now_ms, .. } = self.context;
        db.prepare_cached(
            "INSERT INTO answers (device, number, user, payload, exceptions, made_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![device, self.number, caller.user, self.payload, exceptions, now_ms])?;
        Ok(())
    }
}

/// The SHA-256 of the mutation's one form in JSON: members in the order of their declaration,
/// maps in the order of their keys, no white space. The stamp is left out: a device whose stamp
/// was refused stamps the same work anew, under the same number, while an earlier copy with the
/// old stamp may still be on its way.
fn digest(mutation: &Mutation) -> [u8; 32] {
    let Mutation { number, record, kind, stamp: _, fields } = mutation;
    let json = serde_json::to_vec(&(number, record, kind, fields)).expect("a mutation is JSON");
    Sha256::digest(json).into()
}
