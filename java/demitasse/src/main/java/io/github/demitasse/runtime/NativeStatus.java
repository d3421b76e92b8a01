package io.github.demitasse.runtime;

import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.UnsupportedOperatorException.Missing;
import io.github.demitasse.graph.Node;
import io.github.demitasse.natives.Demitasse;
import java.util.List;

/** Thread-safe: turns the status codes of the native library into exceptions. */
final class NativeStatus {
  private NativeStatus() {}

  /**
   * Immutable: the node that the native library works for.
   *
   * @param opset the version of its operator set
   */
  record Origin(Node node, int opset) {
    /** What to throw when there is no kernel for a node. */
    UnsupportedOperatorException unsupported(String reason) {
      return new UnsupportedOperatorException(
          List.of(new Missing(node.name(), node.qualifiedOperator(), opset, reason)));
    }
  }

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

  /**
   * As {@link #check(int)}, with the node's name in the message.
   *
   * @param origin null for none
   * @throws UnsupportedOperatorException if there is no kernel or operator for the node
   */
  static void check(int status, Origin origin) {
    if (status == Demitasse.DMT_OK) {
      return;
    }
    String message = Demitasse.dmt_last_error();
    if (origin == null) {
      throw failure(status, message);
    }
    if (status == Demitasse.DMT_UNSUPPORTED) {
      throw origin.unsupported(message);
    }
    throw failure(status, "node '" + origin.node().name() + "': " + message);
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
