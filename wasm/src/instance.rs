//! Everything one WASM instance holds: engines, their clients, and the areas that bytes cross in.

use larder_core::engine::Engine;
use larder_core::session::ClientId;

use crate::slots::Slots;
use crate::{FLAG_CLIENT_GONE, HEADER_WORDS};

/// Most engines in one instance: an application has a few, a test suite some hundreds.
const MAX_ENGINES: usize = 1024;

/// Most clients of all engines.
const MAX_CLIENTS: usize = 65_536;

/// Largest request, so that its copy in the client's input and the stored value still fit 32-bit memory.
const MAX_REQUEST_BYTES: usize = 512 << 20;

/// First size of the request area: most requests never grow it.
const INITIAL_BYTES: usize = 64 << 10;

/// An area above this is given back after use, so that one large value does not pin memory.
const KEPT_BYTES: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub struct Instance {
    engines: Slots<Engine>,
    clients: Slots<Client>,
    /// JavaScript writes here between calls: always initialised, its length is the capacity.
    request: Vec<u8>,
    reply: Vec<u8>,
    flags: u32,
}

/// A client and where it belongs.
#[derive(Clone, Copy, Debug)]
struct Client {
    engine: u32,
    id: ClientId,
}

impl Instance {
    /// Without engines.
    pub const fn new() -> Self {
        Self { engines: Slots::new(), clients: Slots::new(), request: Vec::new(), reply: Vec::new(), flags: 0 }
    }

    /// Makes the request area hold `bytes`; false if that is too much or memory is short.
    pub fn reserve(&mut self, bytes: usize) -> bool {
        if bytes > MAX_REQUEST_BYTES {
            return false;
        }
        if bytes > self.request.len() || self.request.is_empty() {
            // The content is not wanted any more: no copy, and the old area is free before the new one is taken.
            self.request = Vec::new();
            let size = bytes.max(INITIAL_BYTES);
            if self.request.try_reserve_exact(size).is_err() {
                return false;
            }
            self.request.resize(size, 0);
        }
        true
    }

    /// Adds an engine; 0 if there are too many.
    pub fn open_engine(&mut self, seed: u64, now_ms: u64) -> u32 {
        self.engines.insert(|| Engine::new(seed, now_ms), MAX_ENGINES)
    }

    /// Removes an engine and its clients.
    pub fn close_engine(&mut self, engine: u32) {
        if let Some(keeper) = self.engines.remove(engine) {
            keeper.discard();
            self.clients.retain(|client| client.engine != engine);
        }
    }

    /// Adds a client; 0 if there are too many or the engine does not exist.
    pub fn open_client(&mut self, engine: u32, now_ms: u64) -> u32 {
        let Some(keeper) = self.engines.get_mut(engine) else { return 0 };
        let id = keeper.open(now_ms);
        let number = self.clients.insert(|| Client { engine, id }, MAX_CLIENTS);
        if number == 0 {
            keeper.close(id);
        }
        number
    }

    /// Removes a client.
    pub fn close_client(&mut self, client: u32) {
        if let Some(client) = self.clients.remove(client)
            && let Some(engine) = self.engines.get_mut(client.engine)
        {
            engine.close(client.id);
        }
    }

    /// Runs a prefix of the request area and returns the length of the reply.
    pub fn exec(&mut self, client: u32, len: usize, now_ms: u64) -> u32 {
        self.reply.clear();
        self.flags = FLAG_CLIENT_GONE;
        let Some(&Client { engine, id }) = self.clients.get(client) else { return 0 };
        let Some(keeper) = self.engines.get_mut(engine) else { return 0 };
        // A length beyond the area is the caller's mistake; what it wrote is all there is.
        let request = &self.request[..len.min(self.request.len())];
        self.reply.shrink_to(KEPT_BYTES);
        keeper.exec(id, request, now_ms, &mut self.reply);
        if keeper.is_open(id) {
            self.flags = 0;
        } else {
            self.clients.remove(client);
        }
        if self.request.len() > KEPT_BYTES {
            self.request = Vec::new();
            self.reserve(INITIAL_BYTES);
        }
        self.reply.len() as u32
    }

    /// Does at most `budget` slices of background work; says whether more is due.
    pub fn tick(&mut self, engine: u32, now_ms: u64, budget: u32) -> bool {
        let Some(engine) = self.engines.get_mut(engine) else { return false };
        (0..budget).all(|_| engine.tick(now_ms))
    }

    /// When the next background work is due.
    pub fn next_deadline(&self, engine: u32) -> Option<u64> {
        self.engines.get(engine)?.next_deadline()
    }

    /// What the header says: addresses are below 4 GiB in linear memory.
    #[inline]
    pub fn areas(&self) -> [u32; HEADER_WORDS] {
        let address = |area: &Vec<u8>| area.as_ptr() as usize as u32;
        [address(&self.request), self.request.len() as u32, address(&self.reply), self.reply.len() as u32, self.flags]
    }
}

#[cfg(test)]
mod tests {
    use super::{FLAG_CLIENT_GONE, Instance, KEPT_BYTES, MAX_REQUEST_BYTES};

    const NOW_MS: u64 = 1_700_000_000_000;

    fn exec(instance: &mut Instance, client: u32, request: &[u8]) -> Vec<u8> {
        assert!(instance.reserve(request.len()));
        instance.request[..request.len()].copy_from_slice(request);
        let len = instance.exec(client, request.len(), NOW_MS);
        assert_eq!(len as usize, instance.reply.len());
        instance.reply.clone()
    }

    #[test]
    fn engines_are_apart() {
        let mut instance = Instance::new();
        let engines = [instance.open_engine(1, NOW_MS), instance.open_engine(2, NOW_MS)];
        let [first, second] = engines.map(|engine| instance.open_client(engine, NOW_MS));
        assert_eq!(exec(&mut instance, first, b"SET k v\r\n"), b"+OK\r\n");
        assert_eq!(exec(&mut instance, second, b"GET k\r\n"), b"$-1\r\n");
        instance.close_engine(engines[1]);
        assert_eq!(exec(&mut instance, second, b"GET k\r\n"), b"");
        assert_eq!(instance.flags, FLAG_CLIENT_GONE);
        assert_eq!(exec(&mut instance, first, b"GET k\r\n"), b"$1\r\nv\r\n");
        assert_eq!(instance.flags, 0);
    }

    #[test]
    fn quitting_removes_the_client() {
        let mut instance = Instance::new();
        let engine = instance.open_engine(1, NOW_MS);
        let client = instance.open_client(engine, NOW_MS);
        assert_eq!(exec(&mut instance, client, b"QUIT\r\n"), b"+OK\r\n");
        assert_eq!(instance.flags, FLAG_CLIENT_GONE);
        assert_eq!(instance.open_client(engine, NOW_MS), client);
    }

    #[test]
    fn large_areas_are_given_back() {
        let mut instance = Instance::new();
        let engine = instance.open_engine(1, NOW_MS);
        let client = instance.open_client(engine, NOW_MS);
        let value = "v".repeat(3 * KEPT_BYTES);
        exec(
            &mut instance,
            client,
            format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", value.len()).as_bytes(),
        );
        assert!(instance.request.len() <= KEPT_BYTES);
        assert!(exec(&mut instance, client, b"GET k\r\n").len() > value.len());
        exec(&mut instance, client, b"PING\r\n");
        assert!(instance.reply.capacity() <= KEPT_BYTES);
        assert!(!instance.reserve(MAX_REQUEST_BYTES + 1));
    }

    #[test]
    fn wrong_numbers_are_answered() {
        let mut instance = Instance::new();
        assert_eq!(instance.open_client(7, NOW_MS), 0);
        assert_eq!(instance.exec(0, 10, NOW_MS), 0);
        assert!(!instance.tick(3, NOW_MS, u32::MAX));
        assert_eq!(instance.next_deadline(3), None);
        let engine = instance.open_engine(1, NOW_MS);
        let client = instance.open_client(engine, NOW_MS);
        assert_eq!(instance.exec(client, usize::MAX, NOW_MS), 0);
    }
}
