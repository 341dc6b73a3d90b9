package com.example.detect;

import com.facewire.v1.DetectRequest;
import com.facewire.v1.DetectServiceGrpc.DetectServiceBlockingV2Stub;
import com.facewire.v1.DetectStreamRequest;
import com.facewire.v1.DetectStreamResponse;
import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/** Asks for the faces in photos; the methods return whether all were answered. */
final class Photos {
  /** Photos of a stream that are on their way at a time. */
  private static final int WINDOW = 16;

  /** A photo whose answer is awaited; the error says why it was not sent. */
  private record Photo(Path path, IOException error) {}

  private Photos() {}

  static boolean detect(DetectServiceBlockingV2Stub stub, Path path) throws InterruptedException {
    try {
      return Report.found(path, stub.detect(read(path)));
    } catch (IOException | StatusException error) {
      return Report.failed(path, error);
    }
  }

  /** Sends photos on one stream, which answers them in their order. */
  static boolean detectAll(DetectServiceBlockingV2Stub stub, List<Path> paths)
      throws InterruptedException {
    BlockingClientCall<DetectStreamRequest, DetectStreamResponse> call = stub.detectStream();
    var photos = new ArrayBlockingQueue<Photo>(WINDOW - 1); // the loop below holds one more
    var sender = new Thread(() -> send(call, paths, photos));
    sender.start();
    boolean answered = true;
    for (int each = 0; each < paths.size(); each++) {
      Photo photo = photos.take();
      answered &= photo.error == null ? receive(call, photo.path) : Report.failed(photo.path, photo.error);
    }
    sender.join();
    return answered;
  }

  private static void send(
      BlockingClientCall<DetectStreamRequest, DetectStreamResponse> call,
      List<Path> paths,
      BlockingQueue<Photo> photos) {
    try {
      for (Path path : paths) {
        try {
          DetectRequest request = read(path);
          photos.put(new Photo(path, null));
          call.write(DetectStreamRequest.newBuilder().setRequest(request).build());
        } catch (IOException error) {
          photos.put(new Photo(path, error));
        } catch (StatusException broken) {
          // The reader has this error, too.
        }
      }
      call.halfClose();
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean receive(
      BlockingClientCall<DetectStreamRequest, DetectStreamResponse> call, Path path)
      throws InterruptedException {
    try {
      DetectStreamResponse answer = call.read(); // once the stream is broken, it repeats its error
      if (answer == null) {
        return Report.failed(path, Status.INTERNAL.withDescription("no answer").asException());
      }
      return answer.hasError()
          ? Report.failed(path, answer.getError())
          : Report.found(path, answer.getResponse());
    } catch (StatusException error) {
      return Report.failed(path, error);
    }
  }

  private static DetectRequest read(Path path) throws IOException {
    return DetectRequest.newBuilder()
        .setEncodedImage(ByteString.copyFrom(Files.readAllBytes(path)))
        .build();
  }
}
