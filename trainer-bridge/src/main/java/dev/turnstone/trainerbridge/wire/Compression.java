package dev.turnstone.trainerbridge.wire;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/// How the feed's binary frames are compressed. Which one a connection uses is chosen in its hello;
/// a frame says by its first bytes what it is.
public enum Compression {
  NONE,
  /// One Zstandard frame with its content size, level 1. On synthetic ids a third of the bytes for
  /// 3 ms a group.
  ZSTD;

  private static final int LEVEL = 1;

  /// Tables that take as long to make as a row takes to compress; at most so many lie idle.
  private static final BlockingQueue<ZstdCompressCtx> CONTEXTS = new ArrayBlockingQueue<>(8);

  private static final int[] ZSTD_MAGIC = {0x28, 0xB5, 0x2F, 0xFD};

  /// Bytes as this compression sends them.
  public byte[] pack(byte[] bytes) {
    return pack(bytes, LEVEL);
  }

  byte[] pack(byte[] bytes, int level) {
    if (this == NONE) return bytes;
    ZstdCompressCtx context = Optional.ofNullable(CONTEXTS.poll()).orElseGet(ZstdCompressCtx::new);
    byte[] packed = context.setLevel(level).compress(bytes);
    if (!CONTEXTS.offer(context)) context.close();
    return packed;
  }

  /// Undoes [#pack] of either compression.
  ///
  /// @throws IllegalArgumentException if the bytes are damaged or would be larger than `most`
  public static byte[] unpack(byte[] bytes, long most) {
    if (!isZstd(bytes)) return bytes;
    long size = Zstd.getFrameContentSize(bytes);
    if (size < 0 || size > most)
      throw new IllegalArgumentException(
          "a zstd frame of %d bytes does not hold 0 to %d: %d".formatted(bytes.length, most, size));
    try {
      return Zstd.decompress(bytes, (int) size);
    } catch (ZstdException e) {
      throw new IllegalArgumentException("not a zstd frame: " + e.getMessage(), e);
    }
  }

  private static boolean isZstd(byte[] bytes) {
    if (bytes.length < ZSTD_MAGIC.length) return false;
    for (int i = 0; i < ZSTD_MAGIC.length; i++)
      if ((bytes[i] & 0xff) != ZSTD_MAGIC[i]) return false;
    return true;
  }
}
