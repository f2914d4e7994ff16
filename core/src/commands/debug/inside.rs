//! DEBUG OBJECT, HTSTATS and their kin: how values are stored.

use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::encoding_name;
use crate::keyspace::entry::{Entry, Value};
use crate::keyspace::object::Object;
use crate::keyspace::table::Table;
use crate::number::write_fixed;
use crate::rdb::Form;
use crate::settings::{Settings, parse_bytes};
use crate::value::{Hash, List, Set, SortedSet};

use super::super::object::{idle_seconds, reference_count};
use super::reload::serialized_bytes;

/// DEBUG OBJECT.
pub(super) fn object(cx: &mut Context) -> Result<(), CommandError> {
    let env = cx.env;
    let entry = entry_of(cx)?;
    let mut line = format!(
        "Value at:{:#x} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.address(),
        reference_count(entry, &env),
        encoding_name(entry),
        serialized_bytes(entry, &Form::new(env.settings)),
        entry.clock(),
        idle_seconds(entry, &env),
    );
    if let Value::Object(Object::List(List::Chunked(list))) = entry.value() {
        let chunks = list.chunks();
        let nodes = chunks.len();
        let bytes: usize = chunks.map(|chunk| chunk.bytes().len()).sum();
        let mut average = Vec::new();
        write_fixed::<2>(&mut average, list.len() as f64 / nodes.max(1) as f64);
        line += &format!(
            " ql_nodes:{nodes} ql_avg_node:{} ql_listpack_max:{} ql_compressed:0 ql_uncompressed_size:{bytes}",
            String::from_utf8_lossy(&average),
            env.settings.list_max_listpack_size,
        );
    }
    cx.reply.status(&line);
    Ok(())
}

/// The entry as it stands, expired or not.
fn entry_of<'a>(cx: &'a mut Context) -> Result<&'a Entry, CommandError> {
    let key = cx.arg(2);
    cx.keys.peek(cx.keys.db, key).ok_or(CommandError::NO_SUCH_KEY)
}

/// DEBUG LISTPACK: Redis prints the structure, and says so. Nothing is printed here.
pub(super) fn listpack(cx: &mut Context) -> Result<(), CommandError> {
    if encoding_name(entry_of(cx)?) != "listpack" {
        return Err(CommandError::fixed("ERR Not a listpack encoded object."));
    }
    cx.reply.status("Listpack structure printed on stdout");
    Ok(())
}

/// DEBUG QUICKLIST, in the same way.
pub(super) fn quicklist(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() > 4 {
        return Err(CommandError::wrong_words("DEBUG", cx.arg(1)));
    }
    if encoding_name(entry_of(cx)?) != "quicklist" {
        return Err(CommandError::fixed("ERR Not a quicklist encoded object."));
    }
    cx.reply.status("Quicklist structure printed on stdout");
    Ok(())
}

/// DEBUG QUICKLIST-PACKED-THRESHOLD: from which size on an element of a list stands by itself. Here those do that are
/// larger than a node may be, so it bounds the nodes of lists that are made from now on; 0 takes the bound away.
pub(super) fn quicklist_packed_threshold(cx: &mut Context) -> Result<(), CommandError> {
    /// The largest that Redis takes.
    const THRESHOLD_MAX_BYTES: u64 = (4 << 30) - (1 << 20);
    let bytes = std::str::from_utf8(cx.arg(2)).ok().and_then(parse_bytes);
    let bytes = bytes
        .filter(|bytes| *bytes <= THRESHOLD_MAX_BYTES)
        .ok_or(CommandError::fixed("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))?;
    let mut settings = Settings::clone(&cx.hub().settings);
    settings.list_node_bytes_max = match bytes {
        0 => usize::MAX,
        bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
    };
    cx.hub().replace_settings(settings);
    cx.effects.settings_changed = true;
    cx.reply.ok();
    Ok(())
}

/// DEBUG HTSTATS: the tables of a database.
pub(super) fn database_tables(cx: &mut Context) -> Result<(), CommandError> {
    let db = cx.integer(2)?;
    let db = cx.database_number(db).map_err(|_| CommandError::fixed("ERR Out of range database"))?;
    let (mut keys, mut expiring) = (TableSize::default(), TableSize::default());
    for shard in cx.keys.shards() {
        let table = shard.database(db);
        keys.add(table);
        expiring.items += table.deadlines();
        expiring.slots = keys.slots;
    }
    let text = format!("[Dictionary HT]\n{}[Expires HT]\n{}", keys.text(), expiring.text());
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// DEBUG HTSTATS-KEY: the table of a value.
pub(super) fn value_table(cx: &mut Context) -> Result<(), CommandError> {
    let mut size = TableSize::default();
    match entry_of(cx)?.value() {
        Value::Object(Object::Set(Set::Table(members)) | Object::Hash(Hash::Table(members))) => {
            size.add(members.table());
        }
        Value::Object(Object::SortedSet(SortedSet::Tree(tree))) => {
            size = TableSize { slots: tree.len(), items: tree.len() };
        }
        _ => {
            return Err(CommandError::fixed(
                "ERR The value stored at the specified key is not represented using an hash table",
            ));
        }
    }
    cx.reply.verbatim("txt", size.text().as_bytes());
    Ok(())
}

/// What of a table's statistics means something here: buckets hold several items, and nothing is chained or rehashed.
#[derive(Default)]
struct TableSize {
    slots: usize,
    items: usize,
}

impl TableSize {
    fn add(&mut self, table: &Table<Entry>) {
        self.slots += table.slots();
        self.items += table.len();
    }

    fn text(&self) -> String {
        let numbers = match self.items {
            0 => "No stats available for empty dictionaries\n".to_owned(),
            items => format!(" table size: {}\n number of elements: {items}\n", self.slots),
        };
        format!("Hash table 0 stats (main hash table):\n{numbers}")
    }
}
