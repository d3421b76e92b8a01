package io.github.demitasse.graph;

import io.github.demitasse.tensor.DataType;
import java.util.Objects;

/**
 * Immutable: name, element type and shape of a value in a graph.
 *
 * @param type null when not known
 * @param shape null when not even the rank is known
 */
public record ValueInfo(String name, DataType type, Shape shape) {
  public ValueInfo {
    Objects.requireNonNull(name, "name");
  }

  @Override
  public String toString() {
    return name + ": " + (type == null ? "?" : type) + (shape == null ? "[...]" : shape);
  }
}
