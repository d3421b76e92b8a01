package io.github.demitasse.graph;

import io.github.demitasse.tensor.DataType;
import java.util.ArrayList;
import java.util.List;
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

  /**
   * This input of a graph with a name for each dimension that has no size: an unnamed one becomes
   * {@code input[axis]}. Exporters are known to give all dynamic dimensions one name, so a name
   * that occurs again is taken for another size: {@code [batch, batch]} becomes {@code [batch,
   * batch[1]]}.
   */
  public ValueInfo withNames() {
    if (shape == null) {
      return this;
    }
    List<Dimension> dimensions = new ArrayList<>();
    for (Dimension dimension : shape.dimensions()) {
      int axis = dimensions.size();
      if (dimension instanceof Dimension.Unknown) {
        dimensions.add(Dimension.symbol(name + "[" + axis + "]"));
      } else if (dimension instanceof Dimension.Symbol && dimensions.contains(dimension)) {
        dimensions.add(Dimension.symbol(dimension + "[" + axis + "]"));
      } else {
        dimensions.add(dimension);
      }
    }
    return new ValueInfo(name, type, new Shape(dimensions));
  }

  @Override
  public String toString() {
    return name + ": " + (type == null ? "?" : type) + (shape == null ? "[...]" : shape);
  }
}
