//! The arithmetic of counters: which increments can have made a total.

use std::collections::BTreeSet;

/// One increment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addend {
    /// Whose increment: an index that is handed back.
    pub(crate) effect: usize,
    pub(crate) by: i64,
    pub(crate) part: Part,
}

/// Whether an increment is in the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It has to be.
    Firm,
    /// It may be.
    Free,
    /// It must not be.
    Never,
}

/// How a total can have come about. Where several explanations fit, the first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    /// Legally.
    Explained,
    /// This increment is missing.
    Missing(usize),
    /// This one is in it and must not be.
    Unwanted(usize),
    /// This one is in it more than once.
    Repeated(usize),
    /// Nothing simple explains it, and it is lower than what has to be in it.
    TooLow,
    /// Nothing simple explains it, and it is not lower than that.
    TooHigh,
}

/// An increment counted more often than this is too much for one increment alone.
const REPETITIONS_MAX: i128 = 16;
/// More different sums than this are taken for every sum between the least and the greatest.
const SUMS_MAX: usize = 4_096;

/// Explains a total.
pub(crate) fn explain(total: i64, addends: &[Addend]) -> Sum {
    let total = i128::from(total);
    let of = |part: Part| addends.iter().filter(move |addend| addend.part == part);
    let firm: i128 = of(Part::Firm).map(|addend| i128::from(addend.by)).sum();
    let sums = Sums::of(firm, of(Part::Free).map(|addend| i128::from(addend.by)));
    if sums.contains(total) {
        return Sum::Explained;
    }
    if let Some(missing) = of(Part::Firm).find(|addend| sums.contains(total + i128::from(addend.by))) {
        return Sum::Missing(missing.effect);
    }
    if let Some(unwanted) = of(Part::Never).find(|addend| sums.contains(total - i128::from(addend.by))) {
        return Sum::Unwanted(unwanted.effect);
    }
    // Several of them at once: which ones is not worth finding out.
    let loose = addends.iter().filter(|addend| addend.part != Part::Firm);
    let with_unwanted = Sums::of(firm, loose.map(|addend| i128::from(addend.by)));
    if let Some(unwanted) = of(Part::Never).next().filter(|_| with_unwanted.contains(total)) {
        return Sum::Unwanted(unwanted.effect);
    }
    let repeated = (1..REPETITIONS_MAX).find_map(|times| {
        let of_all = addends.iter().filter(|addend| addend.part != Part::Never && addend.by != 0);
        of_all.into_iter().find(|addend| sums.contains(total - times * i128::from(addend.by)))
    });
    match repeated {
        Some(addend) => Sum::Repeated(addend.effect),
        None if total < firm => Sum::TooLow,
        None => Sum::TooHigh,
    }
}

/// The legal totals.
struct Sums {
    exact: BTreeSet<i128>,
    least: i128,
    greatest: i128,
    /// There are too many to list; what lies between counts as legal.
    dense: bool,
}

impl Sums {
    fn of(firm: i128, free: impl Iterator<Item = i128>) -> Sums {
        let mut sums = Sums { exact: BTreeSet::from([firm]), least: firm, greatest: firm, dense: false };
        for by in free {
            sums.least += by.min(0);
            sums.greatest += by.max(0);
            if !sums.dense {
                let more: Vec<i128> = sums.exact.iter().map(|sum| sum + by).collect();
                sums.exact.extend(more);
                sums.dense = sums.exact.len() > SUMS_MAX;
            }
        }
        sums
    }

    fn contains(&self, total: i128) -> bool {
        if self.dense { (self.least..=self.greatest).contains(&total) } else { self.exact.contains(&total) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(total: i64, firm: &[i64], free: &[i64], never: &[i64]) -> Sum {
        let parts = [(Part::Firm, firm), (Part::Free, free), (Part::Never, never)];
        let all = parts.iter().flat_map(|(part, list)| list.iter().map(move |&by| (*part, by)));
        let addends: Vec<Addend> =
            all.enumerate().map(|(effect, (part, by))| Addend { effect, by, part }).collect();
        explain(total, &addends)
    }

    #[test]
    fn every_firm_and_some_of_the_free() {
        assert_eq!(sum(3, &[1, 2], &[4], &[]), Sum::Explained);
        assert_eq!(sum(7, &[1, 2], &[4], &[]), Sum::Explained);
        assert_eq!(sum(0, &[], &[], &[]), Sum::Explained);
        assert_eq!(sum(1, &[1, 2], &[4], &[]), Sum::Missing(1));
        assert_eq!(sum(6, &[1, 2], &[4], &[]), Sum::Missing(0));
        assert_eq!(sum(11, &[1, 2], &[], &[8]), Sum::Unwanted(2));
        assert_eq!(sum(27, &[1, 2], &[], &[8, 16]), Sum::Unwanted(2));
        assert_eq!(sum(7, &[3, 1], &[], &[]), Sum::Repeated(0));
        assert_eq!(sum(8, &[], &[4], &[]), Sum::Repeated(0));
        assert_eq!(sum(0, &[1, 2, 4], &[], &[]), Sum::TooLow);
        assert_eq!(sum(1_000_000, &[10], &[], &[]), Sum::TooHigh);
    }

    #[test]
    fn numbers_at_the_edge_do_not_overflow() {
        assert_eq!(sum(i64::MAX, &[i64::MAX, i64::MAX], &[], &[]), Sum::Missing(0));
        assert_eq!(sum(i64::MIN, &[i64::MIN], &[i64::MIN], &[]), Sum::Explained);
    }

    #[test]
    fn so_many_free_increments_that_nobody_lists_their_sums() {
        let free: Vec<i64> = (0..40).map(|bit| 1 << bit).collect();
        assert_eq!(sum(12_345, &[], &free, &[]), Sum::Explained);
        assert_ne!(sum(-1, &[], &free, &[]), Sum::Explained);
    }
}
