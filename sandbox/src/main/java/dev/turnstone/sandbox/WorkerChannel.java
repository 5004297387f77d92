package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.StringJoiner;

/// Our end of the frames that `worker.py` speaks: a count, then that many fields, each a 4-byte
/// length and its bytes.
///
/// Every answer starts with the run's nonce, which the worker reads after it has forked the
/// program. Blocks; anything unexpected is an IOException.
final class WorkerChannel {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int MAX_FIELDS = 6 + 3 * Limits.FILES;
  private static final int MAX_FRAME = Limits.FETCHED + 4 * Limits.OUTPUT;

  private final DataInputStream in;
  private final DataOutputStream out;
  private final byte[] nonce = new byte[16];

  WorkerChannel(InputStream in, OutputStream out) {
    this.in = new DataInputStream(new BufferedInputStream(in));
    this.out = new DataOutputStream(new BufferedOutputStream(out, 1 << 16));
    RANDOM.nextBytes(nonce);
  }

  /// Returns when the worker says that it is process 1 of its jail.
  boolean awaitReady() throws IOException {
    List<byte[]> frame = receive();
    if (frame.size() != 2 || !text(frame.get(0)).equals("ready") || !text(frame.get(1)).equals("1"))
      throw new IOException("the jail's first process is no worker");
    return true;
  }

  /// Hands the program over and returns once it has started, or with why it could not be stored.
  Optional<String> begin(RunRequest request) throws IOException {
    send(fields(request));
    out.write(nonce);
    out.flush();
    List<byte[]> answer = answer();
    return switch (text(answer.getFirst())) {
      case "started" -> Optional.empty();
      case "error" -> Optional.of("files: " + text(answer.get(1)));
      default -> throw new IOException("not a start: " + text(answer.getFirst()));
    };
  }

  private static List<byte[]> fields(RunRequest request) {
    List<byte[]> fields = new ArrayList<>();
    fields.add(bytes(request.language().label));
    fields.add(bytes(request.language().path));
    fields.add(bytes(options(request)));
    fields.add(bytes(request.code()));
    fields.add(bytes(request.stdin()));
    fields.add(bytes(Integer.toString(request.files().size())));
    request
        .files()
        .forEach((path, content) -> {
          fields.add(bytes(path));
          fields.add(content);
        });
    request.fetchFiles().forEach(path -> fields.add(bytes(path)));
    return fields;
  }

  private static String options(RunRequest request) {
    return "run_timeout_us=%d output_limit=%d fetch_limit=%d "
            .formatted(request.runTimeout().toNanos() / 1000, Limits.OUTPUT, Limits.FETCHED)
        + "CORE=0 NOFILE=%d FSIZE=%d NPROC=%d CPU=%d AS=%d"
            .formatted(
                Limits.OPEN_FILES,
                Limits.FILE_SIZE,
                Limits.PROCESSES,
                request.runTimeout().toSeconds() + 2,
                (long) request.memoryMb() << 20);
  }

  /// What the program did, once it has ended.
  RunResponse result(RunRequest request) throws IOException {
    List<byte[]> answer = answer();
    if (text(answer.getFirst()).equals("error"))
      return RunResponse.sandboxError(text(answer.get(1)));
    if (answer.size() < 5) throw new IOException("a result of " + answer.size() + " fields");
    String code = text(answer.get(1));
    CommandResult run =
        new CommandResult(
            code.isEmpty()
                ? CommandResult.Status.TIME_LIMIT_EXCEEDED
                : CommandResult.Status.FINISHED,
            number(answer.get(2)),
            code.isEmpty() ? OptionalInt.empty() : OptionalInt.of((int) number(answer.get(1))),
            text(answer.get(3)),
            text(answer.get(4)));
    Map<String, byte[]> files = new LinkedHashMap<>();
    StringJoiner refused = new StringJoiner("; ");
    for (int i = 5; i + 2 < answer.size(); i += 3) {
      String name = request.fetchFiles().get((int) number(answer.get(i)));
      if (text(answer.get(i + 1)).equals("fetched")) files.put(name, answer.get(i + 2));
      else refused.add("not fetched: " + name + ": " + text(answer.get(i + 2)));
    }
    return new RunResponse(refused.toString(), Optional.of(run), files);
  }

  /// The fields of an answer behind its nonce, at least one.
  private List<byte[]> answer() throws IOException {
    List<byte[]> frame = receive();
    if (frame.size() < 2 || !Arrays.equals(frame.getFirst(), nonce))
      throw new IOException("an answer without this run's nonce");
    return frame.subList(1, frame.size());
  }

  private void send(List<byte[]> fields) throws IOException {
    out.writeInt(fields.size());
    for (byte[] field : fields) {
      out.writeInt(field.length);
      out.write(field);
    }
  }

  private List<byte[]> receive() throws IOException {
    int count = in.readInt();
    if (count < 0 || count > MAX_FIELDS) throw new IOException("a frame of " + count + " fields");
    List<byte[]> fields = new ArrayList<>();
    int left = MAX_FRAME;
    for (int i = 0; i < count; i++) {
      int size = in.readInt();
      if (size < 0 || size > left) throw new IOException("a field of " + size + " bytes");
      byte[] field = in.readNBytes(size);
      if (field.length < size) throw new EOFException("the worker's answer was cut off");
      left -= size;
      fields.add(field);
    }
    return fields;
  }

  private static double number(byte[] field) throws IOException {
    try {
      return Double.parseDouble(text(field));
    } catch (NumberFormatException e) {
      throw new IOException("not a number: " + text(field), e);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, UTF_8);
  }
}
