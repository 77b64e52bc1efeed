//! `kvs`: a camera, a viewer, a signaling service and a page that watches, on the command line.
#![forbid(unsafe_code)]

mod args;
mod channel;
mod demo;
mod failure;
mod master;
mod output;
mod page;
mod service;
mod sessions;
mod signals;
mod statistics;
mod viewer;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2.
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("KVS_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("the system gives no threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match args.command {
            Command::Demo(args) => Box::pin(demo::run(args)).await,
            Command::Master(args) => Box::pin(master::run(args)).await,
            Command::Viewer(args) => Box::pin(viewer::run(args)).await,
            Command::Channel(args) => Box::pin(channel::run(args)).await,
            Command::Service(args) => Box::pin(service::run(args)).await,
        }
    });
    // A name look-up that still runs must not keep the program from ending.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}
