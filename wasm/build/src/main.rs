//! Runs wasm-bindgen as a library: `larder-wasm-build INPUT.wasm OUTPUT_DIRECTORY`.
//!
//! The crate's version is pinned to the one of `wasm-bindgen`, so no separately installed tool can disagree with it.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

/// Name of the output files without their endings.
const OUTPUT_NAME: &str = "larder";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(input), Some(output), None) = (args.next(), args.next(), args.next()) else {
        eprintln!("usage: larder-wasm-build INPUT.wasm OUTPUT_DIRECTORY");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).out_name(OUTPUT_NAME).typescript(true);
    // A trapped instance is unusable: the package starts over with a fresh one.
    bindgen.reset_state_function(true);
    if std::env::var_os("LARDER_KEEP_NAMES").is_none() {
        bindgen.remove_name_section(true).remove_producers_section(true);
    }
    match bindgen.web(true).and_then(|bindgen| bindgen.generate(output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("larder-wasm-build: {error:#}");
            ExitCode::FAILURE
        }
    }
}
