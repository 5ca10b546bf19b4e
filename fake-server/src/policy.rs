//! The decisions in which sync servers go wrong, each with its mistakes.
//!
//! The right choice is always the default. A mistake is an ordinary variant, so that the code
//! that makes it stands beside the code that does not, and both are compiled and tested.

/// Every decision of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerPolicy {
    /// What a write to a `version` field is compared with.
    pub base_version: BaseVersion,
    /// Where a page of a pull ends.
    pub page_boundary: PageBoundary,
    /// When mutations are committed.
    pub commits: Commits,
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

/// Every mistake that can be planted in a server.
pub const DEFECTS: &[Defect] = &[BASE_VERSION_IGNORED, PAGE_BOUNDARY_SKIPS_ROWS, ANSWER_BEFORE_COMMIT];

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
