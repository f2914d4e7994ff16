//! Bringing back what a store held: one thread reads the snapshot while another puts its entries in their places.

use std::sync::mpsc::sync_channel;
use std::thread;

use larder_core::keyspace::Layout;
use larder_core::keyspace::shard::Shard;
use larder_core::load::{self, Batch, Changes, SnapshotFile, SnapshotReader};
use larder_core::settings::Settings;
use larder_core::store::StoreError;

/// Batches that may wait to be placed.
const BATCHES_AHEAD: usize = 16;

/// As [`load::load`], on two threads.
pub fn load(
    snapshot: SnapshotFile,
    changes: Changes,
    layout: &Layout,
    settings: &Settings,
) -> Result<Vec<Shard>, StoreError> {
    let Some((_, mut file)) = snapshot else {
        return load::load(None, changes, layout, settings);
    };
    let mut shards = layout.build();
    let mut reader = SnapshotReader::new(&mut *file, layout, settings)?;
    thread::scope(|scope| {
        let (queue, batches) = sync_channel::<Batch>(BATCHES_AHEAD);
        let place = || batches.into_iter().for_each(|batch| batch.place(&mut shards));
        thread::Builder::new().name("larder-load".to_owned()).spawn_scoped(scope, place)?;
        while let Some(batch) = reader.next_batch()? {
            queue.send(batch).expect("whoever places goes on until the queue ends");
        }
        Ok::<_, StoreError>(())
    })?;
    load::replay(changes, &mut shards, layout, settings)?;
    Ok(shards)
}

#[cfg(test)]
mod tests {
    use larder_core::keyspace::entry::{Entry, NewValue};
    use larder_core::rdb::{Form, write_database, write_end, write_entry, write_header, write_sizes};
    use larder_core::structure::rdb::crc64;

    use super::*;

    /// More than may wait to be placed.
    const KEYS: usize = 40_000;

    fn load_file(file: Vec<u8>) -> Result<Vec<Shard>, StoreError> {
        let layout = Layout::new(4, 2, [1, 2]);
        let snapshot: SnapshotFile = Some((1, Box::new(std::io::Cursor::new(file))));
        load(snapshot, Box::new(std::iter::empty()), &layout, &Settings::default())
    }

    #[test]
    fn two_threads_bring_everything_back_or_end_together() {
        let form = Form::new(&Settings::default());
        let mut file = Vec::new();
        write_header(11, &mut file);
        write_database(1, &mut file);
        write_sizes(KEYS, 0, &mut file);
        for number in 0..KEYS {
            let entry = Entry::new(format!("key:{number}").as_bytes(), NewValue::Integer(number as i64), None, 0);
            write_entry(&entry, &form, &mut file);
        }
        write_end(&mut file);
        file.extend_from_slice(&crc64::update(0, &file).to_le_bytes());
        let shards = load_file(file.clone()).expect("it is whole");
        assert_eq!(shards.iter().map(|shard| shard.database(1).len()).sum::<usize>(), KEYS);
        for at in [3, file.len() / 2, file.len() - 1] {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(matches!(load_file(damaged), Err(StoreError::Corrupt(_))), "byte {at}");
        }
    }
}
