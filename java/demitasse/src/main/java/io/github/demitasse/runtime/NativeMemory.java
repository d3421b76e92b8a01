package io.github.demitasse.runtime;

import java.nio.ByteBuffer;
import org.bytedeco.javacpp.Pointer;

/** Thread-safe: addresses of memory that native code reads or writes. */
final class NativeMemory {
  private NativeMemory() {}

  /**
   * The address of a direct buffer's first byte (position 0). The caller keeps the buffer reachable
   * while native code uses it.
   */
  static long address(ByteBuffer buffer) {
    return buffer.capacity() == 0 ? 0 : new Pointer(buffer).address();
  }
}
