package io.github.demitasse.runtime;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Confined to one thread: where a native call that makes an object puts its handle. */
final class HandleCell {
  private final ByteBuffer memory =
      ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder());
  private final long address = NativeMemory.address(memory);

  long address() {
    return address;
  }

  /** The handle that the last call put here. */
  long get() {
    return memory.getLong(0);
  }
}
