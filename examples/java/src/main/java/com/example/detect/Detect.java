package com.example.detect;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.MINUTES;

import com.facewire.v1.DetectServiceGrpc;
import com.facewire.v1.DetectServiceGrpc.DetectServiceBlockingV2Stub;
import com.google.gson.Gson;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Finds the faces in photos and prints one line of JSON for each of them. */
@Command(name = "detect", sortOptions = false, exitCodeOnExecutionException = 1)
public final class Detect implements Callable<Integer> {
  /**
   * A server that is full or absent is asked again, after the time that it asks for if it does.
   *
   * <p>CANCELLED: a server that stops cancels calls that it has not begun.
   */
  private static final String SERVICE_CONFIG =
      """
      {"methodConfig": [{
        "name": [{"service": "facewire.v1.DetectService", "method": "Detect"}],
        "retryPolicy": {
          "maxAttempts": 5,
          "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2,
          "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"]
        }
      }]}
      """;

  @Parameters(paramLabel = "PHOTO|FOLDER", arity = "1..*")
  private List<Path> paths;

  @Option(names = "--server", paramLabel = "HOST:PORT", description = "Default: ${DEFAULT-VALUE}")
  private String server = "127.0.0.1:50051";

  @Option(names = "--ca", paramLabel = "FILE", description = "Encrypt; trust its authorities (PEM).")
  private Path ca;

  @Option(names = "--token-file", paramLabel = "FILE", description = "Holds the token to show.")
  private Path tokenFile;

  @Option(names = "--timeout", paramLabel = "SECONDS", description = "What a photo may take.")
  private double timeout = 30;

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Detect()).execute(arguments));
  }

  /** Returns the exit status: 0 if all photos were answered, else 1; 2 for wrong usage. */
  @Override
  public Integer call() throws IOException, InterruptedException {
    ChannelCredentials credentials;
    Metadata headers = new Metadata();
    try {
      credentials = credentials();
      if (tokenFile != null) {
        var authorization = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        headers.put(authorization, "Bearer " + Files.readString(tokenFile).strip());
      }
    } catch (IOException error) {
      System.err.println("detect: cannot read " + error.getMessage());
      return 2;
    }
    ManagedChannel channel = connect(credentials);
    try {
      var stub =
          DetectServiceGrpc.newBlockingV2Stub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
      boolean answered = true;
      for (Path path : paths) {
        answered &= detect(stub, path);
      }
      return answered ? 0 : 1;
    } finally {
      channel.shutdownNow();
    }
  }

  private ChannelCredentials credentials() throws IOException {
    if (ca == null) {
      return InsecureChannelCredentials.create();
    }
    return TlsChannelCredentials.newBuilder().trustManager(ca.toFile()).build();
  }

  /** Returns a channel, which connects at its first call. */
  @SuppressWarnings("unchecked") // gRPC takes a service config as what Gson makes of its JSON
  private ManagedChannel connect(ChannelCredentials credentials) {
    return Grpc.newChannelBuilder(server, credentials)
        .defaultServiceConfig(new Gson().fromJson(SERVICE_CONFIG, Map.class))
        // A larger message is not sent again; the defaults are 1 MiB, and 16 MiB for all calls.
        .perRpcBufferLimit(33 << 20)
        .retryBufferSize(66 << 20)
        .keepAliveTime(1, MINUTES)
        .build();
  }

  private boolean detect(DetectServiceBlockingV2Stub stub, Path path)
      throws IOException, InterruptedException {
    long milliseconds = (long) (1e3 * timeout);
    if (!Files.isDirectory(path)) {
      return Photos.detect(stub.withDeadlineAfter(milliseconds, MILLISECONDS), path);
    }
    try (Stream<Path> files = Files.list(path)) {
      List<Path> photos = files.filter(file -> !Files.isDirectory(file)).sorted().toList();
      long total = milliseconds * photos.size();
      return Photos.detectAll(stub.withDeadlineAfter(total, MILLISECONDS), photos);
    }
  }
}
