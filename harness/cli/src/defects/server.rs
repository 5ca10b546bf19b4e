//! The mistakes of servers.

use deadzone_server::policy;

use super::Defect;

pub(super) const SERVER: &[Defect] = &[
    Defect::of_server(
        policy::BASE_VERSION_IGNORED,
        "004: On mismatch: 409 conflict; client must reconcile",
        &["lost"],
        "server-returns-409",
    ),
    Defect::of_server(
        policy::PAGE_BOUNDARY_SKIPS_ROWS,
        "004: Pagination if delta exceeds [1000 records]",
        &["converged"],
        "pull-interrupted-between-pages",
    ),
    Defect::of_server(
        policy::ANSWER_BEFORE_COMMIT,
        "004: Mid-sync crashes do not produce duplicate records or lost mutations.",
        &["lost"],
        "server-goes-down-right-after-its-answer",
    ),
    Defect::of_server(
        policy::ANSWER_STORE_FORGETS_TOO_EARLY,
        "004: Server stores processed UUIDs for [24h]; replays of the same UUID return the original response",
        &["duplicated"],
        "retry-after-the-answer-store-expired",
    ),
    Defect::of_server(
        policy::ANSWERS_REPLAYED_TO_ANOTHER_USER,
        "004: Bypassing tenant isolation in the sync layer.",
        &["lost", "leaked"],
        "account-switched-on-a-shared-tablet",
    ),
    Defect::of_server(
        policy::REPLAY_NOT_FILTERED_BY_PRESENT_RIGHTS,
        "004: Filtered by tenant + user permissions on every row",
        &["leaked"],
        "a-retry-after-a-revocation-tells-nothing",
    ),
    Defect::of_server(
        policy::TIMESTAMP_CURSOR,
        "001: LWW without HLC: clock skew = wrong winner. (HLC or server stamps.)",
        &["converged"],
        "the-servers-clock-is-set-back",
    ),
    Defect::of_server(
        policy::HARD_DELETE,
        "004: Hard-deleting records. Clients with offline caches keep the deleted record",
        &["converged", "lost"],
        "hard-deleted-record-comes-back",
    ),
    Defect::of_server(
        policy::TOMBSTONE_COLLECTED_TOO_EARLY,
        "004: tombstones expire after [30 days]",
        &["converged"],
        "hard-deleted-record-comes-back",
    ),
    Defect::of_server(
        policy::DELTA_NOT_FILTERED_BY_WORKSPACE,
        "004: Cross-tenant data leakage in the delta endpoint is the worst kind of bug.",
        &["leaked"],
        "permission-boundary",
    ),
    Defect::of_server(
        policy::ENTITIES_IGNORED,
        "004: GET /sync?since=[token]&entities=[list] - pull changes since token",
        &["bounded"],
        "only-the-kinds-that-a-watch-can-show",
    ),
    Defect::of_server(
        policy::PRIVATE_ROWS_NOT_FILTERED,
        "004: spin up two users in the same workspace with different ACLs; verify their sync deltas are correct",
        &["leaked"],
        "private-rows-inside-one-workspace",
    ),
    Defect::of_server(
        policy::CONFLICT_BODY_NOT_FILTERED,
        "004: Sync MUST filter by tenant + user permissions; no leaking",
        &["leaked"],
        "access-revoked-while-offline",
    ),
    Defect::of_server(
        policy::HINTS_NOT_FILTERED,
        "004: Treating WebSocket push as authoritative. Push is a hint",
        &["leaked"],
        "hints-tell-only-what-is-theirs",
    ),
    Defect::of_server(
        policy::CACHEABLE_ANSWERS,
        "004: Sync MUST filter by tenant + user permissions; no leaking",
        &["leaked"],
        "shared-cache-between-two-users",
    ),
    Defect::of_server(
        policy::REVOCATION_NOT_SENT_AS_REMOVED,
        "004: Per-tenant permission isolation is enforced at the server sync layer (tested).",
        &["leaked", "converged"],
        "access-revoked-while-offline",
    ),
    Defect::of_server(
        policy::NO_VERSION_HANDSHAKE,
        "004: No schema-version handshake. First migration breaks every offline client.",
        &["converged"],
        "an-old-app-is-served-in-its-own-shape",
    ),
    Defect::of_server(
        policy::FAR_FUTURE_STAMPS_ACCEPTED,
        "001: LWW without HLC: clock skew = wrong winner.",
        &["bounded"],
        "year-2100-does-not-poison",
    ),
    Defect::of_server(
        policy::LIMITS_COUNT_REQUESTS,
        "004: Prevents runaway clients from DDoSing the sync layer",
        &["polite"],
        "thousand-mutations-against-the-rate-limit",
    ),
    Defect::of_server(
        policy::PARTIAL_BATCH_REPORTED_AS_WHOLE,
        "004: Returns: per-mutation result (success / 4xx error / 409 conflict with current state)",
        &["lost"],
        "thousand-mutations-against-the-rate-limit",
    ),
];
