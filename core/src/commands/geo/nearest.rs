//! The first few of an order, chosen and arranged as Redis does where the order leaves it open: places at one distance
//! come out in the same sequence.
//!
//! This is the quicksort of Bentley and McIlroy, "Engineering a sort function" (1993), which looks only at the parts
//! that reach into the wanted ones.

use std::cmp::Ordering;

/// Slices up to here are sorted by insertion.
const INSERTION_MAX: usize = 6;
/// Slices above take the middle of three medians as the pivot.
const NINTHER_MIN: usize = 41;

/// Puts the `wanted` least of `slice` in front, in order.
pub(super) fn sort_first<T>(slice: &mut [T], wanted: usize, compare: impl Fn(&T, &T) -> Ordering + Copy) {
    // Sorting random places halves the slice each time or so; one that a client has made to resist would take
    // quadratic time.
    let depth = 2 * slice.len().checked_ilog2().unwrap_or(0);
    sort_part(slice, wanted, depth, compare);
}

fn sort_part<T>(mut slice: &mut [T], mut wanted: usize, mut depth: u32, compare: impl Fn(&T, &T) -> Ordering + Copy) {
    while slice.len() > INSERTION_MAX {
        if depth == 0 {
            return slice.sort_by(compare);
        }
        depth -= 1;
        let pivot = pivot(slice, compare);
        slice.swap(0, pivot);
        let (less, greater) = partition(slice, compare);
        let (front, rest) = slice.split_at_mut(less);
        if less > 1 {
            sort_part(front, wanted, depth, compare);
        }
        let before_greater = rest.len() - greater;
        if wanted <= less + before_greater {
            return;
        }
        wanted -= less + before_greater;
        slice = &mut rest[before_greater..];
    }
    for end in 1..slice.len() {
        let mut place = end;
        while place > 0 && compare(&slice[place - 1], &slice[place]).is_gt() {
            slice.swap(place - 1, place);
            place -= 1;
        }
    }
}

/// Which element parts the slice.
fn pivot<T>(slice: &[T], compare: impl Fn(&T, &T) -> Ordering + Copy) -> usize {
    let len = slice.len();
    let (mut low, mut middle, mut high) = (0, len / 2, len - 1);
    if len == INSERTION_MAX + 1 {
        return middle;
    }
    let median = |a: usize, b: usize, c: usize| {
        let is_less = |one: usize, other: usize| compare(&slice[one], &slice[other]).is_lt();
        match (is_less(a, b), is_less(b, c)) {
            (true, true) => b,
            (true, false) => {
                if is_less(a, c) {
                    c
                } else {
                    a
                }
            }
            (false, _) => {
                if compare(&slice[b], &slice[c]).is_gt() {
                    b
                } else if is_less(a, c) {
                    a
                } else {
                    c
                }
            }
        }
    };
    if len >= NINTHER_MIN {
        let eighth = len / 8;
        low = median(low, low + eighth, low + 2 * eighth);
        middle = median(middle - eighth, middle, middle + eighth);
        high = median(high - 2 * eighth, high - eighth, high);
    }
    median(low, middle, high)
}

/// Parts the slice around its first element: how many are less and stand first, and how many are greater and stand
/// last. Those equal to it are collected at both ends, and swapped into the middle afterwards.
fn partition<T>(slice: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Copy) -> (usize, usize) {
    let len = slice.len();
    // Up to `equal_low` and from `equal_high` on: equal. From `low` up to `high`: not looked at.
    let (mut equal_low, mut low, mut high, mut equal_high) = (1, 1, len, len);
    loop {
        while low < high {
            match compare(&slice[low], &slice[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    slice.swap(equal_low, low);
                    equal_low += 1;
                }
                Ordering::Less => (),
            }
            low += 1;
        }
        while low < high {
            match compare(&slice[high - 1], &slice[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    slice.swap(high - 1, equal_high - 1);
                    equal_high -= 1;
                }
                Ordering::Greater => (),
            }
            high -= 1;
        }
        if low >= high {
            break;
        }
        slice.swap(low, high - 1);
        low += 1;
        high -= 1;
    }
    let (less, greater) = (low - equal_low, equal_high - high);
    let moved = equal_low.min(less);
    swap_ranges(slice, 0, low - moved, moved);
    let moved = greater.min(len - equal_high);
    swap_ranges(slice, low, len - moved, moved);
    (less, greater)
}

fn swap_ranges<T>(slice: &mut [T], one: usize, other: usize, len: usize) {
    for place in 0..len {
        slice.swap(one + place, other + place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_first_are_in_order(mut numbers in vec((0..40u8, any::<u8>()), 0..300), wanted in 0..320usize) {
            let mut sorted = numbers.clone();
            sorted.sort();
            sort_first(&mut numbers, wanted, |one, other| one.0.cmp(&other.0));
            let wanted = wanted.min(numbers.len());
            prop_assert!(numbers[..wanted].iter().map(|one| one.0).eq(sorted[..wanted].iter().map(|one| one.0)));
            numbers.sort();
            prop_assert_eq!(numbers, sorted);
        }
    }

    #[test]
    fn resisting_slices_end() {
        // Ascending halves in turn: a bad case for medians of three.
        let mut numbers: Vec<u32> = (0..20_000).map(|i| if i % 2 == 0 { i } else { 20_000 + i / 2 }).collect();
        sort_first(&mut numbers, 10_000, u32::cmp);
        assert!(numbers[..10_000].is_sorted());
    }
}
