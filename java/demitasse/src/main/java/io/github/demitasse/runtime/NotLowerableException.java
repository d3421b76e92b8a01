package io.github.demitasse.runtime;

/** A graph cannot be lowered in the way that was tried; another way may be able to. */
final class NotLowerableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  NotLowerableException(String reason) {
    super(reason, null, false, false);
  }
}
