package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import java.nio.ByteBuffer;

/** Thread-safe: addresses of memory that native code reads or writes. */
final class NativeMemory {
  private NativeMemory() {}

  /**
   * The address of a direct buffer's first byte (position 0). The caller keeps the buffer reachable
   * while native code uses it.
   */
  static long address(ByteBuffer buffer) {
    return buffer.capacity() == 0 ? 0 : Demitasse.dmt_buffer_address(buffer);
  }
}
