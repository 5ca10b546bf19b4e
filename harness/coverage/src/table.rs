//! Every situation: its name, what it means, and the line of the source documents that asks for it.

use serde::Serialize;

/// Something that a healthy suite must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Situation {
    /// Unique; letters, digits and `-`.
    pub name: &'static str,
    /// What happens in it, as one sentence.
    pub meaning: &'static str,
    /// The source document and what it says.
    pub source: &'static str,
}

macro_rules! situations {
    ($($case:ident $name:literal $meaning:literal $source:literal;)*) => {
        /// A situation: its place in [`SITUATIONS`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Case {
            $($case,)*
        }

        /// Every situation, by family: the wire, crashes, identity, rights, starting over, limits,
        /// versions, hints, clocks, disks, conflicts, deletes, and what users do with their work.
        pub const SITUATIONS: &[Situation] = &[
            $(Situation { name: $name, meaning: $meaning, source: $source },)*
        ];
    };
}

situations! {
    AnswerLostOfCreate "answer-lost-of-create"
        "A push that makes a record is carried out, and its device never has the answer."
        "004: the server processed the request but the response was lost";
    AnswerLostOfCounter "answer-lost-of-counter"
        "A push that counts is carried out, and its device never has the answer."
        "004: no idempotency keys, duplicates everywhere on flaky networks";
    AnswerLostOfSet "answer-lost-of-set"
        "A push that changes tags is carried out, and its device never has the answer."
        "004: the server processed the request but the response was lost";
    AnswerLostOfDelete "answer-lost-of-delete"
        "A push that deletes is carried out, and its device never has the answer."
        "004: the server processed the request but the response was lost";
    PushLostOnTheWay "push-lost-on-the-way"
        "A push never reaches the server, and its device learns only that it failed."
        "004: slow, lossy and partitioned networks";
    LostBetweenBatches "lost-between-batches"
        "A push comes to nothing while more work waits behind it that was never sent."
        "004: sends mutations in order, FIFO per entity";
    PortalTakesPush "portal-takes-push"
        "A portal answers a push with 200 and a page of its own."
        "004: real users hit airplane mode, captive portals, and tunnels";
    ProxyErrorForPush "proxy-error-for-push"
        "A proxy answers a push with an error page of its own."
        "000: an outage tied to a CDN";
    AnswerLostThenCrashThenRetry "answer-lost-then-crash-then-retry"
        "A device crashes after it lost an answer, and sends the same work once more."
        "004: mid-sync crashes do not produce duplicate records or lost mutations";
    DeliveredTwiceCreates "delivered-twice-creates"
        "A push that makes a record arrives a second time."
        "004: replays return the cached response";
    DeliveredTwiceCounts "delivered-twice-counts"
        "A push that counts arrives a second time."
        "004: replays return the cached response";
    ExecutedLateBeforeRetry "executed-late-before-retry"
        "A push arrives after its device has given it up, and before it was sent again with success."
        "004: the server processed the request but the response was lost";
    ExecutedLateAfterRetry "executed-late-after-retry"
        "A push arrives after the same work was sent again and carried out."
        "004: replays return the cached response";
    RetryAnsweredFromStore "retry-answered-from-store"
        "Work whose answer was lost is sent again, and the server answers without doing it again."
        "004: replays return the cached response";
    RequestLostThenDone "request-lost-then-done"
        "Work whose push came to nothing is carried out by a later one."
        "004: retries with exponential backoff";
    AnswerLostThenChangedElsewhere "answer-lost-then-changed-elsewhere"
        "While a device waits for a lost answer on a record, another device changes that record."
        "004: two devices edit the same record";
    AnswerLostThenEdited "answer-lost-then-edited"
        "An answer is lost after its commit, and the same record is edited on the same device before it asks again."
        "004: the server processed the request but the response was lost";
    EditWhilePushUnderWay "edit-while-push-under-way"
        "A record is edited while earlier work on it is being sent."
        "004: writes happen optimistically and are queued for replay";
    DeleteWhilePushUnderWay "delete-while-push-under-way"
        "A record is deleted while earlier work on it is being sent."
        "004: writes happen optimistically and are queued for replay";
    EditInPartition "edit-in-partition"
        "A record is edited on a device that is cut off without knowing it."
        "004: slow, lossy and partitioned networks";
    StampedAnew "stamped-anew"
        "Work is sent again with another stamp than before."
        "001: clock skew = wrong winner";
    DiscardAfterLostAnswer "discard-after-lost-answer"
        "Its user throws work away that the server has carried out without the device being told."
        "004: user can retry or discard";
    PacketLossWithWork "packet-loss-with-work"
        "Packets get lost while work waits."
        "004: slow, lossy and partitioned networks";
    SlowLinkWithWork "slow-link-with-work"
        "A slow or thin line holds exchanges up while work waits."
        "000: bandwidth constraints";
    OneWayCutWithWork "one-way-cut-with-work"
        "Messages pass one way only while work waits."
        "004: slow, lossy and partitioned networks";
    ConnectionBrokenWithWork "connection-broken-with-work"
        "A connection breaks in the middle of an answer while work waits."
        "004: slow, lossy and partitioned networks";
    CacheBetweenUsers "cache-between-users"
        "A shared cache keeps an answer, or is told not to, between devices of two users."
        "004: no leaking across users";
    KilledBetweenSaveAndPush "killed-between-save-and-push"
        "An app is killed with work that was saved and never sent."
        "004: mid-sync crash";
    PowerLossBetweenSaveAndPush "power-loss-between-save-and-push"
        "A device loses power with work that was saved and never sent."
        "003: protect user-owned state until the server confirms it";
    CrashWhileSaving "crash-while-saving"
        "A device goes down while it saves."
        "004: writes happen optimistically locally";
    CrashWithPushUnderWay "crash-with-push-under-way"
        "A device goes down with a push under way that the server has not carried out."
        "004: mid-sync crash";
    CrashBetweenCommitAndAnswer "crash-between-commit-and-answer"
        "A device goes down after the server carried its push out and before it has the answer."
        "004: mid-sync crash";
    CrashBetweenAnswerAndApply "crash-between-answer-and-apply"
        "A device goes down with the answer to its push in hand, before it shows anything of it."
        "004: mid-sync crash";
    CrashBetweenPages "crash-between-pages"
        "A device goes down between two pages of a pull."
        "004: pagination if delta exceeds 1000 records";
    CrashInResyncWithWork "crash-in-resync-with-work"
        "A device goes down with work waiting while it fetches everything anew."
        "004: force a full re-sync";
    CrashWithOpenConflict "crash-with-open-conflict"
        "A device goes down while it shows an open conflict."
        "004: no data lost; user sees the conflict UI";
    CrashAfterDiskRefused "crash-after-disk-refused"
        "A device goes down after its disk failed and an action was refused for it."
        "003: protect user-owned state until the server confirms it";
    CrashAsleep "crash-asleep"
        "A device goes down while it sleeps."
        "004: force tab close";
    WorkSurvivesTwoCrashes "work-survives-two-crashes"
        "A device with work that has outlived a crash goes down again."
        "004: mid-sync crashes do not produce duplicate records or lost mutations";
    PowerLossLosesAllUnsynced "power-loss-loses-all-unsynced"
        "A device with work waiting loses everything that its disk had not made durable."
        "003: protect user-owned state until the server confirms it";
    PowerLossTearsAWrite "power-loss-tears-a-write"
        "A device with work waiting loses power in the middle of a write."
        "003: protect user-owned state until the server confirms it";
    PowerLossKeepsASubset "power-loss-keeps-a-subset"
        "A device with work waiting loses some of its unsynced sectors and keeps others."
        "003: protect user-owned state until the server confirms it";
    ServerDownInBatch "server-down-in-batch"
        "The server goes down with a batch of several mutations in hand."
        "004: each mutation processed atomically";
    ServerDownBeforeItsAnswerArrives "server-down-before-its-answer-arrives"
        "The server goes down after it carried a push out and before its device has the answer."
        "004: the server processed the request but the response was lost";
    ServerLosesPowerAfterAnswering "server-loses-power-after-answering"
        "The server loses power after it has told a device that work is done."
        "004: never delete a mutation from the queue until the server has confirmed";
    SeveralDevicesWriteWhileServerDown "several-devices-write-while-server-down"
        "Several devices have work waiting while the server is down."
        "000: platforms go dark, teams keep working";
    SleepsWithWork "sleeps-with-work"
        "A device falls asleep with work waiting."
        "002: plan for energy-constrained devices";
    SleepsWithPushUnderWay "sleeps-with-push-under-way"
        "A device falls asleep in the middle of a push."
        "002: plan for energy-constrained devices";
    WakesWithWork "wakes-with-work"
        "A device wakes with work that has waited since it fell asleep."
        "002: plan for energy-constrained devices";
    TokenExpiresWithWork "token-expires-with-work"
        "An access token is refused while work waits."
        "001: token expiry during offline";
    RefreshTokenExpiresWithWork "refresh-token-expires-with-work"
        "A refresh token has expired, and only a sign-in helps, while work waits."
        "001: token expiry during offline";
    IdentityProviderDownWithWork "identity-provider-down-with-work"
        "No new access token can be had while work waits, because sign-ins are answered by a proxy."
        "000: identity flows tied to external platforms";
    SignInWithWork "sign-in-with-work"
        "Its user signs in again on a device with work waiting."
        "001: token expiry during offline";
    AccountSwitched "account-switched"
        "Another user than before signs in on a device."
        "004: per-user, keyed by user id";
    SecondAccountRefused "second-account-refused"
        "Another user is refused on a device that somebody is signed in on."
        "004: per-user, keyed by user id";
    SignOutRefusedWithWork "sign-out-refused-with-work"
        "A sign-out is refused because work waits."
        "004: wiped on logout";
    SignOutThrowsWorkAway "sign-out-throws-work-away"
        "A sign-out throws waiting work away because its user says so."
        "004: wiped on logout";
    SignOutOnOneOfTwoDevices "sign-out-on-one-of-two-devices"
        "A user signs out on one device and stays signed in on another."
        "004: wiped on logout";
    StepUpRefusedOffline "step-up-refused-offline"
        "An operation that needs a fresh sign-in is refused at once because there is no network."
        "001: step-up operations require online";
    WorkRefusedSignedOut "work-refused-signed-out"
        "Work is refused because nobody is signed in."
        "004: per-user, keyed by user id";
    WorkRefusedByRole "work-refused-by-role"
        "A device refuses work that its user's role does not allow."
        "004: permission enforcement";
    RevokedWithWork "revoked-with-work"
        "A user is taken out of a workspace while a device of theirs has work waiting there."
        "001: permission changes on server do not reach client until online";
    RevokedAfterLostAnswer "revoked-after-lost-answer"
        "A user is taken out of a workspace while a device of theirs waits for a lost answer from there."
        "004: replays return the cached response; filtered by permissions";
    RevokedWhileWaitingForHints "revoked-while-waiting-for-hints"
        "A user is taken out of a workspace while a device of theirs waits for hints."
        "004: push is a hint; filtered by permissions";
    DemotedWithWork "demoted-with-work"
        "A user may only read from now on while a device of theirs has work waiting there."
        "001: permission changes on server do not reach client until online";
    JoinsWhileOffline "joins-while-offline"
        "A user gets into a workspace while a device of theirs is offline."
        "001: permission changes on server do not reach client until online";
    CreateRefusedWithChildrenWaiting "create-refused-with-children-waiting"
        "The making of a record is refused while work waits that hangs under it."
        "004: sends mutations in order, FIFO per entity";
    CreateRefusedWithItsEditsWaiting "create-refused-with-its-edits-waiting"
        "The making of a record is refused while edits of it wait."
        "004: sends mutations in order, FIFO per entity";
    ChildMadeUnderRefusedParent "child-made-under-refused-parent"
        "A record is made under one whose making the server has refused."
        "004: failed and forgotten mutations";
    WorkForbiddenByServer "work-forbidden-by-server"
        "The server refuses work because its user's role does not allow it."
        "004: permission enforcement";
    RetryWithRightsBack "retry-with-rights-back"
        "Failed work is sent once more after its user has got rights back."
        "004: user can retry or discard";
    RowReassignedOutOfSight "row-reassigned-out-of-sight"
        "A private record leaves the sight of a member who stays in its workspace."
        "004: two users in one workspace with different ACLs";
    RowOutOfItsAuthorsSight "row-out-of-its-authors-sight"
        "A private record leaves the sight of the device that made it."
        "004: two users in one workspace with different ACLs";
    RowMadeForOtherEyesWithWork "row-made-for-other-eyes-with-work"
        "A device makes a record that its user may not see, and has more work on it waiting."
        "004: two users in one workspace with different ACLs";
    WorkOnOwnRecordOutOfSight "work-on-own-record-out-of-sight"
        "The server refuses work on a record that the device made and does not see any more."
        "004: two users in one workspace with different ACLs";
    RowOutOfSightWithWork "row-out-of-sight-with-work"
        "A record leaves a device's sight while the device has work on it waiting."
        "004: two users in one workspace with different ACLs";
    RowComesBackIntoSight "row-comes-back-into-sight"
        "A record comes back into the sight of a device that it had left."
        "004: two users in one workspace with different ACLs";
    CursorExpiresWithWork "cursor-expires-with-work"
        "A device with work waiting is told that its cursor is too old, and has to fetch everything anew."
        "004: tombstones eventually purged";
    KeyExpires "key-expires"
        "A device asks for an answer that the server has forgotten."
        "004: replays return the cached response";
    RepairWithWork "repair-with-work"
        "A user has everything fetched anew with work waiting."
        "004: never delete a mutation from the queue until the server has confirmed";
    ResyncEndsWithWork "resync-ends-with-work"
        "A device has everything anew, and its work still waits."
        "004: force a full re-sync";
    WorkSavedInResync "work-saved-in-resync"
        "Work is saved while everything is fetched anew."
        "004: force a full re-sync";
    WorkSavedBetweenPages "work-saved-between-pages"
        "Work is saved between two pages of a pull."
        "004: pagination if delta exceeds 1000 records";
    PullFailsBetweenPages "pull-fails-between-pages"
        "A pull comes to nothing between two pages."
        "004: pagination if delta exceeds 1000 records";
    PullBringsARecordWithWork "pull-brings-a-record-with-work"
        "A pull brings a record that the device has work on waiting."
        "003: a cache can be thrown away, offline state cannot";
    RestoredWorkSentAgain "restored-work-sent-again"
        "A device that was restored sends work that the server has carried out already."
        "003: stale local state is submitted";
    BatchTakenInPart "batch-taken-in-part"
        "The server takes part of a batch and puts the rest off."
        "004: rate limits";
    PushLimited "push-limited"
        "A push is refused for its number, with a time to come again."
        "004: rate limits";
    PullLimited "pull-limited"
        "A pull is refused for its number, with a time to come again."
        "004: rate limits";
    EditWhileDeferred "edit-while-deferred"
        "A record is edited while earlier work on it is put off."
        "004: rate limits";
    QueueLongerThanAPush "queue-longer-than-a-push"
        "A device has more work waiting than one push may carry."
        "004: submit 1000 mutations in 10 seconds";
    LagAlertClears "lag-alert-clears"
        "The alert on the lag of queues, which has fired, clears."
        "004: ops alerts fire when sync queue lag exceeds N seconds";
    ServerErrorWithWork "server-error-with-work"
        "The server fails at a request of a device with work waiting."
        "004: on 5xx, retries with exponential backoff";
    AppTooOldWithWork "app-too-old-with-work"
        "A device with work waiting is told that its app is too old."
        "004: force-update via a min-supported-version check";
    WorkSavedByAppTooOld "work-saved-by-app-too-old"
        "Work is saved by an app that knows that it is too old."
        "004: force-update via a min-supported-version check";
    UpgradeAfterRefusalWithWork "upgrade-after-refusal-with-work"
        "An app that was refused as too old is upgraded with work waiting."
        "004: old data correctly imported into new schema";
    OldSchemaWrites "old-schema-writes"
        "An app of the schema before writes, and the server takes it."
        "004: server tolerates old client schemas for 30 days";
    OldAndNewAppOnOneRecord "old-and-new-app-on-one-record"
        "An old app and a new one change the same record."
        "004: server tolerates old client schemas for 30 days";
    HintOlderThanCursor "hint-older-than-cursor"
        "A hint continues an older cursor than its device has."
        "004: treating push as authoritative";
    HintWithoutChanges "hint-without-changes"
        "A hint says only that there is more than it can carry."
        "004: push is a hint";
    HintLost "hint-lost"
        "A hint never reaches its device."
        "004: treating push as authoritative";
    HintInResync "hint-in-resync"
        "A hint reaches a device that is fetching everything anew."
        "004: treating push as authoritative";
    HintOnARecordWithWork "hint-on-a-record-with-work"
        "A hint that continues the cursor tells of a record that the device has work on waiting."
        "004: push is a hint";
    StampTooFarAhead "stamp-too-far-ahead"
        "The server refuses a stamp that lies too far ahead of its clock."
        "001: clock skew = wrong winner";
    StampYearsAhead "stamp-years-ahead"
        "A device stamps work years ahead of the server's clock."
        "001: clock skew = wrong winner";
    FastClockWithinTolerance "fast-clock-within-tolerance"
        "A stamp from a fast clock lies ahead of the server's, and is taken."
        "001: clock skew = wrong winner";
    WriteOverOneFromAFastClock "write-over-one-from-a-fast-clock"
        "A device changes a record whose last change came from another's fast clock."
        "001: LWW without HLC";
    ClockSetBackBetweenTwoEdits "clock-set-back-between-two-edits"
        "A clock is set back between two edits of one record on one device."
        "001: devices drift, users adjust manually";
    ServerClockSetBack "server-clock-set-back"
        "The server's clock is set back, and writes after it show that."
        "001: clock skew breaks conflict resolution";
    DiskFullWithWork "disk-full-with-work"
        "A save is refused because the disk is full, while work waits."
        "003: protect user-owned state until the server confirms it";
    SaveRefusedForIoError "save-refused-for-io-error"
        "A save is refused because the disk fails."
        "003: protect user-owned state until the server confirms it";
    AnswerMeetsAFailingDisk "answer-meets-a-failing-disk"
        "An answer reaches a device whose disk cannot take it."
        "003: protect user-owned state until the server confirms it";
    ServerDiskFailsInPush "server-disk-fails-in-push"
        "The server's disk fails while work waits."
        "004: on 5xx, retries with exponential backoff";
    BitFlippedWithWork "bit-flipped-with-work"
        "A bit of a database flips with work waiting in it."
        "003: protect user-owned state until the server confirms it";
    LyingSyncLosesSomething "lying-sync-loses-something"
        "A power loss takes what a disk had called durable."
        "003: protect user-owned state until the server confirms it";
    WipedWithWork "wiped-with-work"
        "A device is wiped with work waiting."
        "001: data gone if device wiped";
    RestoredWithOldWork "restored-with-old-work"
        "A device is restored from a copy that has old work in it."
        "003: stale local state is submitted";
    ClonedWithWork "cloned-with-work"
        "A device with work waiting is copied onto another."
        "004: idempotency keyed by mutation";
    ClonedAfterADelete "cloned-after-a-delete"
        "A device that has heard of a delete is copied onto another."
        "004: deltas include tombstones so clients can drop the record";
    CloneWorksOn "clone-works-on"
        "A device that is a copy of another saves work of its own."
        "004: idempotency keyed by mutation";
    CopyCrashes "copy-crashes"
        "A device goes down that is a copy of another."
        "003: a crash at any moment loses nothing that was saved";
    SecondProcessRefusedWithWork "second-process-refused-with-work"
        "A second process of an app is refused while work waits in their database."
        "004: the worker must be resilient to the user closing the tab mid-sync";
    OthersWorkInPartition "others-work-in-partition"
        "A device is cut off while somebody else saves work."
        "004: after the network is back, everything converges";
    CountersMeet "counters-meet"
        "Two devices count on one record without knowing of each other."
        "004: counters, \"merge both\" is the right semantics";
    CustomWritesMeet "custom-writes-meet"
        "Two devices write a field that the product merges, without knowing of each other."
        "004: explicit conflict resolution rules";
    ImmutableWritesMeet "immutable-writes-meet"
        "Two devices give a field its one value without knowing of each other."
        "004: first-write-wins";
    LwwWritesMeet "lww-writes-meet"
        "Two devices write a field where the newest stays, without knowing of each other."
        "004: last-write-wins by timestamp";
    TagMeetsUntag "tag-meets-untag"
        "One device adds tags to a record and another takes some away, without knowing of each other."
        "004: tags, union of both sets";
    ThreeDevicesOnOneRecord "three-devices-on-one-record"
        "Three devices have work on one record waiting."
        "004: two devices edit the same record";
    ConflictOnVersion "conflict-on-version"
        "A decision meets another one and becomes an open conflict."
        "004: 409 received; conflict UI shown";
    ConflictOnManual "conflict-on-manual"
        "A text meets another one and becomes an open conflict."
        "004: manual resolution required";
    ConflictOnOneFieldOthersTaken "conflict-on-one-field-others-taken"
        "One field of a push becomes an open conflict, and another is taken."
        "004: per-field rules";
    ConflictWithAnotherEditQueued "conflict-with-another-edit-queued"
        "A push becomes an open conflict while another edit of that record is queued."
        "004: server returns 409";
    ConflictInModelA "conflict-in-model-a"
        "A write meets another one where everything that overwrites is asked about."
        "004: model A, cache and mutation queue";
    ImmutableRefusedOthersTaken "immutable-refused-others-taken"
        "One field of a push is refused as settled for ever, and another is taken."
        "004: first-write-wins";
    TwoConflictsOnOneRecord "two-conflicts-on-one-record"
        "Two fields of one record are in conflict at once."
        "004: conflicts surface clearly";
    ConflictOnTwoDevices "conflict-on-two-devices"
        "Two devices show an open conflict on the same record."
        "004: user sees the conflict UI on both clients";
    ResolvedKeepMine "resolved-keep-mine"
        "A conflict is decided for the value that lost."
        "004: keep mine, use theirs, merge manually";
    ResolvedUseTheirs "resolved-use-theirs"
        "A conflict is decided for the value that the server holds."
        "004: keep mine, use theirs, merge manually";
    ResolvedMerge "resolved-merge"
        "A conflict is decided for a third value."
        "004: keep mine, use theirs, merge manually";
    ResolvedOffline "resolved-offline"
        "A conflict is decided on a device that is offline."
        "004: after resolution, re-submit as a new write";
    ResolvedWhileShownElsewhere "resolved-while-shown-elsewhere"
        "A conflict is decided on one device while another shows it."
        "004: user sees the conflict UI on both clients";
    EditWithOpenConflict "edit-with-open-conflict"
        "A record with an open conflict is edited on a device that shows it."
        "004: block the user mid-flow with a generic error";
    DeleteMeetsWaitingEdit "delete-meets-waiting-edit"
        "A delete is carried out while another device has an edit of that record waiting."
        "003: a record is deleted remotely while edited locally";
    EditMeetsWaitingDelete "edit-meets-waiting-delete"
        "An edit is carried out while another device has a delete of that record waiting."
        "003: a record is deleted remotely while edited locally";
    EditMeetsEditAndDelete "edit-meets-edit-and-delete"
        "An edit is carried out while another device has an edit and a delete of that record waiting."
        "003: a record is deleted remotely while edited locally";
    DeleteMeetsDelete "delete-meets-delete"
        "A delete is carried out while another device has a delete of that record waiting."
        "003: a record is deleted remotely while edited locally";
    EditBringsBackADeletedRecord "edit-brings-back-a-deleted-record"
        "Work of one device is carried out on a record that another has deleted."
        "003: a record is deleted remotely while edited locally";
    EditLosesToADelete "edit-loses-to-a-delete"
        "Work is refused because another device deleted its record, where deletes win."
        "003: a record is deleted remotely while edited locally";
    TombstoneMeetsWork "tombstone-meets-work"
        "A pull says that a record is deleted which the device has work on waiting."
        "003: a record is deleted remotely while edited locally";
    AnswerLostThenDeletedElsewhere "answer-lost-then-deleted-elsewhere"
        "While a device waits for a lost answer on a record, another device deletes it."
        "004: the server processed the request but the response was lost";
    DeleteWithOpenConflict "delete-with-open-conflict"
        "A record is deleted while another device shows an open conflict on it."
        "004: conflicts surface clearly";
    DeleteOfARecordNeverSent "delete-of-a-record-never-sent"
        "A record is deleted that was made here and never sent."
        "004: sends mutations in order, FIFO per entity";
    DeleteOverOwnWaitingEdit "delete-over-own-waiting-edit"
        "A record is deleted on a device that has an edit of it waiting."
        "004: sends mutations in order, FIFO per entity";
    DeleteOverWaitingChildren "delete-over-waiting-children"
        "A record is deleted on a device that has work waiting under it."
        "004: sends mutations in order, FIFO per entity";
    ThreeGenerationsMadeOffline "three-generations-made-offline"
        "A project, a task in it and a comment on that are made offline, and none was sent."
        "004: sends mutations in order, FIFO per entity";
    EditOfARecordNeverSent "edit-of-a-record-never-sent"
        "A record is edited that was made here and never sent."
        "004: pure offline write, then reconnect";
    UndoOfWaitingWork "undo-of-waiting-work"
        "A user takes back what was not sent yet."
        "002: expose safe undo paths";
    UndoAfterSync "undo-after-sync"
        "A user takes back what the server has."
        "002: expose safe undo paths";
    UndoAfterSomebodyElsesEdit "undo-after-somebody-elses-edit"
        "A user takes own work back after somebody else's edit of the same record."
        "002: expose safe undo paths";
    RetryFromTheTray "retry-from-the-tray"
        "A user sends failed work once more."
        "004: user can retry or discard";
    DiscardFromTheTray "discard-from-the-tray"
        "A user throws failed work away."
        "004: user can retry or discard";
    BackOnlineWithALongQueue "back-online-with-a-long-queue"
        "A device comes back online with twenty and more pieces of work."
        "004: airplane mode for 4 hours";
    DeviceSaysItIsStale "device-says-it-is-stale"
        "A device says that its last sync is long ago."
        "004: stale-data warning";
}
