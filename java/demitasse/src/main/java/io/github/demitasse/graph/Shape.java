package io.github.demitasse.graph;

import java.util.List;
import java.util.stream.Collectors;

/** Immutable: the dimensions of a value, some of which may be symbols or unknown. */
public record Shape(List<Dimension> dimensions) {
  public Shape {
    dimensions = List.copyOf(dimensions);
    for (Dimension dimension : dimensions) {
      if (dimension instanceof Dimension.Known known && known.value() < 0) {
        throw new IllegalArgumentException("negative dimension: " + dimensions);
      }
    }
  }

  public static Shape of(long... sizes) {
    Dimension[] dimensions = new Dimension[sizes.length];
    for (int i = 0; i < sizes.length; i++) {
      dimensions[i] = Dimension.of(sizes[i]);
    }
    return of(dimensions);
  }

  public static Shape of(Dimension... dimensions) {
    return new Shape(List.of(dimensions));
  }

  public int rank() {
    return dimensions.size();
  }

  /** Dimension {@code axis}; negative axes count from the end. */
  public Dimension dimension(int axis) {
    return dimensions.get(axis < 0 ? axis + rank() : axis);
  }

  /** True when every dimension is a known size. */
  public boolean isKnown() {
    for (Dimension dimension : dimensions) {
      if (!dimension.isKnown()) {
        return false;
      }
    }
    return true;
  }

  /**
   * The sizes.
   *
   * @throws IllegalStateException if one is not known
   */
  public long[] sizes() {
    long[] sizes = new long[dimensions.size()];
    for (int i = 0; i < sizes.length; i++) {
      sizes[i] = dimensions.get(i).size();
    }
    return sizes;
  }

  /**
   * The number of elements.
   *
   * @throws IllegalStateException if a dimension is not known
   * @throws ArithmeticException if it exceeds a long
   */
  public long elements() {
    long count = 1;
    for (Dimension dimension : dimensions) {
      count = Math.multiplyExact(count, dimension.size());
    }
    return count;
  }

  /** As people write it: {@code [batch, 128, 384]}. */
  @Override
  public String toString() {
    return dimensions.stream().map(Object::toString).collect(Collectors.joining(", ", "[", "]"));
  }
}
