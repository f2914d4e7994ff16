//! The longest common subsequence of two byte strings, as the LCS command reports it.

use std::ops::RangeInclusive;

/// Strings from this length on are refused: lengths and positions are kept in 32 bits.
pub const MAX_STRING_BYTES: u64 = u32::MAX as u64 - 1;
/// Redis's table has an entry of this size for every pair of prefixes.
const ENTRY_BYTES: u64 = 4;

/// A stretch of bytes that both strings have in common, as positions in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Positions in the first string, both ends included.
    pub a: RangeInclusive<usize>,
    /// Positions in the second string, both ends included.
    pub b: RangeInclusive<usize>,
}

impl Match {
    /// The number of bytes matched (WITHMATCHLEN).
    pub fn length(&self) -> usize {
        self.a.end() - self.a.start() + 1
    }
}

/// What the LCS command reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lcs {
    /// The subsequence itself; its length is the answer to LEN, whatever the filter on matches.
    pub subsequence: Vec<u8>,
    /// The matches from the last to the first (IDX).
    pub matches: Vec<Match>,
}

/// The bytes that Redis's table takes for two strings, or nothing when one of them is too long for LCS.
///
/// Clients know the command's limit as this size against `proto-max-bulk-len`, so callers check it before [`lcs`] and
/// [`length`], which take a thirty-second of it, and two rows, respectively.
pub fn table_bytes(a_len: usize, b_len: usize) -> Option<u64> {
    let entries = |len: usize| Some(len as u64).filter(|len| *len < MAX_STRING_BYTES).map(|len| len + 1);
    entries(a_len)?.checked_mul(entries(b_len)?)?.checked_mul(ENTRY_BYTES)
}

/// The length of the longest common subsequence (LEN alone), without finding it.
pub fn length(a: &[u8], b: &[u8]) -> usize {
    let mut row = vec![0u32; b.len() + 1];
    for byte in a {
        advance(&mut row, *byte, b, |_| ());
    }
    row[b.len()] as usize
}

/// Finds the longest common subsequence and the matches it consists of, leaving out those below `min_match_bytes`.
///
/// Of several longest subsequences this is the one Redis finds: walking back from both ends, where dropping either
/// last byte keeps the length, the second string's is dropped.
pub fn lcs(a: &[u8], b: &[u8], min_match_bytes: usize) -> Lcs {
    let table = Table::new(a, b);
    let mut found = Lcs::default();
    let mut open: Option<Match> = None;
    let (mut a_len, mut b_len) = (a.len(), b.len());
    while a_len > 0 && b_len > 0 {
        if a[a_len - 1] == b[b_len - 1] {
            a_len -= 1;
            b_len -= 1;
            found.subsequence.push(a[a_len]);
            let (a_end, b_end) = open.take().map_or((a_len, b_len), |later| (*later.a.end(), *later.b.end()));
            open = Some(Match { a: a_len..=a_end, b: b_len..=b_end });
        } else {
            found.matches.extend(open.take());
            if table.drops_first(a_len, b_len) {
                a_len -= 1;
            } else {
                b_len -= 1;
            }
        }
    }
    found.matches.extend(open);
    found.matches.retain(|part| part.length() >= min_match_bytes);
    found.subsequence.reverse();
    found
}

/// One bit for every pair of prefixes: whether leaving out the first string's last byte keeps a longer subsequence.
///
/// That bit is all the way back needs of the lengths, so the table is a thirty-second of one that holds them.
struct Table {
    words: Vec<u64>,
    words_per_row: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8]) -> Table {
        let words_per_row = b.len().div_ceil(u64::BITS as usize);
        let mut words = vec![0u64; words_per_row * a.len()];
        let mut row = vec![0u32; b.len() + 1];
        for (index, byte) in a.iter().enumerate() {
            let bits = &mut words[index * words_per_row..][..words_per_row];
            advance(&mut row, *byte, b, |column| {
                bits[column / u64::BITS as usize] |= 1 << (column % u64::BITS as usize);
            });
        }
        Table { words, words_per_row }
    }

    fn drops_first(&self, a_len: usize, b_len: usize) -> bool {
        let (row, column) = (a_len - 1, b_len - 1);
        let word = self.words[row * self.words_per_row + column / u64::BITS as usize];
        word >> (column % u64::BITS as usize) & 1 == 1
    }
}

/// Extends the first string by a byte: from the lengths of its old prefix with every prefix of `b` to the new ones.
///
/// Calls `drops_first` with each position of `b` where the new byte is better left out than that of `b`.
fn advance(row: &mut [u32], byte: u8, b: &[u8], mut drops_first: impl FnMut(usize)) {
    let (mut diagonal, mut left) = (0, 0);
    for (column, (other, length)) in b.iter().zip(&mut row[1..]).enumerate() {
        let above = *length;
        *length = if byte == *other {
            diagonal + 1
        } else {
            if above > left {
                drops_first(column);
            }
            above.max(left)
        };
        diagonal = above;
        left = *length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_command_page() {
        let found = lcs(b"ohmytext", b"mynewtext", 0);
        assert_eq!(found.subsequence, b"mytext");
        assert_eq!(found.matches, [Match { a: 4..=7, b: 5..=8 }, Match { a: 2..=3, b: 0..=1 }]);
        assert_eq!(found.matches[0].length(), 4);
        let filtered = lcs(b"ohmytext", b"mynewtext", 4);
        assert_eq!(filtered.matches, [Match { a: 4..=7, b: 5..=8 }]);
        assert_eq!(filtered.subsequence, b"mytext");
    }

    #[test]
    fn nothing_in_common() {
        assert_eq!(lcs(b"", b"abc", 0), Lcs::default());
        assert_eq!(lcs(b"abc", b"", 0), Lcs::default());
        assert_eq!(lcs(b"abc", b"def", 0), Lcs::default());
        assert_eq!(length(b"", b""), 0);
    }

    #[test]
    fn table_sizes() {
        assert_eq!(table_bytes(0, 0), Some(4));
        assert_eq!(table_bytes(9, 19), Some(800));
        assert_eq!(table_bytes(u32::MAX as usize, 0), None);
        let longest = MAX_STRING_BYTES as usize - 1;
        assert_eq!(table_bytes(longest, longest), None, "does not fit 64 bits");
        assert_eq!(table_bytes(longest, 0), Some(4 * (longest as u64 + 1)));
    }

    /// The whole table of lengths, as textbooks draw it.
    fn lengths(a: &[u8], b: &[u8]) -> Vec<Vec<usize>> {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] =
                    if a[i - 1] == b[j - 1] { table[i - 1][j - 1] + 1 } else { table[i - 1][j].max(table[i][j - 1]) };
            }
        }
        table
    }

    /// Walks the textbook's table back, preferring to drop the second string's byte; positions from the end.
    fn pairs(a: &[u8], b: &[u8]) -> Vec<(usize, usize)> {
        let table = lengths(a, b);
        let (mut i, mut j, mut pairs) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                pairs.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        pairs
    }

    proptest! {
        #[test]
        fn agrees_with_the_textbook(a in "[abc]{0,150}", b in "[abc]{0,150}", min_match_bytes in 0usize..4) {
            let (a, b) = (a.as_bytes(), b.as_bytes());
            let expected = pairs(a, b);
            prop_assert_eq!(length(a, b), expected.len());
            let all = lcs(a, b, 0);
            let positions = |part: &Match| part.a.clone().zip(part.b.clone()).collect::<Vec<_>>().into_iter().rev();
            let from_matches: Vec<_> = all.matches.iter().flat_map(positions).collect();
            prop_assert_eq!(&from_matches, &expected);
            let subsequence: Vec<u8> = expected.iter().rev().map(|(i, _)| a[*i]).collect();
            prop_assert_eq!(&all.subsequence, &subsequence);
            let filtered = lcs(a, b, min_match_bytes);
            let long_enough: Vec<_> = all.matches.into_iter().filter(|part| part.length() >= min_match_bytes).collect();
            prop_assert_eq!(filtered.matches, long_enough);
        }
    }
}
