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
    /// Compile a model to C for a target, prove it and say what it costs
    Compile(Compile),
    /// Build, run, compare and count an artifact
    Measure(Measure),
    /// Run a model on given inputs with the reference interpreter
    Run(Run),
    /// Say what a model needs on a target or a described machine, op by op, without building it
    Cost(Cost),
    /// Find the best way to run layers on a described machine, to the proven optimum
    Map(Map),
    /// List the machines that come with nasc, show one, or check a hardware file
    Hardware(Hardware),
    /// Fit a device from measured samples, so that networks not measured have a latency with an interval
    Calibrate(Calibrate),
    /// Apply passes to a model and print it as .nasc text
    Opt(Opt),
    /// Read a model and write it as .nasc text, its weights beside it
    Import(Import),
    /// Write a model in another format
    Export(Export),
    /// List the targets, what proves their artifacts and what of it is missing here
    Targets(Targets),
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
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// What a model file leaves open.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// How the integer ops of a .tflite or .onnx round, which the file does not say
    #[arg(long, value_name = "PROFILE", value_parser = roundings())]
    pub(crate) rounding: Option<String>,
    /// Extent of a dynamic axis by its name in the model (repeatable)
    #[arg(long = "dim", value_name = "NAME=N")]
    pub(crate) dims: Vec<String>,
}

fn profiles() -> clap::builder::PossibleValuesParser {
    compile::limits::PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().into()
}

fn quantities() -> clap::builder::PossibleValuesParser {
    compile::limits::Quantity::all().map(compile::limits::Quantity::name).collect::<Vec<_>>().into()
}

fn export_formats() -> clap::builder::PossibleValuesParser {
    formats::Format::ALL.map(formats::Format::name).into()
}

fn roundings() -> clap::builder::PossibleValuesParser {
    formats::Rounding::ALL.map(formats::Rounding::name).into()
}

#[derive(Debug, Args)]
pub(crate) struct Compile {
    #[command(flatten)]
    pub(crate) model: Model,
    /// The machine to compile for; `nasc targets` lists them
    #[arg(short, long, value_name = "TARGET")]
    pub(crate) target: String,
    /// The pass pipeline, instead of the target's own
    #[arg(short, long, value_name = "PASSES")]
    pub(crate) passes: Option<String>,
    /// At most this much: sram=64KiB, flash=256KiB, latency=10ms, instructions=20M, ... (repeatable)
    #[arg(long = "limit", value_name = "K=V")]
    pub(crate) limit: Vec<String>,
    /// A named set of limits; `nasc targets --limits` lists them
    #[arg(long, value_name = "PROFILE", value_parser = profiles())]
    pub(crate) limits: Option<String>,
    /// Of the target's own and the named pipelines, take the one that needs least of this
    #[arg(long, value_name = "K", value_parser = quantities(), conflicts_with = "passes")]
    pub(crate) objective: Option<String>,
    /// What every C name and file begins with
    #[arg(long, value_name = "NAME", default_value = "model")]
    pub(crate) prefix: String,
    /// C of your own that computes the custom ops of the model; it becomes part of the artifact (repeatable)
    #[arg(long = "source", value_name = "FILE.c", value_hint = ValueHint::FilePath)]
    pub(crate) sources: Vec<PathBuf>,
    /// Build, run and compare the artifact; an error where the toolchain is missing
    #[arg(long, overrides_with = "no_verify")]
    pub(crate) verify: bool,
    /// Do not build and run the artifact
    #[arg(long, overrides_with = "verify")]
    pub(crate) no_verify: bool,
    /// The folder to write; an older artifact there is replaced
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Measure {
    /// The folder that `nasc compile` wrote
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Run the linked file by this command, as typed in a shell; its path is the last argument
    #[arg(long, value_name = "CMD")]
    pub(crate) runner: Option<String>,
    /// Compare every op's output too, and name the first that differs
    #[arg(long)]
    pub(crate) layers: bool,
    /// Run on these samples and compare with the interpreter
    #[arg(long, value_name = "X.npz", value_hint = ValueHint::FilePath)]
    pub(crate) input: Option<PathBuf>,
    /// Run on these samples and compare with the outputs beside them: arrays named as inputs and outputs, or x and y
    #[arg(long, value_name = "G.npz", value_hint = ValueHint::FilePath)]
    pub(crate) golden: Option<PathBuf>,
    /// Random inputs to run on as well (default: 3 where no others are given)
    #[arg(long, value_name = "N")]
    pub(crate) runs: Option<usize>,
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
pub(crate) struct Cost {
    #[command(flatten)]
    pub(crate) model: Model,
    /// The machine that code is generated for; `nasc targets` lists them
    #[arg(short, long, value_name = "TARGET", conflicts_with = "hardware")]
    pub(crate) target: Option<String>,
    /// Instead of a target: a hardware file (.toml), or a machine that comes with nasc; `nasc hardware` lists them
    #[arg(long, value_name = "H.toml|NAME", value_hint = ValueHint::FilePath)]
    pub(crate) hardware: Option<PathBuf>,
    /// Set a template parameter of the machine, e.g. rows=16 (repeatable)
    #[arg(long = "set", value_name = "NAME=N", conflicts_with = "target")]
    pub(crate) set: Vec<String>,
    /// The pass pipeline, instead of the target's own, or of `default`
    #[arg(short, long, value_name = "PASSES")]
    pub(crate) passes: Option<String>,
    /// What the mapping of each layer minimises, with --hardware
    #[arg(long, value_name = "K", value_enum, default_value = "edp", conflicts_with = "target")]
    pub(crate) objective: Objective,
}

/// A machine by its description.
#[derive(Debug, Args)]
pub(crate) struct Machine {
    /// The machine: a hardware file (.toml), or the name of one that comes with nasc; `nasc hardware` lists them
    #[arg(long, value_name = "H.toml|NAME", value_hint = ValueHint::FilePath)]
    pub(crate) hardware: PathBuf,
    /// Set a template parameter of the machine, e.g. rows=16 (repeatable)
    #[arg(long = "set", value_name = "NAME=N")]
    pub(crate) set: Vec<String>,
}

/// What to minimise.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Objective {
    /// Energy; latency among equals
    Energy,
    /// Latency; energy among equals
    Latency,
    /// Their product
    Edp,
}

#[derive(Debug, Args)]
pub(crate) struct Map {
    /// A layer table (.csv), a workload of Timeloop or ZigZag (.yaml), or a model: .tflite, .onnx or .nasc
    #[arg(value_name = "LAYERS.csv|MODEL", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// What to minimise
    #[arg(long, value_name = "K", value_enum, default_value = "edp", conflicts_with = "pareto")]
    pub(crate) objective: Objective,
    /// Every mapping of a layer that no other beats in both energy and latency
    #[arg(long)]
    pub(crate) pareto: bool,
    /// Settle a part of every mapping, e.g. "spatial=K:16,C:14" or "order.buffer=N,K"; @FILE reads it (repeatable)
    #[arg(long = "fix", value_name = "KEY=VALUE|@FILE")]
    pub(crate) fix: Vec<String>,
    /// Stop a layer's search after this long, e.g. 5s or 200ms, and say how far below the optimum could lie
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Keep what was found in this folder, and look there first (default: NASC_CACHE where that is set, else nowhere)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) cache: Option<PathBuf>,
    /// Layers searched at once (default: one a processor)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// The pass pipeline applied to a model before its layers are taken
    #[arg(short, long, value_name = "PASSES", default_value = "default")]
    pub(crate) passes: String,
    /// Print the loop nest of every layer under the table
    #[arg(long, visible_alias = "verbose")]
    pub(crate) nest: bool,
    /// Sweep template parameters, e.g. rows=8..32,cols=8..32:4: the settings no other beats in latency, energy and area
    #[arg(long, value_name = "NAME=A..B[:STEP]", conflicts_with_all = ["pareto", "nest"])]
    pub(crate) sweep: Option<String>,
    /// With --sweep: give up settings that are better by less than this part in every figure
    #[arg(long, value_name = "PART", default_value_t = 0.0, requires = "sweep")]
    pub(crate) tolerance: f64,
    /// Write the result here: a folder gets mapping.json and report.html with pictures, a .json or .html file that alone, a
    /// .yaml file the mapping of a single layer as Timeloop reads it
    #[arg(short, long, value_name = "DIR|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Hardware {
    #[command(subcommand)]
    pub(crate) check: Option<HardwareCommand>,
    /// Show this machine alone, with the source of every number
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// What else `nasc hardware` does.
#[derive(Debug, Subcommand)]
pub(crate) enum HardwareCommand {
    /// Read a hardware file and say what was understood, or what is wrong and where
    Check {
        /// The hardware file
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Set a template parameter, e.g. rows=16 (repeatable)
        #[arg(long = "set", value_name = "NAME=N")]
        set: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Targets {
    /// List the named sets of limits instead
    #[arg(long)]
    pub(crate) limits: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The target the samples were measured on; `nasc targets` lists them
    #[arg(
        short,
        long,
        value_name = "TARGET",
        required_unless_present_any = ["hardware", "measure"],
        conflicts_with_all = ["hardware", "measure"]
    )]
    pub(crate) target: Option<String>,
    /// Instead of a target: a hardware file (.toml), or a machine that comes with nasc; `nasc hardware` lists them
    #[arg(long, value_name = "H.toml|NAME", conflicts_with = "measure", value_hint = ValueHint::FilePath)]
    pub(crate) hardware: Option<PathBuf>,
    /// The samples: latency_ms (and energy_mj) of a model in each row, or of a row of features such as milliseconds per resource;
    /// with --measure how many networks are drawn and timed, 100 where not given
    #[arg(long, value_name = "S.csv|N", required_unless_present = "measure", value_hint = ValueHint::FilePath)]
    pub(crate) samples: Option<PathBuf>,
    /// Instead of samples: draw random networks, time them on this machine's CPU in --runtime (onnxruntime, litert or host)
    /// and fit them
    #[arg(long)]
    pub(crate) measure: bool,
    /// With --measure: fit only the first N networks and say how the others are predicted
    #[arg(long, value_name = "N", requires = "measure")]
    pub(crate) train: Option<usize>,
    /// A device already known, as an earlier calibration wrote it; ten samples are enough beside some (repeatable)
    #[arg(long, value_name = "FROM.toml", num_args = 1.., value_hint = ValueHint::FilePath)]
    pub(crate) few_shot: Vec<PathBuf>,
    /// What ran the samples, where the table does not say; it is part of the device's name
    #[arg(long, value_name = "TEXT")]
    pub(crate) runtime: Option<String>,
    /// Share of networks that shall lie inside their interval
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    pub(crate) interval: f64,
    /// Seed of folds and resamples
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The pass pipeline applied to a model before its features are taken
    #[arg(short, long, value_name = "PASSES", default_value = "default")]
    pub(crate) passes: String,
    /// The device file to write
    #[arg(short, long, value_name = "H.toml", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
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
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) model: Model,
    /// The format
    #[arg(short, long, value_name = "FORMAT", value_parser = export_formats())]
    pub(crate) format: String,
    /// The file to write
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
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
