// The lines that the program prints: the functions return whether a photo was answered.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "facewire/v1/detect.pb.h"

bool Found(const std::string& photo, const facewire::v1::DetectResponse& response);
bool Failed(const std::string& photo, const grpc::Status& status);
bool Failed(const std::string& photo, const facewire::v1::FrameError& error);
bool Unreadable(const std::string& photo);
