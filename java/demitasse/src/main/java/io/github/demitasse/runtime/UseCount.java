package io.github.demitasse.runtime;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Thread-safe and lock-free: counts the uses of something closeable, so that closing never pulls it
 * away under a user.
 */
final class UseCount {
  private static final int CLOSED = Integer.MIN_VALUE;

  private final String what;

  /** Uses, plus CLOSED after close. */
  private final AtomicInteger state = new AtomicInteger();

  /**
   * A count of zero uses.
   *
   * @param what named in messages, such as "the session"
   */
  UseCount(String what) {
    this.what = what;
  }

  /** Begins a use, which must be ended by {@link #exit}; false after close. */
  boolean tryEnter() {
    int before;
    do {
      before = state.get();
      if (before < 0) {
        return false;
      }
    } while (!state.compareAndSet(before, before + 1));
    return true;
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

  /** Ends a use; true for the one caller who has to free the thing now. */
  boolean exit() {
    return state.decrementAndGet() == CLOSED;
  }

  /**
   * Lets no new use begin; true if the caller has to free the thing now, false while it is in use,
   * and for all further calls.
   */
  boolean close() {
    int before;
    do {
      before = state.get();
      if (before < 0) {
        return false;
      }
    } while (!state.compareAndSet(before, before + CLOSED));
    return before == 0;
  }
}
