package io.github.demitasse.runtime;

import io.github.demitasse.natives.NativeLibrary;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Thread-safe: loads the native library while something else is being done. JavaCPP takes 60 ms of
 * a cold JVM for that, half of the time to open a small model.
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
    } catch (LinkageError failure) {
      RuntimeLog.debug("the native library could not be loaded", failure);
    }
  }
}
