package dev.turnstone.engine;

/// Type in which weights, KV cache and activations are held.
public enum Precision {
  F32(6, 4),
  BF16(15, 2);

  private final int code;
  private final int bytes;

  Precision(int code, int bytes) {
    this.code = code;
    this.bytes = bytes;
  }

  /// libtorch's number of the type.
  int code() {
    return code;
  }

  int bytes() {
    return bytes;
  }
}
