//! A script as data, line by line in the order of its file.

use std::time::Duration;

use deadzone_contract::wire::{MemberChange, Role};
use deadzone_contract::{Change, Choice, Model};
use deadzone_trace::Expectation;

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its lines, in order.
    pub items: Vec<Item>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Nothing; separates paragraphs.
    Blank,
    /// `# words`; kept as they are, without the `#` and one space.
    Comment(String),
    /// Says what the world is like.
    Declaration(Declaration),
    /// Happens.
    Step(Step),
}

/// When a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// With every pull request; and nightly.
    Pr,
    /// Every night.
    Nightly,
}

/// A line that says what the world is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// `scenario NAME`; the first declaration.
    Scenario(String),
    /// `suite pr`
    Suite(Suite),
    /// `seed 17` (repros)
    Seed(u64),
    /// `client reference` (repros)
    Client(String),
    /// `model A`: how client and server sync. Where nothing is said, `B`.
    Model(Model),
    /// `defect new-number-on-each-retry` (repros)
    Defect(String),
    /// `digest 3f2a...`, 64 hexadecimal digits (repros)
    Digest(String),
    /// `violates ORACLE CLAUSE`: what the repro was kept for (repros)
    Violates {
        /// The oracle.
        oracle: String,
        /// The clause of the oracle.
        clause: String,
    },
    /// `reaches crash-between-pages`: the situation that each of its runs has to meet.
    Reaches(String),
    /// `set pull_max 3`, `set sync_every 30s`: one parameter of the contract.
    Set {
        /// Its name.
        parameter: String,
        /// A count, or a time in ms, as the parameter's unit asks.
        value: u64,
        /// Whether it was written as a time, so that it is printed as one.
        is_time: bool,
    },
    /// `workspace home: ana editor, ben viewer`
    Workspace {
        /// Its name.
        name: String,
        /// Its members, with their roles.
        members: Vec<(String, Role)>,
    },
    /// `device phone: ana clock +3m drift 50ppm`
    Device {
        /// Its name.
        name: String,
        /// Its user.
        user: String,
        /// How far its clock is ahead at the start; behind, if negative. Whole ms.
        skew_ms: i64,
        /// How much faster its clock runs; slower, if negative. Parts per million, at most
        /// [`DRIFT_PPM_MAX`](crate::DRIFT_PPM_MAX) either way.
        drift_ppm: i32,
        /// `scope home, work`: the workspaces that it subscribes to; none: all of its user's.
        scope: Option<Vec<String>>,
        /// `entities project, task`: the entities that it subscribes to; none: all.
        entities: Option<Vec<String>>,
        /// `app 3`: the version of its app; none: the newest.
        app: Option<u32>,
    },
}

/// A line that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `a4:` before the step. Names its actions and its fault, and keys its draws; where none is
    /// written, [`Script::steps`] gives one by the step's ordinal.
    pub label: Option<String>,
    /// When it happens; right after the step before where nothing is said.
    pub at: Option<At>,
    /// What happens.
    pub act: Act,
}

/// When a step happens that does not just follow the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// `at start`: before anything has started, so that the set-up of the world is in it. Faults
    /// only, and before every step that is none. What lies in wait from there for one thing to
    /// happen outlasts a `heal`.
    Start,
    /// `at 12.5s`: not before this time since the first step, and not before the `at` of a step
    /// above.
    Time(Duration),
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// `phone, laptop  set task/1 title="Final"`: users act, one after the other.
    User {
        /// On these devices; at least one.
        devices: Vec<String>,
        /// What they do.
        action: UserAction,
        /// `phone  cannot set ...`: the device must refuse it.
        cannot: bool,
    },
    /// `grant home: ben viewer`, `revoke home: ben`: the operator changes what a user may do in a
    /// workspace.
    Members(MemberChange),
    /// `50 times within 2s: phone create task/# in project/p`: `#` in names and texts becomes
    /// 1, 2, 3 and so on. Spread evenly over `within`; one right after the other without it.
    Repeat {
        /// How often; at least 1, at most 10,000.
        times: u32,
        /// Over how long.
        within: Option<Duration>,
        /// What; a [`Act::User`] only.
        act: Box<Act>,
    },
    /// `phone, server  kill`: something happens to hosts.
    Host {
        /// Devices, or `server`.
        hosts: Vec<String>,
        /// What.
        what: HostAct,
    },
    /// `wait 2h`
    Wait(Duration),
    /// `fault lose the answer to phone's next push`
    Fault(Fault),
    /// `end f1`: ends the fault of the step with that label.
    End(String),
    /// `heal`: ends every fault, restarts what is down, reconnects what is offline.
    Heal,
    /// `settle`: waits for quiet, within the derived bound.
    Settle,
    /// `expect task/1 once, title="Final" everywhere`
    Expect(Expectation),
}

/// What a user does, with the script's names for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// `create task/1 in project/p title="Buy milk"`; a project stands `in` a workspace, or in
    /// the only one where nothing is said.
    Create {
        /// `task/1`; the part before the slash is the entity.
        name: String,
        /// A record's name (`project/p`) or a workspace's (`home`).
        place: Option<String>,
        /// First values.
        changes: Vec<(String, Change)>,
    },
    /// `set task/1 title="Final" tags+=urgent tags-=x`, or `add 3 to task/1 completed_count`.
    Edit {
        /// The record.
        name: String,
        /// At least one.
        changes: Vec<(String, Change)>,
    },
    /// `sign in`: with the password of the device's user. `sign in as ben`: another user takes
    /// the device over, after a sign-out. `sign in guessing`, `sign in as ben guessing`: by somebody
    /// who does not know the password.
    SignIn {
        /// Who; the device's user where nobody is named.
        user: Option<String>,
        /// With another password.
        guess: bool,
    },
    /// `sign out`, or `sign out anyway`, which throws pending work away.
    SignOut {
        /// Whatever is pending.
        anyway: bool,
    },
    /// `undo task/1`: the device's own last change of it.
    Undo {
        /// The record.
        name: String,
    },
    /// `repair`: fetches everything anew.
    Repair,
    /// `make ben viewer in home`, `remove ben from home`: a step-up operation.
    SetRole(MemberChange),
    /// `delete task/1`; of a project it is a step-up operation.
    Delete {
        /// The record.
        name: String,
    },
    /// `discard task/1`
    Discard {
        /// The record.
        name: String,
    },
    /// `retry task/1`
    Retry {
        /// The record.
        name: String,
    },
    /// `resolve task/1.status keep mine`, `use theirs`, `merge "both"`
    Resolve {
        /// The record.
        name: String,
        /// Its field.
        field: String,
        /// How.
        choice: Choice,
    },
}

/// Something that happens to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAct {
    /// `sync`: syncs now; ends at an answer, an error, a timeout or the strike of a fault.
    /// Devices only.
    Sync,
    /// `offline`: airplane mode; the platform tells the app. Devices only.
    Offline,
    /// `online`: the end of it. Devices only.
    Online,
    /// `kill`, `power loss torn-prefix`: the host goes down.
    Crash(Crash),
    /// `restart`: comes up again.
    Restart,
    /// `suspend`: goes to sleep; its timers stand, its wall clock goes on. Devices only.
    Suspend,
    /// `resume`: wakes up. Devices only.
    Resume,
    /// `second app`: another process of the app is started on the same database. Where it runs,
    /// the user goes on in it. Devices only.
    SecondApp,
    /// `backup b1`: a copy of its disk is put aside under a name. Devices only.
    Backup(String),
    /// `restore b1`: the device is switched off and its disk is what that copy was. Devices
    /// only.
    Restore(String),
    /// `upgrade to 4`: the app is replaced by another version, and started. Devices only.
    Upgrade(u32),
    /// `require app 4`: the server is deployed anew and serves no older app any more. Server only.
    RequireApp(u32),
    /// `wipe`: the device is switched off; its disk and its secrets are gone. Devices only.
    Wipe,
    /// `clone onto tablet`: the other device is switched off; its disk and its secrets are
    /// those of this one. Devices only.
    CloneOnto(String),
}

/// How a host goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// `kill`: the process; what it wrote is in the machine's cache and will get to the disk.
    Kill,
    /// `power loss torn-prefix`: the machine; what was not synced is lost, kept or torn. Drawn
    /// where nothing is said.
    PowerLoss(Option<Survivors>),
}

/// What a power loss leaves of what a disk had not made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// `lose-all`: nothing.
    LoseAll,
    /// `keep-all`: everything.
    KeepAll,
    /// `torn-prefix`: the oldest of it, and a part of the write that comes then.
    TornPrefix,
    /// `subset`: any sectors of it. `subset-3`: those of the third draw; 0 where no number is
    /// said. Each number is a draw of its own.
    Subset(u32),
}

/// When a fault that lies in wait for a host's own doing brings it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `at its 7th disk operation`: right before it, counted from the moment the fault begins.
    Operation(u32),
    /// `at disk operation 7`: counted from the beginning of the world, so that the start of the
    /// app is in it too.
    OperationEver(u32),
    /// `after 25 acknowledged`: once the device has the server's answers to so many mutations.
    Acknowledged(u32),
    /// `after its 3rd pull`: once the device has the answer to it, and before it asks again.
    Answered(u32, Class),
}

/// An operation of a disk that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOperation {
    /// `read`
    Read,
    /// `write`
    Write,
    /// `sync`
    Sync,
}

/// One named condition that the nemesis brings about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `lose phone's next push`: the request never reaches the server.
    LoseRequest(Target),
    /// `lose the answer to phone's next push`: the server has committed, nobody is told.
    LoseAnswer(Target),
    /// `delay the answer to phone's next push by 2m`; past the client's timeout where nothing
    /// is said.
    DelayAnswer(Target, Option<Duration>),
    /// `deliver phone's next push twice`
    DeliverTwice(Target),
    /// `execute phone's next push late by 90s`: the request waits somewhere, the client gives
    /// up, then the server gets it; past the client's timeout where nothing is said.
    ExecuteLate(Target, Option<Duration>),
    /// `answer phone's next push with 502`: a proxy answers with a page of HTML of its own and
    /// the server sees nothing.
    ProxyPage(Target, u16),
    /// `partition phone | server`: both ways.
    Partition {
        /// A device, or `server`.
        a: String,
        /// The other end: one of both is `server`.
        b: String,
    },
    /// `cut phone -> server`: one way.
    Cut {
        /// Nothing leaves it for `to`.
        from: String,
        /// Nothing reaches it from `from`.
        to: String,
    },
    /// `loss phone 5%`: of transmissions, both ways between the device and the server.
    Loss {
        /// The device.
        device: String,
        /// Hundredths of a percent, at most 10,000.
        basis_points: u32,
    },
    /// `latency phone 400ms..2s`: one way, both directions.
    Latency {
        /// The device.
        device: String,
        /// The least.
        min: Duration,
        /// The most.
        max: Duration,
    },
    /// `bandwidth phone 10KB/s`: both directions.
    Bandwidth {
        /// The device.
        device: String,
        /// Bytes a second; at least 1.
        bytes_per_s: u64,
    },
    /// `reset phone's connection after 300 bytes`: of answers; both ends see a reset.
    Reset {
        /// The device.
        device: String,
        /// Payload bytes from the server that still get through.
        bytes: u64,
    },
    /// `close phone's connection after 300 bytes`: of answers; an orderly end of the stream.
    Close {
        /// The device.
        device: String,
        /// Payload bytes from the server that still get through.
        bytes: u64,
    },
    /// `kill phone at its 7th disk operation for 2s`, `power loss subset on phone after its 3rd
    /// pull`
    Crash {
        /// The device, or `server`.
        host: String,
        /// How.
        crash: Crash,
        /// When.
        moment: Moment,
        /// After this long it comes up again by itself; else at a `restart` or a `heal`.
        down_for: Option<Duration>,
    },
    /// `fill phone's disk leaving 4096 bytes`: nothing that needs more room than that can be
    /// written.
    FillDisk {
        /// The device, or `server`.
        host: String,
        /// How much room is left.
        left_bytes: u64,
    },
    /// `fail phone's next disk write`: it is answered with an I/O error and does nothing.
    FailDisk {
        /// The device, or `server`.
        host: String,
        /// Which one, counted from the moment the fault begins; 0 is `every`.
        nth: u32,
        /// Of which kind.
        on: DiskOperation,
    },
    /// `lie about phone's disk syncs`: they are answered and do nothing. Outside the model.
    LyingDisk {
        /// The device.
        device: String,
    },
    /// `flip a bit of phone's disk`: of its database, at once. Outside the model.
    FlipBit {
        /// The device.
        device: String,
    },
    /// `cache answers`: a proxy before the server keeps its answers to `GET` and gives them to
    /// whoever asks for the same path, unless they say that they are private.
    CacheAnswers,
    /// `jump phone's clock by -2h`
    Jump {
        /// The device, or `server`.
        host: String,
        /// Whole ms; back, if negative.
        by_ms: i64,
    },
}

/// An exchange that a fault lies in wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose.
    pub device: String,
    /// Which one, counted from the moment the fault begins: `next` is 1, `2nd` is 2; 0 is
    /// `every`.
    pub nth: u32,
    /// What kind of request.
    pub class: Class,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Mutations to the server.
    Push,
    /// Changes from the server.
    Pull,
    /// Sign-in and refresh.
    SignIn,
    /// Waiting for a hint; what lies in wait for its answer waits for one that tells something.
    Hint,
    /// Any of them: `request`.
    Any,
}
