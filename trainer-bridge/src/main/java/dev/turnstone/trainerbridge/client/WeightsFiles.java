package dev.turnstone.trainerbridge.client;

import dev.turnstone.trainerbridge.weights.WeightsFolder.Published;
import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import okio.ByteString;

/// The files of published weights as they go over a connection: each announced, then its bytes, in
/// pieces that let heartbeats pass between them.
final class WeightsFiles {
  private static final int PIECE = 1 << 20;

  private WeightsFiles() {}

  /// Sends all of them.
  ///
  /// @param deadline of [System#nanoTime]
  /// @return false if the connection broke, or the server did not take them in time
  static boolean send(Published published, FeedConnection.Uplink uplink, long deadline)
      throws IOException, InterruptedException {
    for (Path file : files(published.folder())) {
      String head =
          FeedJson.encode(
              new FeedMessage.WeightsFile(
                  published.id().lineage(),
                  published.id().version(),
                  file.getFileName().toString(),
                  Files.size(file)));
      if (!uplink.text(head)) return false;
      try (InputStream bytes = Files.newInputStream(file)) {
        for (byte[] piece = bytes.readNBytes(PIECE);
            piece.length > 0;
            piece = bytes.readNBytes(PIECE))
          if (!uplink.binary(ByteString.of(piece), deadline)) return false;
      }
    }
    return true;
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }
}
