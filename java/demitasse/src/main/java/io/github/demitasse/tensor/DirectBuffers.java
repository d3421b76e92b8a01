package io.github.demitasse.tensor;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;

/**
 * Thread-safe: frees direct buffers at once; where the JDK does not let us, the collector does it
 * later.
 *
 * <p>{@code sun.misc.Unsafe} works everywhere without a flag, but JDK 24 and later print a warning
 * at its first use. There the buffer's own cleaner comes first, which the JDK has to export: {@code
 * --add-exports java.base/sun.nio.ch=ALL-UNNAMED --add-exports
 * java.base/jdk.internal.ref=ALL-UNNAMED}, as the manifest of the executable jar says. An arena of
 * {@code java.lang.foreign} needs no flag, but closing one stops all threads for 30 us and more.
 */
final class DirectBuffers {
  private static final int FIRST_JDK_THAT_WARNS = 24;

  /** Frees a buffer. */
  private interface Release {
    void free(ByteBuffer buffer) throws IllegalAccessException, InvocationTargetException;
  }

  private static final Release RELEASE = find();

  private DirectBuffers() {}

  static void free(ByteBuffer buffer) {
    if (RELEASE == null) {
      return;
    }
    try {
      RELEASE.free(buffer);
    } catch (ReflectiveOperationException failed) {
      throw new IllegalStateException("cannot free a direct buffer", failed);
    }
  }

  private static Release find() {
    Release cleaner =
        Runtime.version().feature() >= FIRST_JDK_THAT_WARNS ? cleanerOfTheBuffer() : null;
    return cleaner != null ? cleaner : unsafe();
  }

  private static Release cleanerOfTheBuffer() {
    try {
      Method cleaner = Class.forName("sun.nio.ch.DirectBuffer").getMethod("cleaner");
      Method clean = cleaner.getReturnType().getMethod("clean");
      clean.invoke(cleaner.invoke(ByteBuffer.allocateDirect(1)));
      return new Release() {
        @Override
        public void free(ByteBuffer buffer)
            throws IllegalAccessException, InvocationTargetException {
          clean.invoke(cleaner.invoke(buffer));
        }
      };
    } catch (ReflectiveOperationException | RuntimeException notExported) {
      return null;
    }
  }

  private static Release unsafe() {
    try {
      Class<?> type = Class.forName("sun.misc.Unsafe");
      Field field = type.getDeclaredField("theUnsafe");
      field.setAccessible(true);
      Object unsafe = field.get(null);
      Method invokeCleaner = type.getMethod("invokeCleaner", ByteBuffer.class);
      // A class, not a lambda: the first lambda costs a cold JVM milliseconds.
      return new Release() {
        @Override
        public void free(ByteBuffer buffer)
            throws IllegalAccessException, InvocationTargetException {
          invokeCleaner.invoke(unsafe, buffer);
        }
      };
    } catch (ReflectiveOperationException | RuntimeException unavailable) {
      return null;
    }
  }
}
