//! The command line: the one place where commands and flags are declared. Help, completions and the reference page derive from it.

use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// Compile trained networks to C that fits a microcontroller or a CPU: bit-exact, with memory and instructions known before
/// anything is flashed.
#[derive(Debug, Parser)]
#[command(name = "nasc", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 the answer is no, with the reason; 2 the input is wrong, with the place and what was expected.";

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Print the result as one JSON value with stable keys
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but what was asked for and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// What `nasc` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a model on given inputs with the reference interpreter
    Run(Run),
    /// Apply passes to a model and print it as .nasc text
    Opt(Opt),
    /// Read a model and write it as .nasc text, its weights beside it
    Import(Import),
    /// List the targets, what proves their artifacts and what of it is missing here
    Targets,
    /// List the passes and named pipelines
    Passes,
    /// List the ops, or explain one
    Ops(Ops),
    /// Run the snapshot file tests of a folder
    Test(Test),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the reference page of commands, ops, passes and targets, in Markdown
    Reference,
}

/// A model file.
#[derive(Debug, Args)]
pub(crate) struct Model {
    /// The model: .tflite, .onnx or .nasc
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// How the integer ops of a .tflite or .onnx round, which the file does not say
    #[arg(long, value_name = "PROFILE", value_parser = roundings())]
    pub(crate) rounding: Option<String>,
    /// Extent of a dynamic axis by its name in the model (repeatable)
    #[arg(long = "dim", value_name = "NAME=N")]
    pub(crate) dims: Vec<String>,
}

fn roundings() -> clap::builder::PossibleValuesParser {
    formats::Rounding::ALL.map(formats::Rounding::name).into()
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) model: Model,
    /// One array per input: an .npy, or an .npz with the inputs' names; several samples may lie behind one another
    #[arg(short, long, value_name = "X.npy|X.npz", value_hint = ValueHint::FilePath)]
    pub(crate) input: PathBuf,
    /// Write the outputs here: an .npy where there is one, or an .npz with the outputs' names
    #[arg(short, long, value_name = "Y.npy|Y.npz", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Ask the independent second opinion instead, in float
    #[arg(long)]
    pub(crate) oracle: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Opt {
    #[command(flatten)]
    pub(crate) model: Model,
    /// The pipeline: passes in order, e.g. "canonicalize, fuse"; with --target its own where none is given
    #[arg(short, long, value_name = "PASSES")]
    pub(crate) passes: Option<String>,
    /// Exact rewrite rules of your own, applied behind the passes
    #[arg(long, value_name = "FILE.rules", value_hint = ValueHint::FilePath)]
    pub(crate) rules: Option<PathBuf>,
    /// What the passes may exploit and what they pay
    #[arg(short, long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Print what changed instead of the result
    #[arg(long)]
    pub(crate) diff: bool,
    /// Print the graph behind every pass
    #[arg(long)]
    pub(crate) print_after_all: bool,
    /// Print what each pass did, on standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// Compare both graphs in the interpreter on N random inputs: integers bit for bit
    #[arg(long, value_name = "N")]
    pub(crate) verify_exact: Option<usize>,
    /// Write the text (and its weights beside it) here; - for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) model: Model,
    /// The .nasc file to write, the weights go into a .safetensors beside it; - prints the text alone
    #[arg(short, long, value_name = "FILE.nasc", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Ops {
    /// Explain this op alone
    #[arg(value_name = "OP")]
    pub(crate) op: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The folder with the tests
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Make what is printed now the expectation
    #[arg(long)]
    pub(crate) bless: bool,
    /// Run only the tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_says_what_it_does() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }
}
