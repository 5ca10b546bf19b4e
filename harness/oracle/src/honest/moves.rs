//! The legal steps of a record's badge.

use deadzone_contract::RecordState;

pub(super) const STATES: [RecordState; 8] = [
    RecordState::Saved,
    RecordState::Modified,
    RecordState::Syncing,
    RecordState::Retrying,
    RecordState::Synced,
    RecordState::Failed,
    RecordState::Conflict,
    RecordState::Discarded,
];

/// The table of legal steps, as the contract has it.
pub(super) fn may_follow(from: RecordState, to: RecordState) -> bool {
    use RecordState::{Conflict, Discarded, Failed, Modified, Retrying, Saved, Synced, Syncing};
    from == to
        || match from {
            Saved | Modified => matches!(to, Syncing | Failed | Conflict),
            Syncing => matches!(to, Synced | Retrying | Modified | Failed | Conflict),
            Retrying => matches!(to, Syncing | Modified | Discarded),
            Synced => matches!(to, Modified | Conflict),
            Failed => matches!(to, Syncing | Discarded),
            Conflict => matches!(to, Syncing | Discarded | Synced),
            Discarded => to == Synced,
        }
}

/// Over a restart, `syncing` may have become `saved`, if the server never had the record, or
/// `modified`. A step whose commit the device's death overtook was never shown, and neither was
/// the one that led to it. `decided`: a user may have decided something meanwhile; without that,
/// failed work stays failed and nothing is thrown away. `unheard`: as far as the device knows, the
/// server never had the record, although its badge may say `modified`: it was edited between two
/// attempts to create it.
pub(super) fn may_follow_restart(from: RecordState, to: RecordState, decided: bool, unheard: bool) -> bool {
    use RecordState::{Discarded, Failed, Modified, Retrying, Saved, Syncing};
    let is_new = matches!(from, Saved | Syncing | Retrying | Failed) || (from == Modified && unheard);
    let may_follow =
        |from, to| may_follow(from, to) && (decided || from == to || (from != Failed && to != Discarded));
    let unseen = STATES.iter().copied().filter(|&next| may_follow(from, next));
    unseen
        .flat_map(|one| STATES.iter().copied().filter(move |&two| may_follow(one, two)))
        .any(|last| last == to || (last == Syncing && (to == Modified || (to == Saved && is_new))))
}

/// A state as violations name it.
pub(super) fn word(state: RecordState) -> &'static str {
    match state {
        RecordState::Saved => "saved",
        RecordState::Modified => "modified",
        RecordState::Syncing => "syncing",
        RecordState::Retrying => "retrying",
        RecordState::Synced => "synced",
        RecordState::Failed => "failed",
        RecordState::Conflict => "conflict",
        RecordState::Discarded => "discarded",
    }
}
