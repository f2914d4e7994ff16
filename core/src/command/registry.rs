//! All commands, found by name.

use std::sync::OnceLock;

use super::Command;
use crate::commands::FAMILIES;

/// A command or subcommand by its place in the registry; counters are kept by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(u16);

impl CommandId {
    /// The place, below [`Registry::len`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The command at a place that [`CommandId::index`] gave; `None` for any other number.
    pub fn from_index(index: usize) -> Option<Self> {
        (index < registry().len()).then(|| Self(u16::try_from(index).expect("the registry is small")))
    }

    /// The row.
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn row(self) -> &'static Command {
        registry().rows[self.index()].row
    }

    /// `config|get` for a subcommand, `get` else.
    pub fn full_name(self) -> &'static str {
        &registry().rows[self.index()].full_name
    }

    /// The container of a subcommand.
    pub fn parent(self) -> Option<Self> {
        registry().rows[self.index()].parent
    }
}

struct Registered {
    row: &'static Command,
    full_name: String,
    parent: Option<CommandId>,
}

/// Every command with its subcommands.
pub struct Registry {
    rows: Vec<Registered>,
    /// Open addressing over top-level names.
    slots: Box<[Option<CommandId>]>,
}

/// Slots of the name table: a power of two well above the number of commands.
const SLOTS: usize = 2048;

/// Longest command name; longer words are unknown without being hashed.
const MAX_NAME_BYTES: usize = 32;

/// The registry, built on first use from the families in `commands/`.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::build)
}

impl Registry {
    #[inline(never)]
    fn build() -> Self {
        let mut registry = Self { rows: Vec::new(), slots: vec![None; SLOTS].into_boxed_slice() };
        for row in FAMILIES.iter().copied().flatten() {
            let id = registry.push(row, row.name.to_owned(), None);
            for sub in row.subcommands {
                registry.push(sub, format!("{}|{}", row.name, sub.name), Some(id));
            }
            let mut slot = hash_name(row.name.as_bytes());
            while registry.slots[slot].is_some() {
                slot = (slot + 1) % SLOTS;
            }
            registry.slots[slot] = Some(id);
        }
        registry
    }

    fn push(&mut self, row: &'static Command, full_name: String, parent: Option<CommandId>) -> CommandId {
        let id = CommandId(u16::try_from(self.rows.len()).expect("fewer than 65,536 commands"));
        self.rows.push(Registered { row, full_name, parent });
        id
    }

    /// The top-level command of this name, in any case.
    #[inline]
    #[cfg_attr(hot_paths, optimize(speed))]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        if name.len() > MAX_NAME_BYTES {
            return None;
        }
        let mut slot = hash_name(name);
        while let Some(id) = self.slots[slot] {
            if self.rows[id.index()].row.name.as_bytes().eq_ignore_ascii_case(name) {
                return Some(id);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }

    /// The subcommand of a container, in any case.
    pub fn find_subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        let row = container.row();
        let offset = row.subcommands.iter().position(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name))?;
        CommandId::from_index(container.index() + 1 + offset)
    }

    /// Finds `get` and `config|get` alike, as COMMAND INFO and INFO commandstats spell them.
    pub fn find_full(&self, name: &[u8]) -> Option<CommandId> {
        match memchr::memchr(b'|', name) {
            None => self.find(name),
            Some(bar) => self.find_subcommand(self.find(&name[..bar])?, &name[bar + 1..]),
        }
    }

    /// Every command, each container directly before its subcommands.
    pub fn iter(&self) -> impl Iterator<Item = CommandId> {
        (0..self.rows.len()).filter_map(CommandId::from_index)
    }

    /// The commands that are not subcommands.
    pub fn top_level(&self) -> impl Iterator<Item = CommandId> {
        self.iter().filter(|id| id.parent().is_none())
    }

    /// Commands and subcommands together.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Never: a registry without commands would be a broken build.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("commands", &self.rows.len()).finish()
    }
}

/// FNV-1a over the lower-case name. Names come from clients but the table is fixed: nothing to flood.
#[inline]
#[cfg_attr(hot_paths, optimize(speed))]
fn hash_name(name: &[u8]) -> usize {
    let mut hash = 0x811c_9dc5_u32;
    for byte in name {
        hash = (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
    }
    (hash ^ (hash >> 15)) as usize % SLOTS
}
