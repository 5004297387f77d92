package dev.turnstone.trainerbridge.trainer;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Map;
import java.util.zip.CRC32C;

/// A TensorBoard event file: scalars by step.
///
/// Records are TFRecords (u64 length, masked CRC32C of it, the bytes, their masked CRC32C; all
/// little-endian) that hold `Event` messages of tensorflow/core/util/event.proto. A record that a
/// kill cut off ends what TensorBoard reads of a file, so every process writes a file of its own.
public final class EventFile implements AutoCloseable {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private final OutputStream out;

  private EventFile(OutputStream out) {
    this.out = out;
  }

  /// Begins a new file in a folder, which is made when needed.
  public static EventFile begin(Path folder) throws IOException {
    Files.createDirectories(folder);
    Instant now = Instant.now();
    String name =
        "events.out.tfevents.%010d.turnstone.%d.%d"
            .formatted(now.getEpochSecond(), ProcessHandle.current().pid(), now.getNano());
    var file =
        new EventFile(
            new BufferedOutputStream(
                Files.newOutputStream(folder.resolve(name), StandardOpenOption.CREATE_NEW)));
    file.write(new Message().bytes(3, "brain.Event:2".getBytes(StandardCharsets.UTF_8)));
    return file;
  }

  /// Adds the scalars of one step.
  public void add(long step, Map<String, Double> scalars) throws IOException {
    var summary = new Message();
    scalars.forEach((tag, value) ->
        summary.bytes(
            1,
            new Message()
                .bytes(1, tag.getBytes(StandardCharsets.UTF_8))
                .fixed32(2, Float.floatToIntBits(value.floatValue()))
                .toBytes()));
    write(new Message().varint(2, step).bytes(5, summary.toBytes()));
  }

  private void write(Message event) throws IOException {
    double now = System.currentTimeMillis() / 1000.0;
    byte[] data = event.fixed64(1, Double.doubleToLongBits(now)).toBytes();
    byte[] length = fixed64(data.length);
    out.write(length);
    out.write(fixed32(masked(length)));
    out.write(data);
    out.write(fixed32(masked(data)));
    out.flush();
  }

  private static int masked(byte[] data) {
    var crc = new CRC32C();
    crc.update(data);
    int value = (int) crc.getValue();
    return ((value >>> 15) | (value << 17)) + 0xa282ead8;
  }

  private static byte[] fixed32(int value) {
    byte[] bytes = new byte[Integer.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(value);
    return bytes;
  }

  private static byte[] fixed64(long value) {
    byte[] bytes = new byte[Long.BYTES];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(value);
    return bytes;
  }

  /// A Protocol Buffers message being written.
  private static final class Message {
    private final java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();

    Message varint(int field, long value) {
      key(field, VARINT);
      raw(value);
      return this;
    }

    Message fixed32(int field, int value) {
      key(field, FIXED32);
      out.writeBytes(EventFile.fixed32(value));
      return this;
    }

    Message fixed64(int field, long value) {
      key(field, FIXED64);
      out.writeBytes(EventFile.fixed64(value));
      return this;
    }

    Message bytes(int field, byte[] value) {
      key(field, BYTES);
      raw(value.length);
      out.writeBytes(value);
      return this;
    }

    private void key(int field, int kind) {
      raw(((long) field << 3) | kind);
    }

    private void raw(long value) {
      long left = value;
      while ((left & ~0x7fL) != 0) {
        out.write((int) ((left & 0x7f) | 0x80));
        left >>>= 7;
      }
      out.write((int) left);
    }

    byte[] toBytes() {
      return out.toByteArray();
    }
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
