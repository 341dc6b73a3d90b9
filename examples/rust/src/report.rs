//! The lines that the program prints.

use std::io;
use std::path::Path;

use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::protos::facewire::v1::{DetectResponse, FrameError};

/// Why a photo was not answered.
pub struct Failure {
    code: Code,
    reason: String,
    message: String,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        // The server's errors carry their reason in an ErrorInfo.
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        Self { code: status.code(), reason, message: status.message().to_owned() }
    }
}

impl From<FrameError> for Failure {
    fn from(error: FrameError) -> Self {
        Self { code: error.code.into(), reason: error.reason, message: error.message }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let (code, reason) = (Code::InvalidArgument, "UNREADABLE_FILE".to_owned());
        Self { code, reason, message: error.to_string() }
    }
}

/// Prints what was found in a photo, or why nothing was; returns whether it was answered.
pub fn report(path: &Path, result: Result<DetectResponse, Failure>) -> bool {
    let image = path.display().to_string();
    let answered = result.is_ok();
    let line = match result {
        Ok(response) => json!({
            "image": image,
            "width": response.image_width,
            "height": response.image_height,
            "model": response.model_name,
            "model_version": response.model_version,
            "faces": response.detections.iter().map(|face| {
                let b = face.r#box.unwrap_or_default();
                json!({
                    "box": [b.x_min, b.y_min, b.x_max, b.y_max],
                    "confidence": face.confidence,
                    "label": face.label,
                    "class_id": face.class_id,
                    "landmarks": face.landmarks.iter().map(|p| [p.x, p.y]).collect::<Vec<_>>(),
                })
            }).collect::<Vec<_>>(),
        }),
        Err(Failure { code, reason, message }) => json!({
            "image": image,
            "error": {"code": name(code), "reason": reason, "message": message},
        }),
    };
    println!("{line}");
    answered
}

/// Returns the name of a status as gRPC spells it: INVALID_ARGUMENT for InvalidArgument.
fn name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
