package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;

/** Thread-safe: turns the status codes of the native library into exceptions. */
final class NativeStatus {
  private NativeStatus() {}

  /**
   * Returns if the call succeeded.
   *
   * @throws IllegalArgumentException for what the caller can fix
   * @throws OutOfMemoryError if the native library got no memory
   * @throws UnsupportedOperationException if there is no kernel or operator for it
   * @throws IllegalStateException for a defect of the native library
   */
  static void check(int status) {
    if (status != Demitasse.DMT_OK) {
      throw failure(status, Demitasse.dmt_last_error());
    }
  }

  private static RuntimeException failure(int status, String message) {
    return switch (status) {
      case Demitasse.DMT_INVALID_ARGUMENT -> new IllegalArgumentException(message);
      case Demitasse.DMT_UNSUPPORTED -> new UnsupportedOperationException(message);
      case Demitasse.DMT_OUT_OF_MEMORY -> throw new OutOfMemoryError(message);
      default -> new IllegalStateException("defect in the native library: " + message);
    };
  }
}
