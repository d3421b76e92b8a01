package io.github.demitasse.runtime;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Thread-safe: the runtime's logger, set up when there is something to say. */
final class RuntimeLog {
  private static final Logger LOGGER = LoggerFactory.getLogger(Session.class);

  private RuntimeLog() {}

  static void debug(String format, Object... arguments) {
    LOGGER.debug(format, arguments);
  }

  static void info(String format, Object... arguments) {
    LOGGER.info(format, arguments);
  }
}
