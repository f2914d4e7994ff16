//! One key with its value and expiry in one heap block behind a thin pointer.
//!
//! A short string costs a single allocation and one eight-byte table slot. That is what the bar on bytes per key
//! asks for, and no safe type offers it: `Box<[u8]>` is a fat pointer, thin vectors carry sixteen bytes of length and
//! capacity. So this module, alone in the workspace, uses `unsafe`; its interface is safe, and a property test holds
//! it against a plain struct.
//!
//! Layout, all parts eight-byte aligned up to the key:
//!
//! ```text
//! header 8 | deadline 8, if any | lengths 8, if long | integer or object pointer 8, if any | key | inline value
//! ```
#![expect(unsafe_code, reason = "a thin pointer to a variable-sized block is the memory bar; see the module text")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::{NonNull, copy_nonoverlapping};

use super::object::Object;
use super::table::Item;

/// Every part of a block starts at a multiple of this, and block sizes are multiples of it too.
const WORD: usize = 8;

const KIND_MASK: u8 = 0b0000_0011;
const KIND_INLINE: u8 = 0;
const KIND_INTEGER: u8 = 1;
const KIND_OBJECT: u8 = 2;
const HAS_DEADLINE: u8 = 0b0000_0100;
/// Which side of a snapshot the entry is on; see `snapshot.rs`.
const EPOCH: u8 = 0b0001_0000;
/// The lengths did not fit sixteen bits and stand in a word of their own.
const LONG: u8 = 0b0000_1000;

/// The first word of a block.
#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    flags: u8,
    /// Access clock or frequency, 24 bits, little-endian.
    clock: [u8; 3],
    key_len: u16,
    value_len: u16,
}

/// The lengths of a block whose key or inline value exceeds sixteen bits.
#[derive(Clone, Copy)]
#[repr(C)]
struct LongLengths {
    key_len: u32,
    value_len: u32,
}

/// A value as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string that is the decimal form of this integer.
    Integer(i64),
    /// A string held inside the block.
    Bytes(&'a [u8]),
    /// Anything that has memory of its own.
    Object(&'a Object),
}

/// A value to be stored.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// A string that is the decimal form of this integer.
    Integer(i64),
    /// A string, copied into the block. At most 4 GiB; the protocol admits 512 MiB.
    Bytes(&'a [u8]),
    /// Anything that has memory of its own.
    Object(Box<Object>),
}

/// A key, its value, its expiry and its access clock.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its block and everything in it, and `Object` is `Send`.
unsafe impl Send for Entry {}
// SAFETY: shared access only reads, and `Object` is `Sync`.
unsafe impl Sync for Entry {}

/// Where the parts of a block are, computed from its header.
#[derive(Clone, Copy)]
struct Shape {
    flags: u8,
    key_len: usize,
    value_len: usize,
}

impl Shape {
    fn new(key_len: usize, value: &NewValue<'_>, has_deadline: bool) -> Self {
        let (kind, value_len) = match value {
            NewValue::Integer(_) => (KIND_INTEGER, 0),
            NewValue::Bytes(bytes) => (KIND_INLINE, bytes.len()),
            NewValue::Object(_) => (KIND_OBJECT, 0),
        };
        assert!(key_len <= u32::MAX as usize && value_len <= u32::MAX as usize, "requests are bounded far below 4 GiB");
        let long = key_len > usize::from(u16::MAX) || value_len > usize::from(u16::MAX);
        let flags = kind | if has_deadline { HAS_DEADLINE } else { 0 } | if long { LONG } else { 0 };
        Self { flags, key_len, value_len }
    }

    #[inline]
    fn kind(self) -> u8 {
        self.flags & KIND_MASK
    }

    #[inline]
    fn deadline_at(self) -> usize {
        WORD
    }

    #[inline]
    fn lengths_at(self) -> usize {
        WORD + if self.flags & HAS_DEADLINE != 0 { WORD } else { 0 }
    }

    #[inline]
    fn word_at(self) -> usize {
        self.lengths_at() + if self.flags & LONG != 0 { WORD } else { 0 }
    }

    #[inline]
    fn key_at(self) -> usize {
        self.word_at() + if self.kind() == KIND_INLINE { 0 } else { WORD }
    }

    #[inline]
    fn value_at(self) -> usize {
        self.key_at() + self.key_len
    }

    /// Block size. Rounding to words lets a value of about the same length be written over the old one.
    #[inline]
    fn size(self) -> usize {
        (self.value_at() + self.value_len).next_multiple_of(WORD)
    }

    fn layout(self) -> Layout {
        Layout::from_size_align(self.size(), WORD).expect("a block is smaller than isize::MAX")
    }

    fn header(self, clock: u32) -> Header {
        let [low, middle, high, _] = clock.to_le_bytes();
        let long = self.flags & LONG != 0;
        Header {
            flags: self.flags,
            clock: [low, middle, high],
            key_len: if long { 0 } else { self.key_len as u16 },
            value_len: if long { 0 } else { self.value_len as u16 },
        }
    }
}

impl Entry {
    /// Allocates an entry. `deadline_ms` is Unix time; `clock` keeps its low 24 bits.
    pub fn new(key: &[u8], value: NewValue<'_>, deadline_ms: Option<u64>, clock: u32) -> Self {
        let shape = Shape::new(key.len(), &value, deadline_ms.is_some());
        let layout = shape.layout();
        // SAFETY: the layout is never of size zero, since the header counts.
        let block = unsafe { alloc(layout) };
        let Some(block) = NonNull::new(block) else { handle_alloc_error(layout) };
        let mut entry = Self(block);
        entry.write_head(shape, clock, deadline_ms);
        // SAFETY: the block was allocated for this shape, so the key fits where the shape places it.
        unsafe { copy_nonoverlapping(key.as_ptr(), entry.at(shape.key_at()), key.len()) };
        entry.write_value(shape, value);
        entry
    }

    /// Gives the entry another value, keeping key, expiry and clock. Writes in place when the block size stays.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn set_value(&mut self, value: NewValue<'_>) {
        let old = self.shape();
        let new = Shape::new(old.key_len, &value, old.flags & HAS_DEADLINE != 0);
        let new = Shape { flags: new.flags | old.flags & EPOCH, ..new };
        if new.size() != old.size() || new.key_at() != old.key_at() {
            let epoch = self.epoch();
            *self = Self::new(self.key(), value, self.deadline_ms(), self.clock());
            self.set_epoch(epoch);
            return;
        }
        self.drop_object();
        let (clock, deadline_ms) = (self.clock(), self.deadline_ms());
        self.write_head(new, clock, deadline_ms);
        self.write_value(new, value);
    }

    /// Sets or clears the expiry, Unix time in milliseconds.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn set_deadline(&mut self, deadline_ms: Option<u64>) {
        let shape = self.shape();
        match (shape.flags & HAS_DEADLINE != 0, deadline_ms) {
            (false, None) => {}
            (true, Some(_)) => self.write_head(shape, self.clock(), deadline_ms),
            (true, None) => self.shift_tail(shape, Shape { flags: shape.flags & !HAS_DEADLINE, ..shape }, None),
            (false, Some(_)) => {
                self.shift_tail(shape, Shape { flags: shape.flags | HAS_DEADLINE, ..shape }, deadline_ms);
            }
        }
    }

    /// Stores the access clock or frequency, low 24 bits.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        let [low, middle, high, _] = clock.to_le_bytes();
        // SAFETY: a block always starts with an initialised header.
        unsafe { (*self.0.as_ptr().cast::<Header>()).clock = [low, middle, high] };
    }

    /// Which side of a snapshot it is on.
    #[inline]
    pub(crate) fn epoch(&self) -> bool {
        self.header().flags & EPOCH != 0
    }

    /// Puts it on a side of a snapshot.
    #[inline]
    pub(crate) fn set_epoch(&mut self, epoch: bool) {
        // SAFETY: a block always starts with an initialised header.
        let flags = unsafe { &mut (*self.0.as_ptr().cast::<Header>()).flags };
        *flags = if epoch { *flags | EPOCH } else { *flags & !EPOCH };
    }

    /// The value's own structure, for changes in place; `None` for inline strings and integers.
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        let shape = self.shape();
        // SAFETY: of this kind, the word holds the pointer that `write_value` got from `Box::into_raw`, which
        // nothing else holds.
        (shape.kind() == KIND_OBJECT).then(|| unsafe { &mut *self.read_word::<*mut Object>(shape.word_at()) })
    }

    /// The inline string's bytes, for changes that keep its length.
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        let shape = self.shape();
        // SAFETY: an inline value of `value_len` initialised bytes stands there.
        (shape.kind() == KIND_INLINE)
            .then(|| unsafe { std::slice::from_raw_parts_mut(self.at(shape.value_at()), shape.value_len) })
    }

    /// The same value, expiry and clock under another key.
    pub fn renamed(mut self, key: &[u8]) -> Self {
        let mut value = self.take_value();
        Self::new(key, value.borrow(), self.deadline_ms(), self.clock())
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: the key's bytes were written when the block was made and stand where the shape says.
        unsafe { std::slice::from_raw_parts(self.at(shape.key_at()), shape.key_len) }
    }

    /// The value.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn value(&self) -> Value<'_> {
        let shape = self.shape();
        // SAFETY: each kind reads what `write_value` wrote for it.
        unsafe {
            match shape.kind() {
                KIND_INLINE => Value::Bytes(std::slice::from_raw_parts(self.at(shape.value_at()), shape.value_len)),
                KIND_INTEGER => Value::Integer(self.read_word(shape.word_at())),
                _ => Value::Object(&*self.read_word::<*const Object>(shape.word_at())),
            }
        }
    }

    /// Expiry as Unix time in milliseconds.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn deadline_ms(&self) -> Option<u64> {
        let shape = self.shape();
        // SAFETY: with this flag the word after the header holds the expiry.
        (shape.flags & HAS_DEADLINE != 0).then(|| unsafe { self.read_word(shape.deadline_at()) })
    }

    /// Whether its time is over. A key lives through the millisecond of its deadline, as in Redis.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.deadline_ms().is_some_and(|deadline_ms| deadline_ms < now_ms)
    }

    /// Access clock or frequency, 24 bits.
    #[inline]
    pub fn clock(&self) -> u32 {
        let [low, middle, high] = self.header().clock;
        u32::from_le_bytes([low, middle, high, 0])
    }

    /// Heap bytes of the block and everything it owns.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn heap_bytes(&self) -> usize {
        let own = self.shape().size();
        match self.value() {
            Value::Object(object) => own + object.heap_bytes(),
            _ => own,
        }
    }

    /// An address that identifies the block while it is not reallocated.
    pub fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    #[inline]
    fn header(&self) -> Header {
        // SAFETY: a block always starts with an initialised header.
        unsafe { self.0.as_ptr().cast::<Header>().read() }
    }

    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    fn shape(&self) -> Shape {
        let header = self.header();
        if header.flags & LONG == 0 {
            let (key_len, value_len) = (usize::from(header.key_len), usize::from(header.value_len));
            return Shape { flags: header.flags, key_len, value_len };
        }
        let shape = Shape { flags: header.flags, key_len: 0, value_len: 0 };
        // SAFETY: with this flag the lengths stand in a word of their own.
        let lengths: LongLengths = unsafe { self.read_word(shape.lengths_at()) };
        Shape { flags: header.flags, key_len: lengths.key_len as usize, value_len: lengths.value_len as usize }
    }

    /// Pointer to an offset inside the block.
    #[inline]
    fn at(&self, offset: usize) -> *mut u8 {
        // SAFETY: callers pass offsets that the block's own shape gave, all within its size.
        unsafe { self.0.as_ptr().add(offset) }
    }

    /// # Safety
    /// A value of type `T`, eight bytes with alignment of at most eight, must stand at `offset`.
    #[inline]
    unsafe fn read_word<T: Copy>(&self, offset: usize) -> T {
        const { assert!(size_of::<T>() <= WORD && align_of::<T>() <= WORD) };
        // SAFETY: as the caller promises; offsets of words are multiples of eight.
        unsafe { self.at(offset).cast::<T>().read() }
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn write_head(&mut self, shape: Shape, clock: u32, deadline_ms: Option<u64>) {
        // SAFETY: the block has this shape's size, and all three places lie before the key.
        unsafe {
            self.0.as_ptr().cast::<Header>().write(shape.header(clock));
            if let Some(deadline_ms) = deadline_ms {
                self.at(shape.deadline_at()).cast::<u64>().write(deadline_ms);
            }
            if shape.flags & LONG != 0 {
                let lengths = LongLengths { key_len: shape.key_len as u32, value_len: shape.value_len as u32 };
                self.at(shape.lengths_at()).cast::<LongLengths>().write(lengths);
            }
        }
    }

    #[cfg_attr(hot_paths, optimize(speed))]
    fn write_value(&mut self, shape: Shape, value: NewValue<'_>) {
        // SAFETY: the shape was made for this value, so it fits where the shape places it.
        unsafe {
            match value {
                NewValue::Bytes(bytes) => {
                    copy_nonoverlapping(bytes.as_ptr(), self.at(shape.value_at()), bytes.len());
                }
                NewValue::Integer(integer) => self.at(shape.word_at()).cast::<i64>().write(integer),
                NewValue::Object(object) => {
                    self.at(shape.word_at()).cast::<*mut Object>().write(Box::into_raw(object));
                }
            }
        }
    }

    /// Moves everything behind the deadline's place, and the block itself, to where `new` wants them.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn shift_tail(&mut self, old: Shape, new: Shape, deadline_ms: Option<u64>) {
        let clock = self.clock();
        let tail = old.value_at() + old.value_len - old.lengths_at();
        if new.size() > old.size() {
            self.resize(old, new);
        }
        // SAFETY: the block is at least as large as both shapes, and `copy` allows the overlap.
        unsafe { std::ptr::copy(self.at(old.lengths_at()), self.at(new.lengths_at()), tail) };
        if new.size() < old.size() {
            self.resize(old, new);
        }
        self.write_head(new, clock, deadline_ms);
    }

    fn resize(&mut self, old: Shape, new: Shape) {
        // SAFETY: the block was allocated with the old shape's layout, and the new size is not zero.
        let block = unsafe { realloc(self.0.as_ptr(), old.layout(), new.size()) };
        let Some(block) = NonNull::new(block) else { handle_alloc_error(new.layout()) };
        self.0 = block;
    }

    /// Takes the value out, leaving an integer that owns nothing in the place of an object.
    fn take_value(&mut self) -> OwnedValue {
        let shape = self.shape();
        match self.value() {
            Value::Integer(integer) => OwnedValue::Integer(integer),
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_vec()),
            Value::Object(_) => {
                // SAFETY: the pointer came from `Box::into_raw`; the kind changes at once, so nothing frees it twice.
                let object = unsafe { Box::from_raw(self.read_word::<*mut Object>(shape.word_at())) };
                let emptied = Shape { flags: (shape.flags & !KIND_MASK) | KIND_INTEGER, ..shape };
                let (clock, deadline_ms) = (self.clock(), self.deadline_ms());
                self.write_head(emptied, clock, deadline_ms);
                OwnedValue::Object(object)
            }
        }
    }

    fn drop_object(&mut self) {
        let shape = self.shape();
        if shape.kind() == KIND_OBJECT {
            // SAFETY: the pointer came from `Box::into_raw`, and the caller overwrites or frees it next.
            drop(unsafe { Box::from_raw(self.read_word::<*mut Object>(shape.word_at())) });
        }
    }
}

/// A value that was taken out of its block.
enum OwnedValue {
    Integer(i64),
    Bytes(Vec<u8>),
    Object(Box<Object>),
}

impl OwnedValue {
    fn borrow(&mut self) -> NewValue<'_> {
        match std::mem::replace(self, Self::Integer(0)) {
            Self::Integer(integer) => NewValue::Integer(integer),
            Self::Object(object) => NewValue::Object(object),
            Self::Bytes(bytes) => {
                *self = Self::Bytes(bytes);
                let Self::Bytes(bytes) = self else { unreachable!("just stored") };
                NewValue::Bytes(bytes)
            }
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shape = self.shape();
        self.drop_object();
        // SAFETY: the block was allocated with this layout and is not used again.
        unsafe { dealloc(self.0.as_ptr(), shape.layout()) };
    }
}

impl Clone for Entry {
    fn clone(&self) -> Self {
        let value = match self.value() {
            Value::Integer(integer) => NewValue::Integer(integer),
            Value::Bytes(bytes) => NewValue::Bytes(bytes),
            Value::Object(object) => NewValue::Object(Box::new(object.clone())),
        };
        Self::new(self.key(), value, self.deadline_ms(), self.clock())
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("key", &String::from_utf8_lossy(self.key()))
            .field("value", &self.value())
            .field("deadline_ms", &self.deadline_ms())
            .finish()
    }
}

impl Item for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        self.key()
    }

    #[inline]
    fn deadline(&self) -> Option<u64> {
        self.deadline_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    enum Model {
        Integer(i64),
        Bytes(Vec<u8>),
        Raw(Vec<u8>),
    }

    #[derive(Clone, Debug)]
    enum Step {
        Value(Model),
        Deadline(Option<u64>),
        Clock(u32),
        Rename(Vec<u8>),
        Clone,
        Flip,
    }

    fn new_value(model: &Model) -> NewValue<'_> {
        match model {
            Model::Integer(i) => NewValue::Integer(*i),
            Model::Bytes(b) => NewValue::Bytes(b),
            Model::Raw(b) => NewValue::Object(Box::new(Object::Raw(b.clone()))),
        }
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => prop::collection::vec(any::<u8>(), 0..80),
            1 => (65_500usize..65_600).prop_map(|n| vec![7; n]),
        ]
    }

    fn model() -> impl Strategy<Value = Model> {
        let integers = any::<i64>().prop_map(Model::Integer);
        prop_oneof![integers, bytes().prop_map(Model::Bytes), bytes().prop_map(Model::Raw)]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            model().prop_map(Step::Value),
            any::<Option<u64>>().prop_map(Step::Deadline),
            (0u32..1 << 24).prop_map(Step::Clock),
            bytes().prop_map(Step::Rename),
            Just(Step::Clone),
            Just(Step::Flip),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_struct(key in bytes(), first in model(), steps in prop::collection::vec(step(), 0..40)) {
            let (mut key, mut value, mut deadline, mut clock) = (key, first, None, 5);
            let mut entry = Entry::new(&key, new_value(&value), None, clock);
            for step in steps {
                match step {
                    Step::Value(new) => {
                        entry.set_value(new_value(&new));
                        value = new;
                    }
                    Step::Deadline(new) => {
                        entry.set_deadline(new);
                        deadline = new;
                    }
                    Step::Clock(new) => {
                        entry.set_clock(new);
                        clock = new;
                    }
                    Step::Rename(new) => {
                        entry = entry.renamed(&new);
                        key = new;
                    }
                    Step::Clone => entry = entry.clone(),
                    Step::Flip => match &mut value {
                        Model::Bytes(bytes) => {
                            bytes.iter_mut().for_each(|b| *b = !*b);
                            entry.bytes_mut().expect("inline").iter_mut().for_each(|b| *b = !*b);
                        }
                        Model::Raw(bytes) => {
                            bytes.push(1);
                            let Some(Object::Raw(raw)) = entry.object_mut() else { panic!("raw") };
                            raw.push(1);
                        }
                        Model::Integer(_) => prop_assert!(entry.bytes_mut().is_none()),
                    },
                }
                let stored = match entry.value() {
                    Value::Integer(i) => Model::Integer(i),
                    Value::Bytes(b) => Model::Bytes(b.to_vec()),
                    Value::Object(Object::Raw(b)) => Model::Raw(b.clone()),
                    Value::Object(other) => unreachable!("never stored here: {other:?}"),
                };
                prop_assert_eq!(&stored, &value);
                prop_assert_eq!(entry.key(), &key[..]);
                prop_assert_eq!(entry.deadline_ms(), deadline);
                prop_assert_eq!(entry.clock(), clock);
                prop_assert!(entry.heap_bytes() >= key.len());
            }
        }
    }

    #[test]
    fn a_short_string_takes_header_key_and_value() {
        let entry = Entry::new(&[b'k'; 16], NewValue::Bytes(&[b'v'; 32]), None, 0);
        assert_eq!(entry.heap_bytes(), 56);
        assert_eq!(size_of::<Option<Entry>>(), 8);
    }
}
