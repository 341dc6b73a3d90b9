//! Generates the client from the .proto; needs protoc. GOOGLEAPIS is a folder that holds
//! google/api/annotations.proto, which detect.proto imports; default: ../../proto.

use std::{env, io, path::Path};

fn main() -> io::Result<()> {
    let proto = Path::new("../../proto");
    let googleapis = env::var("GOOGLEAPIS").unwrap_or_else(|_| proto.display().to_string());
    println!("cargo:rerun-if-env-changed=GOOGLEAPIS");
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".facewire") // photos are cloned without a copy
        .include_file("protos.rs")
        .compile_protos(
            &[proto.join("facewire/v1/detect.proto").as_path()],
            &[proto, Path::new(&googleapis)],
        )
}
