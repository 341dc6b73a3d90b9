#!/bin/sh
# Generates facewirev1 from the .proto; GOOGLEAPIS is a folder with google/api/annotations.proto.
set -e
cd "$(dirname "$0")"
set -- ../../proto "${GOOGLEAPIS:-../../proto}"
protoc -I "$1" -I "$2" \
    --plugin="$(go tool -n protoc-gen-go)" --plugin="$(go tool -n protoc-gen-go-grpc)" \
    --go_out=. --go_opt=module=facewire/examples/go \
    --go_opt=Mfacewire/v1/detect.proto=facewire/examples/go/facewirev1 \
    --go-grpc_out=. --go-grpc_opt=module=facewire/examples/go \
    --go-grpc_opt=Mfacewire/v1/detect.proto=facewire/examples/go/facewirev1 \
    facewire/v1/detect.proto
