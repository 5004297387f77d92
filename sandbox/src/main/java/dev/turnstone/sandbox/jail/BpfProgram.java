package dev.turnstone.sandbox.jail;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// A small assembler for classic BPF as seccomp reads it (`struct sock_filter`, host byte order).
public final class BpfProgram {
  /// Offsets into `struct seccomp_data`.
  static final int NUMBER = 0;

  static final int ARCHITECTURE = 4;

  private static final int LOAD_WORD = 0x20;
  private static final int JUMP_EQUAL = 0x15;
  private static final int JUMP_AT_LEAST = 0x35;
  private static final int JUMP_ANY_BIT = 0x45;
  private static final int RETURN = 0x06;

  private record Instruction(int code, int ifTrue, int ifFalse, int value) {}

  private final List<Instruction> instructions = new ArrayList<>();

  /// Offset of the low word of a system call's argument, 0 to 5.
  static int argument(int index) {
    return 16 + 8 * index;
  }

  BpfProgram load(int offset) {
    return add(LOAD_WORD, 0, 0, offset);
  }

  /// Skips the next `count` instructions unless the loaded word equals `value`.
  BpfProgram unlessEqualSkip(int value, int count) {
    return add(JUMP_EQUAL, 0, count, value);
  }

  BpfProgram ifEqualSkip(int value, int count) {
    return add(JUMP_EQUAL, count, 0, value);
  }

  /// Skips unless the loaded word, unsigned, is at least `value`.
  BpfProgram unlessAtLeastSkip(int value, int count) {
    return add(JUMP_AT_LEAST, 0, count, value);
  }

  BpfProgram unlessAnyBitSkip(int bits, int count) {
    return add(JUMP_ANY_BIT, 0, count, bits);
  }

  /// Ends the program with a seccomp action.
  public BpfProgram answer(int action) {
    return add(RETURN, 0, 0, action);
  }

  private BpfProgram add(int code, int ifTrue, int ifFalse, int value) {
    if (ifTrue > 255 || ifFalse > 255) throw new IllegalArgumentException("jump beyond 255");
    instructions.add(new Instruction(code, ifTrue, ifFalse, value));
    return this;
  }

  public byte[] bytes() {
    ByteBuffer bytes = ByteBuffer.allocate(8 * instructions.size()).order(ByteOrder.nativeOrder());
    for (Instruction i : instructions)
      bytes.putShort((short) i.code).put((byte) i.ifTrue).put((byte) i.ifFalse).putInt(i.value);
    return bytes.array();
  }
}
