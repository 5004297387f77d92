package dev.turnstone.engine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;

/// f32 values with a shape, outside libtorch.
public final class FloatTensor {
  private final List<Long> shape;
  private final float[] values;

  /// Takes the array as it is; the caller no longer writes to it.
  public FloatTensor(List<Long> shape, float[] values) {
    this.shape = List.copyOf(shape);
    this.values = values;
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    if (elements != values.length)
      throw new IllegalArgumentException("shape %s for %d values".formatted(shape, values.length));
  }

  public List<Long> shape() {
    return shape;
  }

  public int size() {
    return values.length;
  }

  public float get(int index) {
    return values[index];
  }

  /// The values as a buffer that reads this tensor's memory.
  public FloatBuffer toBuffer() {
    return FloatBuffer.wrap(values).asReadOnlyBuffer();
  }

  ByteBuffer bytes(Safetensors.Dtype dtype) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, dtype.bytes()))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      if (dtype == Safetensors.Dtype.F32) bytes.putFloat(value);
      else bytes.putShort(roundToBfloat16(value));
    }
    return bytes.flip();
  }

  /// The upper half of the bits, rounded to nearest even; NaN stays NaN.
  static short roundToBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) return (short) ((bits >>> 16) | 0x40);
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
