//! Reads a redis.conf: comments, quotes, `include`, and an error that names the file and the line.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use larder_core::glob;
use larder_core::settings::{Directive, is_comment, split_words};

/// Files that may include each other in a row; deeper is a loop.
const MAX_INCLUDE_DEPTH: usize = 16;
/// Most files that fit the pattern of one `include`.
const MAX_INCLUDED_FILES: usize = 1024;
/// Most bytes of one file: a thousand times the annotated redis.conf would still fit.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most bytes of one line.
const MAX_LINE_BYTES: usize = 64 << 10;
/// Most directives of all files together, so that includes cannot multiply without end.
const MAX_DIRECTIVES: usize = 65_536;

/// A directive and where it was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Located {
    /// The directive.
    pub directive: Directive,
    /// Where it stands.
    pub place: Place,
}

/// Where a directive was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An option of the command line.
    CommandLine,
    /// A line of a file.
    Line {
        /// The file, as it was named.
        file: PathBuf,
        /// The line, from 1.
        number: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::CommandLine => write!(out, "command line"),
            Place::Line { file, number } => write!(out, "line {number} of {}", file.display()),
        }
    }
}

/// Reads the directives of a file and of the files it includes, in order.
///
/// The error is one line that says what is wrong and where.
pub fn read(file: &Path) -> Result<Vec<Located>, String> {
    let mut found = Vec::new();
    read_into(&mut found, file, 0).map_err(|error| error.to_string())?;
    Ok(found)
}

/// What is wrong, and at which line unless the file named on the command line cannot be read.
struct Refusal {
    what: String,
    place: Option<Place>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.what)?;
        self.place.iter().try_for_each(|place| write!(out, " ({place})"))
    }
}

fn read_into(found: &mut Vec<Located>, file: &Path, depth: usize) -> Result<(), Refusal> {
    let text = contents(file).map_err(|why| Refusal { what: why, place: None })?;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let place = Place::Line { file: file.to_owned(), number: index + 1 };
        let refuse = |what: &str| Refusal { what: what.to_owned(), place: Some(place.clone()) };
        if is_comment(line) {
            continue;
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(refuse(&format!("line longer than {MAX_LINE_BYTES} bytes")));
        }
        let words = split_words(line).ok_or_else(|| refuse("unbalanced quotes"))?;
        let Some((name, values)) = words.split_first() else {
            continue;
        };
        if name.eq_ignore_ascii_case(b"include") {
            let [included] = values else {
                return Err(refuse("include: wrong number of arguments"));
            };
            if depth == MAX_INCLUDE_DEPTH {
                return Err(refuse(&format!("include: more than {MAX_INCLUDE_DEPTH} files deep")));
            }
            let included = files_of(included).map_err(|why| refuse(&format!("include: {why}")))?;
            let at_include = |refusal: Refusal| match refusal.place {
                Some(_) => refusal,
                None => refuse(&format!("include: {}", refusal.what)),
            };
            for file in included {
                read_into(found, &file, depth + 1).map_err(at_include)?;
            }
            continue;
        }
        if found.len() == MAX_DIRECTIVES {
            return Err(refuse(&format!("more than {MAX_DIRECTIVES} directives")));
        }
        found.push(Located { directive: Directive::new(name.clone(), values), place });
    }
    Ok(())
}

fn contents(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("cannot read {}: {}", file.display(), reason(&error));
    let mut text = Vec::new();
    let limited = File::open(file).map_err(cannot)?.take(MAX_FILE_BYTES + 1);
    { limited }.read_to_end(&mut text).map_err(cannot)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("cannot read {}: it is larger than {MAX_FILE_BYTES} bytes", file.display()));
    }
    Ok(text)
}

/// The files an `include` names: one, or those that fit a pattern, by name. As in Redis a pattern may fit none.
fn files_of(word: &[u8]) -> Result<Vec<PathBuf>, String> {
    let text = std::str::from_utf8(word).map_err(|_| "argument must be UTF-8 text".to_owned())?;
    if !is_pattern(text) {
        return Ok(vec![PathBuf::from(text)]);
    }
    let mut found = vec![PathBuf::new()];
    for part in Path::new(text).components() {
        let name = part.as_os_str();
        found = match name.to_str().filter(|name| is_pattern(name)) {
            None => found.into_iter().map(|path| path.join(name)).filter(|path| path.exists()).collect(),
            Some(pattern) => {
                let mut fitting = Vec::new();
                for folder in &found {
                    fitting.extend(fitting_in(folder, pattern).map_err(|error| reason(&error))?);
                }
                fitting
            }
        };
        if found.len() > MAX_INCLUDED_FILES {
            return Err(format!("more than {MAX_INCLUDED_FILES} files fit {text}"));
        }
    }
    Ok(found)
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// What fits a pattern in a folder, in the order of names. A name that begins with a dot has to be named so.
fn fitting_in(folder: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !here.is_dir() {
        return Ok(Vec::new());
    }
    // A shell's `[!a]` is `[^a]` here.
    let pattern = pattern.replace("[!", "[^");
    let mut fitting = Vec::new();
    for entry in fs::read_dir(here)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if glob::matches(pattern.as_bytes(), bytes, false) && (pattern.starts_with('.') || !bytes.starts_with(b".")) {
            fitting.push(folder.join(name));
        }
    }
    fitting.sort_unstable();
    Ok(fitting)
}

/// The operating system's reason without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of files that is removed again.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str, files: &[(&str, &str)]) -> Files {
            let dir = std::env::temp_dir().join(format!("larder-conf-{name}-{}", std::process::id()));
            fs::create_dir_all(&dir).expect("the temporary directory is writable");
            let files_in = Files(dir);
            for (file, text) in files {
                let text = text.replace("{dir}", &files_in.0.display().to_string());
                fs::write(files_in.0.join(file), text).expect("the temporary directory is writable");
            }
            files_in
        }

        fn read(&self, file: &str) -> Result<Vec<String>, String> {
            let located = read(&self.0.join(file)).map_err(|error| error.replace(&*self.0.to_string_lossy(), "DIR"))?;
            let text = |one: Located| {
                let directive = one.directive;
                let [name, value] =
                    [directive.name, directive.value].map(|word| String::from_utf8_lossy(&word).into_owned());
                format!("{name}={value}/{}", directive.word_count)
            };
            Ok(located.into_iter().map(text).collect())
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            // Nothing depends on the directory being gone.
            let _ignored = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn comments_quotes_and_includes() {
        let files = Files::new(
            "good",
            &[
                ("a", "# note\n\n  # more\nport 1\r\nsave \"\"\nINCLUDE {dir}/b\nlogfile 'a b'\nsave 1 2"),
                ("b", "port 2\n"),
            ],
        );
        let expected = ["port=1/1", "save=/1", "port=2/1", "logfile=a b/1", "save=1 2/2"];
        assert_eq!(files.read("a").expect("the file is good"), expected);
    }

    #[test]
    fn an_include_may_be_a_pattern() {
        let texts = [
            ("2.conf", "port 2"),
            ("10.conf", "port 10"),
            (".hidden.conf", "port 3"),
            ("all", "include {dir}/*.conf"),
            ("one", "include {dir}/[!1]?conf\nport 4"),
            ("none", "include {dir}/nosuch/*.conf\nport 5\ninclude {dir}/x?\n"),
            ("folder", "include {dir}/../*/[0-9].conf"),
        ];
        let files = Files::new("pattern", &texts);
        let cases: [(&str, &[&str]); 3] =
            [("all", &["port=10/1", "port=2/1"]), ("one", &["port=2/1", "port=4/1"]), ("none", &["port=5/1"])];
        for (file, expected) in cases {
            assert_eq!(files.read(file).expect("the files are good"), expected, "{file}");
        }
        assert!(files.read("folder").expect("the files are good").contains(&"port=2/1".to_owned()));
    }

    #[test]
    fn lists_may_be_empty_or_stand_in_one_word() {
        let files = Files::new("lists", &[("a", "save\nsave \"900  1\t60 5\"\nsave '900 1\nbind\n")]);
        assert!(files.read("a").is_err(), "a quote is open");
        let files = Files::new("lists", &[("a", "save\nsave \"900  1\t60 5\"\nbind\nrequirepass 'a  b'\n")]);
        let expected = ["save=/0", "save=900 1 60 5/1", "bind=/0", "requirepass=a  b/1"];
        assert_eq!(files.read("a").expect("the file is good"), expected);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let files = Files::new(
            "bad",
            &[
                ("quote", "port 1\nrequirepass \"abc\n"),
                ("words", "include a b\n"),
                ("missing", "\n\ninclude {dir}/none\n"),
                ("outer", "include {dir}/quote\n"),
                ("loop", "include {dir}/loop\n"),
                ("directory", "include {dir}\n"),
                ("long", &format!("port 1\nlogfile {}\n", "x".repeat(MAX_LINE_BYTES))),
                ("many", &"port 1\n".repeat(MAX_DIRECTIVES + 1)),
            ],
        );
        let cases = [
            ("quote", "unbalanced quotes (line 2 of DIR/quote)"),
            ("words", "include: wrong number of arguments (line 1 of DIR/words)"),
            ("missing", "include: cannot read DIR/none: No such file or directory (line 3 of DIR/missing)"),
            ("none", "cannot read DIR/none: No such file or directory"),
            ("outer", "unbalanced quotes (line 2 of DIR/quote)"),
            ("loop", "include: more than 16 files deep (line 1 of DIR/loop)"),
            ("directory", "include: cannot read DIR: Is a directory (line 1 of DIR/directory)"),
            ("long", "line longer than 65536 bytes (line 2 of DIR/long)"),
            ("many", "more than 65536 directives (line 65537 of DIR/many)"),
        ];
        for (file, expected) in cases {
            assert_eq!(files.read(file), Err(expected.to_owned()), "{file}");
        }
    }
}
