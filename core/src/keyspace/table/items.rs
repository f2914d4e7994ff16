//! All items one after another. Written out, because every use of nested adapters is compiled anew.

use super::Item;
use super::ahead::read_items;
use super::bucket::Bucket;
use super::segment::Segment;

/// The items of segments, in no particular order.
pub(super) struct Items<'a, T> {
    slots: std::slice::Iter<'a, Option<T>>,
    buckets: std::slice::Iter<'a, Bucket<T>>,
    segments: std::slice::Iter<'a, Segment<T>>,
}

impl<'a, T: Item> Items<'a, T> {
    /// The items of these buckets, then those of these segments.
    pub(super) fn new(buckets: &'a [Bucket<T>], segments: &'a [Segment<T>]) -> Self {
        Self { slots: [].iter(), buckets: buckets.iter(), segments: segments.iter() }
    }
}

impl<'a, T: Item> Iterator for Items<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(item) = self.slots.find_map(Option::as_ref) {
                return Some(item);
            }
            self.slots = loop {
                read_items(self.buckets.as_slice());
                if let Some(bucket) = self.buckets.next() {
                    break bucket.slots().iter();
                }
                self.buckets = self.segments.next()?.buckets().iter();
            };
        }
    }
}
