//! The engine's door for JavaScript: one scratch buffer in linear memory, RESP in, RESP out, numbers for the rest.
//!
//! JavaScript writes a request into the request area, calls [`exec`] with its length and reads the reply from the reply
//! area. Both areas are found through a header of [`HEADER_WORDS`] words at the address [`header`] gives; they may move
//! in any call, so the header is read again after each. Time and seeds come from JavaScript. One instance holds several
//! engines, each with its own keyspace; they share the areas, since nothing runs at the same time.
//!
//! Nothing here calls out of the module, and nothing here panics on what a caller passes.

mod instance;
mod slots;

use std::cell::{Cell, RefCell};

use wasm_bindgen::prelude::wasm_bindgen;

use instance::Instance;

/// Words of the header: request address, request capacity, reply address, reply length, flags. All are `u32`.
pub const HEADER_WORDS: usize = 5;

/// Flag: the client of the last call does not exist any more, because it ended its session or was closed.
pub const FLAG_CLIENT_GONE: u32 = 1;

/// Latest time that is accepted, as in JavaScript's `Date`. Later ones count as this one: microseconds must fit.
const MAX_NOW_MS: f64 = 8.64e15;

thread_local! {
    static INSTANCE: RefCell<Instance> = const { RefCell::new(Instance::new()) };
    static HEADER: Cell<[u32; HEADER_WORDS]> = const { Cell::new([0; HEADER_WORDS]) };
}

/// The address of the header. It never changes.
#[wasm_bindgen]
pub fn header() -> u32 {
    INSTANCE.with_borrow(publish);
    HEADER.with(|header| header.as_ptr() as usize as u32)
}

/// Makes room for a request of `bytes` and returns its address, or 0 if that is more than a request may have.
/// What stood in the request area is lost.
#[wasm_bindgen]
pub fn reserve(bytes: u32) -> u32 {
    with_instance(|instance| if instance.reserve(bytes as usize) { instance.areas()[0] } else { 0 })
}

/// Adds an empty engine and returns its number, or 0 if there are too many. The seed decides hashes and random choices.
#[wasm_bindgen]
pub fn open_engine(seed_low: u32, seed_high: u32, now_ms: f64) -> u32 {
    let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
    with_instance(|instance| instance.open_engine(seed, whole_ms(now_ms)))
}

/// Removes an engine with its data and its clients.
#[wasm_bindgen]
pub fn close_engine(engine: u32) {
    with_instance(|instance| instance.close_engine(engine));
}

/// Adds a client to an engine and returns its number, or 0 if there are too many or the engine does not exist.
#[wasm_bindgen]
pub fn open_client(engine: u32, now_ms: f64) -> u32 {
    with_instance(|instance| instance.open_client(engine, whole_ms(now_ms)))
}

/// Removes a client.
#[wasm_bindgen]
pub fn close_client(client: u32) {
    with_instance(|instance| instance.close_client(client));
}

/// Runs the first `len` bytes of the request area as a client's input and returns the length of the reply.
///
/// Input that ends within a request is kept for the next call. A reply of no bytes with [`FLAG_CLIENT_GONE`] in the
/// header means that there is no such client.
#[wasm_bindgen]
pub fn exec(client: u32, len: u32, now_ms: f64) -> u32 {
    with_instance(|instance| instance.exec(client, len as usize, whole_ms(now_ms)))
}

/// Runs what a pause has held back of a client's input and returns the length of the replies.
#[wasm_bindgen]
pub fn drain(client: u32, now_ms: f64) -> u32 {
    exec(client, 0, now_ms)
}

/// Does background work of an engine, at most `budget` slices; 1 if more is due right away, else 0.
#[wasm_bindgen]
pub fn tick(engine: u32, now_ms: f64, budget: u32) -> u32 {
    with_instance(|instance| instance.tick(engine, whole_ms(now_ms), budget).into())
}

/// When [`tick`] has something to do at the latest, Unix time in milliseconds; infinity if nothing waits.
#[wasm_bindgen]
pub fn next_deadline(engine: u32) -> f64 {
    INSTANCE.with_borrow(|instance| instance.next_deadline(engine)).map_or(f64::INFINITY, |deadline| deadline as f64)
}

fn with_instance<T>(work: impl FnOnce(&mut Instance) -> T) -> T {
    INSTANCE.with_borrow_mut(|instance| {
        let answer = work(instance);
        publish(instance);
        answer
    })
}

/// Tells JavaScript where the areas stand now.
fn publish(instance: &Instance) {
    HEADER.set(instance.areas());
}

/// A time from JavaScript: NaN and what lies before 1970 count as 0.
fn whole_ms(now_ms: f64) -> u64 {
    now_ms.min(MAX_NOW_MS) as u64
}

#[cfg(test)]
mod tests {
    use super::whole_ms;

    #[test]
    fn odd_times_are_bounded() {
        assert_eq!(whole_ms(1.9), 1);
        assert_eq!(whole_ms(-5.0), 0);
        assert_eq!(whole_ms(f64::NEG_INFINITY), 0);
        assert_eq!(whole_ms(f64::INFINITY), 8_640_000_000_000_000);
        assert!(whole_ms(f64::NAN).checked_mul(1000).is_some());
    }
}
