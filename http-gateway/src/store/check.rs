//! `larder check`: says what a folder holds and whether a server would start on it, and saves what can be read.

use std::fmt::Write;
use std::path::Path;

use larder_core::store::StoreError;
use larder_core::store::check::{Report, check, salvage};

use super::disk::Disk;

/// Reads a folder. Answers what to print, and whether it is sound.
pub fn report(folder: &Path) -> Result<(String, bool), StoreError> {
    let report = check(existing(folder)?)?;
    Ok((text(&report), report.damage.is_none()))
}

/// Copies what can be read of a damaged folder to another, which must be empty or missing.
pub fn save(folder: &Path, target: &Path) -> Result<String, StoreError> {
    let source = existing(folder)?;
    let saved = salvage(source, &Disk::new(target)?)?;
    let mut text = format!("saved: records up to {} in {}\n", saved.last, target.display());
    for lost in &saved.lost {
        writeln!(text, "lost:  {lost}").expect("a String takes everything");
    }
    Ok(text)
}

fn existing(folder: &Path) -> Result<Disk, StoreError> {
    Disk::existing(folder).map_err(|_| StoreError::Io(format!("{} is no folder", folder.display())))
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| writeln!(text, "{name:<9} {value}").expect("a String takes everything");
    match report.snapshot {
        Some((lsn, bytes)) => line("snapshot", format!("record {lsn}, {bytes} bytes")),
        None => line("snapshot", "none".to_owned()),
    }
    let end = if report.is_closed { ", closed in order" } else { "" };
    let Report { changes, segments, last, .. } = report;
    line("log", format!("{changes} changes in {segments} segments, up to record {last}{end}"));
    for name in &report.unknown {
        line("unknown", format!("{name}: left alone"));
    }
    if let Some((place, bytes)) = &report.torn {
        line("torn", format!("{place}; the next start cuts {bytes} bytes off, which no flush had covered"));
    }
    match &report.damage {
        Some(damage) => line("DAMAGED", damage.clone()),
        None => line("sound", "a server starts on this".to_owned()),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Folder;
    use larder_core::store::file::{FileStore, Options};
    use larder_core::store::record::write_change;

    #[test]
    fn damage_is_found_and_what_is_sound_is_saved() {
        let folder = Folder::new();
        assert!(report(&folder.0).is_err(), "there is no such folder");
        let open = || FileStore::open(Disk::new(&folder.0)?, Options::default());
        let store = open().expect("it opens").store;
        let mut records = Vec::new();
        for lsn in 1..=3 {
            write_change(&mut records, lsn, 0, 0, |out| out.extend_from_slice(b"*1\r\n$4\r\nPING\r\n"));
        }
        store.append(&records, 3).expect("there is space");
        assert!(matches!(report(&folder.0), Err(StoreError::InUse(_))), "a server has it");
        store.close().expect("there is space");
        drop(store);

        let (text, is_sound) = report(&folder.0).expect("it can be read");
        assert!(is_sound && text.contains("3 changes in 1 segments, up to record 3, closed in order"), "{text}");

        let log = folder.0.join("log-0000000000");
        let mut content = std::fs::read(&log).expect("there is a log");
        *content.last_mut().expect("there are records") ^= 1;
        std::fs::write(&log, content).expect("it can be written");
        let (text, is_sound) = report(&folder.0).expect("it can be read");
        assert!(!is_sound && text.contains("DAMAGED   log-0000000000 at byte"), "{text}");

        let target = Folder::new();
        let text = save(&folder.0, &target.0).expect("something can be saved");
        assert!(text.starts_with("saved: records up to 2 in "), "{text}");
        assert!(report(&target.0).expect("it can be read").1);
    }
}
