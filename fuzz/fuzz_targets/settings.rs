//! Configuration files: words survive quoting, and a rewritten file says what the settings are.
#![no_main]

use larder_core::settings::{Directive, Origin, Settings, is_comment, quote, split_words};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(split_words(quote(bytes).as_bytes()), Some(vec![bytes.to_vec()]));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    Settings::default().get(bytes);

    let Some(settings) = read(text) else { return };
    let rewritten = settings.rewrite(text);
    assert_eq!(read(&rewritten).as_ref(), Some(&settings), "{rewritten}");
    // Each rewrite ends lines with LF, so a line that ends in several CRs loses one of them.
    if !text.contains('\r') {
        assert_eq!(settings.rewrite(&rewritten), rewritten);
    }
});

/// The settings of a file that a server would start with.
fn read(text: &str) -> Option<Settings> {
    let mut directives = Vec::new();
    for line in text.lines().filter(|line| !is_comment(line.as_bytes())) {
        let directive = Directive::parse(line.as_bytes())?;
        directives.push(directive.word_count_fits().then_some(directive)?);
    }
    let pairs: Vec<_> = directives.iter().map(|it| (it.name.as_slice(), it.value.as_slice())).collect();
    let mut settings = Settings::default();
    settings.set_all(&pairs, Origin::Start).ok().map(|()| settings)
}
