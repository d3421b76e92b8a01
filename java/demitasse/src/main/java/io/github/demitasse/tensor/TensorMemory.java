package io.github.demitasse.tensor;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;

/**
 * Thread-safe: the memory behind a tensor, with readers counted so that closing never pulls it
 * away.
 */
final class TensorMemory {
  private final ByteBuffer owner; // what is freed; null for views
  private ByteBuffer content; // null once closed and unused
  private final int size;
  private boolean escaped;
  private boolean closed;
  private int readers;

  private TensorMemory(ByteBuffer owner, ByteBuffer content) {
    this.owner = owner;
    this.content = content;
    this.size = content.remaining();
  }

  static TensorMemory allocate(int bytes) {
    // A slice with room to spare on both ends: alignedSlice rounds the end down, too.
    ByteBuffer owner = ByteBuffer.allocateDirect(bytes + 2 * Tensor.ALIGNMENT);
    ByteBuffer content = owner.alignedSlice(Tensor.ALIGNMENT);
    return new TensorMemory(owner, content.slice(0, bytes));
  }

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

  /** A buffer for a use that ends before this object can be closed by the same thread. */
  synchronized ByteBuffer bytes() {
    return escape();
  }

  synchronized ByteBuffer escape() {
    requireOpen();
    escaped = true;
    return Tensor.littleEndian(content.duplicate());
  }

  synchronized ByteBuffer acquire() {
    requireOpen();
    readers++;
    return content;
  }

  synchronized void release() {
    readers--;
    if (closed && readers == 0) {
      free();
    }
  }

  synchronized void close() {
    if (!closed) {
      closed = true;
      if (readers == 0) {
        free();
      }
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
      Cleaner.clean(owner);
    }
  }

  /** Frees a direct buffer at once; where the JDK does not let us, the collector does it later. */
  private static final class Cleaner {
    private static final Object UNSAFE;
    private static final Method INVOKE_CLEANER;

    static {
      Object unsafe = null;
      Method method = null;
      try {
        Class<?> type = Class.forName("sun.misc.Unsafe");
        Field field = type.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        unsafe = field.get(null);
        method = type.getMethod("invokeCleaner", ByteBuffer.class);
      } catch (ReflectiveOperationException | RuntimeException unavailable) {
        method = null;
      }
      UNSAFE = unsafe;
      INVOKE_CLEANER = method;
    }

    static void clean(ByteBuffer buffer) {
      if (INVOKE_CLEANER == null) {
        return;
      }
      try {
        INVOKE_CLEANER.invoke(UNSAFE, buffer);
      } catch (ReflectiveOperationException failed) {
        throw new IllegalStateException("cannot free a direct buffer", failed);
      }
    }
  }
}
