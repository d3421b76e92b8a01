package io.github.demitasse.tensor;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Thread-safe: the memory behind a tensor, with readers counted so that closing never pulls it
 * away.
 */
final class TensorMemory {
  private final ByteBuffer owner; // what is freed; null for views
  private final int size;
  private LeakDetector.Watch watch; // null unless leaks are looked for
  private ByteBuffer content; // null once closed and unused
  private boolean escaped;
  private boolean closed;
  private int readers;

  private TensorMemory(ByteBuffer owner, ByteBuffer content) {
    this.owner = owner;
    this.content = content;
    this.size = content.remaining();
  }

  /**
   * Memory that is given back on close, at a multiple of 64 bytes, all zero.
   *
   * @param detector null when leaks are not looked for
   */
  static TensorMemory allocate(int bytes, LeakDetector detector) {
    // A slice with room to spare on both ends: alignedSlice rounds the end down, too.
    ByteBuffer owner = ByteBuffer.allocateDirect(bytes + 2 * Tensor.ALIGNMENT);
    ByteBuffer content = owner.alignedSlice(Tensor.ALIGNMENT);
    TensorMemory memory = new TensorMemory(owner, content.slice(0, bytes));
    if (detector != null) {
      memory.watch = detector.watch(memory, "a tensor of " + bytes + " bytes");
    }
    return memory;
  }

  /** The remaining bytes of a buffer, which is kept reachable. */
  static TensorMemory view(ByteBuffer memory) {
    return new TensorMemory(null, memory.slice());
  }

  boolean owned() {
    return owner != null;
  }

  int size() {
    return size;
  }

  synchronized boolean closed() {
    return closed;
  }

  /** The collector will free this memory; that it is never closed is no leak. */
  synchronized void leaveToCollector() {
    endWatch();
  }

  /** A buffer that may be used for ever: closing then leaves the memory to the collector. */
  synchronized ByteBuffer escape() {
    requireOpen();
    escaped = true;
    return littleEndian(content);
  }

  /** A buffer that may be used until {@link #release()}. */
  synchronized ByteBuffer acquire() {
    requireOpen();
    readers++;
    return littleEndian(content);
  }

  synchronized void release() {
    if (readers == 0) {
      throw new IllegalStateException("a tensor was released more often than acquired");
    }
    readers--;
    if (closed && readers == 0) {
      free();
    }
  }

  synchronized void close() {
    if (!closed) {
      closed = true;
      endWatch();
      if (readers == 0) {
        free();
      }
    }
  }

  private void endWatch() {
    if (watch != null) {
      watch.end();
      watch = null;
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the tensor has been closed");
    }
  }

  private void free() {
    content = null;
    if (owner != null && !escaped) {
      DirectBuffers.free(owner);
    }
  }

  private static ByteBuffer littleEndian(ByteBuffer buffer) {
    return buffer.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }
}
