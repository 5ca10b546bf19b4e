//! The decisions in which sync servers go wrong, each with its mistakes.
//!
//! The right choice is always the default. A mistake is an ordinary variant, so that the code
//! that makes it stands beside the code that does not, and both are compiled and tested.

mod defects;

pub use defects::*;

/// Every decision of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerPolicy {
    /// What a write to a `version` field is compared with.
    pub base_version: BaseVersion,
    /// Where a page of a pull ends.
    pub page_boundary: PageBoundary,
    /// When mutations are committed.
    pub commits: Commits,
    /// How long answers are kept.
    pub answer_store: AnswerStore,
    /// Who gets an answer that is kept.
    pub replays: Replays,
    /// Which rights a repeated answer goes by.
    pub replay_rights: ReplayRights,
    /// What a cursor counts.
    pub cursors: Cursors,
    /// What a delete leaves.
    pub deletes: Deletes,
    /// How long tombstones are kept.
    pub tombstones: Tombstones,
    /// Whose workspaces a pull goes through.
    pub delta: Delta,
    /// Which kinds of records a pull or a hint brings.
    pub entities: Entities,
    /// Who sees private tasks.
    pub private_rows: PrivateRows,
    /// What a refusal shows.
    pub refusals: Refusals,
    /// What a hint carries.
    pub hints: Hints,
    /// What caches are told about pulls.
    pub caching: Caching,
    /// What those are told who lose sight of something.
    pub revocations: Revocations,
    /// What is asked of an app.
    pub versions: Versions,
    /// What becomes of stamps from the future.
    pub far_stamps: FarStamps,
    /// What limits count.
    pub limits: Limits,
    /// What is said of the part of a push that a limit keeps out.
    pub partial_pushes: PartialPushes,
}

/// What a write to a `version` field is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BaseVersion {
    /// With the version that the write names; a mismatch makes an open conflict.
    #[default]
    Check,
    /// With nothing: the last one to arrive overwrites. It passes every test with one device,
    /// and the write of the other user is gone without anybody being told.
    Ignore,
}

/// Where a page of a pull ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageBoundary {
    /// At the last change that the page carries.
    #[default]
    Exact,
    /// At the change that was read beyond the limit to learn whether there is more. It was
    /// never sent, and the next page starts behind it: one change is lost at every page
    /// boundary, until somebody edits that record again.
    SkipsProbedRow,
}

/// When mutations are committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commits {
    /// Each by itself, before anybody is told of it.
    #[default]
    BeforeTheAnswer,
    /// Those of a second together, because a commit is what takes long; answers do not wait.
    /// Everybody reads what was written, so it looks right until a crash takes back up to a
    /// second of work that devices have been told is safe.
    OnceASecond,
}

/// How long answers are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerStore {
    /// For the horizon; then the highest number of each device is remembered, and nothing below
    /// it is carried out again.
    #[default]
    UntilTheHorizon,
    /// For a minute, because a retry comes soon or never; then they are forgotten without a
    /// trace. A device in a tunnel sends what was done already, and it is done once more.
    ForAMinute,
}

/// Who gets an answer that is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replays {
    /// Whom it was given to.
    #[default]
    ToTheSameUser,
    /// Whoever sends that number, as if numbers were as good as random keys. Somebody is told that
    /// the work is done, and it was another user's.
    ToAnybody,
}

/// Which rights a repeated answer goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplayRights {
    /// Those of now.
    #[default]
    OfNow,
    /// Those that were good when it was given first, because the same user had it already. The
    /// state that goes with it is of today, and so is what others have written there since.
    OfThen,
}

/// What a cursor counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cursors {
    /// Commits.
    #[default]
    Commits,
    /// Milliseconds of the wall clock, because every table has an `updated_at` anyway. Of what
    /// shares one with the end of a page the rest is never delivered, nor is what is written
    /// after the clock was set back.
    WallClock,
}

/// What a delete leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletes {
    /// A tombstone over the content.
    #[default]
    ATombstone,
    /// Nothing: the row is deleted, with what hangs under it. Devices that were not online are
    /// never told, and an edit that should have won finds no record.
    Nothing,
}

/// How long tombstones are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tombstones {
    /// For the horizon; whoever comes later pulls everything anew.
    #[default]
    UntilTheHorizon,
    /// For a minute, by a job that cleans up and tells the check of cursors nothing. A device that
    /// was away for longer keeps the deleted record for ever.
    ForAMinute,
}

/// Whose workspaces a pull goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delta {
    /// The caller's.
    #[default]
    OfTheCallersWorkspaces,
    /// Everybody's: the filter stands on every page of the product, and was forgotten here.
    OfAllWorkspaces,
}

/// Which kinds of records a pull or a hint brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Entities {
    /// Those that were asked for.
    #[default]
    AsAsked,
    /// All: the parameter came with a later app, and nobody reads it here. Apps that filter what
    /// comes look right, and pay for what they throw away.
    Ignored,
}

/// Who sees private tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivateRows {
    /// Their assignees and the admins.
    #[default]
    Hidden,
    /// Every member: access is checked by workspace, which was all there was at first.
    Shown,
}

/// What a refusal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusals {
    /// The state of a record that the caller may see.
    #[default]
    WhatTheCallerSees,
    /// The state of whatever record was named, so that the device can show what stands in the way.
    TheRecord,
}

/// What a hint carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hints {
    /// What its receiver may see.
    #[default]
    WhatTheCallerSees,
    /// Whatever happened: it is one channel, and everybody listens.
    Everything,
}

/// What caches are told about pulls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caching {
    /// To keep nothing.
    #[default]
    Forbidden,
    /// Nothing. A proxy that keeps answers by their paths gives one user's to the next.
    Unsaid,
}

/// What those are told who lose sight of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocations {
    /// What has to go.
    #[default]
    Told,
    /// Nothing: from now on they get no news of it, and what they have stays where it is.
    Silent,
}

/// What is asked of an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// To say what it understands; it is answered in that, or refused.
    #[default]
    Agreed,
    /// Nothing: everybody is served the present shape. An old app reads fields that it does not
    /// know, misses those that it does, and its own are refused.
    Ignored,
}

/// What becomes of stamps from the future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FarStamps {
    /// They are refused beyond a bound, and the device stamps anew.
    #[default]
    Refused,
    /// They are taken. One device with a clock in the year 2100 wins every field that it touches,
    /// and drags the clocks of all that see it along.
    Taken,
}

/// What limits count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// Mutations.
    #[default]
    Mutations,
    /// Requests, as gateways do. A runaway client packs its pushes full and has a hundred times
    /// what it should.
    Requests,
}

/// What is said of the part of a push that a limit keeps out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartialPushes {
    /// That it is deferred.
    #[default]
    Deferred,
    /// That it is done, like the rest: there is one answer for a batch. The device takes it out of
    /// its queue.
    CalledDone,
}
