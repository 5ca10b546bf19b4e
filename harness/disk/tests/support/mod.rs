//! What the tests share: how SQLite is set up, a workload whose every state can be told, and the
//! check of what is left of it.

#![allow(dead_code, reason = "each test uses a part")]

use deadzone_disk::{Disk, Mount, Outcome};
use rusqlite::{Connection, OpenFlags, Result, params};

/// The time at which every test happens, in milliseconds since 1970.
pub(crate) const NOW_MS: u64 = 1_700_000_000_000;

/// The database of every test.
pub(crate) const DB: &str = "app.db";

/// Draws of the tests: SplitMix64.
#[derive(Clone)]
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn outcome(&mut self) -> Outcome {
        let seed = self.next();
        match self.below(4) {
            0 => Outcome::LoseAll,
            1 => Outcome::KeepAll,
            2 => Outcome::TornPrefix { seed },
            _ => Outcome::Subset { seed },
        }
    }
}

/// How SQLite is told to keep a database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) journal: &'static str,
    pub(crate) exclusive: bool,
    pub(crate) sync: &'static str,
}

pub(crate) const WAL: Mode = Mode { journal: "wal", exclusive: true, sync: "FULL" };
pub(crate) const SHARED_WAL: Mode = Mode { exclusive: false, ..WAL };
pub(crate) const TRUNCATE: Mode = Mode { journal: "truncate", exclusive: false, sync: "FULL" };
pub(crate) const DELETE: Mode = Mode { journal: "delete", exclusive: false, sync: "FULL" };

pub(crate) fn mount(disk: &Disk) -> Mount {
    disk.mount(|| NOW_MS)
}

pub(crate) fn connect(mount: &Mount) -> Result<Connection> {
    Connection::open_with_flags_and_vfs(DB, OpenFlags::default(), mount.vfs())
}

/// A connection in a mode, to a database with the tables of the workload.
pub(crate) fn open(mount: &Mount, mode: Mode) -> Result<Connection> {
    let connection = connect(mount)?;
    if mode.exclusive {
        connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    }
    let set = format!("PRAGMA journal_mode = {}", mode.journal);
    let journal: String = connection.query_row(&set, [], |row| row.get(0))?;
    assert_eq!(journal, mode.journal);
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {};
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 20;
         PRAGMA cache_size = -64;
         CREATE TABLE IF NOT EXISTS rows (number INT, part INT, data BLOB, PRIMARY KEY (number, part));
         CREATE INDEX IF NOT EXISTS by_data ON rows (data);
         CREATE TABLE IF NOT EXISTS last (id INTEGER PRIMARY KEY, number INT);",
        mode.sync
    ))?;
    Ok(connection)
}

/// Rows of a transaction, and transactions whose rows are kept.
const PARTS: i64 = 3;
const KEPT: i64 = 50;

fn data(number: i64, part: i64) -> Vec<u8> {
    let mut draws = Draws((number * PARTS + part) as u64);
    let most = if draws.below(10) == 0 { 9000 } else { 300 };
    vec![draws.next() as u8; 20 + draws.below(most) as usize]
}

/// Transaction `number`: adds some rows, removes old ones and says so.
pub(crate) fn transact(connection: &mut Connection, number: i64) -> Result<()> {
    let transaction = connection.transaction()?;
    for part in 0..PARTS {
        let mut insert = transaction.prepare_cached("INSERT INTO rows VALUES (?1, ?2, ?3)")?;
        insert.execute(params![number, part, data(number, part)])?;
    }
    transaction.prepare_cached("DELETE FROM rows WHERE number <= ?1")?.execute([number - KEPT])?;
    transaction.prepare_cached("INSERT OR REPLACE INTO last VALUES (1, ?1)")?.execute([number])?;
    transaction.commit()
}

/// The last transaction that a database holds, if it holds it and all before it whole and
/// nothing else; or what is wrong with it.
pub(crate) fn check(connection: &Connection) -> std::result::Result<i64, String> {
    let told = |error: rusqlite::Error| error.to_string();
    let integrity: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(told)?;
    if integrity != "ok" {
        return Err(integrity);
    }
    let last = connection
        .query_row("SELECT coalesce(max(number), 0) FROM last", [], |row| row.get::<_, i64>(0))
        .map_err(told)?;
    let first = (last - KEPT).max(0) + 1;
    let mut expected =
        (first..=last).flat_map(|number| (0..PARTS).map(move |part| (number, part, data(number, part))));
    let mut rows =
        connection.prepare("SELECT number, part, data FROM rows ORDER BY number, part").map_err(told)?;
    let found = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(told)?;
    for row in found {
        let row: (i64, i64, Vec<u8>) = row.map_err(told)?;
        if expected.next().as_ref() != Some(&row) {
            return Err(format!("with {last} as the last, row {} {} is wrong", row.0, row.1));
        }
    }
    match expected.next() {
        None => Ok(last),
        Some((number, part, _)) => Err(format!("with {last} as the last, row {number} {part} is missing")),
    }
}
