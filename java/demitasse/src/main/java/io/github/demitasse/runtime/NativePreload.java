package io.github.demitasse.runtime;

import io.github.demitasse.graph.Domains;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.operator.Operators;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Thread-safe: what every session needs of the process, made ready while its model is being read:
 * the native library and the tables of operators. In a cold JVM that is a third of the time to open
 * a small model.
 */
final class NativePreload implements Runnable {
  private static final AtomicBoolean STARTED = new AtomicBoolean();

  private NativePreload() {}

  /** Starts loading once. Whoever needs the library waits for it and is told of a failure. */
  static void start() {
    if (!STARTED.getAndSet(true)) {
      Thread thread = new Thread(new NativePreload(), "demitasse-preload");
      thread.setDaemon(true);
      thread.start();
    }
  }

  @Override
  public void run() {
    try {
      NativeLibrary.load();
      NodeLowerings.load();
      Operators.find(Domains.ONNX, "Add");
    } catch (LinkageError failure) {
      RuntimeLog.debug("the native library could not be loaded", failure);
    }
  }
}
