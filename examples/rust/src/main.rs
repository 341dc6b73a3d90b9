//! Finds the faces in photos and prints one line of JSON for each of them.

mod detector;
mod report;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use detector::Detector;

#[allow(clippy::doc_lazy_continuation)] // comments of Google's
pub mod protos {
    include!(concat!(env!("OUT_DIR"), "/protos.rs"));
}

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[arg(required = true, value_name = "PHOTO|FOLDER")]
    paths: Vec<PathBuf>,
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    server: String,
    /// Encrypt, and trust the authorities in this PEM file
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Holds the token to show
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What a photo may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    timeout: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse(); // exits with status 2 for wrong usage
    let detector = match connect(&arguments) {
        Ok(detector) => detector,
        Err(error) => {
            eprintln!("detect: {error}");
            return ExitCode::from(2);
        }
    };
    let mut answered = true;
    for path in &arguments.paths {
        answered &= if path.is_dir() {
            detector.detect_all(files_in(path)).await
        } else {
            detector.detect(path).await
        };
    }
    ExitCode::from(if answered { 0 } else { 1 })
}

/// Returns a detector, which connects at its first call.
fn connect(arguments: &Arguments) -> Result<Detector, Box<dyn Error>> {
    let scheme = if arguments.ca.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{}", arguments.server))?
        .http2_keep_alive_interval(Duration::from_secs(60));
    if let Some(ca) = &arguments.ca {
        let authorities = Certificate::from_pem(fs::read(ca)?);
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(authorities))?;
    }
    let channel: Channel = endpoint.connect_lazy();
    let authorization = match &arguments.token_file {
        Some(file) => Some(format!("Bearer {}", fs::read_to_string(file)?.trim()).parse()?),
        None => None,
    };
    let timeout = Duration::try_from_secs_f64(arguments.timeout)?;
    Ok(Detector::new(channel, authorization, timeout))
}

/// Returns the files in a folder, in the order of their names.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| !path.is_dir()).collect();
    files.sort();
    files
}
