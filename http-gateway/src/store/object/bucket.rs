//! A bucket as calls that wait: the client is asynchronous and runs on a thread of its own, so that neither the callers
//! nor the server's workers need a runtime.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::TryStreamExt;
use larder_core::store::StoreError;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion,
};
use tokio::sync::oneshot;

use super::error::{failure, is_missing};

/// Longest time that one call may take; after it nobody knows what became of it. Large bodies get more.
const CALL_MAX: Duration = Duration::from_secs(5);

/// The slowest line that large bodies are sent over.
const BYTES_PER_SECOND_MIN: usize = 1 << 20;

/// As [`CALL_MAX`], for calls that carry parts of a snapshot.
const TRANSFER_MAX: Duration = Duration::from_secs(60);

/// Pauses between attempts: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Objects of one kind that a place may have: more would be a leak.
const OBJECTS_MAX: usize = 10_000_000;

/// Fetches that run at once, and their bytes.
const FETCHES: usize = 16;
const FETCH_BYTES: u64 = 64 << 20;

/// What keeps a second writer away from a place.
pub enum Exclusion {
    /// The manifest is replaced by compare and swap.
    Swap,
    /// A lock on the folder, which cannot compare and swap.
    Lock(#[expect(dead_code, reason = "held until the bucket is dropped")] Box<dyn Send + Sync>),
}

/// A place in a bucket.
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    base: Path,
    /// As the user names it.
    pub place: String,
    exclusion: Exclusion,
    runtime: Runtime,
}

/// What became of an object that was to be created.
pub enum Created {
    /// It is there.
    Ours,
    /// There is another, with this content.
    Taken(Bytes),
}

/// What became of an object that was to be replaced.
pub enum Replaced {
    /// It is there, in this version.
    Ours(UpdateVersion),
    /// Somebody else was first.
    Lost,
}

/// An object in a list.
pub struct Listed {
    /// Its name within the place.
    pub name: String,
    /// Its bytes.
    pub len: u64,
    /// When it was made, in Unix seconds.
    pub made_s: i64,
}

impl Bucket {
    /// A place in a bucket of a service.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        place: String,
        prefix: &str,
        exclusion: Exclusion,
    ) -> Result<Self, StoreError> {
        let base = Path::parse(prefix).map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { store, base, place, exclusion, runtime: Runtime::start()? })
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.base.clone(), |path, part| path.join(part))
    }

    /// Runs a call to its end, or to the end of its time.
    fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        future: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> object_store::Result<T> {
        self.runtime.start_call(limit, future).recv().unwrap_or_else(|_| Err(generic("the client has ended")))
    }

    fn failure(&self, what: &str, name: &str, error: &Error) -> StoreError {
        failure(&self.place, &format!("{what} {name}"), error)
    }

    /// Reads an object of bounded size, and its version. `None` if there is none.
    pub fn read(&self, name: &str, max: u64) -> Result<Option<(Bytes, UpdateVersion)>, StoreError> {
        match self.read_raw(name, max, CALL_MAX) {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failure("read", name, &error)),
        }
    }

    fn read_raw(&self, name: &str, max: u64, limit: Duration) -> object_store::Result<(Bytes, UpdateVersion)> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        self.call(limit, async move {
            let found = store.get(&path).await?;
            let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            if found.meta.size > max {
                return Err(generic("it is larger than any of ours"));
            }
            Ok((found.bytes().await?, version))
        })
    }

    /// Bytes of an object, `None` if there is none.
    pub fn len(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        match self.call(CALL_MAX, async move { store.head(&path).await }) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.failure("look at", name, &error)),
        }
    }

    fn put(&self, name: &str, body: &PutPayload, mode: PutMode) -> object_store::Result<UpdateVersion> {
        let (store, path, body) = (Arc::clone(&self.store), self.path(name), body.clone());
        self.call(time_for(&body), async move { store.put_opts(&path, body, mode.into()).await }).map(Into::into)
    }

    /// Creates an object, trying again for a while. Whether an attempt of unknown outcome has worked is told by what is
    /// there afterwards, so equal contents must be equal objects.
    pub fn create(&self, name: &str, body: &PutPayload, patience: Duration) -> Result<Created, StoreError> {
        let begun = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            let error = match self.put(name, body, PutMode::Create) {
                Ok(_) => return Ok(Created::Ours),
                Err(error) => error,
            };
            let is_last = begun.elapsed() + pause >= patience;
            if is_last || matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. }) {
                match self.read_raw(name, u64::MAX, time_for(body)) {
                    Ok((found, _)) if is_equal(&found, body) => return Ok(Created::Ours),
                    Ok((found, _)) => return Ok(Created::Taken(found)),
                    Err(_) if is_last => return Err(self.failure("write", name, &error)),
                    Err(_) => {}
                }
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Replaces an object if it is still in this version, or creates it if there was none. The content must be unlike
    /// any other.
    pub fn replace(
        &self,
        name: &str,
        body: &PutPayload,
        version: Option<&UpdateVersion>,
        patience: Duration,
    ) -> Result<Replaced, StoreError> {
        let begun = Instant::now();
        let mut pause = PAUSES.0;
        let mode = match (&self.exclusion, version) {
            (_, None) => PutMode::Create,
            (Exclusion::Swap, Some(version)) => PutMode::Update(version.clone()),
            (Exclusion::Lock(_), Some(_)) => PutMode::Overwrite,
        };
        loop {
            let error = match self.put(name, body, mode.clone()) {
                Ok(version) => return Ok(Replaced::Ours(version)),
                Err(error) => error,
            };
            // Before anything is tried again: the first attempt may have worked.
            let is_lost = matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. });
            match self.read_raw(name, u64::MAX, time_for(body)) {
                Ok((found, version)) if is_equal(&found, body) => return Ok(Replaced::Ours(version)),
                Ok(_) if is_lost => return Ok(Replaced::Lost),
                _ => {}
            }
            if begun.elapsed() + pause >= patience {
                return Err(self.failure("write", name, &error));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// The objects of a folder, in the order of their names.
    pub fn list(&self, folder: &str) -> Result<Vec<Listed>, StoreError> {
        let (store, path) = (Arc::clone(&self.store), self.path(folder));
        let found = self.call(TRANSFER_MAX, async move {
            let mut found = Vec::new();
            let mut objects = store.list(Some(&path));
            while let Some(meta) = objects.try_next().await? {
                if found.len() == OBJECTS_MAX {
                    return Err(generic("there are too many objects"));
                }
                found.push(meta);
            }
            Ok(found)
        });
        let found = match found {
            Ok(found) => found,
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(self.failure("list", folder, &error)),
        };
        let listed = |meta: object_store::ObjectMeta| {
            let mut parts = meta.location.prefix_match(&self.base)?;
            let mut name = parts.next()?.as_ref().to_owned();
            for part in parts {
                name.push('/');
                name.push_str(part.as_ref());
            }
            Some(Listed { name, len: meta.size, made_s: meta.last_modified.timestamp() })
        };
        let mut found: Vec<Listed> = found.into_iter().filter_map(listed).collect();
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Removes objects. What cannot be removed stays for the next time.
    pub fn remove(&self, names: Vec<String>) {
        for name in names {
            let (store, path) = (Arc::clone(&self.store), self.path(&name));
            let removed = self.call(CALL_MAX, async move { store.delete(&path).await });
            if let Err(error) = removed.or_else(|error| if is_missing(&error) { Ok(()) } else { Err(error) }) {
                tracing::debug!("{}", self.failure("remove", &name, &error));
                return;
            }
        }
    }

    /// Begins an object in parts.
    pub fn begin_parts(&self, name: &str) -> Result<Box<dyn MultipartUpload>, StoreError> {
        let (store, path) = (Arc::clone(&self.store), self.path(name));
        self.call(CALL_MAX, async move { store.put_multipart(&path).await })
            .map_err(|error| self.failure("write", name, &error))
    }

    /// Sends a part; the answer comes later.
    pub fn send_part(&self, upload: &mut dyn MultipartUpload, part: Vec<u8>) -> Answer<()> {
        self.runtime.start_call(TRANSFER_MAX, upload.put_part(part.into()))
    }

    /// Makes the parts an object of so many bytes.
    pub fn end_parts(&self, name: &str, mut upload: Box<dyn MultipartUpload>, len: u64) -> Result<(), StoreError> {
        let ended = self.call(TRANSFER_MAX, async move { upload.complete().await });
        match ended {
            Ok(_) => Ok(()),
            // The outcome is unknown; nobody else writes an object of this name.
            Err(_) if self.len(name)? == Some(len) => Ok(()),
            Err(error) => Err(self.failure("write", name, &error)),
        }
    }

    /// Gives up parts that were sent.
    pub fn drop_parts(&self, mut upload: Box<dyn MultipartUpload>) {
        // What stays behind is no object, and the service's own rules remove it some day.
        let _ = self.call(CALL_MAX, async move { upload.abort().await });
    }
}

/// How long a call with such a body may take.
fn time_for(body: &PutPayload) -> Duration {
    CALL_MAX + Duration::from_secs((body.content_length() / BYTES_PER_SECOND_MIN) as u64)
}

fn is_equal(found: &Bytes, body: &PutPayload) -> bool {
    let mut rest = &found[..];
    found.len() == body.content_length()
        && body.iter().all(|part| {
            let (head, tail) = rest.split_at(part.len());
            rest = tail;
            head == &part[..]
        })
}

fn generic(text: &'static str) -> Error {
    Error::Generic { store: "larder", source: text.into() }
}

/// Where the answer of a call arrives.
pub type Answer<T> = mpsc::Receiver<object_store::Result<T>>;

/// Parts of objects that shall be read in order, some ahead.
pub struct Fetch {
    bucket: Arc<Bucket>,
    wanted: VecDeque<Wanted>,
    running: VecDeque<(Wanted, Answer<Bytes>)>,
    running_bytes: u64,
}

/// A part of an object.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Name of the object.
    pub name: String,
    /// Which bytes.
    pub range: Range<u64>,
}

impl Wanted {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Fetch {
    /// Nothing is read before the first is asked for.
    pub fn new(bucket: Arc<Bucket>, wanted: impl IntoIterator<Item = Wanted>) -> Self {
        Self { bucket, wanted: wanted.into_iter().collect(), running: VecDeque::new(), running_bytes: 0 }
    }

    fn start(&mut self, wanted: Wanted) {
        let (store, path) = (Arc::clone(&self.bucket.store), self.bucket.path(&wanted.name));
        let range = wanted.range.clone();
        let answer = self.bucket.runtime.start_call(TRANSFER_MAX, async move {
            if range.is_empty() {
                return Ok(Bytes::new());
            }
            let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
            store.get_opts(&path, options).await?.bytes().await
        });
        self.running_bytes += wanted.len();
        self.running.push_back((wanted, answer));
    }
}

impl Iterator for Fetch {
    type Item = (Wanted, Result<Bytes, StoreError>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.running.is_empty() || self.running.len() < FETCHES && self.running_bytes < FETCH_BYTES {
            let Some(wanted) = self.wanted.pop_front() else { break };
            self.start(wanted);
        }
        let (wanted, answer) = self.running.pop_front()?;
        self.running_bytes -= wanted.len();
        let read = match answer.recv().unwrap_or_else(|_| Err(generic("the client has ended"))) {
            Ok(bytes) if bytes.len() as u64 == wanted.len() => Ok(bytes),
            Ok(bytes) => {
                let text = format!("{}: {} bytes came of {}", wanted.name, bytes.len(), wanted.len());
                Err(StoreError::Corrupt(text))
            }
            Err(error) if is_missing(&error) => Err(StoreError::Corrupt(format!("{}: it is missing", wanted.name))),
            Err(error) => Err(self.bucket.failure("read", &wanted.name, &error)),
        };
        Some((wanted, read))
    }
}

/// The thread of the client.
struct Runtime {
    handle: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            // Whoever drops the sender wants the end as well.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("larder-objects".to_owned()).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    fn start_call<T: Send + 'static>(
        &self,
        limit: Duration,
        future: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Answer<T> {
        let (sender, receiver) = mpsc::channel();
        self.handle.spawn(async move {
            let timed = tokio::time::timeout(limit, future).await;
            // Nobody may want the answer any more.
            let _ = sender.send(timed.unwrap_or_else(|_| Err(generic("no answer in time"))));
        });
        receiver
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It holds nothing that could be lost.
            let _ = thread.join();
        }
    }
}
