//! What a server says that cannot, or will not, serve just now.

use super::word;
use crate::findings::{Case, Findings};
use crate::history::History;

/// Judges every answer that refuses for now, in the contract's own words.
pub(super) fn judge(history: &History<'_>, findings: &mut Findings) {
    for request in history.wire.requests() {
        let untimed = request.answers.iter().find(|answer| {
            matches!(answer.status, 429 | 503)
                && answer.content.problem.is_some()
                && answer.retry_after_s.is_none()
        });
        let Some(answer) = untimed else { continue };
        let case = Case::new("no-retry-after", word(request.class)).device(request.device);
        findings.report(case.evidence([request.sent, answer.at]).says(
            format!(
                "the server refuses {} with {} and does not say until when",
                request.device, answer.status
            ),
            "a `Retry-After` with every 429 and 503, so that devices wait and give nothing up",
        ));
    }
}
