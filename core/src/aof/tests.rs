//! Files as servers write them, and damaged ones.

use super::*;
use crate::rdb::window::CHUNK_BYTES;

const NOW_US: u64 = 1_800_000_000_000_000;

/// A request per line, in RESP.
fn aof(lines: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines.lines() {
        if line.starts_with('#') {
            out.extend_from_slice(format!("{line}\r\n").as_bytes());
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        words.iter().for_each(|word| out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes()));
    }
    out
}

/// What is handed on: database, seconds, first words.
fn read(bytes: &[u8]) -> Result<(Vec<String>, Summary), AofError> {
    let mut taken = Vec::new();
    let summary = read_requests(&mut &bytes[..], Vec::new(), 0, NOW_US, &mut |change| {
        let text = String::from_utf8_lossy(change.requests);
        let words: Vec<&str> = text.lines().skip(2).step_by(2).collect();
        taken.push(format!("{} {} {}", change.db, change.now_us / 1_000_000, words.join(" ")));
        if text.contains("NOSUCH") { Err("unknown".to_owned()) } else { Ok(()) }
    })?;
    Ok((taken, summary))
}

#[test]
fn databases_times_and_transactions() {
    let bytes = aof("SELECT 3\nSET a 1\n#TS:1700000000\nSET b 2\nMULTI\nSELECT 0\nINCR a\nEXEC\nPUBLISH c m\n\
         XCLAIM s g c 0 1-1 TIME 1750000000000 FORCE\nSET a 1 EX 5\nSET a 1 PXAT 9\nXADD s 1-1 a b");
    let (taken, summary) = read(&bytes).expect("it is whole");
    let expected = [
        "3 0 SET a 1",
        "3 1700000000 SET b 2",
        "0 1700000000 INCR a",
        "0 1750000000 XCLAIM s g c 0 1-1 TIME 1750000000000 FORCE",
        "0 1800000000 SET a 1 EX 5",
        "0 1750000000 SET a 1 PXAT 9",
        "0 1750000000 XADD s 1-1 a b",
    ];
    assert_eq!(taken, expected);
    assert_eq!(summary, Summary { requests: 7, passed_over: 1, ..Summary::default() });
}

#[test]
fn every_cut_keeps_the_whole_requests_before_it() {
    let head = aof("SET a 1\n#TS:1\nSET b 2");
    let bytes = [head.clone(), aof("MULTI\nSET c 3\nSET d 4\nEXEC\nSET e 5")].concat();
    let whole = read(&bytes).expect("it is whole").0;
    for end in 0..bytes.len() {
        let (taken, summary) = read(&bytes[..end]).expect("a cut is no damage");
        assert_eq!(taken, whole[..taken.len()], "cut at {end}");
        let torn_at = summary.torn_at.unwrap_or(end as u64);
        assert_eq!(torn_at + summary.torn_bytes, end as u64);
        assert_eq!(read(&bytes[..torn_at as usize]).expect("whole").0, taken, "cut at {end}");
        // A transaction is all or nothing.
        assert!(!matches!(taken.len(), 3), "cut at {end}: {taken:?}");
    }
}

#[test]
fn what_is_no_request_is_named_with_its_place() {
    let good = aof("SET a 1");
    for (tail, why) in [
        (&b"PING\r\n"[..], "begins with"),
        (b"*0\r\n", "no words"),
        (b"*1\r\n:5\r\n", ""),
        (b"*1\r\n$-1\r\n", ""),
        (b"\0\0\0\0", "begins with"),
        (&aof("EXEC"), "EXEC without MULTI"),
        (&aof("MULTI\nMULTI"), "MULTI inside MULTI"),
        (&aof("SELECT x"), "SELECT"),
        (&aof("NOSUCH"), "unknown"),
        (&[b"#".repeat(2000), b"\n".to_vec()].concat(), "no end"),
    ] {
        let error = read(&[&good[..], tail].concat()).expect_err("it is damaged").to_string();
        assert!(error.contains(&format!("byte {}", good.len())) || error.contains("MULTI"), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn requests_longer_than_a_chunk() {
    let long = "x".repeat(3 * CHUNK_BYTES);
    let bytes = aof(&format!("SET a 1\nSET b {long}\nSET c 3"));
    let (taken, summary) = read(&bytes).expect("it is whole");
    assert_eq!((taken.len(), summary.requests), (3, 3));
    assert!(taken[1].ends_with(&long) && taken[2].ends_with("SET c 3"));
}

#[test]
fn manifests_of_servers() {
    let text = b"file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type h\n\
                 # a comment\nfile appendonly.aof.2.incr.aof seq 2 type i\nfile \"a b.aof\" seq 4 type i extra 1\n";
    let names: Vec<_> = parts(text).expect("it is good").into_iter().map(|part| (part.name, part.is_base)).collect();
    let expected = [("appendonly.aof.2.base.rdb", true), ("appendonly.aof.2.incr.aof", false), ("a b.aof", false)];
    assert_eq!(names, expected.map(|(name, is_base)| (name.to_owned(), is_base)));
}

#[test]
fn manifests_that_servers_refuse() {
    let base = "file a seq 1 type b\n";
    for (line, text) in [
        (1, String::new()),
        (1, "\n".to_owned()),
        (2, format!("{base}\n{base}")),
        (2, format!("{base}{base}")),
        (2, "file a seq 2 type i\nfile b seq 2 type i\n".to_owned()),
        (1, "file a seq 1\n".to_owned()),
        (1, "file a seq 1 type\n".to_owned()),
        (1, "file a seq 0 type b\n".to_owned()),
        (1, "file a seq x type b\n".to_owned()),
        (1, "file a seq 1 type x\n".to_owned()),
        (1, "file ../a seq 1 type b\n".to_owned()),
        (1, "file .. seq 1 type b\n".to_owned()),
        (1, "file \"a seq 1 type b\n".to_owned()),
        (1, format!("file {} seq 1 type b\n", "a".repeat(2000))),
        (1, "file a seq 1 type h\n".to_owned()),
    ] {
        assert_eq!(parts(text.as_bytes()).map_err(|BadManifest(at, _)| at), Err(line), "{text}");
    }
}
