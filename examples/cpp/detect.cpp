// Finds the faces in photos and prints one line of JSON for each of them.

#include <getopt.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <semaphore>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "facewire/v1/detect.grpc.pb.h"
#include "report.h"

namespace fs = std::filesystem;
using namespace facewire::v1;

namespace {

constexpr char kUsage[] = R"(usage: detect [OPTION]... PHOTO|FOLDER...
  --server HOST:PORT   default: 127.0.0.1:50051
  --ca FILE            encrypt, and trust the authorities in this PEM file
  --token-file FILE    holds the token to show
  --timeout SECONDS    what a photo may take; default: 30
)";

// A server that is full or absent is asked again, after the time that it asks for if it does.
// CANCELLED: a server that stops cancels calls that it has not begun.
constexpr char kServiceConfig[] = R"({"methodConfig": [{
  "name": [{"service": "facewire.v1.DetectService", "method": "Detect"}],
  "retryPolicy": {
    "maxAttempts": 5,
    "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"]
  }
}]})";

constexpr int kWindow = 16;  // photos of a stream that are on their way at a time

std::optional<std::string> Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) return std::nullopt;
  return content.str();
}

// Returns a channel, which connects at its first call.
std::shared_ptr<grpc::Channel> Connect(const std::string& server,
                                       const std::optional<std::string>& authorities) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  // A larger message is not sent again; the default is 256 KiB.
  arguments.SetInt(GRPC_ARG_PER_RPC_RETRY_BUFFER_SIZE, 33 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  const auto credentials = authorities ? grpc::SslCredentials({.pem_root_certs = *authorities})
                                       : grpc::InsecureChannelCredentials();
  return grpc::CreateCustomChannel(server, credentials, arguments);
}

class Detector {
 public:
  // `seconds` is what a photo may take.
  Detector(const std::shared_ptr<grpc::Channel>& channel, std::string token, double seconds)
      : stub_(DetectService::NewStub(channel)), token_(std::move(token)), seconds_(seconds) {}

  // Asks for one photo; returns whether it was answered.
  bool Detect(const std::string& path) {
    auto photo = Read(path);
    if (!photo) return Unreadable(path);
    DetectRequest request;
    request.set_encoded_image(std::move(*photo));
    DetectResponse response;
    grpc::ClientContext context;
    Prepare(context, 1);
    const auto status = stub_->Detect(&context, request, &response);
    return status.ok() ? Found(path, response) : Failed(path, status);
  }

  // Sends photos on one stream, which answers them in their order; returns whether it did.
  bool DetectAll(const std::vector<std::string>& paths) {
    grpc::ClientContext context;
    Prepare(context, paths.size());
    const auto stream = stub_->DetectStream(&context);
    std::counting_semaphore<> window(kWindow), sent(0);
    std::vector<char> readable(paths.size());
    std::thread sender([&] {
      for (size_t i = 0; i < paths.size(); ++i) {
        window.acquire();
        auto photo = Read(paths[i]);
        readable[i] = photo.has_value();
        sent.release();
        if (!photo) continue;
        DetectStreamRequest request;
        request.mutable_request()->set_encoded_image(std::move(*photo));
        stream->Write(request);  // false: the stream is broken; the reader learns why
      }
      stream->WritesDone();
    });
    bool all = true;
    std::optional<grpc::Status> broken;
    for (size_t i = 0; i < paths.size(); ++i) {
      sent.acquire();
      DetectStreamResponse answer;
      if (!readable[i]) {
        all = Unreadable(paths[i]);
      } else if (!broken && stream->Read(&answer)) {
        const bool found = answer.has_response() ? Found(paths[i], answer.response())
                                                 : Failed(paths[i], answer.error());
        all = found && all;
      } else {
        if (!broken) broken = stream->Finish();
        all = Failed(paths[i], *broken);
      }
      window.release();
    }
    sender.join();
    if (!broken) stream->Finish();
    return all;
  }

 private:
  void Prepare(grpc::ClientContext& context, size_t photos) const {
    const auto timeout = std::chrono::duration<double>(seconds_ * photos);
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::microseconds>(timeout));
    if (!token_.empty()) context.AddMetadata("authorization", "Bearer " + token_);
  }

  std::unique_ptr<DetectService::Stub> stub_;
  std::string token_;
  double seconds_;
};

// Returns the files in a folder, in the order of their names.
std::vector<std::string> FilesIn(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int count, char** values) {
  std::string server = "127.0.0.1:50051", token;
  std::optional<std::string> authorities;
  double seconds = 30;
  const option options[] = {{"server", required_argument, nullptr, 's'},
                            {"ca", required_argument, nullptr, 'c'},
                            {"token-file", required_argument, nullptr, 'k'},
                            {"timeout", required_argument, nullptr, 't'},
                            {}};
  for (int each; (each = getopt_long(count, values, "", options, nullptr)) != -1;) {
    if (each == 's') {
      server = optarg;
    } else if (each == 't') {
      seconds = std::stod(optarg);
    } else if (each == '?') {
      std::cerr << kUsage;
      return 2;
    } else if (auto content = Read(optarg); !content) {
      std::cerr << "detect: cannot read " << optarg << "\n";
      return 2;
    } else if (each == 'c') {
      authorities = content;
    } else {
      token = content->substr(0, content->find_last_not_of(" \r\n") + 1);
    }
  }
  if (optind == count) {
    std::cerr << kUsage;
    return 2;
  }
  Detector detector(Connect(server, authorities), token, seconds);
  bool answered = true;
  for (int i = optind; i < count; ++i) {
    const bool done = fs::is_directory(values[i]) ? detector.DetectAll(FilesIn(values[i]))
                                                  : detector.Detect(values[i]);
    answered = done && answered;
  }
  return answered ? 0 : 1;
}
