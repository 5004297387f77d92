package dev.turnstone.engine.hub;

import dev.turnstone.engine.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import okhttp3.Response;

/// One file on its way into the cache: it grows beside its place, goes on where it was broken off,
/// and takes its place only when its checksum is right.
final class BlobDownload {
  private static final int ATTEMPTS = 5;

  private final HubHttp http;
  private final HubCache cache;
  private final HubModel model;
  private final String commit;
  private final HubFile file;
  private final Progress progress;
  private final Duration pause;

  BlobDownload(
      HubHttp http,
      HubCache cache,
      HubModel model,
      String commit,
      HubFile file,
      Progress progress,
      Duration pause) {
    this.http = http;
    this.cache = cache;
    this.model = model;
    this.commit = commit;
    this.file = file;
    this.progress = progress;
    this.pause = pause;
  }

  /// Brings the file, or finds it here.
  void run() throws IOException, ModelException, InterruptedException {
    Path blob = cache.blob(file);
    if (Files.exists(blob)) return;
    Path growing = cache.incomplete(file);
    Files.createDirectories(growing.getParent());
    for (int attempt = 1; ; attempt++) {
      try {
        grow(growing);
        break;
      } catch (HubHttp.Refusal e) {
        throw e;
      } catch (IOException e) {
        if (attempt == ATTEMPTS) throw e;
        Thread.sleep(pause.multipliedBy(attempt));
      }
    }
    String found = checksum(growing);
    if (!found.equals(file.etag())) {
      Files.delete(growing);
      throw new ModelException(
          "%s of %s came with the checksum %s instead of %s and was thrown away; try again"
              .formatted(file.name(), model, found, file.etag()));
    }
    Files.move(growing, blob, StandardCopyOption.ATOMIC_MOVE);
  }

  private void grow(Path growing) throws IOException {
    if (!Files.exists(growing)) Files.createFile(growing);
    long here = Files.size(growing);
    if (here == file.size()) return;
    if (here > file.size()) {
      Files.delete(growing);
      here = 0;
    }
    progress.at(file.name(), here, file.size());
    try (Response response = http.open(model, commit, file, here);
        FileChannel out = FileChannel.open(growing, StandardOpenOption.WRITE)) {
      long from = response.code() == 206 ? here : 0;
      out.truncate(from).position(from);
      copy(response.body().byteStream(), out, from);
      out.force(true);
    }
    long now = Files.size(growing);
    if (now != file.size())
      throw new IOException("%s has %d of %d bytes".formatted(file.name(), now, file.size()));
  }

  private void copy(InputStream in, FileChannel out, long from) throws IOException {
    byte[] buffer = new byte[1 << 16];
    long here = from;
    for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
      here += read;
      if (here > file.size())
        throw new HubHttp.Refusal(
            "%s of %s is longer than the %d bytes it should have"
                .formatted(file.name(), model, file.size()));
      ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, read);
      while (bytes.hasRemaining()) out.write(bytes);
      progress.at(file.name(), here, file.size());
    }
  }

  /// SHA-256 of a large file, git's SHA-1 of a small one.
  private String checksum(Path path) throws IOException {
    MessageDigest digest = digest(file.large() ? "SHA-256" : "SHA-1");
    if (!file.large())
      digest.update(("blob " + Files.size(path) + "\0").getBytes(StandardCharsets.US_ASCII));
    try (InputStream in = Files.newInputStream(path)) {
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer))
        digest.update(buffer, 0, read);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has " + algorithm, e);
    }
  }
}
