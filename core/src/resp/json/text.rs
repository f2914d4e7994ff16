//! Bytes as JSON strings.

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `text` in quotes, escaped; each malformed sequence becomes one U+FFFD.
pub(super) fn write_plain(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        escape(chunk.valid().as_bytes(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Copies runs that need no escape in one piece.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    for (index, &byte) in text.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[copied..index]);
        copied = index + 1;
        out.push(b'\\');
        match byte {
            b'"' | b'\\' => out.push(byte),
            b'\n' => out.push(b'n'),
            b'\r' => out.push(b'r'),
            b'\t' => out.push(b't'),
            _ => {
                out.extend_from_slice(b"u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&text[copied..]);
}

/// Appends `text` in quotes and base64, with padding (RFC 4648, section 4).
pub(super) fn write_base64(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len().div_ceil(3) * 4 + 2);
    out.push(b'"');
    for group in text.chunks(3) {
        let mut bits = 0u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(group.get(place).copied().unwrap_or(0));
        }
        let mut letters = [b'='; 4];
        for (place, letter) in letters.iter_mut().enumerate().take(group.len() + 1) {
            *letter = BASE64[(bits >> (18 - 6 * place)) as usize & 63];
        }
        out.extend_from_slice(&letters);
    }
    out.push(b'"');
}
