package io.github.demitasse.runtime;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Thread-safe and lock-free: counts the uses of something closeable, so that closing never pulls it
 * away under a user.
 */
final class UseCount {
  private static final int CLOSED = Integer.MIN_VALUE;

  private final String what;
  private final Runnable free;
  private final AtomicInteger uses = new AtomicInteger();
  private final AtomicBoolean freed = new AtomicBoolean();

  /**
   * A count of zero uses.
   *
   * @param what named in messages, such as "the session"
   * @param free runs once, after {@link #close} and the last use
   */
  UseCount(String what, Runnable free) {
    this.what = what;
    this.free = free;
  }

  /** Begins a use, which must be ended by {@link #exit}; false after close. */
  boolean tryEnter() {
    if (uses.incrementAndGet() > 0) {
      return true;
    }
    exit();
    return false;
  }

  /**
   * Begins a use, which must be ended by {@link #exit}.
   *
   * @throws IllegalStateException after close
   */
  void enter() {
    if (!tryEnter()) {
      throw new IllegalStateException(what + " has been closed");
    }
  }

  void exit() {
    if (uses.decrementAndGet() == CLOSED) {
      freeOnce();
    }
  }

  /** Lets no new use begin; frees now or after the last one. Further calls do nothing. */
  void close() {
    int before = uses.getAndUpdate(count -> count < 0 ? count : count + CLOSED);
    if (before == 0) {
      freeOnce();
    }
  }

  boolean isClosed() {
    return uses.get() < 0;
  }

  /** A refused {@link #tryEnter} may pass the closed count more than once. */
  private void freeOnce() {
    if (freed.compareAndSet(false, true)) {
      free.run();
    }
  }
}
