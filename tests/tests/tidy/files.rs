//! The files of the repository.

use std::path::{Path, PathBuf};

/// Folders with what tools made or fetched.
const NOT_OURS: &[&str] = &["target", "node_modules", "dist", "corpus", "artifacts"];

/// Deepest folder that is looked into, so that a loop of links ends.
const MAX_DEPTH: usize = 16;

/// The root of the repository.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests lies in the repository").to_owned()
}

/// A text file: its path from the root, with `/`, and its text.
pub struct File {
    pub path: String,
    pub text: String,
}

/// All files below a folder of the repository whose names end so, sorted by path.
pub fn below(folder: &str, ending: &str) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root().join(folder), MAX_DEPTH, &mut paths);
    paths.sort();
    let paths = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    // A colleague or a tool may take a file away meanwhile.
    let read = |path: PathBuf| Some(File { text: std::fs::read_to_string(&path).ok()?, path: shown(&path) });
    let files: Vec<File> = paths.filter_map(read).collect();
    assert!(!files.is_empty(), "no {ending} files in {folder}");
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).expect("it lies in the repository").to_string_lossy().replace('\\', "/")
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_file() {
            paths.push(entry.path());
        } else if kind.is_dir() && depth > 0 && !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
            collect(&entry.path(), depth - 1, paths);
        }
    }
}
