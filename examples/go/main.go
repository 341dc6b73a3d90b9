// Detect finds the faces in photos and prints one line of JSON for each of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	pb "facewire/examples/go/facewirev1"
)

//go:generate sh generate.sh

// A server that is full or absent is asked again, after the time that it asks for if it does.
// CANCELLED: a server that stops cancels calls that it has not begun.
const serviceConfig = `{"methodConfig": [{
	"name": [{"service": "facewire.v1.DetectService", "method": "Detect"}],
	"retryPolicy": {
		"maxAttempts": 5,
		"initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"]
	}
}]}`

var (
	server    = flag.String("server", "127.0.0.1:50051", "`HOST:PORT` of the server")
	ca        = flag.String("ca", "", "encrypt, and trust the authorities in this PEM `FILE`")
	tokenFile = flag.String("token-file", "", "a `FILE` that holds the token to show")
	timeout   = flag.Float64("timeout", 30, "`SECONDS` that a photo may take")
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: detect [OPTION]... PHOTO|FOLDER...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	connection, ctx, err := connect()
	if err != nil {
		fmt.Fprintln(os.Stderr, "detect:", err)
		os.Exit(2)
	}
	defer connection.Close()
	client := pb.NewDetectServiceClient(connection)
	answered := true
	for _, path := range flag.Args() {
		if entries, err := os.ReadDir(path); err == nil {
			answered = detectFolder(ctx, client, files(path, entries)) && answered
		} else {
			answered = detectPhoto(ctx, client, path) && answered
		}
	}
	if !answered {
		os.Exit(1)
	}
}

// connect returns a connection, which the first call opens, and the context of the calls.
func connect() (*grpc.ClientConn, context.Context, error) {
	ctx, transport := context.Background(), insecure.NewCredentials()
	if *tokenFile != "" {
		token, err := os.ReadFile(*tokenFile)
		if err != nil {
			return nil, nil, err
		}
		bearer := "Bearer " + strings.TrimSpace(string(token))
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", bearer)
	}
	if *ca != "" {
		tls, err := credentials.NewClientTLSFromFile(*ca, "")
		if err != nil {
			return nil, nil, err
		}
		transport = tls
	}
	connection, err := grpc.NewClient(*server,
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// A larger message is not sent again; the default is 256 KiB.
		grpc.WithDefaultCallOptions(grpc.MaxRetryRPCBufferSize(32<<20)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute}),
	)
	return connection, ctx, err
}
