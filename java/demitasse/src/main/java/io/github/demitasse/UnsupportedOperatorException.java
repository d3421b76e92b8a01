package io.github.demitasse;

import java.util.List;
import java.util.stream.Collectors;

/** Immutable: a model uses operators that Demitasse does not have. Names all of them at once. */
public class UnsupportedOperatorException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Immutable: one operator that is missing.
   *
   * @param reason why this use of it is not supported; "" when the operator is not known at all
   */
  public record Missing(String node, String operator, int opset, String reason) {
    @Override
    public String toString() {
      return operator
          + " (opset "
          + opset
          + ") in node '"
          + node
          + "'"
          + (reason.isEmpty() ? "" : ": " + reason);
    }
  }

  private final transient List<Missing> missing;

  public UnsupportedOperatorException(List<Missing> missing) {
    super(
        missing.size()
            + (missing.size() == 1 ? " unsupported operator: " : " unsupported operators: ")
            + missing.stream().map(Missing::toString).collect(Collectors.joining("; ")));
    this.missing = List.copyOf(missing);
  }

  public List<Missing> missing() {
    return missing;
  }
}
