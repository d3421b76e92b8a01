package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import java.util.Arrays;

/**
 * Immutable: the shape of a value in a native program: a row kind (a DMT_ROWS_ constant) and the
 * dimensions of one row, or all dimensions of a static value.
 */
record RowShape(int rows, long[] dimensions) {

  static RowShape ofStatic(long... dimensions) {
    return new RowShape(Demitasse.DMT_ROWS_STATIC, dimensions);
  }

  boolean isStatic() {
    return rows == Demitasse.DMT_ROWS_STATIC;
  }

  boolean isTokens() {
    return rows == Demitasse.DMT_ROWS_TOKENS;
  }

  /** Elements of one row, or of all of a static value. */
  long elements() {
    long count = 1;
    for (long dimension : dimensions) {
      count *= dimension;
    }
    return count;
  }

  /** The last dimension; 1 when there is none. */
  long features() {
    return dimensions.length == 0 ? 1 : dimensions[dimensions.length - 1];
  }

  /** Rows of a static value seen as a matrix of {@link #features} columns; 0 for other kinds. */
  long staticRows() {
    if (!isStatic()) {
      return 0;
    }
    long count = 1;
    for (int i = 0; i < dimensions.length - 1; i++) {
      count *= dimensions[i];
    }
    return count;
  }

  /** True when a row, or a static value, is a matrix row of {@link #features} columns. */
  boolean isMatrix() {
    return isStatic() ? dimensions.length >= 1 : dimensions.length == 1;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RowShape shape
        && rows == shape.rows
        && Arrays.equals(dimensions, shape.dimensions);
  }

  @Override
  public int hashCode() {
    return 31 * rows + Arrays.hashCode(dimensions);
  }

  @Override
  public String toString() {
    return (isStatic() ? "" : isTokens() ? "tokens x " : "sequences x ")
        + Arrays.toString(dimensions);
  }
}
