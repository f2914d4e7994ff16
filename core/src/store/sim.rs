//! A disk in memory that loses power and fails, as cruelly as real ones may.
//!
//! Of each file it keeps what is durable and what was written since; of the folder which creations and removals are
//! durable. A power cut leaves one of the states that the rules of file systems allow, chosen by a [`Cut`] and a seed.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::vfs::{Mode, Vfs};

/// What survives a power cut of all that was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Everything.
    Everything,
    /// Nothing.
    Nothing,
    /// Each write or not, by coin.
    Coin,
    /// All, but the last write torn at 512 bytes.
    TornSector,
    /// All, but the last write torn at 4096 bytes.
    TornPage,
    /// The lengths, but zeros for what was written.
    Zeros,
    /// Late writes, but not the early ones.
    LateWrites,
    /// The first few changes of the folder; writes by coin.
    FolderPrefix,
}

impl Cut {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Everything,
        Self::Nothing,
        Self::Coin,
        Self::TornSector,
        Self::TornPage,
        Self::Zeros,
        Self::LateWrites,
        Self::FolderPrefix,
    ];
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device reports an error, and nothing was done.
    Error,
    /// There is no space for what is written.
    NoSpace,
    /// Half of what should be written is, and then there is no space.
    Short,
    /// The call was interrupted: to be made again.
    Interrupted,
    /// A flush fails, and what it should have flushed is never written, though it can still be read.
    LostFlush,
    /// The power fails before the call; no further call does anything.
    PowerCut,
}

/// A simulated disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<Disk>>);

#[derive(Clone, Default)]
struct Disk {
    files: Vec<Content>,
    /// The folder as processes see it, and as it is after a power cut.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of the folder that are not durable.
    changes: Vec<(String, Option<usize>)>,
    /// Calls so far that could fail.
    calls: u64,
    /// Writes so far.
    writes: u64,
    faults: Vec<(u64, Fault)>,
    is_off: bool,
    /// The process that has the disk: calls of dead ones fail.
    process: u64,
    is_locked: bool,
}

/// A file's bytes.
#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    cached: Vec<u8>,
    pending: Vec<(u64, Change)>,
}

/// A change of a file that is not durable.
#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, written) => {
                let end = at + written.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*at..end].copy_from_slice(written);
            }
            Self::Length(len) => bytes.resize(*len, 0),
        }
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// The disk as a new process sees it.
    pub fn vfs(&self) -> SimVfs {
        let process = self.disk().process;
        SimVfs { disk: self.clone(), process }
    }

    /// Another disk with the same content and state.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.disk().clone())))
    }

    /// Ends the process that uses the disk; what it wrote stays.
    pub fn kill(&self) {
        let mut disk = self.disk();
        disk.process += 1;
        (disk.is_locked, disk.is_off) = (false, false);
    }

    /// Cuts the power: afterwards the disk has what survives, takes calls again, and no fault is to come.
    pub fn cut_power(&self, cut: Cut, seed: u64) {
        self.kill();
        let mut disk = self.disk();
        disk.faults.clear();
        let mut coins = Coins(seed);
        let changes = std::mem::take(&mut disk.changes);
        let kept = match cut {
            Cut::Nothing => 0,
            Cut::FolderPrefix => coins.below(changes.len() as u64 + 1) as usize,
            _ => changes.len(),
        };
        for (name, file) in changes.into_iter().take(kept) {
            entry(&mut disk.durable_names, name, file);
        }
        let numbers: Vec<u64> = disk.files.iter().flat_map(|file| file.pending.iter().map(|(n, _)| *n)).collect();
        let (newest, oldest) = (numbers.iter().max().copied(), numbers.iter().min().copied());
        let from = match (oldest, newest) {
            (Some(oldest), Some(newest)) => oldest + coins.below(newest - oldest + 1),
            _ => 0,
        };
        for file in &mut disk.files {
            for (number, change) in std::mem::take(&mut file.pending) {
                let is_last = Some(number) == newest;
                let survivor = survivor(cut, change, is_last, number >= from, &mut coins);
                if let Some(change) = survivor {
                    change.apply(&mut file.durable);
                }
            }
            file.cached = file.durable.clone();
        }
        disk.names = disk.durable_names.clone();
    }

    /// Lets the `number`th call from the beginning fail: see [`SimDisk::calls`].
    pub fn fail_at(&self, number: u64, fault: Fault) {
        self.disk().faults.push((number, fault));
    }

    /// How many calls that may fail there were.
    pub fn calls(&self) -> u64 {
        self.disk().calls
    }

    /// Whether a fault is still to come.
    pub fn has_faults(&self) -> bool {
        !self.disk().faults.is_empty()
    }

    /// Whether the power has failed.
    pub fn is_off(&self) -> bool {
        self.disk().is_off
    }

    /// The files and what they hold.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let disk = self.disk();
        disk.names.iter().map(|(name, file)| (name.clone(), disk.files[*file].cached.clone())).collect()
    }

    /// Puts a file there, durably.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.disk();
        let file = disk.files.len();
        disk.files.push(Content { durable: bytes.clone(), cached: bytes, pending: Vec::new() });
        disk.names.insert(name.to_owned(), file);
        disk.durable_names.insert(name.to_owned(), file);
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(names: &mut BTreeMap<String, usize>, name: String, file: Option<usize>) {
    match file {
        Some(file) => names.insert(name, file),
        None => names.remove(&name),
    };
}

/// What is left of a change.
fn survivor(cut: Cut, change: Change, is_last: bool, is_late: bool, coins: &mut Coins) -> Option<Change> {
    let torn = |change: Change, unit: u64, coins: &mut Coins| match change {
        Change::Write(at, mut bytes) => {
            // Devices tear at multiples of the unit in the file.
            let units = (at + bytes.len()) as u64 / unit - at as u64 / unit;
            let end = (at as u64 / unit + coins.below(units + 1)) * unit;
            bytes.truncate((end as usize).saturating_sub(at));
            (!bytes.is_empty()).then_some(Change::Write(at, bytes))
        }
        Change::Length(_) => None,
    };
    match cut {
        Cut::Everything => Some(change),
        Cut::Nothing => None,
        Cut::Coin | Cut::FolderPrefix => (coins.below(2) == 0).then_some(change),
        Cut::TornSector if is_last => torn(change, 512, coins),
        Cut::TornPage if is_last => torn(change, 4096, coins),
        Cut::TornSector | Cut::TornPage => Some(change),
        Cut::Zeros => Some(match change {
            Change::Write(at, bytes) => Change::Write(at, vec![0; bytes.len()]),
            length @ Change::Length(_) => length,
        }),
        Cut::LateWrites => is_late.then_some(change),
    }
}

/// SplitMix64.
struct Coins(u64);

impl Coins {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}

/// A [`SimDisk`] as one process sees it.
pub struct SimVfs {
    disk: SimDisk,
    process: u64,
}

/// An open file of a [`SimVfs`].
pub struct SimFile(usize);

/// Makes other openers wait until it is dropped.
struct SimLock {
    disk: SimDisk,
    process: u64,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.disk();
        if disk.process == self.process {
            disk.is_locked = false;
        }
    }
}

impl SimVfs {
    /// Counts a call. Answers how it fails if it does not fail at once.
    fn call(&self) -> io::Result<(MutexGuard<'_, Disk>, Option<Fault>)> {
        let mut disk = self.disk.disk();
        let number = disk.calls;
        disk.calls += 1;
        let fault = disk.faults.iter().position(|(at, _)| *at == number).map(|index| disk.faults.swap_remove(index).1);
        if fault == Some(Fault::PowerCut) {
            disk.is_off = true;
        }
        if disk.is_off || disk.process != self.process {
            return Err(io::Error::other("the power is off"));
        }
        match fault {
            None => Ok((disk, None)),
            Some(Fault::Error) => Err(io::Error::other("simulated: input/output error")),
            Some(Fault::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
            Some(Fault::NoSpace) => Err(io::Error::new(io::ErrorKind::StorageFull, "simulated: no space left")),
            other => Ok((disk, other)),
        }
    }

    fn broken<T>(fault: Option<Fault>, value: T) -> io::Result<T> {
        match fault {
            None => Ok(value),
            Some(_) => Err(io::Error::other("simulated: the call failed")),
        }
    }
}

impl Vfs for SimVfs {
    type File = SimFile;

    fn open(&self, name: &str, mode: Mode) -> io::Result<SimFile> {
        let (mut disk, fault) = self.call()?;
        let found = disk.names.get(name).copied();
        let file = match (mode, found) {
            (Mode::Create, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Mode::Create, None) => {
                let file = disk.files.len();
                disk.files.push(Content::default());
                disk.names.insert(name.to_owned(), file);
                disk.changes.push((name.to_owned(), Some(file)));
                file
            }
            (_, None) => return Err(io::ErrorKind::NotFound.into()),
            (_, Some(file)) => file,
        };
        Self::broken(fault, SimFile(file))
    }

    fn read(&self, file: &SimFile, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (disk, fault) = self.call()?;
        let content = &disk.files[file.0].cached;
        let rest = content.get(at as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        Self::broken(fault, read)
    }

    fn write(&self, file: &SimFile, at: u64, bytes: &[u8]) -> io::Result<usize> {
        let (mut disk, fault) = self.call()?;
        let written = match fault {
            None => bytes,
            Some(Fault::Short) => &bytes[..bytes.len() / 2],
            Some(_) => return Self::broken(fault, 0),
        };
        if fault == Some(Fault::Short) {
            let next = disk.calls;
            disk.faults.push((next, Fault::NoSpace));
        }
        if written.is_empty() {
            return Ok(0);
        }
        disk.writes += 1;
        let number = disk.writes;
        let content = &mut disk.files[file.0];
        let change = Change::Write(at as usize, written.to_vec());
        change.apply(&mut content.cached);
        content.pending.push((number, change));
        Ok(written.len())
    }

    fn set_len(&self, file: &SimFile, len: u64) -> io::Result<()> {
        let (mut disk, fault) = self.call()?;
        Self::broken(fault, ())?;
        disk.writes += 1;
        let number = disk.writes;
        let content = &mut disk.files[file.0];
        let change = Change::Length(len as usize);
        change.apply(&mut content.cached);
        content.pending.push((number, change));
        Ok(())
    }

    fn len(&self, file: &SimFile) -> io::Result<u64> {
        let (disk, fault) = self.call()?;
        Self::broken(fault, disk.files[file.0].cached.len() as u64)
    }

    fn sync(&self, file: &SimFile) -> io::Result<()> {
        let (mut disk, fault) = self.call()?;
        let content = &mut disk.files[file.0];
        let pending = std::mem::take(&mut content.pending);
        match fault {
            None => pending.iter().for_each(|(_, change)| change.apply(&mut content.durable)),
            Some(Fault::LostFlush) => {}
            Some(_) => content.pending = pending,
        }
        Self::broken(fault, ())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let (mut disk, fault) = self.call()?;
        Self::broken(fault, ())?;
        for (name, file) in std::mem::take(&mut disk.changes) {
            entry(&mut disk.durable_names, name, file);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (mut disk, fault) = self.call()?;
        Self::broken(fault, ())?;
        if disk.names.remove(name).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.changes.push((name.to_owned(), None));
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let (disk, fault) = self.call()?;
        Self::broken(fault, disk.names.keys().cloned().collect())
    }

    fn close(&self, _file: SimFile) -> io::Result<()> {
        let (_disk, fault) = self.call()?;
        Self::broken(fault, ())
    }

    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        let (mut disk, fault) = self.call()?;
        Self::broken(fault, ())?;
        if std::mem::replace(&mut disk.is_locked, true) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Box::new(SimLock { disk: self.disk.clone(), process: self.process }))
    }
}
