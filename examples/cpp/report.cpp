#include "report.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "google/rpc/code.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

using nlohmann::json;

namespace {

bool Failed(const std::string& photo, int code, const std::string& reason,
            const std::string& message) {
  const auto& name = google::rpc::Code_Name(static_cast<google::rpc::Code>(code));
  const json error = {{"code", name}, {"reason", reason}, {"message", message}};
  std::cout << json{{"image", photo}, {"error", error}} << std::endl;
  return false;
}

// Returns the reason in the ErrorInfo that the server's errors carry, or "".
std::string Reason(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& detail : details.details()) {
      if (detail.UnpackTo(&info)) return info.reason();
    }
  }
  return "";
}

}  // namespace

bool Found(const std::string& photo, const facewire::v1::DetectResponse& response) {
  json faces = json::array();
  for (const auto& face : response.detections()) {
    json landmarks = json::array();
    for (const auto& point : face.landmarks()) {
      landmarks.push_back({point.x(), point.y()});
    }
    const auto& box = face.box();
    faces.push_back({{"box", {box.x_min(), box.y_min(), box.x_max(), box.y_max()}},
                     {"confidence", face.confidence()},
                     {"label", face.label()},
                     {"class_id", face.class_id()},
                     {"landmarks", landmarks}});
  }
  std::cout << json{{"image", photo},
                    {"width", response.image_width()},
                    {"height", response.image_height()},
                    {"model", response.model_name()},
                    {"model_version", response.model_version()},
                    {"faces", faces}}
            << std::endl;
  return true;
}

bool Failed(const std::string& photo, const grpc::Status& status) {
  return Failed(photo, status.error_code(), Reason(status), status.error_message());
}

bool Failed(const std::string& photo, const facewire::v1::FrameError& error) {
  return Failed(photo, error.code(), error.reason(), error.message());
}

bool Unreadable(const std::string& photo) {
  return Failed(photo, google::rpc::INVALID_ARGUMENT, "UNREADABLE_FILE",
                photo + " cannot be read");
}
