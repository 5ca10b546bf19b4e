//! What the script does to whole disks, and what the harness looks for on them.

use deadzone_disk::{Disk, Mount, Snapshot};
use deadzone_script::Crash;
use deadzone_trace::Event;
use rusqlite::{Connection, OpenFlags};

use crate::fleet::Fleet;
use crate::machine::Machine;
use crate::recorder::Recorder;
use crate::wear::Wear;

/// A copy of a disk that was put aside.
pub(crate) struct Backup {
    disk: Snapshot,
    wear: Wear,
    /// How many entries the trace had when it was made.
    made_at: usize,
}

impl Fleet {
    /// Puts a copy of a device's disk aside, as a backup program would find it at this moment.
    pub(crate) fn backup(&self, device: &str, name: &str) -> Backup {
        let machine = self.machine(device);
        let (disk, wear) = (machine.disk.snapshot(), machine.wear());
        let backup = Backup { disk, wear, made_at: self.recorder.len() };
        self.recorder.record(device, Event::BackedUp { backup: name.to_owned() });
        backup
    }

    /// Switches a device off and puts a copy back onto its disk.
    pub(crate) async fn restore(&self, device: &str, name: &str, backup: &Backup) {
        self.crash(device, Crash::Kill).await;
        let machine = self.machine(device);
        // Who restores a backup waits until it is on the medium.
        machine.restore(&backup.disk, backup.wear.clone());
        self.recorder.record(device, Event::Restored { backup: name.to_owned() });
        self.lost_copies(device, backup.made_at, format!("it was restored from backup {name}"));
        check(&machine, &self.recorder);
    }

    /// Switches a device off and leaves nothing on it.
    pub(crate) async fn wipe(&self, device: &str) {
        self.crash(device, Crash::Kill).await;
        self.machine(device).wipe();
        self.recorder.record(device, Event::Wiped);
        self.lost_copies(device, 0, "it was wiped".to_owned());
    }

    /// Switches a device off and makes it a copy of another.
    pub(crate) async fn clone_onto(&self, from: &str, onto: &str) {
        self.crash(onto, Crash::Kill).await;
        let machine = self.machine(onto);
        machine.copy_from(&self.machine(from));
        self.copy_session(from, onto);
        self.recorder.record(onto, Event::Cloned { from: from.to_owned() });
        self.lost_copies(onto, 0, format!("it is a copy of {from} now"));
        check(&machine, &self.recorder);
    }

    fn lost_copies(&self, device: &str, since: usize, why: String) {
        self.recorder.record(device, Event::CopiesLost { since, given_up: false, why });
    }
}

/// Checks a copy of every database of a machine, as the next process will find it.
pub(crate) fn check(machine: &Machine, recorder: &Recorder) {
    let disk = machine.disk.snapshot();
    if machine.wear().stands(&disk) {
        // Until now its app may have gone by what it had read before. What it saved meanwhile is
        // beside the damage, or, in a log, behind it.
        let why = "what a flipped bit had damaged was not written anew".to_owned();
        recorder.record(&machine.name, Event::CopiesLost { since: 0, given_up: false, why });
    }
    let copy = Disk::new();
    copy.restore(&disk);
    let files: Vec<String> = copy.snapshot().files().map(|(name, _)| name.to_owned()).collect();
    let mount = copy.mount(|| 0);
    for database in machine.databases() {
        if !files.contains(&database) {
            continue;
        }
        let found = connect(&mount, &database).and_then(|connection| problem(&connection));
        let problem = found.unwrap_or_else(|error| Some(error.to_string()));
        recorder.record(&machine.name, Event::DatabaseChecked { database, problem });
    }
}

/// What a process that opens a database would find in it: every row of every table, or what is
/// wrong with it.
pub(crate) fn content(disk: &Snapshot, database: &str) -> Result<Vec<String>, String> {
    let copy = Disk::new();
    copy.restore(disk);
    let mount = copy.mount(|| 0);
    let found = connect(&mount, database).and_then(|connection| rows(&connection));
    found.map_err(|error| error.to_string())
}

fn rows(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    if let Some(problem) = problem(connection)? {
        return Ok(vec![problem]);
    }
    let mut tables = connection.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table'")?;
    let tables = tables.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut found = Vec::new();
    for table in tables.collect::<rusqlite::Result<Vec<_>>>()? {
        let mut query = connection.prepare(&format!("SELECT * FROM \"{}\"", table.0))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|at| row.get_ref(at).map(|value| format!("{value:?}")));
            found.push(values.collect::<rusqlite::Result<Vec<_>>>()?.join(" "));
        }
        found.push(format!("{table:?}"));
    }
    Ok(found)
}

/// What SQLite finds wrong with a database.
fn problem(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn connect(mount: &Mount, database: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags_and_vfs(database, flags, mount.vfs())?;
    // Without it a database in WAL mode wants shared memory.
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
    Ok(connection)
}
