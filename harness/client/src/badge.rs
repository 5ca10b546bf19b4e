//! The badge of a record, and the moves that it may make.

use deadzone_contract::RecordState;

use crate::overlay::Overlaid;
use crate::store::{QueueRow, RecordRow, RowStatus};

/// What the badge of a record would say, were every move legal.
pub(crate) fn derived_state(record: &RecordRow, rows: &[QueueRow], over: &Overlaid) -> RecordState {
    let any = |status| rows.iter().any(|row| row.status == status);
    if any(RowStatus::Failed) {
        RecordState::Failed
    } else if !over.conflicts.is_empty() {
        RecordState::Conflict
    } else if any(RowStatus::Waiting) {
        if record.server.is_none() { RecordState::Saved } else { RecordState::Modified }
    } else if any(RowStatus::Sending) {
        RecordState::Syncing
    } else if any(RowStatus::Retrying) {
        RecordState::Retrying
    } else {
        RecordState::Synced
    }
}

/// The badge to show next. A badge moves only along the legal moves; where the derived state is
/// not one move away, it goes there by way of `syncing` while something is `sent`, and else stays
/// what it is until it can move. Work that fails while it waits for its next attempt, and failed work
/// that waits for another one, go there by way of [`between`].
pub(crate) fn next_state(shown: Option<RecordState>, derived: RecordState, sent: bool) -> RecordState {
    use RecordState as S;
    let Some(shown) = shown else { return derived };
    let legal = |to: S| {
        matches!(
            (shown, to),
            (S::Saved | S::Modified | S::Retrying | S::Failed | S::Conflict, S::Syncing)
                | (S::Syncing, S::Synced | S::Retrying | S::Failed | S::Conflict | S::Modified)
                | (S::Synced, S::Modified | S::Conflict)
                | (S::Retrying, S::Modified)
                | (S::Saved | S::Modified, S::Failed | S::Conflict)
                | (S::Failed | S::Conflict | S::Retrying, S::Discarded)
                | (S::Conflict | S::Discarded, S::Synced)
        )
    };
    if shown == derived || legal(derived) {
        derived
    } else if derived == S::Saved && (legal(S::Modified) || between(shown, S::Modified).is_some()) {
        S::Modified
    } else if sent && legal(S::Syncing) {
        S::Syncing
    } else if between(shown, derived).is_some() {
        derived
    } else {
        shown
    }
}

/// The badge to show for a moment between two that no legal move joins: what waited for its next
/// attempt is only a change on this device, before it fails without one; what is retried is about to be
/// sent, before it has to wait for that.
pub(crate) fn between(shown: RecordState, next: RecordState) -> Option<RecordState> {
    match (shown, next) {
        (RecordState::Retrying, RecordState::Failed) => Some(RecordState::Modified),
        (RecordState::Failed, RecordState::Modified) => Some(RecordState::Syncing),
        _ => None,
    }
}

/// The badge after a restart, when nothing is on its way any more.
pub(crate) fn restarted_state(shown: RecordState, derived: RecordState) -> RecordState {
    match (shown, derived) {
        // Work that this version of the app cannot send.
        (_, RecordState::Failed) => derived,
        (RecordState::Syncing, RecordState::Saved | RecordState::Modified) => derived,
        (RecordState::Syncing, _) => RecordState::Modified,
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_waits_where_it_cannot_go_straight() {
        use RecordState as S;
        let cases = [
            (None, S::Saved, S::Saved),
            (Some(S::Saved), S::Syncing, S::Syncing),
            // An edit while the create is on its way: not new any more, whatever the rows say.
            (Some(S::Syncing), S::Saved, S::Modified),
            // A retry from the tray waits like any other work: nothing of it is in the tray any more.
            (Some(S::Failed), S::Modified, S::Modified),
            (Some(S::Failed), S::Saved, S::Modified),
            (Some(S::Failed), S::Syncing, S::Syncing),
            // A conflict that was decided, but not sent yet, is still one.
            (Some(S::Conflict), S::Modified, S::Conflict),
            (Some(S::Conflict), S::Synced, S::Synced),
            (Some(S::Synced), S::Retrying, S::Synced),
        ];
        for (shown, derived, expected) in cases {
            assert_eq!(next_state(shown, derived, false), expected, "{shown:?} to {derived:?}");
        }
        // A conflict came in between two attempts: the badge would else be `retrying` for ever.
        let waits = Some(S::Retrying);
        assert_eq!(next_state(waits, S::Conflict, false), S::Retrying);
        assert_eq!(next_state(waits, S::Conflict, true), S::Syncing);
        assert_eq!(next_state(Some(S::Syncing), S::Conflict, true), S::Conflict);
        // Its record was taken out of view: there is no next attempt.
        assert_eq!(next_state(waits, S::Failed, false), S::Failed);
        assert_eq!(between(S::Retrying, S::Failed), Some(S::Modified));
        assert_eq!(next_state(waits, S::Failed, true), S::Syncing);
        assert_eq!(restarted_state(S::Syncing, S::Saved), S::Saved);
        assert_eq!(restarted_state(S::Syncing, S::Retrying), S::Modified);
        assert_eq!(restarted_state(S::Retrying, S::Modified), S::Retrying);
    }
}
