//! Draws belong to their keys, lie in their ranges, and stay the same for ever.

use std::collections::BTreeSet;
use std::time::Duration;

use deadzone_net::Draws;
use proptest::prelude::*;

#[test]
fn draws_stay_the_same_between_versions() {
    let draws = Draws::new(42);
    let key = || draws.key("test").num(3).text("laptop");
    let mut bytes = [0; 5];
    key().fill(&mut bytes);
    assert_eq!(key().u64(), 1_106_222_123_251_981_073);
    assert_eq!(key().below(1_000), 59);
    assert_eq!(key().unit(), 0.059_968_421_464_066_224);
    assert_eq!(draws.child("disk").key("test").u64(), 13_879_995_172_623_560_617);
    assert_eq!(key().draws().key("test").u64(), 4_466_539_192_936_875_537);
    assert_eq!(bytes, [17, 219, 28, 251, 40]);
}

#[test]
fn parts_of_a_key_do_not_run_into_each_other() {
    let draws = Draws::new(1);
    let keys = [
        draws.key("ab"),
        draws.key("a").text("b"),
        draws.key("a").text("b").text(""),
        draws.key("").text("ab"),
        draws.key("ab").num(0),
        draws.key("ab").num(0).num(0),
        draws.key("ab").num(1),
        draws.key("ab").text("\u{1}\0\0\0\0\0\0\0"),
        draws.child("ab").key("ab"),
        draws.child("ab").key(""),
        draws.child("a").key("b"),
        Draws::new(2).key("ab"),
    ];
    let count = keys.len();
    let drawn: BTreeSet<u64> = keys.into_iter().map(|key| key.u64()).collect();
    assert_eq!(drawn.len(), count);
}

#[test]
fn every_value_of_a_range_comes_up_about_as_often() {
    let draws = Draws::new(5);
    let mut counts = [0; 7];
    for n in 0..70_000 {
        counts[draws.key("range").num(n).below(7) as usize] += 1;
    }
    assert!(counts.iter().all(|count| (9_700..10_300).contains(count)), "{counts:?}");
    let hits = (0..100_000).filter(|n| draws.key("chance").num(*n).chance(0.05)).count();
    assert!((4_800..5_200).contains(&hits), "{hits}");
    let items = ["a", "b", "c"];
    let picked: BTreeSet<_> = (0..50).filter_map(|n| draws.key("pick").num(n).pick(&items)).collect();
    assert_eq!(picked.len(), 3);
}

#[test]
fn the_edges_of_ranges_are_reached_and_not_passed() {
    let key = || Draws::new(9).key("edge");
    assert_eq!((key().below(0), key().below(1)), (0, 0));
    assert_eq!((key().between(5, 5), key().between(5, 4)), (5, 5));
    assert_eq!(key().between(0, u64::MAX), key().u64());
    assert_eq!((key().chance(0.0), key().chance(-1.0), key().chance(f64::NAN)), (false, false, false));
    assert_eq!((key().chance(1.0), key().chance(f64::INFINITY)), (true, true));
    assert_eq!(key().pick::<u8>(&[]), None);
    let second = Duration::from_secs(1);
    assert_eq!(key().duration(second, second), second);
    assert_eq!(key().duration(Duration::MAX, Duration::ZERO), Duration::from_nanos(u64::MAX));
    key().fill(&mut []);
}

proptest! {
    #[test]
    fn draws_lie_in_their_ranges(seed: u64, n: u64, low: u64, high: u64) {
        let key = || Draws::new(seed).key("range").num(n);
        let (low, high) = (low.min(high), low.max(high));
        prop_assert!((low..=high).contains(&key().between(low, high)));
        prop_assert!(high == 0 || key().below(high) < high);
        prop_assert!((0.0..1.0).contains(&key().unit()));
        prop_assert_eq!(key().chance(0.5), key().unit() < 0.5);
    }

    #[test]
    fn a_longer_fill_begins_like_a_shorter_one(seed: u64, short in 0..40usize, more in 0..40usize) {
        let (mut one, mut other) = (vec![0; short], vec![0; short + more]);
        Draws::new(seed).key("fill").fill(&mut one);
        Draws::new(seed).key("fill").fill(&mut other);
        prop_assert_eq!(&one[..], &other[..short]);
    }
}
