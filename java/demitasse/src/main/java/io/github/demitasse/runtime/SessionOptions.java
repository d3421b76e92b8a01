package io.github.demitasse.runtime;

/**
 * Immutable: how a session runs.
 *
 * @param threads how many threads one run may use at most; 0 for all that the process may use (its
 *     CPU affinity, lowered by the container's CPU limit). Results do not depend on it.
 */
public record SessionOptions(int threads) {

  /** All threads that the process may use. */
  public static final SessionOptions DEFAULT = new SessionOptions(0);

  public SessionOptions {
    if (threads < 0) {
      throw new IllegalArgumentException("threads must not be negative, given " + threads);
    }
  }

  /** At most so many threads for one run; the calling thread is one of them. */
  public static SessionOptions threads(int threads) {
    return new SessionOptions(threads);
  }
}
