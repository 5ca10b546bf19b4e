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
];
