//! Delta debugging: the shortest sequence that still fails, as far as cutting pieces out finds it.

/// Cuts pieces out of `items`, halves first and single items last, as long as `fails` says that the rest still fails.
///
/// `fails` answers `None` when it will not try any more; what was found until then is the result.
pub fn minimise<T: Clone>(mut items: Vec<T>, mut fails: impl FnMut(&[T]) -> Option<bool>) -> Vec<T> {
    let mut size = items.len().div_ceil(2);
    while size > 0 {
        let before = items.len();
        // From the end: what comes late is more often unneeded than what the failure is built on.
        let mut end = items.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let rest: Vec<T> = [&items[..start], &items[end..]].concat();
            match fails(&rest) {
                Some(true) => items = rest,
                Some(false) => {}
                None => return items,
            }
            end = start.min(items.len());
        }
        let is_progress = items.len() < before;
        size = match size {
            1 if is_progress => 1,
            _ => size / 2,
        };
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_items_that_matter() {
        let needs = |wanted: &'static [u32]| move |items: &[u32]| Some(wanted.iter().all(|item| items.contains(item)));
        assert_eq!(minimise((0..1000).collect(), needs(&[3, 500, 999])), [3, 500, 999]);
        assert_eq!(minimise((0..7).collect(), needs(&[0])), [0]);
        assert!(minimise((0..7).collect::<Vec<u32>>(), |_| Some(true)).is_empty());
    }

    #[test]
    fn goes_on_while_single_cuts_help() {
        // An even number of items, which pairs of cuts keep.
        let parity = |items: &[u32]| Some(items.contains(&5) && items.len() % 2 == 1);
        assert!(minimise((0..9).collect(), parity).len() <= 9);
        // Nothing is tried after the end of the budget.
        let mut budget = 3;
        let limited = |_: &[u32]| {
            budget -= 1;
            (budget > 0).then_some(false)
        };
        assert_eq!(minimise((0..100).collect(), limited).len(), 100);
    }
}
