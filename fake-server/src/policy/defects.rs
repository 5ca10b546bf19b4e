//! The mistakes by their names.

use super::{
    AnswerStore, BaseVersion, Caching, Commits, Cursors, Deletes, Delta, Entities, FarStamps, Hints, Limits,
    PageBoundary, PartialPushes, PrivateRows, Refusals, ReplayRights, Replays, Revocations, ServerPolicy,
    Tombstones, Versions,
};

/// A policy with one decision made wrong.
#[derive(Clone, Copy, Debug)]
pub struct Defect {
    /// As `--defect` names it.
    pub name: &'static str,
    /// One sentence for somebody who builds the product.
    pub mistake: &'static str,
    plant: fn(&mut ServerPolicy),
}

impl Defect {
    /// The right policy with this one mistake in it.
    pub fn policy(&self) -> ServerPolicy {
        let mut policy = ServerPolicy::default();
        (self.plant)(&mut policy);
        policy
    }
}

/// [`BaseVersion::Ignore`].
pub const BASE_VERSION_IGNORED: Defect = Defect {
    name: "base-version-ignored",
    mistake: "The server takes a write that is based on an old version, and the newer one is gone silently.",
    plant: |policy| policy.base_version = BaseVersion::Ignore,
};

/// [`PageBoundary::SkipsProbedRow`].
pub const PAGE_BOUNDARY_SKIPS_ROWS: Defect = Defect {
    name: "page-boundary-skips-rows",
    mistake: "A pull never delivers the change that comes right after a full page.",
    plant: |policy| policy.page_boundary = PageBoundary::SkipsProbedRow,
};

/// [`Commits::OnceASecond`].
pub const ANSWER_BEFORE_COMMIT: Defect = Defect {
    name: "answer-before-commit",
    mistake: "The server commits once a second and answers at once, so a crash takes back what was answered.",
    plant: |policy| policy.commits = Commits::OnceASecond,
};

/// [`AnswerStore::ForAMinute`].
pub const ANSWER_STORE_FORGETS_TOO_EARLY: Defect = Defect {
    name: "answer-store-forgets-too-early",
    mistake: "The server forgets after a minute what it has answered, so a late retry is carried out again.",
    plant: |policy| policy.answer_store = AnswerStore::ForAMinute,
};

/// [`Replays::ToAnybody`].
pub const ANSWERS_REPLAYED_TO_ANOTHER_USER: Defect = Defect {
    name: "answers-replayed-to-another-user",
    mistake: "Answers are found by their number alone, so one user's work is taken for another's and not done.",
    plant: |policy| policy.replays = Replays::ToAnybody,
};

/// [`ReplayRights::OfThen`].
pub const REPLAY_NOT_FILTERED_BY_PRESENT_RIGHTS: Defect = Defect {
    name: "replay-not-filtered-by-present-rights",
    mistake: "A repeated mutation is answered with the present state, although its user may not see it any more.",
    plant: |policy| policy.replay_rights = ReplayRights::OfThen,
};

/// [`Cursors::WallClock`].
pub const TIMESTAMP_CURSOR: Defect = Defect {
    name: "timestamp-cursor",
    mistake: "Cursors are times, so changes of one millisecond, or after a clock was set back, are missed.",
    plant: |policy| policy.cursors = Cursors::WallClock,
};

/// [`Deletes::Nothing`].
pub const HARD_DELETE: Defect = Defect {
    name: "hard-delete",
    mistake: "A delete removes the row, so devices that were offline are never told and edits find nothing.",
    plant: |policy| policy.deletes = Deletes::Nothing,
};

/// [`Tombstones::ForAMinute`].
pub const TOMBSTONE_COLLECTED_TOO_EARLY: Defect = Defect {
    name: "tombstone-collected-too-early",
    mistake: "Tombstones go after a minute without a trace, so a device that was away keeps the record.",
    plant: |policy| policy.tombstones = Tombstones::ForAMinute,
};

/// [`Delta::OfAllWorkspaces`].
pub const DELTA_NOT_FILTERED_BY_WORKSPACE: Defect = Defect {
    name: "delta-not-filtered-by-workspace",
    mistake: "A pull delivers the changes of every workspace to everybody.",
    plant: |policy| policy.delta = Delta::OfAllWorkspaces,
};

/// [`Entities::Ignored`].
pub const ENTITIES_IGNORED: Defect = Defect {
    name: "entities-ignored",
    mistake: "The server sends every kind of record, whatever a device asks for, and devices throw it away.",
    plant: |policy| policy.entities = Entities::Ignored,
};

/// [`PrivateRows::Shown`].
pub const PRIVATE_ROWS_NOT_FILTERED: Defect = Defect {
    name: "private-rows-not-filtered",
    mistake: "Private tasks are shown to every member of their workspace.",
    plant: |policy| policy.private_rows = PrivateRows::Shown,
};

/// [`Refusals::TheRecord`].
pub const CONFLICT_BODY_NOT_FILTERED: Defect = Defect {
    name: "conflict-body-not-filtered",
    mistake: "A refusal carries the state of the record that it refuses access to.",
    plant: |policy| policy.refusals = Refusals::TheRecord,
};

/// [`Hints::Everything`].
pub const HINTS_NOT_FILTERED: Defect = Defect {
    name: "hints-not-filtered",
    mistake: "Hints carry every change to everybody who listens.",
    plant: |policy| policy.hints = Hints::Everything,
};

/// [`Caching::Unsaid`].
pub const CACHEABLE_ANSWERS: Defect = Defect {
    name: "cacheable-answers",
    mistake: "Pulls do not say that they are private, so a shared cache gives one user's to another.",
    plant: |policy| policy.caching = Caching::Unsaid,
};

/// [`Revocations::Silent`].
pub const REVOCATION_NOT_SENT_AS_REMOVED: Defect = Defect {
    name: "revocation-not-sent-as-removed",
    mistake: "Whoever loses access gets no news any more, but is not told to let go of what is there.",
    plant: |policy| policy.revocations = Revocations::Silent,
};

/// [`Versions::Ignored`].
pub const NO_VERSION_HANDSHAKE: Defect = Defect {
    name: "no-version-handshake",
    mistake: "Old apps are neither refused nor understood: everybody is served the present shape.",
    plant: |policy| policy.versions = Versions::Ignored,
};

/// [`FarStamps::Taken`].
pub const FAR_FUTURE_STAMPS_ACCEPTED: Defect = Defect {
    name: "far-future-stamps-accepted",
    mistake: "A device whose clock is far ahead wins every field for as long as its lead lasts.",
    plant: |policy| policy.far_stamps = FarStamps::Taken,
};

/// [`Limits::Requests`].
pub const LIMITS_COUNT_REQUESTS: Defect = Defect {
    name: "limits-count-requests",
    mistake: "Limits count requests, however many mutations each of them carries.",
    plant: |policy| policy.limits = Limits::Requests,
};

/// [`PartialPushes::CalledDone`].
pub const PARTIAL_BATCH_REPORTED_AS_WHOLE: Defect = Defect {
    name: "partial-batch-reported-as-whole",
    mistake: "What a limit keeps out of a push is answered as done, and was not.",
    plant: |policy| policy.partial_pushes = PartialPushes::CalledDone,
};

/// Every mistake that can be planted in a server.
pub const DEFECTS: &[Defect] = &[
    BASE_VERSION_IGNORED,
    PAGE_BOUNDARY_SKIPS_ROWS,
    ANSWER_BEFORE_COMMIT,
    ANSWER_STORE_FORGETS_TOO_EARLY,
    ANSWERS_REPLAYED_TO_ANOTHER_USER,
    REPLAY_NOT_FILTERED_BY_PRESENT_RIGHTS,
    TIMESTAMP_CURSOR,
    HARD_DELETE,
    TOMBSTONE_COLLECTED_TOO_EARLY,
    DELTA_NOT_FILTERED_BY_WORKSPACE,
    ENTITIES_IGNORED,
    PRIVATE_ROWS_NOT_FILTERED,
    CONFLICT_BODY_NOT_FILTERED,
    HINTS_NOT_FILTERED,
    CACHEABLE_ANSWERS,
    REVOCATION_NOT_SENT_AS_REMOVED,
    NO_VERSION_HANDSHAKE,
    FAR_FUTURE_STAMPS_ACCEPTED,
    LIMITS_COUNT_REQUESTS,
    PARTIAL_BATCH_REPORTED_AS_WHOLE,
];

/// The mistake of this name.
pub fn defect(name: &str) -> Option<&'static Defect> {
    DEFECTS.iter().find(|d| d.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_changes_the_policy_and_is_found_by_its_name() {
        for listed in DEFECTS {
            let found = defect(listed.name).expect("listed");
            assert_ne!(found.policy(), ServerPolicy::default(), "{}", listed.name);
        }
        assert!(defect("none-of-these").is_none());
    }
}
