package io.github.demitasse.tensor;

import java.nio.ByteBuffer;

/**
 * Thread-safe: how strings lie in a tensor's memory: {@code elements + 1} byte offsets (INT32, from
 * the start of the memory), then the strings' UTF-8 bytes without gaps.
 */
final class StringTable {
  private StringTable() {}

  static long bytes(byte[][] values) {
    long bytes = 4L * (values.length + 1);
    for (byte[] value : values) {
      bytes += value.length;
    }
    return bytes;
  }

  static void write(byte[][] values, ByteBuffer target) {
    int offset = 4 * (values.length + 1);
    for (byte[] value : values) {
      target.putInt(offset);
      offset += value.length;
    }
    target.putInt(offset);
    for (byte[] value : values) {
      target.put(value);
    }
  }

  /**
   * @throws IllegalArgumentException if the offsets are not those of {@code elements} strings
   */
  static void check(ByteBuffer memory, long elements) {
    long table = Math.multiplyExact(4, Math.addExact(elements, 1));
    boolean valid = table <= memory.remaining();
    long end = table;
    for (int i = 0; valid && i <= elements; i++) {
      int offset = memory.getInt(4 * i);
      valid = i == 0 ? offset == table : offset >= end;
      end = offset;
    }
    if (!valid || end != memory.remaining()) {
      throw new IllegalArgumentException(
          memory.remaining() + " bytes are not a table of " + elements + " strings");
    }
  }

  static byte[][] read(ByteBuffer memory, int elements) {
    byte[][] values = new byte[elements][];
    for (int i = 0; i < elements; i++) {
      int start = memory.getInt(4 * i);
      values[i] = new byte[memory.getInt(4 * (i + 1)) - start];
      memory.get(start, values[i]);
    }
    return values;
  }
}
